//! Killed is the same as never run: at any instant, by any signal, readers see whole partitions
//! and the next run ends in the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use lakehouse_testkit::{ProcessGroup, Server};
use lakehouse_tests::{Lake, till};

const DATE: &str = "2025-11-01";
const DATA: [(&str, &str); 3] = [
    ("silver", "sales/transactions"),
    ("gold", "sales/daily_revenue"),
    ("gold", "sales/top_products"),
];
/// Signals of each stage: the first at once, the others at instants spread over the time that it
/// takes from the moment it has a workspace.
const INSTANTS: u32 = 8;

fn lake(server: &Server, prefix: &str, rows: u64) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    lake.add_pipeline("sales");
    // Two versions of the day, so that there is something old to see while the new is made.
    lake.generate_sales(DATE, rows, &["--corrupt-rate", "0.02", "--files", "2"]);
    lake
}

/// What readers see: the data files that exist, each read whole.
fn visible(lake: &Lake) -> BTreeMap<String, Option<Vec<u8>>> {
    DATA.iter()
        .map(|(place, table)| {
            let key = format!("{table}/year=2025/month=11/day=01/data.parquet");
            let bytes = lake.objects.get(&lake.place(place, &key));
            (key, bytes)
        })
        .collect()
}

fn arguments() -> [&'static str; 6] {
    [
        "--pipeline",
        "sales",
        "--date",
        DATE,
        "--run-id",
        "manual__1",
    ]
}

/// A stage makes its workspace as soon as it can end in order, however long it took to load.
fn wait_for_its_workspace(lake: &Lake, process: &mut ProcessGroup, stage: &str) {
    let start = Instant::now();
    let own = format!("{stage}-{}-", process.id());
    while process.try_wait().is_none() && !lake.workspaces().iter().any(|it| it.starts_with(&own)) {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{stage} never started"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn stages_killed_at_any_instant_leave_whole_partitions_and_converge() {
    let server = Server::local_s3();
    let old = {
        let lake = lake(&server, "old", 20_000);
        lake.run_day("sales", DATE);
        visible(&lake)
    };
    // The old day with a file added is the new day.
    let add = |lake: &mut Lake| {
        lake.generate_sales(DATE, 20_000, &["--seed", "9", "--files", "3"]);
    };
    let (new, published) = {
        let mut lake = lake(&server, "new", 20_000);
        lake.run_day("sales", DATE);
        add(&mut lake);
        lake.run_day("sales", DATE);
        (visible(&lake), lake.published())
    };
    assert!(old.values().chain(new.values()).all(Option::is_some));
    assert!(old.iter().all(|(key, bytes)| new[key] != *bytes));

    let mut killed = lake(&server, "killed", 20_000);
    killed.run_day("sales", DATE);
    add(&mut killed);
    killed.stage("bronze", "sales", DATE, &[]).expect_code(0);
    let mut seen = BTreeMap::new();
    let mut signalled = 0;
    let mut under_way = BTreeSet::new();
    for stage in ["silver", "check", "gold"] {
        let name = format!("lake-{stage}");
        // How long it takes undisturbed: in another run's staging, for silver and check.
        let start = Instant::now();
        if stage == "silver" {
            killed.stage(stage, "sales", DATE, &[]).expect_code(0);
        } else {
            killed
                .stage(stage, "sales", DATE, &["--dry-run"])
                .expect_code(0);
        }
        let whole = start.elapsed().max(Duration::from_millis(60));
        for instant in 0..INSTANTS {
            for signal in ["TERM", "KILL"] {
                let mut process = killed.env.spawn(&name, &arguments());
                if instant > 0 {
                    wait_for_its_workspace(&killed, &mut process, stage);
                    std::thread::sleep(whole * (instant - 1) / INSTANTS);
                }
                let ended_before = process.try_wait().is_some();
                if signal == "KILL" {
                    process.kill();
                } else {
                    process.terminate();
                }
                let status = process
                    .wait_for(Duration::from_secs(30))
                    .unwrap_or_else(|| panic!("{stage} does not end on SIG{signal}"));
                let stderr = std::fs::read_to_string(killed.env.path(&format!("{name}.stderr")));
                let said = stderr.unwrap_or_default();
                if !ended_before && status.code() != Some(0) {
                    match signal {
                        "KILL" => assert_eq!(status.signal(), Some(9), "{stage}: {said}"),
                        // At instant 0 it may still be loading, and the signal itself ends it.
                        _ => assert!(
                            status.code() == Some(143)
                                || (instant == 0 && status.signal() == Some(15)),
                            "{stage} at {instant}: {status}\n{said}"
                        ),
                    }
                    signalled += 1;
                    under_way.insert((stage, signal));
                }
                if signal == "TERM" {
                    // Its own, and what the one before it left when it was killed.
                    assert_eq!(killed.workspaces(), [""; 0], "{stage} at {instant}: {said}");
                }
                for (key, bytes) in visible(&killed) {
                    assert!(
                        bytes == old[&key] || bytes == new[&key],
                        "{stage} at {instant}, SIG{signal}: `{key}` is neither old nor new"
                    );
                    *seen.entry((stage, bytes == new[&key])).or_insert(0) += 1;
                }
            }
        }
        killed.stage(stage, "sales", DATE, &[]).expect_code(0);
    }
    assert!(
        signalled >= INSTANTS && under_way.len() == 6,
        "{signalled} were under way when signalled, of these kinds: {under_way:?}, {seen:?}"
    );
    assert!(visible(&killed) == new);
    // And the whole store is as if nobody had been killed.
    killed.stage("cleanup", "sales", DATE, &[]).expect_code(0);
    killed.run_day("sales", DATE);
    let after = killed.published();
    for (name, bytes) in &published {
        assert!(after.get(name) == Some(bytes), "{name} differs");
    }
    assert_eq!(killed.workspaces(), [""; 0]);
}

#[test]
fn readers_of_a_day_that_is_published_again_and_again_see_whole_files() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let server = Server::local_s3();
    let mut one = lake(&server, "one", 4_000);
    one.run_day("sales", DATE);
    let old = visible(&one);
    one.generate_sales(DATE, 4_000, &["--seed", "9", "--files", "3"]);
    let done = AtomicBool::new(false);
    let (reads, new) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = Vec::new();
            while !done.load(Ordering::Relaxed) {
                reads.extend(visible(&one));
            }
            reads
        });
        let outcome = one.lake(&["run", "sales", "--from", DATE]);
        let new = visible(&one);
        done.store(true, Ordering::Relaxed);
        outcome.expect_code(0);
        (reader.join().unwrap(), new)
    });
    assert!(reads.len() > 10, "{}", reads.len());
    for (key, bytes) in reads {
        assert!(
            bytes == old[&key] || bytes == new[&key],
            "`{key}` was seen half"
        );
    }
}

#[test]
fn a_stage_that_a_signal_ended_is_no_bug_of_the_range() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    for (name, code) in [("lake-bronze", 143), ("lake-cleanup", 0)] {
        let stage = lake.env.write(
            &format!("stages/{name}"),
            format!("#!/bin/sh\nexit {code}\n"),
        );
        std::fs::set_permissions(stage, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let stages = lake.env.path("stages");
    lake.env
        .set("LAKE_BIN_DIR", stages.to_string_lossy().into_owned());
    let outcome = lake.lake(&["run", "till", "--from", DATE]);
    outcome.expect_code(143);
    assert_eq!(outcome.report()["outcome"], "killed");
    assert_eq!(outcome.report()["failures"][0]["exit_code"], 143);
}
