//! Multipart uploads: whichever way the parts came, the object is their concatenation.

mod common;

use std::fs;

use common::uploads::{PART, assert_object, begin, bytes, is_without_copy, named, plan, upload};
use common::{BUCKET, Store};
use lake_local_s3::storage::{Algorithm, Completion, Condition, PartInfo, StorageError};

#[test]
fn parts_in_any_order_become_one_object() {
    let store = Store::new();
    let data = [bytes(1, PART), bytes(2, PART), bytes(3, 17)];
    for order in [[1, 2, 3], [3, 2, 1], [2, 1, 3], [3, 1, 2]] {
        let id = begin(&store, "big/a");
        let mut parts: Vec<PartInfo> = order
            .iter()
            .map(|number| {
                upload(
                    &store,
                    "big/a",
                    &id,
                    *number,
                    &data[usize::from(*number) - 1],
                )
            })
            .collect();
        parts.sort_by_key(|part| part.number);
        assert!(
            is_without_copy(&store, "big/a", &id, &named(&parts)),
            "{order:?}"
        );
        assert_object(&store, "big/a", &data.concat());
        let meta = store.backend.head_object(BUCKET, "big/a").unwrap();
        assert!(meta.etag.ends_with("-3") && meta.etag.len() == 34);
        assert!(meta.composite && meta.checksums[&Algorithm::Sha256].ends_with("-3"));
        assert!(matches!(
            store
                .backend
                .complete_upload(BUCKET, "big/a", &id, &named(&parts)),
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
    let parts = [
        upload(&store, "zeros", &id, 1, &vec![0; PART]),
        upload(&store, "zeros", &id, 2, b"end"),
    ];
    let meta = store
        .backend
        .complete_upload(BUCKET, "zeros", &id, &named(&parts))
        .unwrap();
    // From hashlib: md5(md5(5 MiB of zeros) + md5("end")), the same with SHA-256.
    assert_eq!(meta.etag, "76b2438ee89d0d54dbb3eb6005874976-2");
    assert_eq!(
        meta.checksums[&Algorithm::Sha256],
        "xiYtHgAzdfvXcr5VSjBUL06UmE66g34EUf1qZzi3Cm4=-2"
    );
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
    store
        .backend
        .complete_upload(BUCKET, "uneven", &id, &named(&parts))
        .unwrap();
    let expected = [
        bytes(1, PART),
        bytes(2, PART + 3),
        bytes(3, PART + 4),
        bytes(4, 1),
    ]
    .concat();
    assert_object(&store, "uneven", &expected);
}

#[test]
fn parts_that_the_object_leaves_out_are_left_out() {
    let store = Store::new();
    let id = begin(&store, "less");
    let parts: Vec<_> = (1..=3)
        .map(|number| upload(&store, "less", &id, number, &bytes(number as u8, PART)))
        .collect();
    store
        .backend
        .complete_upload(BUCKET, "less", &id, &named(&parts[..2]))
        .unwrap();
    assert_object(&store, "less", &[bytes(1, PART), bytes(2, PART)].concat());
}

#[test]
fn completing_is_refused_where_it_does_not_fit() {
    let store = Store::new();
    let id = begin(&store, "picky");
    let first = upload(&store, "picky", &id, 1, &bytes(1, PART));
    let second = upload(&store, "picky", &id, 2, b"small");
    let third = upload(&store, "picky", &id, 3, b"smaller");
    let complete = |completion: Completion| {
        store
            .backend
            .complete_upload(BUCKET, "picky", &id, &completion)
    };
    let with =
        |parts: &[&PartInfo]| named(&parts.iter().map(|&part| part.clone()).collect::<Vec<_>>());

    assert!(matches!(
        complete(with(&[])),
        Err(StorageError::InvalidRequest(_))
    ));
    assert!(matches!(
        complete(with(&[&second, &first])),
        Err(StorageError::InvalidPartOrder)
    ));
    assert!(matches!(
        complete(with(&[&first, &first])),
        Err(StorageError::InvalidPartOrder)
    ));
    assert!(matches!(
        complete(with(&[&first, &second, &third])),
        Err(StorageError::PartTooSmall { number: 2, .. })
    ));
    let mut stale = with(&[&first, &second]);
    stale.parts[0].etag = second.etag();
    assert!(matches!(complete(stale), Err(StorageError::InvalidPart(1))));
    let mut unknown = with(&[&first]);
    unknown.parts[0].number = 7;
    assert!(matches!(
        complete(unknown),
        Err(StorageError::InvalidPart(7))
    ));
    let mut wrong = with(&[&first, &second]);
    wrong.checksums.insert(Algorithm::Sha256, "AAAA".to_owned());
    assert!(matches!(
        complete(wrong),
        Err(StorageError::BadDigest { .. })
    ));
    let mut size = with(&[&first, &second]);
    size.size_bytes = Some(1);
    assert!(matches!(
        complete(size),
        Err(StorageError::InvalidRequest(_))
    ));

    store.put("picky", b"there").unwrap();
    let mut condition = with(&[&first, &second]);
    condition.condition = Condition::IfAbsent;
    assert!(matches!(
        complete(condition),
        Err(StorageError::PreconditionFailed)
    ));
    assert_eq!(store.get("picky").unwrap(), b"there");

    // After all that, the upload is as good as before, and takes another try of a part.
    let second = upload(&store, "picky", &id, 2, b"tail");
    complete(with(&[&first, &second])).unwrap();
    assert_object(
        &store,
        "picky",
        &[bytes(1, PART), b"tail".to_vec()].concat(),
    );
    assert_eq!(store.blobs(), 1);
}

#[test]
fn full_object_checksums_are_of_the_object() {
    let store = Store::new();
    let id = store
        .backend
        .create_upload(plan("crc", Some(Algorithm::Crc64nvme), false))
        .unwrap();
    let parts = [
        upload(&store, "crc", &id, 1, &vec![0; PART]),
        upload(&store, "crc", &id, 2, b"123456789"),
    ];
    let meta = store
        .backend
        .complete_upload(BUCKET, "crc", &id, &named(&parts))
        .unwrap();
    let mut whole = store
        .backend
        .stage()
        .unwrap()
        .writer(&[Algorithm::Crc64nvme].into())
        .unwrap();
    whole.write(&vec![0; PART]).unwrap();
    whole.write(b"123456789").unwrap();
    assert_eq!(meta.checksums, whole.finish().1.checksums);
    assert!(!meta.composite);
}
