//! Listings: the byte order of full keys, whatever the prefix, delimiter and page size; and a
//! cost that depends on the prefix alone.

mod common;

use std::collections::BTreeSet;

use common::Store;
use proptest::prelude::*;

/// What S3 says a listing is: filter, then roll up, in byte order.
fn model(
    keys: &BTreeSet<String>,
    prefix: &str,
    delimiter: Option<&str>,
    start_after: Option<&str>,
) -> Vec<String> {
    let mut listed: Vec<String> = keys
        .iter()
        .filter(|key| key.starts_with(prefix))
        .filter(|key| start_after.is_none_or(|after| key.as_str() > after))
        .map(|key| {
            let rolled = delimiter.and_then(|delimiter| {
                let end = key[prefix.len()..].find(delimiter)? + delimiter.len();
                Some(key[..prefix.len() + end].to_owned())
            });
            rolled.unwrap_or_else(|| key.clone())
        })
        .collect();
    listed.dedup();
    listed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_listing_is_that_of_the_model(
        wanted in prop::collection::vec("[ab.!0=%/é]{1,6}", 1..25),
        deleted in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        prefixes in prop::collection::vec("[ab.!/=]{0,3}", 4),
        after in "[ab.!/0]{0,4}",
        limit in 1_usize..5,
    ) {
        let store = Store::new();
        let mut keys = BTreeSet::new();
        for key in wanted {
            // A key below another key is refused; the model is what was taken.
            if store.put(&key, b"").is_ok() {
                keys.insert(key);
            }
        }
        for index in deleted {
            if let Some(key) = keys.iter().nth(index.index(keys.len().max(1))).cloned() {
                store.delete(&key);
                keys.remove(&key);
            }
        }
        for prefix in &prefixes {
            for delimiter in [None, Some("/"), Some("="), Some("a/")] {
                for start_after in [None, Some(after.as_str())] {
                    let expected = model(&keys, prefix, delimiter, start_after);
                    for limit in [limit, 1000] {
                        prop_assert_eq!(
                            &store.list_after(prefix, delimiter, limit, start_after),
                            &expected,
                            "prefix {:?} delimiter {:?} after {:?} limit {} of {:?}",
                            prefix, delimiter, start_after, limit, &keys
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_page_of_none_is_empty() {
    let store = Store::new();
    store.put("a", b"").unwrap();
    let page = store
        .backend
        .list_objects(common::BUCKET, &Default::default())
        .unwrap();
    assert!(page.entries.is_empty() && page.next.is_none());
}

#[test]
fn folders_that_hold_no_object_are_no_prefixes() {
    let store = Store::new();
    store.put("a/b/c", b"").unwrap();
    std::fs::create_dir_all(store.path("bronze/empty/deep")).unwrap();
    assert_eq!(store.list("", Some("/"), 10), ["a/"]);
    assert_eq!(store.list("", None, 10), ["a/b/c"]);
}

#[test]
fn a_days_listing_reads_the_same_folders_with_a_year_beside_it() {
    let store = Store::new();
    let day =
        |month: u32, day: u32| format!("sales/orders/year=2011/month={month:02}/day={day:02}/");
    let fill = |month: u32| {
        for of_month in 1..=28 {
            for file in 0..2 {
                store
                    .put(&format!("{}{file}.json", day(month, of_month)), b"{}")
                    .unwrap();
            }
        }
    };
    let cost = |prefix: &str, delimiter: Option<&str>| {
        let before = store.backend.folder_reads();
        let listed = store.list(prefix, delimiter, 1000);
        (listed, store.backend.folder_reads() - before)
    };
    fill(8);
    let month_beside = cost(&day(8, 12), None);
    let month_beside_rolled = cost(&day(8, 12), Some("/"));
    for month in (1..=12).filter(|month| *month != 8) {
        fill(month);
    }
    let year_beside = cost(&day(8, 12), None);
    assert_eq!(year_beside.0.len(), 2);
    assert_eq!(month_beside, year_beside);
    assert_eq!(year_beside.1, 1, "one folder");
    assert_eq!(cost(&day(8, 12), Some("/")), month_beside_rolled);
    // A partial name reads the one folder that has the candidates, and those that match.
    assert_eq!(
        cost("sales/orders/year=2011/month=08/day=1", None).1,
        1 + 10
    );
    // The months of a year: the year's folder, and one object of each month.
    let months = cost("sales/orders/year=2011/", Some("/"));
    assert_eq!(months.0.len(), 12);
    assert_eq!(months.1, 1 + 12 * 2);
    // A page does not read what lies behind it.
    let first = lake_local_s3::storage::ListRequest {
        prefix: "sales/".to_owned(),
        limit: 1,
        ..Default::default()
    };
    let before = store.backend.folder_reads();
    store.backend.list_objects(common::BUCKET, &first).unwrap();
    assert!(store.backend.folder_reads() - before <= 6);
}
