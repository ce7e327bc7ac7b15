//! No row is lost on the way: what one side counted is held against what the other did.

use lakehouse_contract::Name;
use lakehouse_stage::quality::Counts;
use lakehouse_stage::{Exit, StageError};

/// Holds the rows that the reader counted against those that the engine received, and these
/// against where they went.
///
/// # Errors
/// Exit 70 when they differ.
pub fn received(dataset: &Name, records: u64, counts: &Counts) -> Result<(), StageError> {
    if counts.rows_read != records {
        return Err(lost(format!(
            "dataset `{dataset}`: the reader counted {records} rows, the engine received {}",
            counts.rows_read
        )));
    }
    if counts.are_conserved() {
        return Ok(());
    }
    Err(lost(format!(
        "dataset `{dataset}` does not add up: {} rows read, {} published, {} quarantined, {} duplicate",
        counts.rows_read, counts.rows_published, counts.rows_quarantined, counts.rows_duplicate
    )))
}

/// Holds the rows that a file was written with against those that were counted for it.
///
/// # Errors
/// Exit 70 when they differ.
pub fn written(dataset: &Name, file: &str, rows: u64, expected: u64) -> Result<(), StageError> {
    if rows == expected {
        return Ok(());
    }
    Err(lost(format!(
        "dataset `{dataset}`: the {file} has {rows} rows instead of {expected}"
    )))
}

fn lost(message: String) -> StageError {
    StageError::new(Exit::Bug, message).hint(
        "nothing was published; this is a bug of the lakehouse: please report it with the run report",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lakehouse_contract::{CsvFormat, Format};
    use lakehouse_engine::{
        Chunk, ColumnKind, EngineError, RowSource, RowWorker, Session, SessionOptions,
    };
    use lakehouse_reader::{ReadPlan, Reader, ReaderOptions, SourceFile};

    use super::*;
    use crate::source::ReaderSource;

    /// A reader whose first batch loses its last row on the way to the engine.
    struct Lossy(ReaderSource, u64);

    struct LossyWorker(Box<dyn RowWorker>, u64);

    impl RowSource for Lossy {
        fn columns(&self) -> Vec<(String, ColumnKind)> {
            self.0.columns()
        }
        fn worker(&self) -> Box<dyn RowWorker> {
            Box::new(LossyWorker(self.0.worker(), self.1))
        }
        fn max_threads(&self) -> usize {
            1
        }
    }

    impl RowWorker for LossyWorker {
        fn fill(&mut self, chunk: &mut Chunk<'_>) -> Result<usize, EngineError> {
            let rows = self.0.fill(chunk)?;
            let lost = std::mem::take(&mut self.1).min(rows as u64);
            Ok(rows - usize::try_from(lost).unwrap())
        }
    }

    /// What the engine received of 100 rows when so many are lost, held against the reader.
    fn judged(lost: u64) -> Result<(), StageError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let rows: String = (0..100).map(|row| format!("{row}\n")).collect();
        std::fs::write(&path, format!("a\n{rows}")).unwrap();
        let plan = ReadPlan::from_contract(
            &lakehouse_contract::Contract::parse(
                "apiVersion: v3.2.0\nkind: DataContract\nid: a\nname: a\nversion: 1.0.0\nstatus: active\n\
                 schema:\n  - name: a\n    logicalType: object\n    properties:\n\
                 \x20     - {name: a, logicalType: integer}\n",
            )
            .unwrap(),
        )
        .unwrap();
        let options = ReaderOptions::new(Format::Csv(CsvFormat::default(), Default::default()));
        let files = vec![SourceFile { path, index: 0 }];
        let reader = Arc::new(Reader::new(plan, files, options));
        let session = Session::open(&SessionOptions {
            workspace: folder.path().to_owned(),
            memory_limit_bytes: 1 << 28,
            threads: 1,
            pseudonym_key: None,
        })
        .unwrap();
        let source = Lossy(ReaderSource::new(Arc::clone(&reader), 1), lost);
        session.register_source("rows", Arc::new(source)).unwrap();
        let rows_read = session
            .execute("CREATE TABLE judged AS SELECT * FROM rows()")
            .unwrap();
        let counts = Counts {
            rows_read,
            rows_published: rows_read,
            ..Counts::default()
        };
        let records = reader.outcome().iter().map(|file| file.records).sum();
        received(&"rows".parse().unwrap(), records, &counts)
    }

    #[test]
    fn a_row_that_is_lost_between_reader_and_engine_is_a_bug() {
        judged(0).unwrap();
        let error = judged(1).unwrap_err();
        assert_eq!(error.exit, Exit::Bug);
        assert_eq!(
            error.message,
            "dataset `rows`: the reader counted 100 rows, the engine received 99"
        );
    }

    #[test]
    fn a_row_that_is_not_written_is_a_bug() {
        let dataset = "rows".parse().unwrap();
        written(&dataset, "data file", 7, 7).unwrap();
        let error = written(&dataset, "data file", 6, 7).unwrap_err();
        assert_eq!(error.exit, Exit::Bug);
        assert_eq!(
            error.message,
            "dataset `rows`: the data file has 6 rows instead of 7"
        );
    }
}
