//! Thirty days of changes end in the same bytes, whatever the order in which they ran.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_testkit::Server;
use lakehouse_tests::{
    Dice, Lake, LibraryDay, assert_same_objects, deliver_library, library_date, library_days,
    members_by_city,
};

use crate::{gold, kept_states, lake, partition, rows};

const DAYS: u64 = 30;
/// A day that nobody delivers.
const MISSING: u64 = 11;
/// Days whose files come after all others.
const LATE: [u64; 2] = [7, 21];
/// Days that are delivered with half of their versions first.
const REPLAYED: [u64; 2] = [15, 28];
const DATASETS: [&str; 4] = ["members", "books", "branches", "loans"];

fn half(today: &LibraryDay) -> LibraryDay {
    let mut half = today.clone();
    half.members.truncate(today.members.len() / 2);
    half.loans.truncate(2);
    half
}

fn run(lake: &Lake, more: &[&str]) {
    let mut arguments = vec!["run", "library"];
    arguments.extend(more);
    lake.lake(&arguments).expect_code(0);
}

/// The published partitions of a day, as keys of silver.
fn partitions(lake: &Lake, day: u64) -> Vec<String> {
    let folder = partition(&library_date(day));
    let silver = lake.list("silver");
    DATASETS
        .iter()
        .map(|dataset| format!("library/{dataset}/{folder}/data.parquet"))
        .filter(|key| silver.contains_key(key))
        .collect()
}

/// Publishes days in one lake as another lake has them.
fn publish(from: &Lake, to: &Lake, day: u64) {
    for key in partitions(from, day) {
        to.objects
            .copy(&from.place("silver", &key), &to.place("silver", &key));
    }
}

fn build(lake: &Lake, day: u64, more: &[&str]) {
    let mut arguments = vec!["--materialised", "snapshot"];
    arguments.extend(more);
    lake.stage("gold", "library", &library_date(day), &arguments)
        .expect_code(0);
}

/// Publishes days in this order, the replayed ones as half a day when they come first, and builds
/// the marts of the last one of every few, as runs of a scheduler that overlap would; those of the
/// others, and what is stale, at the end. Kept states vanish at any time.
fn publish_in(order: &[u64], most_at_once: u64, halves: &Lake, whole: &Lake, to: &Lake, seed: u64) {
    let mut dice = Dice::new(seed);
    // The date order has each day once, and whole.
    let is_replayed = order.len() > BTreeSet::from_iter(order).len();
    let mut seen = BTreeSet::new();
    let mut days = order.iter().copied().peekable();
    while days.peek().is_some() {
        let mut last = 0;
        for day in days.by_ref().take(1 + dice.below(most_at_once) as usize) {
            let is_first = seen.insert(day);
            let is_half = is_first && REPLAYED.contains(&day) && is_replayed;
            publish(if is_half { halves } else { whole }, to, day);
            last = day;
        }
        build(to, last, &[]);
        for key in kept_states(to) {
            if dice.below(4) == 0 {
                to.objects.delete(&to.place("staging", &key));
            }
        }
    }
    let last = library_date(DAYS);
    let stale = ["--stale", "--materialised", "snapshot"];
    to.stage("gold", "library", &last, &stale).expect_code(0);
    // Then nothing is stale any more.
    to.stage("gold", "library", &last, &stale).expect_code(99);
}

/// What looks back, of everything in gold.
fn looking_back(lake: &Lake) -> BTreeMap<String, Vec<u8>> {
    let mut gold = gold(lake);
    gold.retain(|name, _| !name.contains("/loans_by_branch/"));
    gold
}

