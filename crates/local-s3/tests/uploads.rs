//! Multipart uploads that go wrong, run side by side, or outlive the server.

mod common;

use std::fs;
use std::sync::Barrier;
use std::thread;

use common::uploads::{PART, assert_object, begin, bytes, is_without_copy, named, open, upload};
use common::{BUCKET, Store};
use lake_local_s3::storage::{Condition, StorageError};

#[test]
fn the_last_upload_of_a_part_counts_and_a_failed_one_does_not() {
    let store = Store::new();
    let id = begin(&store, "again");
    upload(&store, "again", &id, 1, &bytes(9, PART));
    let second = upload(&store, "again", &id, 2, b"tail");
    let first = upload(&store, "again", &id, 1, &bytes(1, PART));
    // One that breaks off, one that turns out wrong, one that is longer than announced.
    let mut broken = open(&store, "again", &id, 1, PART);
    broken.write(b"half").unwrap();
    drop(broken);
    let wrong = open(&store, "again", &id, 1, 0).finish(|_| {
        Err(StorageError::BadDigest {
            what: "SHA256".to_owned(),
        })
    });
    assert!(wrong.is_err());
    let mut long = open(&store, "again", &id, 3, 3);
    assert!(matches!(
        long.write(b"four"),
        Err(StorageError::TooManyBytes { .. })
    ));
    drop(long);
    let mut short = open(&store, "again", &id, 4, 3);
    short.write(b"12").unwrap();
    assert!(short.finish(|_| Ok::<(), StorageError>(())).is_err());

    assert!(is_without_copy(
        &store,
        "again",
        &id,
        &named(&[first, second])
    ));
    assert_object(
        &store,
        "again",
        &[bytes(1, PART), b"tail".to_vec()].concat(),
    );
}

#[test]
fn a_writer_that_is_still_there_cannot_touch_the_object() {
    let store = Store::new();
    let id = begin(&store, "slow");
    let first = upload(&store, "slow", &id, 1, &bytes(1, PART));
    // A client sent part 2, timed out, and sent it again: both connections are alive.
    let mut forgotten = open(&store, "slow", &id, 2, PART);
    forgotten.write(b"garbage").unwrap();
    let second = upload(&store, "slow", &id, 2, &bytes(2, PART));
    store
        .backend
        .complete_upload(BUCKET, "slow", &id, &named(&[first, second]))
        .unwrap();
    forgotten.write(&bytes(77, PART - 7)).unwrap();
    assert!(matches!(
        forgotten.finish(|_| Ok::<(), StorageError>(())),
        Err(StorageError::NoSuchUpload(_))
    ));
    assert_object(&store, "slow", &[bytes(1, PART), bytes(2, PART)].concat());
}

#[test]
fn one_of_eight_wins_a_conditional_completion() {
    let store = Store::new();
    let uploads: Vec<_> = (0..8_u8)
        .map(|writer| {
            let id = begin(&store, "race");
            let part = upload(&store, "race", &id, 1, &[writer; 100]);
            let mut completion = named(&[part]);
            completion.condition = Condition::IfAbsent;
            (id, completion)
        })
        .collect();
    let barrier = Barrier::new(8);
    let winners = thread::scope(|scope| {
        let threads: Vec<_> = uploads
            .iter()
            .map(|(id, completion)| {
                scope.spawn(|| {
                    barrier.wait();
                    store
                        .backend
                        .complete_upload(BUCKET, "race", id, completion)
                        .is_ok()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|one| one.join().unwrap())
            .filter(|won| *won)
            .count()
    });
    assert_eq!(winners, 1);
    assert_eq!(
        store.backend.list_uploads(BUCKET).unwrap().len(),
        7,
        "losers can be aborted"
    );
}

#[test]
fn uploads_outlive_a_restart_and_aborted_ones_do_not() {
    let store = Store::new();
    let id = begin(&store, "later/b");
    let first = upload(&store, "later/b", &id, 1, &bytes(1, PART));
    let own = upload(&store, "later/b", &id, 1, &bytes(2, PART));
    assert_ne!(first.etag(), own.etag());
    std::mem::forget(open(&store, "later/b", &id, 2, PART));
    let other = begin(&store, "later/a");
    let dropped = begin(&store, "later/a");
    store
        .backend
        .abort_upload(BUCKET, "later/a", &dropped)
        .unwrap();
    fs::create_dir(store.path(".uploads/rubbish")).unwrap();

    let store = store.reopen();
    let listed: Vec<_> = store
        .backend
        .list_uploads(BUCKET)
        .unwrap()
        .into_iter()
        .map(|upload| (upload.plan.key, upload.id))
        .collect();
    assert_eq!(
        listed,
        [
            ("later/a".to_owned(), other),
            ("later/b".to_owned(), id.clone())
        ]
    );
    let second = upload(&store, "later/b", &id, 2, b"tail");
    store
        .backend
        .complete_upload(BUCKET, "later/b", &id, &named(&[own, second]))
        .unwrap();
    assert_object(
        &store,
        "later/b",
        &[bytes(2, PART), b"tail".to_vec()].concat(),
    );
}

#[test]
fn an_upload_that_was_published_just_before_a_crash_is_over() {
    let store = Store::new();
    let id = begin(&store, "done");
    let part = upload(&store, "done", &id, 1, b"whole");
    // The crash came before the upload was forgotten: its folder is still there.
    let folder = store.path(&format!(".uploads/{id}"));
    let kept = tempfile::tempdir_in(store.folder.path().parent().unwrap()).unwrap();
    for name in ["upload.json", "part-00001.json", "together"] {
        fs::hard_link(folder.join(name), kept.path().join(name)).unwrap();
    }
    store
        .backend
        .complete_upload(BUCKET, "done", &id, &named(&[part]))
        .unwrap();
    fs::create_dir(&folder).unwrap();
    for name in ["upload.json", "part-00001.json", "together"] {
        fs::rename(kept.path().join(name), folder.join(name)).unwrap();
    }
    let store = store.reopen();
    assert!(store.backend.list_uploads(BUCKET).unwrap().is_empty());
    assert_eq!(store.get("done").unwrap(), b"whole");
}

#[test]
fn concurrent_parts_of_many_uploads_keep_apart() {
    let store = Store::new();
    thread::scope(|scope| {
        for file in 0..3_u8 {
            let store = &store;
            scope.spawn(move || {
                let key = format!("many/{file}");
                let id = begin(store, &key);
                let parts: Vec<_> = thread::scope(|inner| {
                    let writers: Vec<_> = (1..=4_u16)
                        .map(|number| {
                            let (key, id) = (&key, &id);
                            let size = if number == 4 { 99 } else { PART };
                            let seed = file * 16 + number as u8;
                            inner.spawn(move || upload(store, key, id, number, &bytes(seed, size)))
                        })
                        .collect();
                    writers
                        .into_iter()
                        .map(|writer| writer.join().unwrap())
                        .collect()
                });
                store
                    .backend
                    .complete_upload(BUCKET, &key, &id, &named(&parts))
                    .unwrap();
                let expected: Vec<u8> = (1..=4_u8)
                    .flat_map(|number| {
                        bytes(file * 16 + number, if number == 4 { 99 } else { PART })
                    })
                    .collect();
                assert!(store.get(&key).unwrap() == expected, "{key}");
            });
        }
    });
}
