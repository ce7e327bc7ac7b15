//! A part of a table on its way to an object: spooled to the workspace, hashed and compressed as
//! it comes, and sent when it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use lakehouse_deliver::{Content, DeliveredFile, Sent};
use lakehouse_stage::StageError;
use lakehouse_store::{ObjectAddress, ObjectStore, PutOptions, Sha256Hasher, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A part is closed when it has so many bytes, uncompressed: as much as the workspace holds of it.
pub(crate) const MOST_PART_BYTES: u64 = 256 << 20;
/// Bytes that go to the writing thread at once.
const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS_IN_FLIGHT: usize = 4;
/// Zstandard's level: the fastest, since the server waits.
const LEVEL: i32 = 1;

/// A part that is being written by a thread of its own.
pub(crate) struct OpenPart {
    name: String,
    path: PathBuf,
    chunk: BytesMut,
    sender: mpsc::Sender<Bytes>,
    writer: JoinHandle<Result<(u64, String), StageError>>,
    /// Bytes of CSV so far.
    pub bytes: u64,
    /// Records so far, without the header.
    pub rows: u64,
}

impl OpenPart {
    /// Begins a part with its header.
    ///
    /// # Errors
    /// The workspace cannot be written.
    pub async fn begin(
        folder: &Path,
        name: String,
        compress: bool,
        header: &[u8],
    ) -> Result<Self, StageError> {
        let path = folder.join(&name);
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let for_thread = path.clone();
        let writer =
            tokio::task::spawn_blocking(move || write_file(&for_thread, compress, receiver));
        let mut part = Self {
            name,
            path,
            chunk: BytesMut::with_capacity(CHUNK_BYTES),
            sender,
            writer,
            bytes: 0,
            rows: 0,
        };
        part.write(header).await?;
        Ok(part)
    }

    /// Writes a piece of CSV.
    ///
    /// # Errors
    /// The workspace cannot be written.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), StageError> {
        self.bytes += piece.len() as u64;
        if self.chunk.len() + piece.len() > CHUNK_BYTES && !self.chunk.is_empty() {
            self.flush().await?;
        }
        self.chunk.extend_from_slice(piece);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StageError> {
        let full = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK_BYTES));
        if self.sender.send(full.freeze()).await.is_ok() {
            return Ok(());
        }
        // The thread has ended, and says why.
        match (&mut self.writer).await? {
            Err(error) => Err(error),
            Ok(_) => Err(StageError::bug("a part was ended before it was whole")),
        }
    }

    /// Ends the part.
    ///
    /// # Errors
    /// The workspace cannot be written.
    pub async fn close(mut self, modified_at: DateTime<Utc>) -> Result<Part, StageError> {
        self.flush().await?;
        drop(self.sender);
        let (size_bytes, sha256) = self.writer.await??;
        Ok(Part {
            path: self.path,
            bytes: self.bytes,
            file: DeliveredFile {
                source_name: self.name,
                size_bytes,
                sha256,
                modified_at,
                rows: Some(self.rows),
            },
        })
    }
}

fn write_file(
    path: &Path,
    compress: bool,
    mut receiver: mpsc::Receiver<Bytes>,
) -> Result<(u64, String), StageError> {
    let failed = |error: &std::io::Error| {
        StageError::from_io(format!("cannot write `{}`", path.display()), error)
    };
    let file = File::create(path).map_err(|error| failed(&error))?;
    let hashing = Hashing {
        file: BufWriter::with_capacity(CHUNK_BYTES, file),
        hasher: Sha256Hasher::default(),
        bytes: 0,
    };
    let hashing = if compress {
        let mut encoder =
            zstd::stream::write::Encoder::new(hashing, LEVEL).map_err(|error| failed(&error))?;
        while let Some(chunk) = receiver.blocking_recv() {
            encoder.write_all(&chunk).map_err(|error| failed(&error))?;
        }
        encoder.finish().map_err(|error| failed(&error))?
    } else {
        let mut hashing = hashing;
        while let Some(chunk) = receiver.blocking_recv() {
            hashing.write_all(&chunk).map_err(|error| failed(&error))?;
        }
        hashing
    };
    let Hashing {
        mut file,
        hasher,
        bytes,
    } = hashing;
    file.flush().map_err(|error| failed(&error))?;
    Ok((bytes, hasher.finish()))
}

struct Hashing {
    file: BufWriter<File>,
    hasher: Sha256Hasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A part that is whole; its file is gone when it is dropped.
pub(crate) struct Part {
    path: PathBuf,
    file: DeliveredFile,
    /// Bytes of CSV, before they were compressed.
    pub bytes: u64,
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Content for Part {
    fn file(&self) -> &DeliveredFile {
        &self.file
    }

    fn origin(&self) -> String {
        self.file.source_name.clone()
    }

    async fn send(
        &self,
        store: &ObjectStore,
        address: &ObjectAddress,
        options: &PutOptions,
    ) -> Result<Sent, StageError> {
        match store.put_file(address, &self.path, options).await {
            Ok(_) => Ok(Sent::Written),
            Err(StoreError::PreconditionFailed { .. }) => Ok(Sent::Taken),
            Err(error) => Err(error.into()),
        }
    }
}