#[test]
fn any_order_ends_in_the_same_bytes() {
    let server = Server::local_s3();
    let days = library_days(DAYS);
    let (first, last) = (library_date(1), library_date(DAYS));

    // In parallel, days late and days delivered again, from their files to gold.
    let parallel = lake(&server, "parallel");
    for (day, today) in &days {
        if REPLAYED.contains(day) {
            deliver_library(&parallel, *day, &half(today));
        } else if !LATE.contains(day) {
            deliver_library(&parallel, *day, today);
        }
    }
    run(&parallel, &["--from", &first, "--to", &last, "--jobs", "4"]);
    let early = gold(&parallel);
    let halves = lake(&server, "halves");
    for day in REPLAYED {
        publish(&parallel, &halves, day);
    }
    for day in REPLAYED.iter().chain(&LATE) {
        deliver_library(&parallel, *day, &days[day]);
        run(&parallel, &["--from", &library_date(*day), "--prune"]);
    }
    assert!(gold(&parallel) != early, "nothing was late");
    holds_what_was_delivered(&parallel, &days);
    assert!(!kept_states(&parallel).is_empty());
    let expected = looking_back(&parallel);

    let delivered: Vec<u64> = days.keys().copied().collect();
    let with_replays = |order: &[u64]| [order, &REPLAYED].concat();
    let reverse: Vec<u64> = delivered.iter().rev().copied().collect();
    let mut orders = vec![
        ("serial", 3, delivered.clone()),
        ("reverse", 5, with_replays(&reverse)),
    ];
    for (name, seed) in [("random1", 11), ("random2", 12), ("random3", 13)] {
        let mut order = with_replays(&delivered);
        Dice::new(seed).shuffle(&mut order);
        orders.push((name, 6, order));
    }
    let orders = std::sync::Mutex::new(orders);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = orders.lock().expect("no other panicked").pop();
                    let Some((name, most_at_once, order)) = next else {
                        break;
                    };
                    let built = lake(&server, name);
                    let seed = order
                        .iter()
                        .fold(1, |seed, day| seed * 31 % 1_000_003 + day);
                    publish_in(&order, most_at_once, &halves, &parallel, &built, seed);
                    assert_same_objects(&looking_back(&built), &expected);
                }
            });
        }
    });

    // A range at once, from nothing that was kept.
    let range = lake(&server, "range");
    for day in &delivered {
        publish(&parallel, &range, *day);
    }
    build(&range, DAYS, &["--from", &first]);
    assert_same_objects(&looking_back(&range), &expected);
}

/// Holds marts against what the days delivered.
fn holds_what_was_delivered(lake: &Lake, days: &BTreeMap<u64, LibraryDay>) {
    for day in 1..=DAYS {
        let date = library_date(day);
        if day == MISSING {
            assert!(!gold(lake).keys().any(|key| key.contains(&partition(&date))));
            continue;
        }
        let found: BTreeMap<String, u64> = rows(lake, "members_by_city", &date)
            .iter()
            .map(|row| {
                let fields: Vec<&str> = row.split(',').collect();
                (fields[1].to_owned(), fields[2].parse().expect("a count"))
            })
            .collect();
        assert_eq!(found, members_by_city(days, day), "{date}");
    }
    // Before the first snapshot of branches its first one is seen by who says so, and none by others.
    let facts = rows(lake, "loan_facts", &library_date(1));
    let in_city = |row: &String| !row.ends_with(',');
    assert!(facts.iter().any(in_city), "{facts:?}");
    for row in rows(lake, "members_by_city", &library_date(2)) {
        assert!(row.ends_with(",0"), "{row}");
    }
    let later = rows(lake, "members_by_city", &library_date(4));
    assert!(later.iter().any(|row| !row.ends_with(",0")), "{later:?}");
    // A history has every version with its day, tombstones included.
    let key = format!(
        "library/all_member_versions/{}/data.parquet",
        partition(&library_date(DAYS))
    );
    let counted = lake.objects.query(
        &lake.place("gold", &key),
        "SELECT count(*), count(*) FILTER (WHERE deleted), count(DISTINCT valid_from) FROM {file}",
    );
    let versions = days.values().flat_map(|day| &day.members);
    let deleted = versions
        .clone()
        .filter(|version| version.is_deleted)
        .count();
    assert_eq!(
        counted[0],
        [
            versions.count().to_string(),
            deleted.to_string(),
            days.len().to_string()
        ]
    );
}
