//! A source file that comes again with other bytes.

use lakehouse_store::{redelivered_name, sha256_of_bytes};

use crate::fixture::Shop;

#[test]
fn other_bytes_are_stored_beside_the_first_and_the_manifest_says_which_count() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let first = shop.partition();
    let content = b"{\"order_id\":\"1\",\"units\":2}\n";
    shop.deliver("a.json", content);
    let report = shop.done(&[]);
    assert_eq!(report["datasets"]["orders"]["files_uploaded"], 1);
    let name = redelivered_name("2024-01-15/a.json", &sha256_of_bytes(content));
    assert!(
        name.starts_with("2024-01-15/a.") && name.len() == "2024-01-15/a.json".len() + 13,
        "{name}"
    );
    let second = shop.partition();
    assert_eq!(second[&name], content);
    assert_eq!(
        second["2024-01-15/a.json"], first["2024-01-15/a.json"],
        "the first is untouched"
    );
    assert_eq!(shop.object_of("2024-01-15/a.json"), name);
    assert_eq!(shop.manifest()["files"].as_array().unwrap().len(), 3);
    assert_eq!(shop.done(&[])["objects_written"], 0);
}

#[test]
fn bytes_that_were_there_before_are_not_sent_again() {
    let shop = Shop::with_day();
    shop.done(&[]);
    shop.deliver("a.json", "second");
    shop.done(&[]);
    shop.deliver("a.json", "{\"order_id\":\"1\"}\n");
    let third = shop.done(&[]);
    assert_eq!(third["datasets"]["orders"]["files_uploaded"], 0, "{third}");
    assert_eq!(third["datasets"]["orders"]["files_reused"], 1);
    assert_eq!(shop.object_of("2024-01-15/a.json"), "2024-01-15/a.json");
}

#[test]
fn a_source_file_with_the_name_of_a_redelivery_loses_nothing() {
    let shop = Shop::with_day();
    let content = b"second";
    let name = redelivered_name("a.json", &sha256_of_bytes(content));
    shop.deliver(&name, "somebody else's");
    shop.done(&[]);
    shop.deliver("a.json", content);
    shop.done(&[]);
    let partition = shop.partition();
    assert_eq!(partition[&format!("2024-01-15/{name}")], b"somebody else's");
    assert_eq!(partition[&shop.object_of("2024-01-15/a.json")], content);
}

#[test]
fn an_object_that_somebody_else_put_there_is_not_overwritten() {
    let shop = Shop::with_day();
    shop.done(&[]);
    let before = shop.partition();
    crate::prefix::put(
        &shop,
        &format!(
            "s3://bronze/{}/2024-01-15/d.json",
            crate::fixture::PARTITION
        ),
        b"foreign",
    );
    shop.deliver("d.json", "ours");
    shop.done(&[]);
    let after = shop.partition();
    assert_eq!(after["2024-01-15/d.json"], b"foreign");
    assert_eq!(after[&shop.object_of("2024-01-15/d.json")], b"ours");
    for (name, content) in before.iter().filter(|(name, _)| *name != "_manifest.json") {
        assert_eq!(after[name], *content);
    }
}
