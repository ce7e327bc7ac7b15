//! Writes that depend on what is there: one wins, the others know that they have lost.

use bytes::Bytes;
use lakehouse_store::{Condition, ObjectAddress, ObjectStore, PutOptions, StoreError, Written};

use crate::Scope;

const WRITERS: usize = 8;
const ROUNDS: usize = 10;

fn options(condition: Condition) -> PutOptions {
    PutOptions {
        condition,
        ..PutOptions::default()
    }
}

/// Eight write at once, each its own content; the winners come back, all others must have met
/// the condition.
async fn race(
    store: &ObjectStore,
    address: &ObjectAddress,
    condition: &Condition,
    round: usize,
) -> Vec<(String, Written)> {
    let attempts = (0..WRITERS).map(|writer| {
        let (store, address, options) =
            (store.clone(), address.clone(), options(condition.clone()));
        tokio::spawn(async move {
            let content = format!("round {round} writer {writer}");
            let result = store
                .put_bytes(&address, Bytes::from(content.clone()), &options)
                .await;
            (content, result)
        })
    });
    let mut winners = Vec::new();
    for attempt in futures::future::join_all(attempts).await {
        match attempt.expect("no panic") {
            (content, Ok(written)) => winners.push((content, written)),
            (_, Err(StoreError::PreconditionFailed { .. })) => {}
            (content, Err(error)) => panic!("{content}: {error:?}"),
        }
    }
    winners
}

pub async fn one_of_eight_creates(scope: Scope) {
    for round in 0..ROUNDS {
        let address = scope.object(&format!("round-{round}"));
        let winners = race(&scope.store, &address, &Condition::IfAbsent, round).await;
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let (info, bytes) = scope
            .store
            .get_bytes(&address)
            .await
            .expect("a read")
            .expect("an object");
        assert_eq!(bytes, winners[0].0);
        assert_eq!(info.etag, winners[0].1.etag);
    }
}

pub async fn one_of_eight_replaces(scope: Scope) {
    let address = scope.object("replaced");
    let mut etag = scope
        .store
        .put_bytes(
            &address,
            Bytes::from_static(b"first"),
            &PutOptions::default(),
        )
        .await
        .expect("a write")
        .etag;
    for round in 0..ROUNDS {
        let winners = race(
            &scope.store,
            &address,
            &Condition::IfMatch(etag.clone()),
            round,
        )
        .await;
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let (_, bytes) = scope
            .store
            .get_bytes(&address)
            .await
            .expect("a read")
            .expect("an object");
        assert_eq!(bytes, winners[0].0);
        etag.clone_from(&winners[0].1.etag);
    }
}

pub async fn stale_and_missing_are_told_apart(scope: Scope) {
    let store = &scope.store;
    let address = scope.object("a");
    let content = Bytes::from_static(b"second");
    let first = store
        .put_bytes(
            &address,
            Bytes::from_static(b"first"),
            &PutOptions::default(),
        )
        .await
        .expect("a write");
    let matching = options(Condition::IfMatch(first.etag.clone()));
    store
        .put_bytes(&address, content.clone(), &matching)
        .await
        .expect("it matches");
    for condition in [Condition::IfMatch(first.etag.clone()), Condition::IfAbsent] {
        let error = store
            .put_bytes(
                &address,
                Bytes::from_static(b"third"),
                &options(condition.clone()),
            )
            .await
            .expect_err("stale");
        assert!(
            matches!(&error, StoreError::PreconditionFailed { address: named } if *named == address.to_string()),
            "{condition:?}: {error:?}"
        );
    }
    assert_eq!(
        store
            .get_bytes(&address)
            .await
            .expect("a read")
            .expect("an object")
            .1,
        content
    );

    let missing = scope.object("missing");
    let error = store
        .put_bytes(&missing, content, &matching)
        .await
        .expect_err("nothing to match");
    assert!(matches!(error, StoreError::NotFound { .. }), "{error:?}");
    assert_eq!(store.head(&missing).await.expect("a head"), None);
}
