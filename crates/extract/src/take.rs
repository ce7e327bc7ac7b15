//! Rows on their way from a server to objects: parts are sent while the next one is filled.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use lakehouse_deliver::Batch;
use lakehouse_stage::{Bar, StageError};
use lakehouse_store::manifest::ManifestFile;

use crate::csv;
use crate::job::Job;
use crate::part::{MOST_PART_BYTES, OpenPart, Part};

/// Where the rows of one dataset go.
pub(crate) struct Target<'a> {
    pub job: &'a Job<'a>,
    pub batch: &'a Batch<'a>,
    pub header: Vec<u8>,
    /// The beginning of the files' names.
    pub prefix: &'static str,
    /// When the rows were as they are read.
    pub moment: DateTime<Utc>,
    pub bar: Bar,
    /// Rows of all units, for the report.
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
}

/// What was made of one unit: of a range, or of a whole table.
pub(crate) struct Taken {
    pub files: Vec<ManifestFile>,
    pub rows: u64,
    pub bytes: u64,
}

impl Target<'_> {
    /// Writes the rows of a stream, one row a message, into as many parts as they need. A unit
    /// without rows makes no file.
    ///
    /// # Errors
    /// What the stream and the store say, and 75 where the messages are not the rows.
    pub async fn write(
        &self,
        unit: usize,
        rows: impl Stream<Item = Result<Bytes, StageError>>,
    ) -> Result<Taken, StageError> {
        // A COPY may not be asked again behind its end.
        let mut rows = std::pin::pin!(rows.fuse());
        let mut taken = Taken {
            files: Vec::new(),
            rows: 0,
            bytes: 0,
        };
        let mut messages = 0;
        let mut number = 0;
        let mut full: Option<Part> = None;
        loop {
            let filled = self.fill(unit, number, &mut rows, &mut messages);
            let (next, placed) = futures::try_join!(filled, self.place(full.take()))?;
            taken.files.extend(placed);
            let Some(part) = next else { break };
            taken.rows += lakehouse_deliver::Content::file(&part)
                .rows
                .unwrap_or_default();
            taken.bytes += part.bytes;
            full = Some(part);
            number += 1;
        }
        if messages != taken.rows {
            return Err(StageError::transient(format!(
                "the server sent {messages} rows, and {} were written",
                taken.rows
            ))
            .hint("run the stage again; nothing of it was published"));
        }
        Ok(taken)
    }

    /// One part, or nothing when there are no rows left.
    async fn fill(
        &self,
        unit: usize,
        number: usize,
        rows: &mut (impl Stream<Item = Result<Bytes, StageError>> + Unpin),
        messages: &mut u64,
    ) -> Result<Option<Part>, StageError> {
        let mut part: Option<OpenPart> = None;
        while let Some(row) = rows.try_next().await? {
            let open = match &mut part {
                Some(open) => open,
                None => part.insert(self.begin(unit, number).await?),
            };
            *messages += 1;
            open.rows += csv::records(&row).ok_or_else(|| {
                StageError::transient("the server sent a row that does not end")
                    .hint("run the stage again; nothing of it was published")
            })?;
            open.write(&row).await?;
            self.bar.increase(1);
            if open.bytes >= MOST_PART_BYTES {
                break;
            }
        }
        match part {
            Some(open) => Ok(Some(open.close(self.moment).await?)),
            None => Ok(None),
        }
    }

    async fn begin(&self, unit: usize, number: usize) -> Result<OpenPart, StageError> {
        let compress = self.job.table.format.compression() == lakehouse_contract::Compression::Zstd;
        let ending = if compress { ".csv.zst" } else { ".csv" };
        let name = format!("{}{unit:05}-{number:03}{ending}", self.prefix);
        OpenPart::begin(&self.job.folder()?, name, compress, &self.header).await
    }

    async fn place(&self, part: Option<Part>) -> Result<Option<ManifestFile>, StageError> {
        match part {
            Some(part) => Ok(Some(self.batch.place(&part).await?)),
            None => Ok(None),
        }
    }

    /// A file of the header alone, for a dataset without rows.
    ///
    /// # Errors
    /// The workspace or the store fails.
    pub async fn empty(&self) -> Result<ManifestFile, StageError> {
        let part = self.begin(0, 0).await?.close(self.moment).await?;
        self.batch.place(&part).await
    }

    /// Counts what was taken.
    pub fn count(&self, taken: &Taken) {
        self.rows.fetch_add(taken.rows, Ordering::Relaxed);
        self.bytes.fetch_add(taken.bytes, Ordering::Relaxed);
    }
}
