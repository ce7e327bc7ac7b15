//! Reading the streams that are to be written.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::body::PartBuffer;
use crate::{ObjectAddress, StoreError};

/// Reads exactly `size_bytes` into a reused buffer.
pub(crate) async fn read_part(
    address: &ObjectAddress,
    reader: &mut (impl AsyncRead + Unpin),
    size_bytes: u64,
) -> Result<Bytes, StoreError> {
    let wrong = |reason: String| StoreError::Malformed {
        address: address.to_string(),
        reason,
    };
    let size = usize::try_from(size_bytes)
        .map_err(|_| wrong("a part is larger than memory".to_owned()))?;
    let mut buffer = PartBuffer::take(size);
    reader
        .read_exact(buffer.space(size))
        .await
        .map_err(|error| stream_error(address, error))?;
    Ok(buffer.into_bytes())
}

/// Holds a stream's end against the size that was announced.
pub(crate) async fn expect_end(
    address: &ObjectAddress,
    reader: &mut (impl AsyncRead + Unpin),
    size_bytes: u64,
) -> Result<(), StoreError> {
    match reader.read(&mut [0; 1]).await {
        Ok(0) => Ok(()),
        Ok(_) => Err(StoreError::Malformed {
            address: address.to_string(),
            reason: format!("its stream has more than the {size_bytes} bytes announced"),
        }),
        Err(error) => Err(stream_error(address, error)),
    }
}

/// A stream from another store carries that store's error inside; keep its class.
fn stream_error(address: &ObjectAddress, error: std::io::Error) -> StoreError {
    let kind = error.kind();
    match error.downcast::<StoreError>() {
        Ok(error) => error,
        Err(error) if kind == std::io::ErrorKind::UnexpectedEof => StoreError::Malformed {
            address: address.to_string(),
            reason: format!("its stream ended early: {error}"),
        },
        Err(error) => StoreError::Unreachable {
            address: address.to_string(),
            source: Box::new(error),
        },
    }
}
