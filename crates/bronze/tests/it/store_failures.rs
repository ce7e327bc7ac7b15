//! A store that fails: 75, quickly, and the next run converges.

use std::time::{Duration, Instant};

use lakehouse_testkit::{Fault, FaultyStore};

use crate::fixture::Shop;

#[test]
fn a_store_that_is_away_is_said_within_seconds() {
    let mut shop = Shop::with_day();
    shop.server.kill();
    let start = Instant::now();
    let outcome = shop.bronze(&[]);
    let took = start.elapsed();
    outcome.expect_code(75);
    assert!(
        outcome.stderr.contains("cannot reach the store"),
        "{outcome}"
    );
    assert!(outcome.stderr.contains("AWS_ENDPOINT_URL"), "{outcome}");
    assert!(
        outcome.report()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("reach")
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(shop.workspaces().is_empty());
}

#[test]
fn a_store_that_does_not_answer_is_given_up() {
    let mut shop = Shop::with_day();
    let faulty = FaultyStore::in_front_of(shop.server.socket_address());
    shop.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    shop.done(&[]);
    shop.deliver("d.json", "late");
    shop.env
        .set("LAKE_S3_READ_TIMEOUT_SECS", "1")
        .set("AWS_MAX_ATTEMPTS", "2");
    faulty.always_for("PUT", "d.json", Fault::Delay(Duration::from_secs(60)));
    let start = Instant::now();
    let outcome = shop.bronze(&[]);
    outcome.expect_code(75);
    assert!(
        outcome.stderr.contains("did not answer in time"),
        "{outcome}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    assert!(!shop.manifest().to_string().contains("d.json"));
    faulty.heal();
    shop.done(&[]);
    assert_eq!(shop.partition()["2024-01-15/d.json"], b"late");
}

#[test]
fn a_store_that_stumbles_is_asked_again() {
    let mut shop = Shop::with_day();
    let faulty = FaultyStore::in_front_of(shop.server.socket_address());
    shop.env.set("AWS_ENDPOINT_URL", faulty.endpoint());
    faulty
        .queue_for("PUT", "a.json", Fault::Status(503, "SlowDown"))
        .queue_for("PUT", "b.json", Fault::Reset)
        .queue_for("PUT", "c.json", Fault::LostAnswer)
        .queue_for("PUT", "_manifest.json", Fault::LostAnswer);
    let report = shop.done(&[]);
    assert!(report["retries"].as_u64().unwrap() >= 4, "{report}");
    assert_eq!(faulty.waiting(), 0);
    // A write whose answer was lost is recognised as ours: no file has a second name.
    assert_eq!(shop.partition().len(), 4, "{:?}", shop.partition().keys());
}

#[test]
fn a_report_that_cannot_be_kept_does_not_change_how_the_stage_ended() {
    let mut shop = Shop::with_day();
    let faulty = FaultyStore::in_front_of(shop.server.socket_address());
    shop.env
        .set("AWS_ENDPOINT_URL", faulty.endpoint())
        .set("AWS_MAX_ATTEMPTS", "1");
    faulty.always_for("PUT", "_reports", Fault::Status(503, "SlowDown"));
    let outcome = shop.bronze(&[]);
    outcome.expect_code(0);
    assert_eq!(outcome.report()["outcome"], "done");
    assert!(
        outcome.stderr.contains("could not keep the run report"),
        "{outcome}"
    );
}

#[test]
fn a_manifest_that_cannot_be_understood_is_named_and_left_alone() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let address = format!("s3://bronze/{}/_manifest.json", crate::fixture::PARTITION);
    crate::prefix::put(&shop, &address, b"not a manifest");
    let outcome = shop.bronze(&[]);
    outcome.expect_code(2);
    assert!(outcome.stderr.contains(&address), "{outcome}");
    assert_eq!(shop.partition()["_manifest.json"], b"not a manifest");
}
