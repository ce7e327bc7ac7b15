//! What bronze promises: a copy, byte for byte, and nothing twice.

use crate::fixture::{Shop, set_time};

#[test]
fn files_are_copied_byte_for_byte_with_their_provenance() {
    let shop = Shop::with_day();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    shop.deliver("binary \u{fc}+%.json", &bytes);
    shop.done(&[]);
    let partition = shop.partition();
    assert_eq!(partition.len(), 5, "{:?}", partition.keys());
    assert_eq!(partition["2024-01-15/a.json"], b"{\"order_id\":\"1\"}\n");
    assert_eq!(partition["2024-01-15/c.json"], b"");
    let manifest = shop.manifest();
    assert_eq!(manifest["version"], 1);
    assert_eq!(manifest["dataset"], "orders");
    let file = &manifest["files"][3];
    assert_eq!(file["source_name"], "2024-01-15/c.json");
    assert_eq!(file["size_bytes"], 0);
    assert_eq!(
        file["sha256"],
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(file["modified_at"], "2024-01-15T06:26:40Z");
    assert_eq!(
        manifest["files"][2]["source_name"],
        "2024-01-15/binary \u{fc}+%.json"
    );
    assert!(partition.values().any(|content| *content == bytes));
}

#[test]
fn large_files_go_in_parts_and_arrive_whole() {
    let shop = Shop::new();
    let content = lakehouse_testkit::noise(1, 21 * 1024 * 1024 + 7);
    shop.deliver("large.json", &content);
    let report = shop.done(&[]);
    assert!(shop.partition()["2024-01-15/large.json"] == content);
    assert_eq!(
        report["datasets"]["orders"]["bytes_uploaded"],
        content.len()
    );
}

#[test]
fn running_again_writes_nothing() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    let etags = std::fs::metadata(shop.server.data_dir().join("bronze"))
        .unwrap()
        .modified()
        .unwrap();
    let again = shop.done(&[]);
    assert_eq!(again["objects_written"], 0, "{again}");
    assert_eq!(again["bytes_written"], 0);
    assert_eq!(again["objects_read"], 1, "the manifest: {again}");
    let orders = &again["datasets"]["orders"];
    assert_eq!(orders["files_unchanged"], 3);
    assert_eq!(orders["files_uploaded"], 0);
    assert_eq!(orders["manifest"], "unchanged");
    assert_eq!(shop.partition(), before);
    assert_eq!(
        std::fs::metadata(shop.server.data_dir().join("bronze"))
            .unwrap()
            .modified()
            .unwrap(),
        etags
    );
}

#[test]
fn a_file_that_was_only_touched_is_unchanged() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    set_time(
        &shop.env.path("source/orders/2024-01-15/a.json"),
        1_800_000_000,
    );
    let again = shop.done(&[]);
    assert_eq!(again["objects_written"], 0, "{again}");
    assert_eq!(shop.partition(), before);
}

#[test]
fn without_a_manifest_what_is_there_with_the_same_bytes_is_used() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    delete(&shop, "_manifest.json");
    let again = shop.done(&[]);
    assert_eq!(again["datasets"]["orders"]["files_reused"], 3, "{again}");
    assert_eq!(again["datasets"]["orders"]["files_uploaded"], 0);
    assert_eq!(again["objects_written"], 1);
    assert_eq!(shop.partition(), before);
}

#[test]
fn an_object_that_has_vanished_is_sent_again() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    delete(&shop, "2024-01-15/b.json");
    let again = shop.done(&[]);
    assert_eq!(again["datasets"]["orders"]["files_uploaded"], 1, "{again}");
    assert_eq!(again["datasets"]["orders"]["manifest"], "unchanged");
    assert_eq!(shop.partition(), before);
}

#[test]
fn a_day_without_files_is_nothing_or_refused_as_the_dataset_says() {
    let shop = Shop::new();
    let skipped = shop.bronze(&[]);
    skipped.expect_code(99);
    assert_eq!(skipped.report()["outcome"], "nothing");
    assert!(shop.partition().is_empty());
    let refused = shop.env.stage(
        "bronze",
        &[
            "--pipeline",
            "shop",
            "--date",
            "2024-01-15",
            "--dataset",
            "returns",
        ],
    );
    refused.expect_code(1);
    assert!(
        refused
            .stderr
            .contains("`returns` has no source file `2024-01-15-*.json`"),
        "{refused}"
    );
    // Both at once: the worse of the two.
    let both = shop
        .env
        .stage("bronze", &["--pipeline", "shop", "--date", "2024-01-15"]);
    both.expect_code(1);
    assert_eq!(both.report()["datasets"]["orders"]["exit_code"], 99);
    assert_eq!(both.report()["datasets"]["returns"]["exit_code"], 1);
}

#[test]
fn a_day_whose_source_is_gone_can_be_replayed() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    std::fs::remove_dir_all(shop.env.path("source/orders/2024-01-15")).unwrap();
    let again = shop.done(&[]);
    assert_eq!(again["datasets"]["orders"]["files_kept"], 3);
    assert_eq!(again["objects_written"], 0);
    assert_eq!(shop.partition(), before);
}

#[test]
fn links_are_followed_and_folders_and_other_days_left_out() {
    let shop = Shop::with_day();
    let target = shop.env.write("elsewhere.txt", "linked");
    std::os::unix::fs::symlink(&target, shop.env.path("source/orders/2024-01-15/link.json"))
        .unwrap();
    std::fs::create_dir(shop.env.path("source/orders/2024-01-15/folder.json")).unwrap();
    shop.env
        .write("source/orders/2024-01-16/a.json", "tomorrow");
    shop.env
        .write("source/orders/2024-01-15/deep/a.json", "deep");
    let report = shop.done(&[]);
    assert_eq!(report["datasets"]["orders"]["files"], 4);
    assert_eq!(shop.partition()["2024-01-15/link.json"], b"linked");
}

/// Removes an object behind the back of everybody.
pub fn delete(shop: &Shop, name: &str) {
    crate::prefix::with_store(shop, async |store, layout| {
        let partition = layout.bronze_partition(
            &"shop".parse().unwrap(),
            &"orders".parse().unwrap(),
            &crate::fixture::DATE.parse().unwrap(),
        );
        store.delete(&partition.object(name)).await.unwrap();
    });
}
