//! Shorthands for multipart uploads.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use lake_local_s3::storage::{
    Algorithm, CompletedPart, Completion, PartInfo, PartWriter, StorageError, UploadPlan,
};

use super::{BUCKET, Store};

pub const MIB: usize = 1024 * 1024;
pub const PART: usize = 5 * MIB;

pub fn plan(key: &str, algorithm: Option<Algorithm>, composite: bool) -> UploadPlan {
    UploadPlan {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        attributes: Default::default(),
        algorithm,
        composite,
    }
}

pub fn begin(store: &Store, key: &str) -> String {
    store
        .backend
        .create_upload(plan(key, Some(Algorithm::Sha256), true))
        .unwrap()
}

pub fn open(store: &Store, key: &str, id: &str, number: u16, size: usize) -> PartWriter {
    let size = Some(size as u64);
    store
        .backend
        .begin_part((BUCKET, key, id), number, size, &BTreeSet::new())
        .unwrap()
}

pub fn end(writer: PartWriter) -> PartInfo {
    writer.finish(|_| Ok::<(), StorageError>(())).unwrap()
}

pub fn upload(store: &Store, key: &str, id: &str, number: u16, bytes: &[u8]) -> PartInfo {
    let mut writer = open(store, key, id, number, bytes.len());
    for piece in bytes.chunks(MIB + 1) {
        writer.write(piece).unwrap();
    }
    end(writer)
}

pub fn named(parts: &[PartInfo]) -> Completion {
    let parts = parts.iter().map(|part| CompletedPart {
        number: part.number,
        etag: part.etag(),
        checksums: part.checksums.clone(),
    });
    Completion {
        parts: parts.collect(),
        ..Default::default()
    }
}

pub fn bytes(seed: u8, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| seed.wrapping_add((at / 7 % 251) as u8))
        .collect()
}

/// Without the megabytes that `assert_eq!` would print.
pub fn assert_object(store: &Store, key: &str, expected: &[u8]) {
    assert!(
        store.get(key).unwrap() == expected,
        "`{key}` is not what was uploaded"
    );
}

/// The data of all parts that lie in their places: there is no second copy of it.
pub fn is_without_copy(store: &Store, key: &str, id: &str, completion: &Completion) -> bool {
    let together = store.path(&format!(".uploads/{id}/together"));
    let inode = fs::metadata(together).map(|file| file.ino()).ok();
    store
        .backend
        .complete_upload(BUCKET, key, id, completion)
        .unwrap();
    let object = store.backend.open_object(BUCKET, key).unwrap();
    inode == Some(object.file.metadata().unwrap().ino())
}
