//! Bodies: requests into writers, files into answers; bounded memory both ways.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::task::JoinHandle;

use crate::storage::{BlobWriter, PartWriter, StorageError};

use super::errors::s3_error_of;

/// How much of a request is gathered before it is written and hashed. Two of these are in
/// memory per upload: one being written, one being received.
const BATCH_BYTES: usize = 512 * 1024;

/// How much of a file is read at once for an answer; two of these per download.
const CHUNK_BYTES: u64 = 512 * 1024;

/// What goes into an answer without a stream: one thread hop for a small object.
const SMALL_BYTES: u64 = 128 * 1024;

/// How much of a refused request is read before the answer: a client that is still sending may
/// not see an answer that comes with the connection's end.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// Something that takes a body piece by piece.
pub(super) trait Sink: Send + 'static {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError>;
}

impl Sink for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        BlobWriter::write(self, bytes)
    }
}

impl Sink for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        PartWriter::write(self, bytes)
    }
}

/// Streams a body into the sink that `open` makes; receiving and writing overlap.
pub(super) async fn receive<S: Sink>(
    body: &mut Option<StreamingBlob>,
    open: impl FnOnce() -> Result<S, StorageError> + Send + 'static,
) -> S3Result<S> {
    let mut batch = gather(body).await?;
    let mut more = batch.is_full();
    let mut writing = tokio::task::spawn_blocking(move || batch.write_to(open()?));
    while more {
        // Dropped with its batch when the client goes; the sink then removes what it wrote.
        let gathered = gather(body).await;
        let sink = match joined_storage(writing).await {
            Ok(sink) => sink,
            Err(error) => {
                drain(body).await;
                return Err(error);
            }
        };
        batch = gathered?;
        more = batch.is_full();
        writing = tokio::task::spawn_blocking(move || batch.write_to(sink));
    }
    joined_storage(writing).await
}

/// Reads what a refused client is still sending, within reason.
pub(super) async fn drain(body: &mut Option<StreamingBlob>) {
    let mut left = DRAIN_BYTES;
    if let Some(body) = body {
        while let Some(Ok(bytes)) = body.next().await {
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                break;
            }
        }
    }
}

#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    size: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.size >= BATCH_BYTES
    }

    fn write_to<S: Sink>(self, mut sink: S) -> Result<S, StorageError> {
        for piece in self.pieces {
            sink.write(&piece)?;
        }
        Ok(sink)
    }
}

async fn gather(body: &mut Option<StreamingBlob>) -> S3Result<Batch> {
    let mut batch = Batch::default();
    let Some(stream) = body else { return Ok(batch) };
    while !batch.is_full() {
        match stream.next().await {
            Some(Ok(piece)) => {
                batch.size += piece.len();
                batch.pieces.push(piece);
            }
            Some(Err(error)) => return Err(broken_body(&*error)),
            None => break,
        }
    }
    Ok(batch)
}

/// The protocol library verifies the signed payload while it streams and keeps its error types
/// to itself: their names are all there is to tell them apart.
fn broken_body(error: &(dyn std::error::Error + Send + Sync)) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        let mut mismatch = S3Error::with_message(code, message);
        mismatch.set_status_code(hyper::StatusCode::BAD_REQUEST);
        mismatch
    } else if text.contains("SignatureMismatch") {
        s3_error!(
            SignatureDoesNotMatch,
            "the signature of a chunk does not match"
        )
    } else {
        s3_error!(
            IncompleteBody,
            "the body could not be read to its end: {}",
            text
        )
    }
}

/// An opened object, or the whole of it.
pub(super) enum Payload {
    Whole(Bytes),
    File { file: File, length: u64 },
}

impl Payload {
    /// Positions the file, and reads it at once where it is small. Blocking.
    pub fn of(mut file: File, offset: u64, length: u64) -> io::Result<Self> {
        if offset > 0 {
            file.seek(SeekFrom::Start(offset))?;
        }
        if length > SMALL_BYTES {
            return Ok(Self::File { file, length });
        }
        read_chunk(file, length).map(|(_, bytes)| Self::Whole(bytes))
    }

    /// The body of the answer; a file is read one chunk ahead of the client.
    pub fn into_body(self) -> StreamingBlob {
        match self {
            Self::Whole(bytes) => StreamingBlob::from(Body::from(bytes)),
            Self::File { file, length } => {
                let state = (length, Some(read_ahead(file, length)));
                StreamingBlob::wrap(futures::stream::unfold(
                    state,
                    |(length, next)| async move {
                        match next?.await.map_err(io::Error::other).flatten() {
                            Ok((file, bytes)) => {
                                let left = length - bytes.len() as u64;
                                let next = (left > 0).then(|| read_ahead(file, left));
                                Some((Ok(bytes), (left, next)))
                            }
                            Err(error) => Some((Err(error), (0, None))),
                        }
                    },
                ))
            }
        }
    }
}

fn read_ahead(file: File, left: u64) -> JoinHandle<io::Result<(File, Bytes)>> {
    tokio::task::spawn_blocking(move || read_chunk(file, left.min(CHUNK_BYTES)))
}

fn read_chunk(file: File, length: u64) -> io::Result<(File, Bytes)> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    let mut limited = file.take(length);
    limited.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((limited.into_inner(), bytes.into()))
}

async fn joined_storage<T>(work: JoinHandle<Result<T, StorageError>>) -> S3Result<T> {
    joined(work).await?.map_err(s3_error_of)
}

/// The result of blocking work; a panic in it is an error of the request, not of the server.
pub(super) async fn joined<T>(work: JoinHandle<T>) -> S3Result<T> {
    work.await.map_err(|error| {
        tracing::error!(%error, "a request failed");
        s3_error!(InternalError, "the server has a bug: see its log")
    })
}
