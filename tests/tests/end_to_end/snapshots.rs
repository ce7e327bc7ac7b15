//! Snapshots do not depend on the order in which days ran, and a late file is found.

use std::collections::BTreeMap;

use lakehouse_testkit::{Outcome, Server};
use lakehouse_tests::{Lake, assert_same_objects, receipt, till};

const DAYS: [&str; 6] = [
    "2024-03-01",
    "2024-03-02",
    "2024-03-03",
    "2024-03-05",
    "2024-03-06",
    "2024-03-07",
];

/// The tills with what they took so far, from daily partials.
fn lake(server: &Server, prefix: &str) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    let daily =
        "  per_till: {reads: {silver.receipts: day}, grain: [till], formats: [parquet, csv]}\n";
    let with_snapshots = format!(
        "{daily}  so_far: {{reads: {{gold.per_till: all}}, grain: [till], materialised: snapshot, formats: [csv]}}\n  \
         lately: {{reads: {{gold.per_till: 3 days}}, grain: [till], materialised: snapshot}}\n"
    );
    till(&mut lake, &[(daily, &with_snapshots)]);
    let snapshot = "select run_date() as date, till, count(*) as days, max(date) as last_day, \
                    sum(revenue) as revenue from gold.per_till group by till\n";
    lake.env.write("pipelines/till/marts/so_far.sql", snapshot);
    lake.env.write("pipelines/till/marts/lately.sql", snapshot);
    for (index, day) in DAYS.iter().enumerate() {
        deliver(&lake, day, "one", index as u64);
    }
    lake
}

fn deliver(lake: &Lake, day: &str, name: &str, seed: u64) {
    let text: String = (0..5 + seed)
        .map(|number| {
            let till = ["a", "b", "c"][((number + seed) % 3) as usize];
            receipt(
                number + 100 * seed,
                till,
                &format!("{}.{:02}", seed + 1, number),
            )
        })
        .collect();
    lake.env.write(&format!("till/{day}/{name}.jsonl"), text);
}

fn run(lake: &Lake, more: &[&str]) -> Outcome {
    let mut arguments = vec!["run", "till"];
    arguments.extend(more);
    let outcome = lake.lake(&arguments);
    outcome.expect_code(0);
    outcome
}

fn names_and_bytes(lake: &Lake) -> BTreeMap<String, Vec<u8>> {
    lake.published()
}

#[test]
fn days_in_reverse_and_in_parallel_end_in_the_bytes_of_a_serial_run() {
    let server = Server::local_s3();
    let serial = lake(&server, "serial");
    run(
        &serial,
        &["--from", DAYS[0], "--to", DAYS[5], "--jobs", "1"],
    );
    let expected = names_and_bytes(&serial);
    let csv = "till/so_far/year=2024/month=03/day=07/data.csv";
    let table = serial.objects.text(&serial.place("gold", csv));
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.contains("2024-03-07,A,6,2024-03-07,"), "{table}");
    // A day without a file has no snapshot.
    assert!(!expected.keys().any(|key| key.contains("day=04")));

    let parallel = lake(&server, "parallel");
    run(
        &parallel,
        &["--from", DAYS[0], "--to", DAYS[5], "--jobs", "4"],
    );
    assert_same_objects(&names_and_bytes(&parallel), &expected);

    // One by one as a scheduler does it, latest first: snapshots of later days are stale then.
    let reverse = lake(&server, "reverse");
    for day in DAYS.iter().rev() {
        for stage in ["bronze", "silver", "check", "gold"] {
            reverse.stage(stage, "till", day, &[]).expect_code(0);
        }
        reverse.stage("cleanup", "till", day, &[]).expect_code(0);
    }
    assert!(
        names_and_bytes(&reverse) != expected,
        "nothing was stale: this test shows nothing"
    );
    let stale = reverse.stage("gold", "till", DAYS[5], &["--stale"]);
    stale.expect_code(0);
    assert!(stale.report()["stale"].as_u64().unwrap() >= 5, "{stale}");
    assert_same_objects(&names_and_bytes(&reverse), &expected);
    // Then nothing is stale any more.
    reverse
        .stage("gold", "till", DAYS[5], &["--stale"])
        .expect_code(99);

    // `lake run` of single days in reverse leaves nothing stale by itself.
    let by_lake = lake(&server, "by_lake");
    for day in DAYS.iter().rev() {
        run(&by_lake, &["--from", day]);
    }
    assert_same_objects(&names_and_bytes(&by_lake), &expected);
}

#[test]
fn only_missing_finds_the_day_of_a_late_file() {
    let server = Server::local_s3();
    let complete = lake(&server, "complete");
    deliver(&complete, "2024-03-04", "late", 7);
    run(&complete, &["--from", DAYS[0], "--to", DAYS[5]]);

    let late = lake(&server, "late");
    run(&late, &["--from", DAYS[0], "--to", DAYS[5]]);
    let range = ["--from", DAYS[0], "--to", DAYS[5], "--only-missing"];
    let report = run(&late, &range).report();
    assert_eq!(report["days_already_there"], 6);
    assert_eq!(report["days_nothing_to_do"], 1);
    deliver(&late, "2024-03-04", "late", 7);
    let report = run(&late, &range).report();
    assert_eq!(report["days_already_there"], 6);
    assert_eq!(report["days_done"], 1);
    // Snapshots of later days saw it, too.
    assert_same_objects(&names_and_bytes(&late), &names_and_bytes(&complete));
    assert_eq!(run(&late, &range).report()["days_already_there"], 7);
    // A day that lost one of its partitions is not there.
    let lost = late.place(
        "gold",
        "till/per_till/year=2024/month=03/day=02/data.parquet",
    );
    late.objects.delete(&lost);
    assert_eq!(run(&late, &range).report()["days_done"], 1);
    assert_same_objects(&names_and_bytes(&late), &names_and_bytes(&complete));
}
