//! Listings: all keys, once each, in order, whatever they are called.

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use lakehouse_store::{Location, ObjectInfo, PutOptions};

use crate::Scope;

async fn put_all(scope: &Scope, names: &[String]) {
    futures::stream::iter(names.to_vec())
        .map(|name| {
            let (store, address) = (scope.store.clone(), scope.object(&name));
            async move {
                store
                    .put_bytes(&address, Bytes::from(name), &PutOptions::default())
                    .await
            }
        })
        .buffer_unordered(16)
        .try_for_each(|_| async { Ok(()) })
        .await
        .expect("all are written");
}

fn names(location: &Location, objects: &[ObjectInfo]) -> Vec<String> {
    objects
        .iter()
        .map(|object| {
            location
                .relative(&object.address)
                .expect("below")
                .to_owned()
        })
        .collect()
}

pub async fn more_than_a_page(scope: Scope) {
    let mut written: Vec<String> = (0..1_203)
        .map(|number| format!("day={:02}/{number:05}", number % 30))
        .collect();
    put_all(&scope, &written).await;
    written.sort();
    let before = scope.store.counters().listings;
    let listed = scope.store.list(&scope.location).await.expect("a listing");
    assert_eq!(names(&scope.location, &listed), written);
    assert!(
        scope.store.counters().listings - before >= 2,
        "more than a thousand keys are two pages"
    );
    assert!(
        listed
            .iter()
            .all(|object| object.size_bytes == 12 && !object.etag.contains('"'))
    );
    assert!(
        listed.iter().all(|object| object.sha256.is_none()),
        "a listing knows no metadata"
    );

    let begun = scope
        .store
        .list_prefix(&scope.location, "day=1")
        .await
        .expect("a listing");
    let expected: Vec<String> = written
        .iter()
        .filter(|name| name.starts_with("day=1"))
        .cloned()
        .collect();
    assert_eq!(names(&scope.location, &begun), expected);

    let day = scope.location.child("day=07");
    let expected: Vec<String> = written
        .iter()
        .filter_map(|name| name.strip_prefix("day=07/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        names(&day, &scope.store.list(&day).await.expect("a listing")),
        expected
    );

    let mut stream = scope.store.list_stream(&scope.location);
    for name in written.iter().take(3) {
        let object = stream.next().await.expect("more").expect("no error");
        assert_eq!(
            scope.location.relative(&object.address),
            Some(name.as_str())
        );
    }
    assert_eq!(
        scope
            .store
            .list(&scope.location.child("day=99"))
            .await
            .expect("a listing"),
        []
    );
}

pub async fn odd_keys(scope: Scope) {
    let mut odd: Vec<String> = [
        "plain",
        "with space",
        " leading and trailing ",
        "two  spaces",
        "plus+plus",
        "percent%20",
        "percent%",
        "a&b=c;d",
        "quote'\"quote",
        "<angle>",
        "hash#question?",
        "tilde~(brackets)[square]{curly}!$*,@:",
        "umlaut-äöü",
        "combining-a\u{308}",
        "emoji-🦆",
        "漢字/かな",
        "date=2011-08-12T00:00:00+00:00",
        "deep/er/and/deep er/x.json",
    ]
    .map(str::to_owned)
    .into();
    put_all(&scope, &odd).await;
    odd.sort();
    let listed = scope.store.list(&scope.location).await.expect("a listing");
    assert_eq!(names(&scope.location, &listed), odd);
    for name in &odd {
        let address = scope.object(name);
        let (info, bytes) = scope
            .store
            .get_bytes(&address)
            .await
            .expect(name)
            .expect(name);
        assert_eq!(bytes, name.as_bytes());
        let copy = scope.location.child("copies").object(name);
        scope
            .store
            .copy(&address, &info.etag, &copy)
            .await
            .expect(name);
        assert_eq!(
            scope
                .store
                .get_bytes(&copy)
                .await
                .expect(name)
                .expect(name)
                .1,
            name.as_bytes()
        );
        let prefix = scope
            .store
            .list_prefix(&scope.location, name)
            .await
            .expect(name);
        assert!(
            names(&scope.location, &prefix).contains(name),
            "{name} is not found by its own name"
        );
        scope.store.delete(&address).await.expect(name);
    }
    let left = names(
        &scope.location,
        &scope.store.list(&scope.location).await.expect("a listing"),
    );
    assert!(
        left.iter().all(|name| name.starts_with("copies/")),
        "{left:?}"
    );
    assert_eq!(left.len(), odd.len());
}
