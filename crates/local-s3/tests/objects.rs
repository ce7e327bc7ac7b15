//! Objects in the storage: replaced in one step, conditions with one winner, keys that cannot
//! leave their bucket, and what a crash leaves.

mod common;

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{BUCKET, Store};
use lake_local_s3::storage::{Backend, Condition, Options, StorageError};

#[test]
fn an_object_is_its_bytes_and_its_metadata() {
    let store = Store::new();
    let meta = store.put("sales/year=2011/data.json", b"hello").unwrap();
    assert_eq!(meta.etag, "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(store.get("sales/year=2011/data.json").unwrap(), b"hello");
    assert_eq!(
        store
            .backend
            .head_object(BUCKET, "sales/year=2011/data.json")
            .unwrap(),
        meta
    );
    assert!(matches!(
        store.get("sales/year=2011"),
        Err(StorageError::NoSuchKey(_))
    ));
    assert!(matches!(
        store.get("sales/year=2011/data.json/x"),
        Err(StorageError::NoSuchKey(_))
    ));
    assert!(matches!(
        store.backend.open_object("no-such-bucket", "a"),
        Err(StorageError::NoSuchBucket(_))
    ));
}

#[test]
fn the_folder_can_be_read_directly() {
    let store = Store::new();
    store.put("a/b.json", b"one").unwrap();
    assert_eq!(fs::read(store.path("bronze/a/b.json")).unwrap(), b"one");
    // The links are relative: the folder can be moved.
    let target = fs::read_link(store.path("bronze/a/b.json")).unwrap();
    assert!(target.starts_with("../../.objects"), "{}", target.display());
    assert!(
        fs::metadata(store.path("bronze/a/b.json"))
            .unwrap()
            .permissions()
            .readonly()
    );
}

#[test]
fn a_replaced_object_leaves_nothing_behind_and_open_readers_read_on() {
    let store = Store::new();
    store.put("a", b"old").unwrap();
    let mut open = store.backend.open_object(BUCKET, "a").unwrap();
    store.put("a", b"newer").unwrap();
    let mut text = String::new();
    open.file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "old");
    assert_eq!(store.get("a").unwrap(), b"newer");
    assert_eq!(store.blobs(), 1);
    store.delete("a");
    store.delete("a");
    assert_eq!(store.blobs(), 0);
}

#[test]
fn readers_see_one_object_or_the_other_while_it_is_replaced() {
    let store = Store::new();
    let write = |byte: u8| {
        store
            .put("p/a", &vec![byte; 100_000 + usize::from(byte)])
            .unwrap()
    };
    write(1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut reads = 0;
                    while !done.load(Ordering::Relaxed) {
                        let bytes = store.get("p/a").unwrap();
                        let first = bytes[0];
                        assert_eq!(bytes.len(), 100_000 + usize::from(first));
                        assert!(bytes.iter().all(|byte| *byte == first), "a torn read");
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        for round in 0..300_u32 {
            write(u8::try_from(round % 200).unwrap() + 1);
        }
        done.store(true, Ordering::Relaxed);
        let reads: u32 = readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum();
        assert!(reads > 0);
    });
    assert_eq!(store.blobs(), 1);
}

#[test]
fn a_copy_is_whole_and_independent() {
    let store = Store::new();
    store.put("from", b"one").unwrap();
    let copy = |to: &str| {
        let (staged, mut meta) = store
            .backend
            .stage_copy(BUCKET, "from", |_| Ok::<(), StorageError>(()))
            .unwrap();
        meta.key = to.to_owned();
        store
            .backend
            .publish(BUCKET, to, staged, &meta, &Condition::None)
            .unwrap();
    };
    copy("to/a");
    store.put("from", b"two").unwrap();
    assert_eq!(store.get("to/a").unwrap(), b"one");
    copy("to/a");
    store.delete("from");
    assert_eq!(store.get("to/a").unwrap(), b"two");
    assert_eq!(store.blobs(), 1);
}

