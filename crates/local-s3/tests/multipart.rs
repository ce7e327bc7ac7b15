//! Multipart uploads: whichever way the parts came, the object is their concatenation.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;
use std::thread;

use common::{BUCKET, Store};
use lake_local_s3::storage::{
    Algorithm, CompletedPart, Completion, Condition, PartInfo, PartWriter, StorageError, UploadPlan,
};

const MIB: usize = 1024 * 1024;
const PART: usize = 5 * MIB;

fn plan(key: &str, algorithm: Option<Algorithm>, composite: bool) -> UploadPlan {
    UploadPlan {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        attributes: Default::default(),
        algorithm,
        composite,
    }
}

fn begin(store: &Store, key: &str) -> String {
    store.backend.create_upload(plan(key, Some(Algorithm::Sha256), true)).unwrap()
}

fn open(store: &Store, key: &str, id: &str, number: u16, size: usize) -> PartWriter {
    let size = Some(size as u64);
    store.backend.begin_part((BUCKET, key, id), number, size, &BTreeSet::new()).unwrap()
}

fn end(writer: PartWriter) -> PartInfo {
    writer.finish(|_| Ok::<(), StorageError>(())).unwrap()
}

fn upload(store: &Store, key: &str, id: &str, number: u16, bytes: &[u8]) -> PartInfo {
    let mut writer = open(store, key, id, number, bytes.len());
    for piece in bytes.chunks(MIB + 1) {
        writer.write(piece).unwrap();
    }
    end(writer)
}

fn named(parts: &[PartInfo]) -> Completion {
    let parts = parts.iter().map(|part| CompletedPart {
        number: part.number,
        etag: part.etag(),
        checksums: part.checksums.clone(),
    });
    Completion { parts: parts.collect(), ..Default::default() }
}

fn bytes(seed: u8, size: usize) -> Vec<u8> {
    (0..size).map(|at| seed.wrapping_add((at / 7 % 251) as u8)).collect()
}

/// The data of all parts that lie in their places: there is no second copy of it.
fn is_without_copy(store: &Store, key: &str, id: &str, completion: &Completion) -> bool {
    let together = store.path(&format!(".uploads/{id}/together"));
    let inode = fs::metadata(together).map(|file| file.ino()).ok();
    store.backend.complete_upload(BUCKET, key, id, completion).unwrap();
    let object = store.backend.open_object(BUCKET, key).unwrap();
    inode == Some(object.file.metadata().unwrap().ino())
}

#[test]
fn parts_in_any_order_become_one_object() {
    let store = Store::new();
    let data = [bytes(1, PART), bytes(2, PART), bytes(3, 17)];
    for order in [[1, 2, 3], [3, 2, 1], [2, 1, 3], [3, 1, 2]] {
        let id = begin(&store, "big/a");
        let mut parts: Vec<PartInfo> = order
            .iter()
            .map(|number| upload(&store, "big/a", &id, *number, &data[usize::from(*number) - 1]))
            .collect();
        parts.sort_by_key(|part| part.number);
        let (info, listed) = store.backend.list_parts(BUCKET, "big/a", &id).unwrap();
        assert_eq!(listed, parts);
        assert_eq!(info.id, id);
        assert!(is_without_copy(&store, "big/a", &id, &named(&parts)), "{order:?}");
        assert_eq!(store.get("big/a").unwrap(), data.concat(), "{order:?}");
        let meta = store.backend.head_object(BUCKET, "big/a").unwrap();
        assert!(meta.etag.ends_with("-3") && meta.etag.len() == 34);
        assert!(meta.composite && meta.checksums[&Algorithm::Sha256].ends_with("-3"));
        assert!(matches!(
            store.backend.complete_upload(BUCKET, "big/a", &id, &named(&parts)),
            Err(StorageError::NoSuchUpload(_))
        ));
    }
    assert_eq!(store.blobs(), 1);
    assert_eq!(fs::read_dir(store.path(".uploads")).unwrap().count(), 0);
}

