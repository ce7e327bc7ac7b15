//! Several datasets in one pipeline: each is tried whatever happens to the others, the worst
//! decides, the report says for each how it ended, and a day is published whole or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use lakehouse_testkit::{Fault, FaultyStore, Server};
use lakehouse_tests::{HARBOUR_DATASETS, HARBOUR_DATE, Lake, error_of, harbour, outcomes};
use serde_json::Value;

const PARTITION: &str = "year=2024/month=03/day=01";

/// What goes wrong with one dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Too many of its rows break the contract.
    Refused,
    /// One of its files cannot be read.
    Unreadable,
    /// It has no file.
    Missing,
    /// The store fails while silver reads it.
    Transient,
}

/// A lake with the harbour on a server that all tests of one function share, behind a proxy.
fn lake_on(server: &Server, prefix: &str, faulty: &FaultyStore) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    harbour(&mut lake);
    lake.env
        .set("AWS_ENDPOINT_URL", faulty.endpoint())
        .set("AWS_MAX_ATTEMPTS", "1");
    lake
}

/// Delivers rows that the contract refuses, or a file that is not text.
fn spoil(lake: &Lake, dataset: &str, wrong: Wrong) {
    let (extension, header, row) = match dataset {
        "arrivals" => ("jsonl", "", "{\"arrival\":\"X\"}\n"),
        "berths" => (
            "csv",
            "berth;quay;length_metres;revision;opened\n",
            ";;;;\n",
        ),
        _ => ("csv", "item,arrival,berth,goods,tonnes\n", ",,,,\n"),
    };
    let first = format!("harbour/{dataset}/{HARBOUR_DATE}.{extension}");
    let second = format!("harbour/{dataset}/{HARBOUR_DATE}-b.{extension}");
    match wrong {
        Wrong::Refused => {
            lake.env
                .write(&second, format!("{header}{}", row.repeat(40)));
        }
        Wrong::Unreadable => {
            lake.env
                .write(&second, [header.as_bytes(), b"\xff\xfe\xff\n"].concat());
        }
        Wrong::Missing => std::fs::remove_file(lake.env.path(&first)).unwrap(),
        Wrong::Transient => {}
    }
}

/// What each dataset says, where all but `one` say the same.
fn all_but(one: &str, of_one: &str, of_others: &str) -> BTreeMap<String, String> {
    HARBOUR_DATASETS
        .into_iter()
        .map(|name| {
            let outcome = if name == one { of_one } else { of_others };
            (name.to_owned(), outcome.to_owned())
        })
        .collect()
}

/// Mart → the ETag of its data, as published.
fn gold(lake: &Lake) -> BTreeMap<String, String> {
    ["berth_load", "calls_so_far", "quay_use", "ship_calls"]
        .into_iter()
        .filter_map(|mart| {
            let key = format!("gold/harbour/{mart}/{PARTITION}/data.parquet");
            let (_, etag) = lake.data().into_iter().find(|(listed, _)| *listed == key)?;
            Some((mart.to_owned(), etag))
        })
        .collect()
}

/// Dataset → SHA-256 of what is published of it.
fn published(lake: &Lake) -> BTreeMap<String, String> {
    HARBOUR_DATASETS
        .into_iter()
        .filter_map(|name| {
            let key = format!("silver/harbour/{name}/{PARTITION}/data.parquet");
            let (_, etag) = lake.data().into_iter().find(|(listed, _)| *listed == key)?;
            Some((name.to_owned(), etag))
        })
        .collect()
}