#[test]
fn one_of_eight_wins_a_conditional_write() {
    let store = Store::new();
    for round in 0..20 {
        let key = format!("round/{round}");
        let race = |condition: &Condition| {
            let barrier = Barrier::new(8);
            thread::scope(|scope| {
                let writers: Vec<_> = (0..8_u8)
                    .map(|writer| {
                        let (key, barrier, store) = (&key, &barrier, &store);
                        scope.spawn(move || {
                            barrier.wait();
                            match store.put_if(key, &[writer; 1000], condition) {
                                Ok(_) => Some(writer),
                                Err(StorageError::PreconditionFailed) => None,
                                Err(other) => panic!("{other}"),
                            }
                        })
                    })
                    .collect();
                writers
                    .into_iter()
                    .filter_map(|writer| writer.join().unwrap())
                    .collect::<Vec<_>>()
            })
        };
        let winners = race(&Condition::IfAbsent);
        assert_eq!(winners.len(), 1);
        assert_eq!(store.get(&key).unwrap(), [winners[0]; 1000]);

        store.put(&key, b"start").unwrap();
        let etag = store.backend.head_object(BUCKET, &key).unwrap().etag;
        let winners = race(&Condition::IfMatch(etag));
        assert_eq!(winners.len(), 1);
        assert_eq!(store.get(&key).unwrap(), [winners[0]; 1000]);
    }
    assert_eq!(store.blobs(), 20, "losers leave nothing");
}

#[test]
fn conditions_name_what_is_missing() {
    let store = Store::new();
    let missing = store.put_if("a", b"x", &Condition::IfMatch("0".to_owned()));
    assert!(matches!(missing, Err(StorageError::NoSuchKey(_))));
    store.put_if("a", b"x", &Condition::IfAbsent).unwrap();
    let stale = store.put_if("a", b"y", &Condition::IfMatch("0".to_owned()));
    assert!(matches!(stale, Err(StorageError::PreconditionFailed)));
    assert_eq!(store.get("a").unwrap(), b"x");
}

#[test]
fn puts_and_deletes_of_neighbours_do_not_disturb_each_other() {
    let store = Store::new();
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..300 {
                    let key = format!("deep/er/folder/{writer}");
                    store.put(&key, format!("{round}").as_bytes()).unwrap();
                    assert_eq!(store.get(&key).unwrap(), format!("{round}").as_bytes());
                    store.delete(&key);
                    assert!(matches!(store.get(&key), Err(StorageError::NoSuchKey(_))));
                }
            });
        }
    });
    assert_eq!(store.blobs(), 0);
    assert_eq!(
        fs::read_dir(store.path("bronze")).unwrap().count(),
        0,
        "empty folders go"
    );
}

#[test]
fn no_key_reaches_outside_its_bucket() {
    let store = Store::new();
    fs::write(
        store
            .folder
            .path()
            .parent()
            .unwrap()
            .join("outside-of-the-store"),
        "x",
    )
    .ok();
    for key in [
        "../silver/a",
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "./a",
        "b//c",
        "a/",
        "//",
        "x/..",
        "y/.",
        "%2E%2E/a",
        ".objects/00/x",
        "a\\..\\b",
        "50%",
        "new\nline",
        "ключ/キー",
    ] {
        store.put(key, key.as_bytes()).unwrap();
        assert_eq!(store.get(key).unwrap(), key.as_bytes(), "{key:?}");
    }
    let mut listed = store.list("", None, 3);
    assert!(listed.is_sorted());
    assert_eq!(listed.len(), 16);
    let top: Vec<_> = fs::read_dir(store.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        top.len(),
        4,
        "marker, objects, uploads, one bucket: {top:?}"
    );
    for key in listed.drain(..) {
        store.delete(&key);
    }
    assert_eq!(fs::read_dir(store.path("bronze")).unwrap().count(), 0);

    for bucket in [
        "..", ".objects", ".uploads", "a", "a/b", "../x", "", "Upper", "a..b",
    ] {
        assert!(matches!(
            store.backend.create_bucket(bucket),
            Err(StorageError::InvalidBucketName(_))
        ));
        assert!(matches!(
            store.backend.open_object(bucket, "x"),
            Err(StorageError::NoSuchBucket(_))
        ));
    }
}

