//! A real shop's year: 305 files, every digit.

use std::path::PathBuf;
use std::sync::Arc;

use lakehouse_contract::ColumnType;
use lakehouse_reader::{Field, Reader, SourceFile, Values};

use crate::support::*;

#[test]
fn a_year_of_transactions_adds_up_to_the_penny() {
    let Some(folder) = std::env::var_os("LAKE_ONLINE_RETAIL_DIR") else {
        // Loud on purpose: a test that did not run should not look like one that did.
        #[allow(clippy::print_stderr)]
        {
            eprintln!("SKIPPED: LAKE_ONLINE_RETAIL_DIR is not set, the real year is not read");
        }
        return;
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 305);

    let optional = |path, column_type| Field {
        required: false,
        ..field(path, column_type)
    };
    let plan = plan(vec![
        text("InvoiceNo"),
        text("StockCode"),
        optional("Description", ColumnType::Text),
        field("Quantity", ColumnType::Int32),
        field("InvoiceDate", ColumnType::Timestamp),
        field(
            "UnitPrice",
            ColumnType::Decimal {
                precision: 18,
                scale: 3,
            },
        ),
        optional("CustomerID", ColumnType::Text),
        text("Country"),
    ]);
    let mut options = options(&csv());
    options.threads = 2;
    let files = (0..)
        .zip(&paths)
        .map(|(index, path)| SourceFile {
            path: path.clone(),
            index,
        })
        .collect();
    let reader = Arc::new(Reader::new(plan, files, options));
    let (mut rows, mut thousandths, mut broken) = (0, 0_i64, 0);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..2)
            .map(|_| {
                let mut worker = reader.worker();
                scope.spawn(move || {
                    let (mut rows, mut sum, mut broken) = (0, 0, 0);
                    while let Some(batch) = worker.next_batch().unwrap() {
                        let (Values::Int32(quantities), Values::Int64(prices)) =
                            (batch.columns()[3].values(), batch.columns()[5].values())
                        else {
                            panic!("other columns than planned");
                        };
                        for row in 0..batch.rows() {
                            sum += i64::from(quantities[row]) * prices[row];
                            broken += usize::from(batch.text(11, row).is_some());
                        }
                        rows += batch.rows();
                    }
                    (rows, sum, broken)
                })
            })
            .collect();
        for handle in handles {
            let found = handle.join().unwrap();
            rows += found.0;
            thousandths += found.1;
            broken += found.2;
        }
    });
    assert_eq!((rows, thousandths, broken), (541_909, 9_747_747_934, 0));
    let outcome = reader.outcome();
    assert_eq!(
        outcome.iter().map(|file| file.records).sum::<u64>(),
        541_909
    );
    assert!(
        outcome
            .iter()
            .all(|file| file.unreadable.is_none() && file.discarded.is_empty())
    );
}