#[test]
fn hostile_rows_of_three_datasets_are_accounted_for() {
    let mut lake = Lake::new();
    harbour(&mut lake);
    let report = lake.run_day("harbour", HARBOUR_DATE);
    assert_eq!(
        [
            "rows_read",
            "rows_published",
            "rows_quarantined",
            "rows_duplicate"
        ]
        .map(|field| report[field].as_u64().unwrap()),
        [28, 10, 15, 3]
    );
    let query = |place: &str, select: &str| {
        lake.objects
            .query(&format!("{place}/{PARTITION}/data.parquet"), select)
            .iter()
            .map(|row| row.join(" "))
            .collect::<Vec<_>>()
    };
    // The newest version of A1; the event time of another day, in whatever zone, is not here.
    assert_eq!(
        query(
            "silver/harbour/arrivals",
            "SELECT arrival, ship, moored_at, draught_metres, berth, captain IS NULL FROM {file}"
        ),
        [
            "A1 Ada 2024-03-01 05:40:00 7.30 N2 false",
            "A2 São \"Rafael\" 2024-03-01 05:00:00 9.50 N2 false",
            "A8 Fay 2024-03-01 11:00:00 21.50 S1 true",
        ]
    );
    // The first version of N2, whose date is none and was repaired.
    assert_eq!(
        query("silver/harbour/berths", "SELECT * FROM {file}"),
        [
            "N1 north 120 1 1990-05-01",
            "N2 north 200 1 NULL",
            "S1 south 400 1 NULL",
        ]
    );
    assert_eq!(
        query(
            "silver/harbour/cargo",
            "SELECT item, tonnes, grams FROM {file}"
        ),
        [
            "C1 12.500 12500000",
            "C2 1000.000 1000000000",
            "C3 0.001 1000",
            "C9 2.250 2250000",
        ]
    );
    let broken = |dataset: &str| {
        let quality = quality_of(&lake, dataset);
        assert_eq!(quality["verdict"]["accepted"], true);
        quality["quarantined_by_rule"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| {
                let column = rule["column"].as_str().unwrap_or("-");
                let example = &rule["example"];
                assert!(
                    example["source_name"]
                        .as_str()
                        .unwrap()
                        .starts_with(HARBOUR_DATE),
                    "{rule}"
                );
                format!(
                    "{column} {} {}",
                    rule["rule"].as_str().unwrap(),
                    example["position"]
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        broken("arrivals"),
        [
            "- duplicateKey 6",
            "- record 10",
            "draught_metres exclusiveMaximum 4",
            "draught_metres type 8",
            "moored_at otherDay 7",
            "ship required 3",
        ]
    );
    assert_eq!(
        broken("berths"),
        [
            "- fieldCount 8",
            "berth required 9",
            "length_metres maximum 7",
            "quay enum 6",
        ]
    );
    assert_eq!(
        broken("cargo"),
        [
            "goods enum 6",
            "grams transform 8",
            "item pattern 10",
            "tonnes exclusiveMinimum 7",
            "tonnes type 9",
        ]
    );
    let repairs = &quality_of(&lake, "berths")["repairs"];
    assert_eq!(repairs.as_array().unwrap().len(), 1, "{repairs}");
    assert_eq!(
        (&repairs[0]["column"], &repairs[0]["rows"]),
        (&"opened".into(), &1.into()),
        "the repair of a row that was a duplicate changed nothing that is read"
    );
    assert_eq!(
        query("gold/harbour/berth_load", "SELECT * FROM {file}"),
        [
            "N1 north 1012.500 2",
            "N2 north 0.001 1",
            "S1 south 2.250 1"
        ]
    );
    assert_eq!(
        query("gold/harbour/quay_use", "SELECT * FROM {file}"),
        ["N2 2 0.001", "S1 1 2.250"]
    );
    assert_eq!(
        query(
            "gold/harbour/calls_so_far",
            "SELECT ship, calls FROM {file}"
        )
        .len(),
        3
    );
    let load = lake
        .objects
        .text(&format!("gold/harbour/berth_load/{PARTITION}/data.json"));
    assert!(load.contains("1012.500"), "{load}");
}

/// The published quality report of a dataset.
fn quality_of(lake: &Lake, dataset: &str) -> Value {
    let folder = format!("harbour/{dataset}/{PARTITION}/");
    let key = lake
        .list("quarantine")
        .into_keys()
        .find(|key| key.starts_with(&folder) && key.ends_with(".json"))
        .unwrap();
    serde_json::from_str(&lake.objects.text(&lake.place("quarantine", &key))).unwrap()
}

#[test]
fn whatever_one_dataset_meets_the_others_are_tried_and_the_day_is_whole_or_not_there() {
    let server = Server::local_s3();
    let faulty = FaultyStore::in_front_of(server.socket_address());
    let good = lake_on(&server, "good", &faulty);
    for stage in ["bronze", "silver", "check", "gold"] {
        good.stage(stage, "harbour", HARBOUR_DATE, &[])
            .expect_code(0);
    }
    let whole = (published(&good), gold(&good));
    assert_eq!((whole.0.len(), whole.1.len()), (3, 4));
    for dataset in HARBOUR_DATASETS {
        for wrong in [
            Wrong::Refused,
            Wrong::Unreadable,
            Wrong::Missing,
            Wrong::Transient,
        ] {
            let prefix = format!("{dataset}-{wrong:?}").to_lowercase();
            let lake = lake_on(&server, &prefix, &faulty);
            one_goes_wrong(&lake, &faulty, dataset, wrong, &whole);
            assert!(lake.workspaces().is_empty(), "{prefix}");
        }
    }
}

fn one_goes_wrong(
    lake: &Lake,
    faulty: &FaultyStore,
    dataset: &str,
    wrong: Wrong,
    (whole, whole_gold): &(BTreeMap<String, String>, BTreeMap<String, String>),
) {
    let what = format!("{dataset} {wrong:?}");
    let run = |stage: &str| lake.stage(stage, "harbour", HARBOUR_DATE, &[]);
    spoil(lake, dataset, wrong);
    let bronze = run("bronze");
    bronze.expect_code(0);
    let missing = if wrong == Wrong::Missing {
        "nothing"
    } else {
        "done"
    };
    assert_eq!(
        outcomes(&bronze.report(), "datasets"),
        all_but(dataset, missing, "done"),
        "{what}"
    );

    if wrong == Wrong::Transient {
        faulty.always_for(
            "GET",
            &format!("/{dataset}/"),
            Fault::Status(503, "SlowDown"),
        );
    }
    let silver = run("silver");
    faulty.heal();
    let report = silver.report();
    if wrong == Wrong::Transient {
        silver.expect_code(75);
        assert_eq!(
            outcomes(&report, "datasets"),
            all_but(dataset, "transient", "done"),
            "{what}"
        );
        assert_eq!(report["datasets"][dataset]["exit_code"], 75, "{what}");
        assert!(
            report["datasets"][dataset]["error"]["message"].is_string(),
            "{what}"
        );
    } else {
        silver.expect_code(0);
        assert_eq!(
            outcomes(&report, "datasets"),
            all_but(dataset, missing, "done"),
            "{what}"
        );
    }

    let check = run("check");
    let report = check.report();
    if wrong == Wrong::Missing {
        check.expect_code(0);
        assert_eq!(
            outcomes(&report, "datasets"),
            all_but(dataset, "nothing", "done"),
            "{what}"
        );
        let mut rest = whole.clone();
        rest.remove(dataset);
        assert_eq!(published(lake), rest, "{what}");
        gold_without(&run("gold").report(), dataset, &what);
        return;
    }
    let (code, outcome, words) = match wrong {
        Wrong::Refused => (1, "refused", ["-b.", "40 rows broke `required`"]),
        Wrong::Unreadable => (1, "refused", ["-b.", "UTF-8"]),
        _ => (2, "usage", ["is not staged", "start again from silver"]),
    };
    check.expect_code(code);
    assert_eq!(
        outcomes(&report, "datasets"),
        all_but(dataset, outcome, "withheld"),
        "{what}"
    );
    for other in HARBOUR_DATASETS.iter().filter(|other| **other != dataset) {
        let entry = &report["datasets"][other];
        assert_eq!(entry["accepted"], true, "{what}");
        assert_eq!(
            entry["withheld_for"],
            serde_json::json!([dataset]),
            "{what}"
        );
    }
    let error = error_of(&check);
    for word in words
        .into_iter()
        .chain([dataset, "nothing of 2024-03-01 is published"])
    {
        assert!(error.contains(word), "{what}: no `{word}` in\n{error}");
    }
    assert!(published(lake).is_empty(), "{what}");
    assert!(lake.list("silver").is_empty(), "{what}");
    let nothing = run("gold");
    nothing.expect_code(99);
    assert!(gold(lake).is_empty(), "{what}");

    // Once the cause is gone, the same run ends in the same bytes.
    if wrong != Wrong::Transient {
        for extension in ["jsonl", "csv"] {
            let added = format!("harbour/{dataset}/{HARBOUR_DATE}-b.{extension}");
            let _ = std::fs::remove_file(lake.env.path(&added));
        }
        lake.stage("bronze", "harbour", HARBOUR_DATE, &["--prune"])
            .expect_code(0);
    }
    run("silver").expect_code(0);
    run("check").expect_code(0);
    assert_eq!(published(lake), *whole, "{what}");
    run("gold").expect_code(0);
    assert_eq!(gold(lake), *whole_gold, "{what}");
}

/// What gold says of a day on which one dataset has nothing: a mart with no input at all has
/// nothing to do, and one that lacks an input says which.
fn gold_without(report: &Value, dataset: &str, what: &str) {
    let nothing: &[&str] = match dataset {
        "arrivals" => &["calls_so_far", "ship_calls"],
        _ => &[],
    };
    let lacking: &[(&str, &str)] = match dataset {
        "arrivals" => &[("quay_use", "gold.ship_calls")],
        "berths" => &[("berth_load", "silver.berths")],
        _ => &[("berth_load", "silver.cargo")],
    };
    for (mart, outcome) in outcomes(report, "marts") {
        let expected = if nothing.contains(&mart.as_str()) {
            "nothing"
        } else {
            "done"
        };
        assert_eq!(outcome, expected, "{what}: {mart}\n{report}");
        let absent: Vec<&str> = lacking
            .iter()
            .filter(|(lacks, _)| *lacks == mart)
            .map(|(_, input)| *input)
            .collect();
        let told = report["marts"][&mart]["absent_inputs"].as_array();
        let told: Vec<&str> = told
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if outcome == "done" {
            assert_eq!(told, absent, "{what}: {mart}\n{report}");
        }
    }
}

#[test]
fn a_store_that_fails_while_gold_reads_holds_back_its_date() {
    let server = Server::local_s3();
    let faulty = FaultyStore::in_front_of(server.socket_address());
    let lake = lake_on(&server, "gold", &faulty);
    let run = |stage: &str| lake.stage(stage, "harbour", HARBOUR_DATE, &[]);
    for stage in ["bronze", "silver", "check"] {
        run(stage).expect_code(0);
    }
    for (dataset, reads_it) in [("cargo", "berth_load"), ("arrivals", "ship_calls")] {
        faulty.always_for(
            "GET",
            &format!("/silver/gold/harbour/{dataset}/"),
            Fault::Status(503, "SlowDown"),
        );
        let gold_run = run("gold");
        faulty.heal();
        gold_run.expect_code(75);
        let report = gold_run.report();
        for (mart, outcome) in outcomes(&report, "marts") {
            let message = report["marts"][&mart]["error"]["message"].as_str().unwrap();
            let expected = if mart == reads_it {
                "could not read what mart"
            } else {
                "because "
            };
            assert_eq!(outcome, "transient", "{dataset}: {mart}\n{report}");
            assert!(message.contains(expected), "{dataset}: {mart}: {message}");
        }
        assert!(gold(&lake).is_empty(), "{dataset}");
    }
    run("gold").expect_code(0);
    assert_eq!(gold(&lake).len(), 4);
}

#[test]
fn what_one_stage_wrote_is_what_the_next_one_says_it_read() {
    let mut lake = Lake::new();
    harbour(&mut lake);
    let reports: BTreeMap<&str, Value> = ["bronze", "silver", "check", "gold"]
        .into_iter()
        .map(|stage| {
            let outcome = lake.stage(stage, "harbour", HARBOUR_DATE, &[]);
            outcome.expect_code(0);
            (stage, outcome.report())
        })
        .collect();
    let objects = |stage: &str, part: &str, name: &str, field: &str| -> Vec<(String, String)> {
        reports[stage][part][name][field]
            .as_array()
            .unwrap_or_else(|| panic!("{stage} of {name} has no {field}"))
            .iter()
            .map(|object| {
                let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
                (text("address"), text("sha256"))
            })
            .collect()
    };
    for dataset in HARBOUR_DATASETS {
        let source = &reports["bronze"]["datasets"][dataset]["inputs"][0];
        assert_eq!(
            source["address"],
            lake.env
                .path(&format!("harbour/{dataset}"))
                .to_string_lossy()
                .into_owned()
        );
        assert_eq!(source["objects"], 1, "{source}");
        assert_eq!(
            objects("bronze", "datasets", dataset, "outputs"),
            objects("silver", "datasets", dataset, "inputs")
        );
        assert_eq!(
            objects("silver", "datasets", dataset, "outputs").last(),
            objects("check", "datasets", dataset, "inputs").first()
        );
    }
    // Gold reads what check wrote last, and one mart what another has written.
    let of_cargo = objects("check", "datasets", "cargo", "outputs");
    assert!(objects("gold", "marts", "berth_load", "inputs").contains(of_cargo.last().unwrap()));
    let of_calls = objects("gold", "marts", "ship_calls", "outputs");
    for mart in ["quay_use", "calls_so_far"] {
        let read = objects("gold", "marts", mart, "inputs");
        assert!(read.contains(&of_calls[0]), "{mart}: {read:?}");
    }
}

#[test]
fn the_worst_of_several_failures_counts_and_each_is_named() {
    let server = Server::local_s3();
    let faulty = FaultyStore::in_front_of(server.socket_address());
    let lake = lake_on(&server, "pairs", &faulty);
    let run = |stage: &str, more: &[&str]| lake.stage(stage, "harbour", HARBOUR_DATE, more);
    for stage in ["bronze", "silver", "check"] {
        run(stage, &[]).expect_code(0);
    }
    let before = lake.list("silver");

    // A contract that does not bind (2), a store that fails (75); the third is staged all the same.
    let path = "pipelines/harbour/contracts/berths.odcs.yaml";
    let contract = std::fs::read_to_string(lake.env.path(path)).unwrap();
    lake.env.write(
        path,
        contract.replace(
            "- {name: quay, logicalType: string,",
            "- {name: quay, logicalType: string, transformLogic: \"lower(quay) + 1\",",
        ),
    );
    faulty.always_for("GET", "/cargo/", Fault::Status(503, "SlowDown"));
    let silver = run("silver", &[]);
    silver.expect_code(2);
    let report = silver.report();
    let said = outcomes(&report, "datasets");
    assert_eq!(said["arrivals"], "done", "{report}");
    assert_eq!(said["berths"], "usage", "{report}");
    assert_eq!(said["cargo"], "transient", "{report}");
    let error = error_of(&silver);
    for word in ["2 of 3 failed: `berths`, `cargo`", "quay"] {
        assert!(error.contains(word), "no `{word}` in\n{error}");
    }
    // A dry run judges the same, and writes nothing.
    faulty.heal();
    let everything = lake.data();
    for stage in ["silver", "check"] {
        let plan = run(stage, &["--dry-run"]);
        plan.expect_code(2);
        assert_eq!(
            outcomes(&plan.report(), "datasets"),
            all_but("berths", "usage", "done")
        );
        let would = plan.report()["would_write"].to_string();
        assert!(
            would.contains("cargo") && !would.contains("berths"),
            "{would}"
        );
    }
    assert_eq!(lake.data(), everything);

    // Refused (1) and transient (75): the third waits, and what was published stays.
    lake.env.write(path, contract);
    spoil(&lake, "arrivals", Wrong::Refused);
    run("bronze", &[]).expect_code(0);
    run("silver", &[]).expect_code(0);
    faulty.always_for("GET", "/cargo/data.parquet", Fault::Status(503, "SlowDown"));
    let check = run("check", &[]);
    faulty.heal();
    check.expect_code(1);
    let said = outcomes(&check.report(), "datasets");
    assert_eq!(said["arrivals"], "refused");
    assert_eq!(said["berths"], "withheld");
    assert_eq!(said["cargo"], "transient");
    assert!(
        error_of(&check).contains("2 of 2 failed: `arrivals`, `cargo`"),
        "{check}"
    );
    assert_eq!(lake.list("silver"), before);

    // A store that fails between two publishes: what can be published is, and the rest later.
    std::fs::remove_file(
        lake.env
            .path(&format!("harbour/arrivals/{HARBOUR_DATE}-b.jsonl")),
    )
    .unwrap();
    run("bronze", &["--prune"]).expect_code(0);
    run("silver", &[]).expect_code(0);
    faulty.always_for(
        "PUT",
        "/silver/pairs/harbour/berths/",
        Fault::Status(503, "SlowDown"),
    );
    let check = run("check", &[]);
    faulty.heal();
    check.expect_code(75);
    assert_eq!(
        outcomes(&check.report(), "datasets"),
        all_but("berths", "transient", "done")
    );
    run("check", &[]).expect_code(0);
    assert_eq!(lake.list("silver"), before);
}

#[test]
fn a_key_that_one_contract_needs_keeps_no_other_from_being_staged() {
    let mut lake = Lake::new();
    harbour(&mut lake);
    lake.stage("bronze", "harbour", HARBOUR_DATE, &[])
        .expect_code(0);
    lake.env.remove("LAKE_PSEUDONYM_KEY");
    let silver = lake.stage("silver", "harbour", HARBOUR_DATE, &[]);
    silver.expect_code(2);
    assert!(error_of(&silver).contains("LAKE_PSEUDONYM_KEY"), "{silver}");
    assert_eq!(
        outcomes(&silver.report(), "datasets"),
        all_but("arrivals", "usage", "done")
    );
}

#[test]
fn the_disk_of_one_dataset_is_free_before_the_next() {
    let server = Server::local_s3();
    let faulty = FaultyStore::in_front_of(server.socket_address());
    let lake = lake_on(&server, "disk", &faulty);
    lake.stage("bronze", "harbour", HARBOUR_DATE, &[])
        .expect_code(0);
    // Held while the second and the third are read, one after the other.
    let source = format!(
        "/cargo/{}/{HARBOUR_DATE}.csv",
        PARTITION.replace('=', "%3D")
    );
    faulty.always_for("GET", &source, Fault::Hold);
    let arguments = [
        "--pipeline",
        "harbour",
        "--date",
        HARBOUR_DATE,
        "--run-id",
        "manual__1",
    ];
    let mut silver = lake.env.spawn("lake-silver", &arguments);
    let limit = std::time::Instant::now() + Duration::from_secs(60);
    while !faulty
        .take_requests()
        .iter()
        .any(|request| request.fault == Some(Fault::Hold))
    {
        assert!(
            std::time::Instant::now() < limit,
            "silver never came to the last dataset"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let workspace = lake
        .workspaces()
        .into_iter()
        .find(|name| name.starts_with("silver-") && !name.ends_with(".lock"))
        .unwrap();
    let folders: Vec<String> = std::fs::read_dir(lake.env.path(&format!("workspace/{workspace}")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        folders.iter().any(|name| name.starts_with("cargo.")),
        "{folders:?}"
    );
    assert!(
        !folders
            .iter()
            .any(|name| name.starts_with("arrivals.") || name.starts_with("berths.")),
        "{folders:?}"
    );
    faulty.release();
    let ended = silver.wait_for(Duration::from_secs(60)).unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn two_tasks_of_one_run_keep_a_report_each() {
    let mut lake = Lake::new();
    harbour(&mut lake);
    for dataset in HARBOUR_DATASETS {
        lake.stage("bronze", "harbour", HARBOUR_DATE, &["--dataset", dataset])
            .expect_code(0);
    }
    for more in [&["--dataset", "cargo", "--dataset", "berths"][..], &[]] {
        lake.stage("silver", "harbour", HARBOUR_DATE, more)
            .expect_code(0);
    }
    lake.stage("check", "harbour", HARBOUR_DATE, &[])
        .expect_code(0);
    for kind in ["partition", "snapshot"] {
        lake.stage("gold", "harbour", HARBOUR_DATE, &["--materialised", kind])
            .expect_code(0);
    }
    let kept: Vec<String> = lake
        .list("staging")
        .into_keys()
        .filter_map(|key| {
            Some(
                key.strip_prefix("_reports/harbour/2024-03-01/manual__1/")?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(
        kept,
        [
            "bronze-arrivals.json",
            "bronze-berths.json",
            "bronze-cargo.json",
            "check.json",
            "gold-partition.json",
            "gold-snapshot.json",
            "silver-berths+cargo.json",
            "silver.json",
        ]
    );
}
