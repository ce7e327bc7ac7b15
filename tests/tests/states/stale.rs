//! What makes a mart stale that looked at a state, and what a kept state is worth.

use lakehouse_testkit::Server;
use lakehouse_tests::{Lake, assert_same_objects, deliver_library, library_date, library_days};

use crate::{gold, kept_states, lake, partition};

const DAYS: [u64; 4] = [1, 2, 3, 4];

fn stale(lake: &Lake) -> Vec<String> {
    let outcome = lake.stage(
        "gold",
        "library",
        &library_date(9),
        &["--stale", "--dry-run"],
    );
    if outcome.code == Some(99) {
        return Vec::new();
    }
    outcome.expect_code(0);
    let report = outcome.report();
    let written = report["would_write"].as_array().unwrap().clone();
    let mut marts: Vec<String> = written
        .iter()
        .filter_map(|address| {
            let address = address.as_str().unwrap();
            let key = address.strip_suffix("/data.parquet")?;
            let mut parts = key.rsplit('/');
            let day = parts.next()?.strip_prefix("day=")?.to_owned();
            Some(format!("{} {day}", parts.nth(2)?))
        })
        .collect();
    marts.sort();
    marts
}

fn days_of(marts: &[String], mart: &str) -> Vec<String> {
    marts
        .iter()
        .filter_map(|entry| entry.strip_prefix(&format!("{mart} ")))
        .map(str::to_owned)
        .collect()
}

/// A lake with four days, of which the second is still to come.
fn built(server: &Server, prefix: &str, days: &[u64]) -> Lake {
    let lake = lake(server, prefix);
    let delivered = library_days(6);
    for day in days {
        deliver_library(&lake, *day, &delivered[day]);
    }
    let (first, last) = (library_date(1), library_date(4));
    lake.lake(&["run", "library", "--from", &first, "--to", &last])
        .expect_code(0);
    lake
}

fn mart_key(mart: &str, day: u64) -> String {
    let folder = partition(&library_date(day));
    format!("library/{mart}/{folder}/data.parquet")
}

fn member_key(day: u64) -> String {
    let folder = partition(&library_date(day));
    format!("library/members/{folder}/data.parquet")
}

#[test]
fn late_rewritten_and_removed_partitions_are_found() {
    let server = Server::local_s3();
    let whole = built(&server, "whole", &DAYS);
    let lake = built(&server, "lake", &[1, 3, 4]);
    assert_eq!(stale(&lake), [] as [&str; 0]);

    // Late: days from it on see it, and earlier ones do not.
    let late = member_key(2);
    let place = lake.place("silver", &late);
    lake.objects.copy(&whole.place("silver", &late), &place);
    let marts = stale(&lake);
    assert_eq!(
        days_of(&marts, "loan_facts"),
        ["11", "12", "13"],
        "{marts:?}"
    );
    assert_eq!(days_of(&marts, "members_by_city"), ["11", "12", "13"]);
    assert_eq!(days_of(&marts, "all_member_versions"), ["11", "12", "13"]);
    assert!(days_of(&marts, "loans_by_branch").is_empty(), "{marts:?}");
    lake.stage("gold", "library", &library_date(4), &["--stale"])
        .expect_code(0);
    assert_eq!(stale(&lake), [] as [&str; 0]);

    // What depends on a mart is built with it, where that is asked for.
    let facts = ["--mart", "loan_facts", "--with-dependents"];
    lake.objects
        .delete(&lake.place("gold", &mart_key("loans_so_far", 2)));
    let built = lake.stage("gold", "library", &library_date(2), &facts);
    built.expect_code(0);
    assert_eq!(
        built.report()["marts"]["loans_so_far"]["outcome"],
        "done",
        "{built}"
    );
    assert_eq!(stale(&lake), [] as [&str; 0]);

    // Rewritten, with a mart in between that says which ones are stale.
    let third = lake.place("silver", &member_key(3));
    let kept = lake.place("silver", "library/kept.parquet");
    lake.objects.copy(&third, &kept);
    lake.objects
        .copy(&lake.place("silver", &member_key(1)), &third);
    assert_eq!(days_of(&stale(&lake), "loan_facts"), ["12", "13"]);
    lake.stage("gold", "library", &library_date(4), &["--stale"])
        .expect_code(0);
    lake.objects.copy(&kept, &third);
    assert_eq!(days_of(&stale(&lake), "loan_facts"), ["12", "13"]);
    lake.stage("gold", "library", &library_date(4), &["--stale"])
        .expect_code(0);

    // Removed: the state is what the others make of it.
    lake.objects.delete(&place);
    let marts = stale(&lake);
    assert_eq!(days_of(&marts, "loan_facts"), ["12", "13"], "{marts:?}");

    // Another rule makes another state of the same partitions.
    lake.objects.copy(&whole.place("silver", &late), &place);
    assert_eq!(stale(&lake), [] as [&str; 0]);
    let contract = lake
        .env
        .path("pipelines/library/contracts/members.odcs.yaml");
    let text = std::fs::read_to_string(&contract).expect("a contract");
    let other = text.replace("orderBy: [changed_at]", "orderBy: [city, changed_at]");
    assert_ne!(text, other);
    std::fs::write(&contract, other).expect("written");
    let marts = stale(&lake);
    assert_eq!(
        days_of(&marts, "loan_facts"),
        ["10", "11", "12", "13"],
        "{marts:?}"
    );
    assert!(
        days_of(&marts, "all_member_versions").is_empty(),
        "{marts:?}"
    );
}

#[test]
fn a_kept_state_is_believed_only_where_it_is_of_what_is_published() {
    let server = Server::local_s3();
    let lake = built(&server, "lake", &DAYS);
    let expected = gold(&lake);
    let states = kept_states(&lake);
    let key = |day: u64| format!("_state/library/members/{}.parquet", library_date(day));
    assert!(states.contains(&key(4)), "{states:?}");
    let last = library_date(4);
    let again = || {
        let range = ["--materialised", "snapshot", "--from", &last];
        let outcome = lake.stage("gold", "library", &last, &range);
        outcome.expect_code(0);
        outcome.report()["marts"]["loan_facts"]["states"]["silver.members"].clone()
    };
    let state = again();
    assert_eq!(state["kept_state"], last, "{state}");
    assert_eq!(state["partitions_read"], 0, "{state}");
    assert_same_objects(&gold(&lake), &expected);

    // One that is of other partitions, though it lies under this date.
    let (third, fourth) = (
        lake.place("staging", &key(3)),
        lake.place("staging", &key(4)),
    );
    lake.objects.copy(&third, &fourth);
    let state = again();
    assert_eq!(state["kept_state"], library_date(3), "{state}");
    assert_same_objects(&gold(&lake), &expected);

    // One that is no state at all, and one whose bytes are not those that it was written with.
    for bytes in [b"nothing".to_vec(), Vec::new()] {
        lake.objects.put(&fourth, bytes);
        assert_eq!(again()["kept_state"], library_date(3));
        assert_same_objects(&gold(&lake), &expected);
    }
    for key in kept_states(&lake) {
        lake.objects.delete(&lake.place("staging", &key));
    }
    let state = again();
    assert!(state["kept_state"].is_null(), "{state}");
    assert_eq!(state["partitions_read"], 4, "{state}");
    assert_same_objects(&gold(&lake), &expected);
}
