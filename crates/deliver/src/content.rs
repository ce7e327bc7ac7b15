//! What is delivered.

use chrono::{DateTime, Utc};
use lakehouse_stage::StageError;
use lakehouse_store::{ObjectAddress, ObjectStore, PutOptions};

/// A file as the manifest will name it; its digest is known before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredFile {
    /// Its name at the source: the path relative to the dataset's source, or the name that a
    /// stage gives to what it took out of a database.
    pub source_name: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, 64 lowercase hex digits.
    pub sha256: String,
    /// When the source last changed it.
    pub modified_at: DateTime<Utc>,
    /// How many rows it has, where that was counted.
    pub rows: Option<u64>,
}

/// Whether bytes became an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// They did.
    Written,
    /// There is an object of that name.
    Taken,
}

/// A file of which the bytes can be sent.
pub trait Content {
    /// What the manifest will say of it.
    fn file(&self) -> &DeliveredFile;

    /// Where it comes from, for messages.
    fn origin(&self) -> String;

    /// Sends its bytes to an object. `options` carry the digest that they must have and the
    /// condition that the object does not exist; where it does, the answer is [`Sent::Taken`].
    ///
    /// # Errors
    /// When the bytes cannot be read, are others than they were, or the store fails.
    fn send(
        &self,
        store: &ObjectStore,
        address: &ObjectAddress,
        options: &PutOptions,
    ) -> impl Future<Output = Result<Sent, StageError>>;
}
