//! How long the records of a day are, from a look at the first of them.

use std::sync::Arc;

use lakehouse_reader::{ReadPlan, Reader, ReaderOptions, SourceFile, Values};
use lakehouse_stage::{Exit, StageError};

use crate::Job;

/// The look is at so many bytes of the largest file, whatever memory there is: the same day must
/// give the same figure.
const SAMPLE_BYTES: usize = 1 << 20;
const OFFSET: &str = "_lake_offset";

/// The mean length of the records at the beginning of the largest file; 0 where there are none.
///
/// # Errors
/// A file that cannot be read for other reasons than what is in it.
pub fn record_bytes(job: &Job<'_>, files: &[SourceFile]) -> Result<u64, StageError> {
    let size = |file: &SourceFile| {
        std::fs::metadata(&file.path)
            .map(|metadata| metadata.len())
            .unwrap_or_default()
    };
    // Of files of one size the first.
    let Some(largest) = files.iter().rev().max_by_key(|file| size(file)) else {
        return Ok(0);
    };
    let options = ReaderOptions {
        max_record_bytes: job.context.max_record_bytes,
        block_bytes: Some(SAMPLE_BYTES),
        ..ReaderOptions::new(job.dataset.source.format().clone())
    };
    let plan = ReadPlan::from_contract(job.contract)
        .map_err(|error| StageError::from_error(Exit::Usage, &error))?;
    let reader = Arc::new(Reader::new(plan, vec![largest.clone()], options));
    let mut worker = reader.worker();
    let batch = worker
        .next_batch()
        .map_err(|error| StageError::from_error(Exit::Transient, &error))?;
    let Some(batch) = batch else {
        return Ok(0);
    };
    let column = reader.columns().iter().position(|(name, _)| name == OFFSET);
    let offsets = match column.map(|column| batch.columns()[column].values()) {
        Some(Values::Int64(offsets)) => &offsets[..batch.rows()],
        _ => return Err(StageError::bug("the reader has no offsets")),
    };
    Ok(match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) if last > first => {
            u64::try_from(last - first).unwrap_or_default() / (batch.rows() as u64 - 1)
        }
        _ => size(largest).min(SAMPLE_BYTES as u64),
    })
}