#[test]
fn known_values_of_a_multipart_object() {
    let store = Store::new();
    let id = begin(&store, "zeros");
    let parts =
        [upload(&store, "zeros", &id, 1, &vec![0; PART]), upload(&store, "zeros", &id, 2, b"end")];
    let meta = store.backend.complete_upload(BUCKET, "zeros", &id, &named(&parts)).unwrap();
    // From hashlib: md5(md5(5 MiB of zeros) + md5("end")), the same with SHA-256.
    assert_eq!(meta.etag, "76b2438ee89d0d54dbb3eb6005874976-2");
    assert_eq!(meta.checksums[&Algorithm::Sha256], "xiYtHgAzdfvXcr5VSjBUL06UmE66g34EUf1qZzi3Cm4=-2");
}

#[test]
fn parts_of_uneven_sizes_and_gaps_are_concatenated() {
    let store = Store::new();
    let id = begin(&store, "uneven");
    let parts = [
        upload(&store, "uneven", &id, 2, &bytes(1, PART)),
        upload(&store, "uneven", &id, 5, &bytes(2, PART + 3)),
        upload(&store, "uneven", &id, 9, &bytes(3, PART - 3 + 7)),
        upload(&store, "uneven", &id, 10, &bytes(4, 1)),
    ];
    store.backend.complete_upload(BUCKET, "uneven", &id, &named(&parts)).unwrap();
    let expected =
        [bytes(1, PART), bytes(2, PART + 3), bytes(3, PART + 4), bytes(4, 1)].concat();
    assert_eq!(store.get("uneven").unwrap(), expected);
}

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
    let wrong = open(&store, "again", &id, 1, 0)
        .finish(|_| Err(StorageError::BadDigest { what: "SHA256".to_owned() }));
    assert!(wrong.is_err());
    let mut long = open(&store, "again", &id, 3, 3);
    assert!(matches!(long.write(b"four"), Err(StorageError::TooManyBytes { .. })));
    drop(long);
    let mut short = open(&store, "again", &id, 4, 3);
    short.write(b"12").unwrap();
    assert!(short.finish(|_| Ok::<(), StorageError>(())).is_err());

    assert!(is_without_copy(&store, "again", &id, &named(&[first, second])));
    assert_eq!(store.get("again").unwrap(), [bytes(1, PART), b"tail".to_vec()].concat());
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
    store.backend.complete_upload(BUCKET, "slow", &id, &named(&[first, second])).unwrap();
    forgotten.write(&bytes(77, PART - 7)).unwrap();
    assert!(matches!(
        forgotten.finish(|_| Ok::<(), StorageError>(())),
        Err(StorageError::NoSuchUpload(_))
    ));
    assert_eq!(store.get("slow").unwrap(), [bytes(1, PART), bytes(2, PART)].concat());
}

#[test]
fn parts_that_the_object_leaves_out_are_left_out() {
    let store = Store::new();
    let id = begin(&store, "less");
    let parts: Vec<_> =
        (1..=3).map(|number| upload(&store, "less", &id, number, &bytes(number as u8, PART))).collect();
    store.backend.complete_upload(BUCKET, "less", &id, &named(&parts[..2])).unwrap();
    assert_eq!(store.get("less").unwrap(), [bytes(1, PART), bytes(2, PART)].concat());
}

