//! What the source no longer has.

use crate::fixture::Shop;

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
    assert_eq!(pruned["datasets"]["orders"]["objects_swept"], 1);
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