#[test]
fn keys_that_cannot_be_files_are_refused_and_change_nothing() {
    let store = Store::new();
    store.put("a", b"x").unwrap();
    store.put("folder/b", b"y").unwrap();
    for key in ["a/b", "a/b/c", "folder"] {
        let refused = store.put(key, b"z");
        assert!(
            matches!(refused, Err(StorageError::KeyClash { .. })),
            "{key}: {refused:?}"
        );
    }
    let long = store.put(&format!("a-{}", "x".repeat(300)), b"z");
    assert!(matches!(long, Err(StorageError::KeyTooLong(_))));
    assert_eq!(store.list("", None, 10), ["a", "folder/b"]);
    assert_eq!(store.blobs(), 2);
    // A folder that holds no key is in nobody's way.
    fs::create_dir_all(store.path("bronze/empty/folder")).unwrap();
    store.put("empty", b"z").unwrap();
    assert_eq!(store.get("empty").unwrap(), b"z");
}

#[test]
fn files_of_others_are_no_objects_and_are_not_overwritten() {
    let store = Store::new();
    fs::write(store.path("bronze/mine.csv"), "precious").unwrap();
    symlink("/etc/hostname", store.path("bronze/link")).unwrap();
    for key in ["mine.csv", "link"] {
        assert!(
            matches!(store.get(key), Err(StorageError::NotOurs(_))),
            "{key}"
        );
        assert!(
            matches!(store.put(key, b"x"), Err(StorageError::NotOurs(_))),
            "{key}"
        );
        assert!(matches!(
            store.backend.delete_object(BUCKET, key),
            Err(StorageError::NotOurs(_))
        ));
    }
    assert_eq!(store.list("", None, 10), Vec::<String>::new());
    assert_eq!(
        fs::read(store.path("bronze/mine.csv")).unwrap(),
        b"precious"
    );
}

#[test]
fn what_a_crash_left_is_swept_and_what_counts_is_kept() {
    let store = Store::new();
    store.put("a/kept", b"x").unwrap();
    // A write that never ended, one that never became visible, and one that was just replaced.
    let mut unfinished = store
        .backend
        .stage()
        .unwrap()
        .writer(&Default::default())
        .unwrap();
    unfinished.write(b"half").unwrap();
    std::mem::forget(unfinished);
    std::mem::forget(store.backend.stage().unwrap());
    store.put("a/gone", b"y").unwrap();
    fs::remove_file(store.path("bronze/a/gone")).unwrap();
    assert_eq!(store.blobs(), 4);
    let store = store.reopen();
    assert_eq!(store.blobs(), 1);
    assert_eq!(store.get("a/kept").unwrap(), b"x");
    assert_eq!(store.list("", None, 10), ["a/kept"]);
}

#[test]
fn one_server_per_folder_and_no_folder_of_others() {
    let store = Store::new();
    let second = Backend::open(store.folder.path(), Options::default());
    assert!(matches!(second.err(), Some(StorageError::FolderLocked)));
    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("thesis.tex"), "text").unwrap();
    let refused = Backend::open(foreign.path(), Options::default());
    assert!(matches!(refused.err(), Some(StorageError::FolderForeign)));
    assert_eq!(
        fs::read_dir(foreign.path()).unwrap().count(),
        1,
        "nothing was made there"
    );
    assert!(matches!(
        store.backend.create_bucket(BUCKET),
        Err(StorageError::BucketExists(_))
    ));
    assert_eq!(store.backend.list_buckets().unwrap()[0].0, BUCKET);
}

#[test]
fn flushing_to_the_disk_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::open(folder.path(), Options { fsync: true }).unwrap();
    backend.create_bucket(BUCKET).unwrap();
    let store = Store { backend, folder };
    store.put("a/b/c", b"x").unwrap();
    store.put("a/b/c", b"y").unwrap();
    assert_eq!(store.get("a/b/c").unwrap(), b"y");
}
