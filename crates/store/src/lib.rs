//! The object store: keys as types, and the few operations that the lakehouse needs of S3.
//!
//! This is the only crate that links `aws-sdk-s3`. Everything above it speaks of places
//! ([`Layout`]), addresses ([`ObjectAddress`]) and one error type ([`StoreError`]) whose variants
//! say what a caller can do; nobody else looks at status codes or at the text of an answer.
//!
//! What is promised, and held by the conformance suite (`tests/conformance`) against the embedded
//! server and MinIO, is written down in `docs/storage.md`.

mod address;
mod body;
pub mod checks;
mod classify;
mod client;
mod copy;
mod counters;
mod digest;
mod download;
mod error;
mod explain;
mod interceptors;
mod key;
mod key_parse;
mod layout;
mod list;
pub mod manifest;
mod metadata;
mod multipart;
mod parts;
mod read;
mod run_id;
mod settings;
mod source_name;
mod store;
mod stream;
mod tls;
mod uploads;
mod write;

pub use address::{AddressError, Location, ObjectAddress};
pub use counters::Counters;
pub use digest::{Sha256Hasher, sha256_of_bytes, sha256_of_file};
pub use error::{Failure, StoreError};
pub use key::{Key, StagedFile};
pub use layout::{Layout, LayoutError, Place};
pub use parts::{PART_SIZE_BYTES, part_count, part_size_bytes};
pub use read::{Downloaded, ObjectStream};
pub use settings::{Secret, StoreSettings};
pub use source_name::redelivered_name;
pub use store::{ObjectInfo, ObjectStore};
pub use tls::TlsProblem;
pub use uploads::MultipartUpload;
pub use write::{Condition, PutOptions, Written};
