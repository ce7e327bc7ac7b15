//! Bronze objects → plain UTF-8 files in the workspace.
//!
//! Each object is decompressed and transcoded while it arrives, and its bytes are hashed on the
//! way: what does not match the manifest is never read. A file that cannot be decoded is not an
//! error here; it is an unreadable file, and the contract says what that means for the day.

use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use futures::StreamExt;
use lakehouse_contract::{Compression, Format, Name};
use lakehouse_reader::{SourceFile, Unreadable};
use lakehouse_stage::{Exit, StageError};
use lakehouse_store::manifest::{self, Manifest, ManifestFile};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::Job;

/// Objects that are fetched at once: enough to hide latency, few enough for a small disk queue.
const FETCHES_AT_ONCE: usize = 4;
/// Chunks that may wait between network and decoder.
const CHUNKS_IN_FLIGHT: usize = 16;

/// The day's files in the workspace.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Files that the reader can open, under their index in the manifest.
    pub files: Vec<SourceFile>,
    /// Files that could not be decoded, under their index in the manifest.
    pub unreadable: Vec<(i32, Unreadable)>,
}

/// The day's manifest, or nothing when bronze has none.
///
/// # Errors
/// Store failures, and a manifest that cannot be parsed.
pub async fn manifest(job: &Job<'_>) -> Result<Option<Manifest>, StageError> {
    let context = job.context;
    let loaded = manifest::load(
        &context.store,
        &context
            .layout
            .bronze_manifest(&context.pipeline.name, job.name, &context.date),
    )
    .await?;
    Ok(loaded.map(|(manifest, _)| manifest))
}

/// The folder of a dataset's decoded files, in the workspace.
pub(crate) fn folder_name(dataset: &Name) -> String {
    format!("{dataset}.source")
}

/// Fetches every object that the manifest names.
///
/// # Errors
/// Store failures, a full disk, and an object that is not what the manifest says.
pub async fn files(job: &Job<'_>, manifest: &Manifest) -> Result<Fetched, StageError> {
    let _phase = job.context.report.phase("fetch");
    let needed_bytes = needed_bytes(job, manifest);
    job.context.workspace.require_free(needed_bytes)?;
    let folder = job.context.workspace.directory(&folder_name(job.name))?;
    let total_bytes = manifest.files.iter().map(|file| file.size_bytes).sum();
    let progress = job
        .context
        .progress
        .bytes(&format!("fetch {}", job.name), total_bytes);
    let mut fetches = futures::stream::iter(manifest.files.iter().enumerate())
        .map(|(index, file)| {
            let path = folder.join(format!("{index}"));
            let progress = &progress;
            async move { fetch_one(job, index, file, path, progress).await }
        })
        .buffer_unordered(FETCHES_AT_ONCE);
    let mut fetched = Fetched::default();
    while let Some(result) = fetches.next().await {
        match result? {
            Ok(file) => fetched.files.push(file),
            Err(unreadable) => fetched.unreadable.push(unreadable),
        }
    }
    fetched.files.sort_by_key(|file| file.index);
    fetched.unreadable.sort_by_key(|(index, _)| *index);
    Ok(fetched)
}

/// What a compressed file grows to, where nothing else is known.
const GROWTH_OF_COMPRESSED: u64 = 5;

/// The disk space that the day will need: its decoded files, and of what does not fit into memory
/// the engine's share that it spills. A day that is estimated too small still ends with 75.
fn needed_bytes(job: &Job<'_>, manifest: &Manifest) -> u64 {
    let stored = manifest
        .files
        .iter()
        .fold(0_u64, |sum, file| sum.saturating_add(file.size_bytes));
    let is_compressed = |file: &ManifestFile| {
        job.dataset.source.format_of(&file.object).compression() != Compression::None
    };
    let growth = match manifest.files.iter().any(is_compressed) {
        false => 1,
        true => GROWTH_OF_COMPRESSED,
    };
    let decoded = stored.saturating_mul(growth);
    decoded.saturating_add(decoded.saturating_sub(job.context.memory_limit_bytes))
}

