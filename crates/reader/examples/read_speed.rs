//! How fast the reader is: generates a day of sales as JSON Lines (nine leaf fields, one nested
//! object), then reads it with everything on: parsing, casts, checks, positions.
//!
//! `cargo run --release -p lakehouse-reader --example read_speed -- [ROWS] [THREADS]`
#![allow(clippy::print_stdout)] // The figures are what it is for.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use lakehouse_contract::{
    ColumnType, Compression, Format, JsonLayout, OnInvalid, SourceFormat, UnknownColumns,
};
use lakehouse_reader::{Field, ReadPlan, Reader, ReaderOptions, SourceFile, Values, split_path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments
        .next()
        .map_or(Ok(2_000_000), |text| text.parse())?;
    let threads = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    for (name, layout) in [("lines", JsonLayout::Lines), ("array", JsonLayout::Array)] {
        let path = folder.path().join(name);
        let bytes = generate(&path, rows, layout)?;
        for _ in 0..5 {
            let (started, cpu_before) = (Instant::now(), cpu_secs());
            let (read, broken) = read(&path, layout, threads)?;
            let (secs, cpu) = (started.elapsed().as_secs_f64(), cpu_secs() - cpu_before);
            let megabytes = bytes as f64 / 1e6;
            println!(
                "{name}: {megabytes:.0} MB, {read} rows ({broken} broken), {threads} threads: \
                 {secs:.3} s, {:.0} MB/s; {cpu:.2} s of processor, {:.0} MB/s each",
                megabytes / secs,
                megabytes / cpu,
            );
        }
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// Processor time of this process, where the system tells (Linux, in hundredths of a second): on
/// a busy machine it says more than the clock on the wall.
fn cpu_secs() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn generate(path: &std::path::Path, rows: u64, layout: JsonLayout) -> std::io::Result<u64> {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let mut line = String::new();
    let (mut state, mut bytes) = (1_u64, 0);
    for row in 0..rows {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 33;
        line.clear();
        if layout == JsonLayout::Array {
            line.push(if row == 0 { '[' } else { ',' });
        }
        let (hour, minute, second) = (random % 24, random / 24 % 60, random / 1440 % 60);
        let _ = write!(
            line,
            r#"{{"transaction_id": "T{row:010}", "amount": {}.{:02}, "date": "2011-08-12T{hour:02}:{minute:02}:{second:02}Z", "client": "client{:06}@example.com", "product": {{"id": "P{:05}", "name": "Product number {}", "category": "category {}"}}, "quantity": {}, "store": {}}}"#,
            random % 1000,
            random / 1000 % 100,
            random % 200_000,
            random % 5_000,
            random % 5_000,
            random % 20,
            random % 10 + 1,
            random % 300,
        );
        if layout == JsonLayout::Array && row + 1 == rows {
            line.push(']');
        }
        line.push('\n');
        bytes += line.len() as u64;
        file.write_all(line.as_bytes())?;
    }
    file.flush()?;
    Ok(bytes)
}

fn read(
    path: &std::path::Path,
    layout: JsonLayout,
    threads: usize,
) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let field = |name: &str, path: &str, column_type| Field {
        name: name.to_owned(),
        path: split_path(path),
        column_type,
        format: SourceFormat::default(),
        on_invalid: OnInvalid::Reject,
        required: true,
    };
    let fields = vec![
        field("transaction_id", "transaction_id", ColumnType::Text),
        field(
            "amount",
            "amount",
            ColumnType::Decimal {
                precision: 18,
                scale: 2,
            },
        ),
        field("sold_at", "date", ColumnType::Timestamp),
        field("client", "client", ColumnType::Text),
        field("product_id", "product.id", ColumnType::Text),
        field("product_name", "product.name", ColumnType::Text),
        field("category", "product.category", ColumnType::Text),
        field("quantity", "quantity", ColumnType::Int32),
        field("store", "store", ColumnType::Int64),
    ];
    let plan = ReadPlan::new(fields, Vec::new(), UnknownColumns::Quarantine)?;
    let mut options = ReaderOptions::new(Format::Json(layout, Compression::None));
    options.threads = threads;
    if let Ok(text) = std::env::var("BLOCK_BYTES") {
        options.block_bytes = Some(text.parse()?);
    }
    let reader = Arc::new(Reader::new(
        plan,
        vec![SourceFile {
            path: path.to_owned(),
            index: 0,
        }],
        options,
    ));
    let broken = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                let mut worker = reader.worker();
                scope.spawn(move || {
                    let (mut broken, mut checksum) = (0_u64, 0_i64);
                    while let Some(batch) = worker.next_batch()? {
                        let column = batch.columns().len() - 2;
                        broken += (0..batch.rows())
                            .filter(|row| batch.text(column, *row).is_some())
                            .count() as u64;
                        if let Values::Int64(amounts) = batch.columns()[1].values() {
                            checksum =
                                checksum.wrapping_add(amounts[..batch.rows()].iter().sum::<i64>());
                        }
                    }
                    Ok::<_, lakehouse_reader::ReadError>((broken, checksum))
                })
            })
            .collect();
        let mut broken = 0;
        for handle in handles {
            let (found, checksum) = handle.join().map_err(|_| "a worker panicked")??;
            broken += found;
            std::hint::black_box(checksum);
        }
        Ok::<_, Box<dyn std::error::Error>>(broken)
    })?;
    Ok((reader.outcome()[0].records, broken))
}