#[test]
fn completing_is_refused_where_it_does_not_fit() {
    let store = Store::new();
    let id = begin(&store, "picky");
    let first = upload(&store, "picky", &id, 1, &bytes(1, PART));
    let second = upload(&store, "picky", &id, 2, b"small");
    let third = upload(&store, "picky", &id, 3, b"smaller");
    let complete =
        |completion: Completion| store.backend.complete_upload(BUCKET, "picky", &id, &completion);
    let with = |parts: &[&PartInfo]| named(&parts.iter().map(|&part| part.clone()).collect::<Vec<_>>());

    assert!(matches!(complete(with(&[])), Err(StorageError::InvalidRequest(_))));
    assert!(matches!(complete(with(&[&second, &first])), Err(StorageError::InvalidPartOrder)));
    assert!(matches!(complete(with(&[&first, &first])), Err(StorageError::InvalidPartOrder)));
    assert!(matches!(
        complete(with(&[&first, &second, &third])),
        Err(StorageError::PartTooSmall { number: 2, .. })
    ));
    let mut stale = with(&[&first, &second]);
    stale.parts[0].etag = second.etag();
    assert!(matches!(complete(stale), Err(StorageError::InvalidPart(1))));
    let mut unknown = with(&[&first]);
    unknown.parts[0].number = 7;
    assert!(matches!(complete(unknown), Err(StorageError::InvalidPart(7))));
    let mut wrong = with(&[&first, &second]);
    wrong.checksums.insert(Algorithm::Sha256, "AAAA".to_owned());
    assert!(matches!(complete(wrong), Err(StorageError::BadDigest { .. })));
    let mut size = with(&[&first, &second]);
    size.size_bytes = Some(1);
    assert!(matches!(complete(size), Err(StorageError::InvalidRequest(_))));

    store.put("picky", b"there").unwrap();
    let mut condition = with(&[&first, &second]);
    condition.condition = Condition::IfAbsent;
    assert!(matches!(complete(condition), Err(StorageError::PreconditionFailed)));
    assert_eq!(store.get("picky").unwrap(), b"there");

    // After all that, the upload is as good as before, and takes another try of a part.
    let second = upload(&store, "picky", &id, 2, b"tail");
    complete(with(&[&first, &second])).unwrap();
    assert_eq!(store.get("picky").unwrap(), [bytes(1, PART), b"tail".to_vec()].concat());
    assert_eq!(store.blobs(), 1);
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
                    store.backend.complete_upload(BUCKET, "race", id, completion).is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(winners, 1);
    assert_eq!(store.backend.list_uploads(BUCKET).unwrap().len(), 7, "losers can be aborted");
}

#[test]
fn full_object_checksums_are_of_the_object() {
    let store = Store::new();
    let id = store.backend.create_upload(plan("crc", Some(Algorithm::Crc64nvme), false)).unwrap();
    let parts = [
        upload(&store, "crc", &id, 1, &vec![0; PART]),
        upload(&store, "crc", &id, 2, b"123456789"),
    ];
    let meta = store.backend.complete_upload(BUCKET, "crc", &id, &named(&parts)).unwrap();
    let mut whole = store.backend.stage().unwrap().writer(&[Algorithm::Crc64nvme].into()).unwrap();
    whole.write(&vec![0; PART]).unwrap();
    whole.write(b"123456789").unwrap();
    assert_eq!(meta.checksums, whole.finish().1.checksums);
    assert!(!meta.composite);
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
    store.backend.abort_upload(BUCKET, "later/a", &dropped).unwrap();
    fs::create_dir(store.path(".uploads/rubbish")).unwrap();

    let store = store.reopen();
    let listed: Vec<_> = store
        .backend
        .list_uploads(BUCKET)
        .unwrap()
        .into_iter()
        .map(|upload| (upload.plan.key, upload.id))
        .collect();
    assert_eq!(listed, [("later/a".to_owned(), other), ("later/b".to_owned(), id.clone())]);
    let second = upload(&store, "later/b", &id, 2, b"tail");
    store.backend.complete_upload(BUCKET, "later/b", &id, &named(&[own, second])).unwrap();
    assert_eq!(store.get("later/b").unwrap(), [bytes(2, PART), b"tail".to_vec()].concat());
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
    store.backend.complete_upload(BUCKET, "done", &id, &named(&[part])).unwrap();
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
                    writers.into_iter().map(|writer| writer.join().unwrap()).collect()
                });
                store.backend.complete_upload(BUCKET, &key, &id, &named(&parts)).unwrap();
                let expected: Vec<u8> = (1..=4_u8)
                    .flat_map(|number| bytes(file * 16 + number, if number == 4 { 99 } else { PART }))
                    .collect();
                assert!(store.get(&key).unwrap() == expected, "{key}");
            });
        }
    });
}