type FetchResult = Result<SourceFile, (i32, Unreadable)>;

async fn fetch_one(
    job: &Job<'_>,
    index: usize,
    file: &ManifestFile,
    path: PathBuf,
    progress: &lakehouse_stage::Bar,
) -> Result<FetchResult, StageError> {
    let context = job.context;
    let address = context.layout.bronze_object(
        &context.pipeline.name,
        job.name,
        &context.date,
        &file.object,
    );
    let index = i32::try_from(index).map_err(|_| {
        StageError::new(
            Exit::Usage,
            "a day of more than 2,147,483,647 files is not supported",
        )
    })?;
    let Some((_, mut stream)) = context.store.get_stream(&address).await? else {
        return Err(StageError::new(
            Exit::Usage,
            format!("the manifest names `{address}`, which does not exist"),
        )
        .hint("run bronze again for this day; it restores what the source still has"));
    };
    let (sender, receiver) = mpsc::channel::<Bytes>(CHUNKS_IN_FLIGHT);
    let format = job.dataset.source.format_of(&file.object);
    let output_path = path.clone();
    let decoder = tokio::task::spawn_blocking(move || {
        decode(&format, ChannelReader::new(receiver), output_path)
    });
    let mut hasher = Sha256::new();
    let mut decoder_listens = true;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        hasher.update(&chunk);
        progress.increase(chunk.len() as u64);
        // A decoder that gave up (unreadable file) stops listening; the hash still needs the rest.
        if decoder_listens && sender.send(chunk).await.is_err() {
            decoder_listens = false;
        }
    }
    drop(sender);
    let decoded = decoder
        .await
        .map_err(|error| StageError::new(Exit::Bug, format!("the decoder stopped: {error}")))??;
    let sha256 = hex::encode(hasher.finalize());
    if sha256 != file.sha256 {
        return Err(StageError::new(
            Exit::Usage,
            format!("`{address}` is not the file that the manifest names: SHA-256 `{sha256}` instead of `{}`", file.sha256),
        )
        .hint("something else wrote to the bronze bucket; delete the object and run bronze again for this day"));
    }
    Ok(match decoded {
        Ok(()) => Ok(SourceFile { path, index }),
        Err(unreadable) => Err((index, unreadable)),
    })
}

/// Decodes into `path`. The outer error is ours (disk), the inner one the file's.
fn decode(
    format: &Format,
    input: ChannelReader,
    path: PathBuf,
) -> Result<Result<(), Unreadable>, StageError> {
    let output = std::fs::File::create(&path).map_err(|error| cannot_write(&path, &error))?;
    let mut output = std::io::BufWriter::with_capacity(1 << 20, output);
    match lakehouse_reader::decode(input, format.compression(), format, &mut output) {
        Ok(_) => {
            std::io::Write::flush(&mut output).map_err(|error| cannot_write(&path, &error))?;
            Ok(Ok(()))
        }
        Err(lakehouse_reader::DecodeError::Unreadable(unreadable)) => Ok(Err(unreadable)),
        Err(lakehouse_reader::DecodeError::Output(error)) => Err(cannot_write(&path, &error)),
        Err(error) => Err(StageError::from_error(Exit::Usage, &error)),
    }
}

fn cannot_write(path: &std::path::Path, error: &std::io::Error) -> StageError {
    StageError::from_io(format!("cannot write `{}`", path.display()), error)
}

/// A blocking reader over the chunks that an async task sends.
struct ChannelReader {
    receiver: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl ChannelReader {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self {
            receiver,
            current: Bytes::new(),
        }
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let taken = buffer.len().min(self.current.len());
        buffer[..taken].copy_from_slice(&self.current[..taken]);
        self.current = self.current.slice(taken..);
        Ok(taken)
    }
}
