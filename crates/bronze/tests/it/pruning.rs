//! What the source no longer has.

use std::time::Duration;

use lakehouse_testkit::{Fault, FaultyStore};

use crate::concurrent::wait_for;
use crate::fixture::{Shop, arguments};

#[test]
fn what_the_source_no_longer_has_stays_unless_pruned() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    shop.take_away("b.json");
    let kept = shop.done(&[]);
    assert_eq!(kept["datasets"]["orders"]["files_kept"], 1);
    assert_eq!(kept["objects_written"], 0);
    assert_eq!(shop.partition(), before);

    let pruned = shop.done(&["--prune"]);
    assert_eq!(pruned["datasets"]["orders"]["files_pruned"], 1, "{pruned}");
    // Another run may be about to name what is so young.
    assert_eq!(pruned["datasets"]["orders"]["objects_swept"], 0);
    assert_eq!(pruned["datasets"]["orders"]["objects_left"], 1);
    assert_eq!(shop.partition().len(), before.len());
    shop.age();
    let swept = shop.done(&["--prune"]);
    assert_eq!(swept["datasets"]["orders"]["objects_swept"], 1, "{swept}");
    assert_eq!(swept["datasets"]["orders"]["objects_left"], 0);
    let after = shop.partition();
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        ["2024-01-15/a.json", "2024-01-15/c.json", "_manifest.json"]
    );
    assert_eq!(shop.manifest()["files"].as_array().unwrap().len(), 2);
    let again = shop.done(&["--prune"]);
    assert_eq!(again["datasets"]["orders"]["objects_swept"], 0);
    assert_eq!(again["objects_written"], 0);
}

#[test]
fn pruning_sweeps_superseded_deliveries_and_leaves_other_days_alone() {
    let shop = Shop::with_day();
    shop.done(&[]);
    shop.env
        .write("source/orders/2024-01-16/a.json", "tomorrow");
    shop.env
        .stage(
            "bronze",
            &[
                "--pipeline",
                "shop",
                "--date",
                "2024-01-16",
                "--dataset",
                "orders",
            ],
        )
        .expect_code(0);
    let tomorrow =
        crate::fixture::objects(&shop.server, "bronze/shop/orders/year=2024/month=01/day=16");
    shop.deliver("a.json", "second");
    shop.done(&[]);
    assert_eq!(shop.partition().len(), 5);
    shop.age();
    shop.done(&["--prune"]);
    let partition = shop.partition();
    assert_eq!(partition.len(), 4, "{:?}", partition.keys());
    assert_eq!(partition[&shop.object_of("2024-01-15/a.json")], b"second");
    assert_eq!(
        crate::fixture::objects(&shop.server, "bronze/shop/orders/year=2024/month=01/day=16"),
        tomorrow
    );
}

#[test]
fn a_day_is_not_pruned_to_nothing() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    std::fs::remove_dir_all(shop.env.path("source/orders/2024-01-15")).unwrap();
    let outcome = shop.bronze(&["--prune"]);
    outcome.expect_code(0);
    assert!(outcome.stderr.contains("nothing is pruned"), "{outcome}");
    assert_eq!(shop.partition(), before);
}

#[test]
fn a_delete_that_arrives_late_takes_nothing_that_another_run_counts_on() {
    let mut shop = Shop::with_day();
    let first = "{\"order_id\":\"1\"}\n";
    shop.done(&[]);
    shop.deliver("a.json", "second");
    shop.done(&[]);
    // A sweep has judged the first delivery, which nothing names; its delete is still under way.
    shop.age();
    let proxy = FaultyStore::in_front_of(shop.server.socket_address());
    shop.env.set("AWS_ENDPOINT_URL", proxy.endpoint());
    proxy.queue_for("DELETE", "a.json", Fault::Hold);
    let mut sweep = shop.env.spawn("lake-bronze", &arguments(&["--prune"]));
    wait_for(&proxy);
    // Meanwhile the first delivery comes back, and is done.
    shop.deliver("a.json", first);
    shop.done(&[]);
    let object = shop.object_of("2024-01-15/a.json");
    assert_eq!(shop.partition()[&object], first.as_bytes());
    proxy.release();
    let status = sweep.wait_for(Duration::from_secs(60)).expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(
        !shop.partition().contains_key("2024-01-15/a.json"),
        "the delete has arrived"
    );
    let partition = shop.partition();
    for file in shop.manifest()["files"].as_array().unwrap() {
        let object = file["object"].as_str().unwrap();
        assert!(partition.contains_key(object), "{object} is named and gone");
    }
    assert_eq!(partition[&object], first.as_bytes());
    // Sending it under another name has made nothing that does not settle.
    assert_eq!(shop.done(&[])["objects_written"], 0);
}

#[test]
fn what_a_killed_run_has_just_sent_is_counted_on_and_what_is_old_is_not() {
    let shop = Shop::with_day();
    shop.done(&[]);
    shop.deliver("a.json", "second");
    shop.done(&[]);
    shop.deliver("a.json", "{\"order_id\":\"1\"}\n");
    // Young: the object of the first delivery is there, and nobody removes it.
    let report = shop.done(&[]);
    assert_eq!(report["datasets"]["orders"]["files_reused"], 1, "{report}");
    assert_eq!(shop.object_of("2024-01-15/a.json"), "2024-01-15/a.json");
    // Old: it is sent again.
    shop.age();
    shop.deliver("a.json", "second");
    let report = shop.done(&[]);
    assert_eq!(
        report["datasets"]["orders"]["files_uploaded"], 1,
        "{report}"
    );
    assert_eq!(
        shop.partition()[&shop.object_of("2024-01-15/a.json")],
        b"second"
    );
}
