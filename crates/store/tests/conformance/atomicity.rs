//! Readers see one whole object or another, never a mixture, while writers replace it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use lakehouse_store::{ObjectAddress, PutOptions, sha256_of_bytes};
use lakehouse_testkit::noise;

use crate::Scope;

const SIZE_BYTES: usize = 24 * 1024 * 1024;
const REPLACEMENTS: usize = 20;
const READERS: usize = 3;

/// Reads the object over and over until told to stop. What is read must be one of the two
/// contents, and have the size, ETag and SHA-256 that were announced with it.
fn read_on(
    scope: &Scope,
    address: &ObjectAddress,
    contents: [String; 2],
    stop: &Arc<AtomicBool>,
) -> Readers {
    let reads = Arc::new(AtomicUsize::new(0));
    let tasks = (0..READERS)
        .map(|_| {
            let (store, address, contents) =
                (scope.store.clone(), address.clone(), contents.clone());
            let (stop, reads) = (Arc::clone(stop), Arc::clone(&reads));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let (info, bytes) = store
                        .get_bytes(&address)
                        .await
                        .expect("a whole read")
                        .expect("an object");
                    let sha256 = sha256_of_bytes(&bytes);
                    assert_eq!(bytes.len(), SIZE_BYTES);
                    assert!(contents.contains(&sha256), "a mixture was read");
                    assert_eq!(
                        info.sha256,
                        Some(sha256),
                        "the metadata of another content was read"
                    );
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    Readers { tasks, reads }
}

struct Readers {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    reads: Arc<AtomicUsize>,
}

impl Readers {
    async fn finish(self, stop: &AtomicBool) {
        stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no reader saw anything torn");
        }
        let reads = self.reads.load(Ordering::Relaxed);
        assert!(reads >= READERS, "{reads} reads prove nothing");
    }
}

pub async fn readers_see_whole_puts(scope: Scope) {
    let contents = [1, 2].map(|seed| Bytes::from(noise(seed, SIZE_BYTES)));
    let address = scope.object("object");
    let options = PutOptions::default();
    scope
        .store
        .put_bytes(&address, contents[0].clone(), &options)
        .await
        .expect("a write");
    let stop = Arc::new(AtomicBool::new(false));
    let digests = [sha256_of_bytes(&contents[0]), sha256_of_bytes(&contents[1])];
    let readers = read_on(&scope, &address, digests, &stop);
    for round in 0..REPLACEMENTS {
        let content = contents[(round + 1) % 2].clone();
        scope
            .store
            .put_bytes(&address, content, &options)
            .await
            .expect("a write");
    }
    readers.finish(&stop).await;
}

pub async fn readers_see_whole_multipart_uploads(scope: Scope) {
    let contents = [1, 2].map(|seed| noise(seed, SIZE_BYTES));
    let files = [scope.file("1", &contents[0]), scope.file("2", &contents[1])];
    let address = scope.object("object");
    let options = PutOptions::default();
    scope
        .store
        .put_file(&address, &files[0], &options)
        .await
        .expect("a write");
    let stop = Arc::new(AtomicBool::new(false));
    let digests = [sha256_of_bytes(&contents[0]), sha256_of_bytes(&contents[1])];
    let readers = read_on(&scope, &address, digests, &stop);
    for round in 0..REPLACEMENTS / 2 {
        scope
            .store
            .put_file(&address, &files[(round + 1) % 2], &options)
            .await
            .expect("a write");
    }
    readers.finish(&stop).await;
}

pub async fn readers_see_whole_copies(scope: Scope) {
    let contents = [1, 2].map(|seed| noise(seed, SIZE_BYTES));
    let digests = [sha256_of_bytes(&contents[0]), sha256_of_bytes(&contents[1])];
    let mut sources = Vec::new();
    for (name, content) in ["1", "2"].into_iter().zip(contents) {
        let source = scope.object(name);
        let written = scope
            .store
            .put_bytes(&source, Bytes::from(content), &PutOptions::default())
            .await
            .expect("a write");
        sources.push((source, written.etag));
    }
    let address = scope.object("object");
    scope
        .store
        .copy(&sources[0].0, &sources[0].1, &address)
        .await
        .expect("a copy");
    let stop = Arc::new(AtomicBool::new(false));
    let readers = read_on(&scope, &address, digests, &stop);
    for round in 0..REPLACEMENTS {
        let (source, etag) = &sources[(round + 1) % 2];
        scope
            .store
            .copy(source, etag, &address)
            .await
            .expect("a copy");
    }
    readers.finish(&stop).await;
}
