//! Memory is bounded by blocks, not by files or lines. A process of its own, since what it looks
//! at is the process.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use lakehouse_contract::{
    ColumnType, Compression, Format, JsonLayout, OnInvalid, SourceFormat, UnknownColumns,
};
use lakehouse_reader::{Field, ReadPlan, Reader, ReaderOptions, SourceFile};

/// The most memory that this process ever had, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

#[test]
fn an_array_of_100_mb_in_one_line_needs_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array");
    let mut file = BufWriter::new(std::fs::File::create(&path).unwrap());
    let rows = 1_000_000;
    for row in 0..rows {
        let begin = if row == 0 { '[' } else { ',' };
        write!(
            file,
            "{begin}{{\"id\":{row},\"filling\":\"{:080}\",\"unknown\":{{\"x\":[1]}}}}",
            row * 7
        )
        .unwrap();
    }
    write!(file, "]").unwrap();
    file.flush().unwrap();
    drop(file);
    assert!(std::fs::metadata(&path).unwrap().len() > 100_000_000);

    let field = |name: &str, column_type| Field {
        name: name.to_owned(),
        path: vec![name.to_owned()],
        column_type,
        format: SourceFormat::default(),
        on_invalid: OnInvalid::Reject,
        required: true,
    };
    let fields = vec![
        field("id", ColumnType::Int64),
        field("filling", ColumnType::Text),
    ];
    let plan = ReadPlan::new(fields, Vec::new(), UnknownColumns::Discard).unwrap();
    let mut options = ReaderOptions::new(Format::Json(JsonLayout::Array, Compression::None));
    options.threads = 2;
    options.memory_bytes = 16 << 20;
    let before = peak_bytes();
    let reader = Arc::new(Reader::new(
        plan,
        vec![SourceFile { path, index: 0 }],
        options,
    ));
    let read: usize = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..2)
            .map(|_| {
                let mut worker = reader.worker();
                scope.spawn(move || {
                    let mut rows = 0;
                    while let Some(batch) = worker.next_batch().unwrap() {
                        rows += batch.rows();
                    }
                    rows
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .sum()
    });
    let after = peak_bytes();
    assert_eq!(read, rows);
    let outcome = &reader.outcome()[0];
    assert_eq!(
        (outcome.records, outcome.discarded["unknown"]),
        (rows as u64, rows as u64)
    );
    match (before, after) {
        (Some(before), Some(after)) => {
            assert!(
                after - before < 16 << 20,
                "grew by {} bytes",
                after - before
            );
        }
        #[allow(clippy::print_stderr)]
        _ => eprintln!("SKIPPED: this system does not tell how much memory a process had"),
    }
}
