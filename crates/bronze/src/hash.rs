//! What a source file holds: its SHA-256, known before a byte is sent.

use futures::TryStreamExt as _;
use lakehouse_stage::{Bar, StageError};
use lakehouse_store::{ObjectStore, Sha256Hasher, StoreError, sha256_of_file};

use crate::source::{Origin, SourceFile};

/// Reads the file once, in pieces. A file that changes meanwhile is an error: its digest would
/// be of something that never was.
pub(crate) async fn hash(
    store: &ObjectStore,
    file: &SourceFile,
    bar: &Bar,
) -> Result<String, StageError> {
    let (sha256, size_bytes) = match &file.origin {
        Origin::File(path) => {
            let owned = path.clone();
            let hashed = tokio::task::spawn_blocking(move || sha256_of_file(&owned)).await?;
            let hashed = hashed.map_err(|error| unreadable(file, error))?;
            bar.increase(hashed.1);
            hashed
        }
        Origin::Object { address, etag } => {
            let Some((info, mut stream)) = store.get_stream(address).await? else {
                return Err(file.changed());
            };
            if info.etag != *etag {
                return Err(file.changed());
            }
            let mut hasher = Sha256Hasher::default();
            let mut size_bytes = 0;
            while let Some(chunk) = stream
                .try_next()
                .await
                .map_err(|error| unreadable(file, error))?
            {
                hasher.update(&chunk);
                size_bytes += chunk.len() as u64;
                bar.increase(chunk.len() as u64);
            }
            (hasher.finish(), size_bytes)
        }
    };
    // An object that was read under its ETag is what it was; a file may have been written to.
    let is_file = matches!(file.origin, Origin::File(_));
    if size_bytes != file.size_bytes || (is_file && !file.is_unchanged(store).await?) {
        return Err(file.changed());
    }
    Ok(sha256)
}

/// A source that cannot be read, told by what a person can do about it.
pub(crate) fn unreadable(file: &SourceFile, error: StoreError) -> StageError {
    if matches!(error, StoreError::Replaced { .. }) {
        return file.changed();
    }
    let local = matches!(error, StoreError::Local { .. });
    let stage_error =
        StageError::from(error).context(format!("cannot read the source file `{}`", file.origin));
    if local {
        stage_error.hint("check that the file is still there and that this user may read it")
    } else {
        stage_error
    }
}
