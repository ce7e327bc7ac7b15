//! `lake test`: cases that are written, compared and refused.

use std::fs;

use lakehouse_testkit::Outcome;
use lakehouse_tests::{DATE, Lake, receipt, till};

const CASE: &str = "pipelines/till/tests/one";

/// The pipeline with one case: two receipts, one of which has no amount.
fn lake_with_case(case: &str) -> Lake {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    lake.env.write(&format!("{CASE}/case.yaml"), case);
    let lines = [
        receipt(1, "a", "1.10"),
        "{\"receipt\":\"2\",\"till\":\"a\"}\n".to_owned(),
    ];
    lake.env.write(
        &format!("{CASE}/source/receipts/{DATE}/one.jsonl"),
        lines.concat(),
    );
    lake
}

fn expected(lake: &Lake, file: &str) -> Option<String> {
    fs::read_to_string(lake.env.path(&format!("{CASE}/expected/{DATE}/{file}"))).ok()
}

#[track_caller]
fn says(outcome: &Outcome, words: &[&str]) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    for word in words {
        assert!(text.contains(word), "no `{word}` in {outcome}");
    }
}

#[test]
fn expected_files_are_written_and_then_hold() {
    let lake = lake_with_case("run_dates: [2024-03-01]\nmaxQuarantined: 50\n");
    let outcome = lake.lake(&["test", "till"]);
    outcome.expect_code(1);
    says(&outcome, &["the case expects nothing", "--accept"]);

    let outcome = lake.lake(&["test", "till", "--accept"]);
    outcome.expect_code(0);
    says(
        &outcome,
        &[
            "WRITTEN till/one",
            "wrote `expected/2024-03-01/gold/per_till.csv`",
            "+ 2: 2024-03-01,A,1.10,1",
            "3 expected files written",
            "1 passed, 0 failed",
        ],
    );
    assert_eq!(
        expected(&lake, "silver/receipts.csv").unwrap(),
        "receipt,till,amount\n1,A,1.10\n"
    );
    assert_eq!(
        expected(&lake, "quarantine/receipts.csv").unwrap(),
        "file,position,column,rule\n2024-03-01/one.jsonl,2,amount,required\n"
    );
    assert_eq!(
        expected(&lake, "gold/per_till.csv").unwrap(),
        "date,till,revenue,receipts\n2024-03-01,A,1.10,1\n"
    );

    let outcome = lake.lake(&["test", "till", "--accept"]);
    outcome.expect_code(0);
    says(&outcome, &["ok      till/one", "0 expected files written"]);
    lake.lake(&["test"]).expect_code(0);
}

#[test]
fn accepting_rewrites_the_files_that_a_case_has_and_no_others() {
    let lake = lake_with_case("run_dates: [2024-03-01]\nmaxQuarantined: 50\n");
    let file = format!("{CASE}/expected/{DATE}/gold/per_till.csv");
    lake.env
        .write(&file, "date,till,revenue,receipts\n2024-03-01,A,1.20,1\n");
    let outcome = lake.lake(&["test"]);
    outcome.expect_code(1);
    says(
        &outcome,
        &[
            "FAILED  till/one",
            "`expected/2024-03-01/gold/per_till.csv` differs:",
            "1: date,till,revenue,receipts",
            "- 2: 2024-03-01,A,1.20,1",
            "+ 2: 2024-03-01,A,1.10,1",
        ],
    );
    let outcome = lake.lake(&["test", "--accept"]);
    outcome.expect_code(0);
    says(
        &outcome,
        &["changed `expected/", "1 expected files written"],
    );
    assert_eq!(
        expected(&lake, "gold/per_till.csv").unwrap(),
        "date,till,revenue,receipts\n2024-03-01,A,1.10,1\n"
    );
    assert_eq!(expected(&lake, "silver/receipts.csv"), None);
    assert_eq!(expected(&lake, "quarantine/receipts.csv"), None);
}

#[test]
fn how_a_day_ends_is_not_accepted() {
    // Half of the rows are bad, and the contract allows a quarter.
    let lake = lake_with_case("run_dates: [2024-03-01]\n");
    let outcome = lake.lake(&["test", "--accept"]);
    outcome.expect_code(1);
    says(&outcome, &["maxQuarantined", "0 expected files written"]);
    assert!(!lake.env.path(&format!("{CASE}/expected")).exists());

    // The other way round: the case allows less than the contract.
    let case = "run_dates: [2024-03-01]\nexpect: refused\n";
    lake.env.write(&format!("{CASE}/case.yaml"), case);
    let outcome = lake.lake(&["test", "--accept"]);
    outcome.expect_code(0);
    assert_eq!(expected(&lake, "silver/receipts.csv"), None);
    assert_eq!(
        expected(&lake, "quarantine/receipts.csv").unwrap(),
        "file,position,column,rule\n2024-03-01/one.jsonl,2,amount,required\n"
    );
    let case = "run_dates: [2024-03-01]\nexpect: refused\nmaxQuarantined: 60\n";
    lake.env.write(&format!("{CASE}/case.yaml"), case);
    let outcome = lake.lake(&["test"]);
    outcome.expect_code(1);
    says(
        &outcome,
        &["was published, but the case expects it to be refused"],
    );
    // The person's own contract is as it was.
    let contract =
        fs::read_to_string(lake.env.path("pipelines/till/contracts/receipts.odcs.yaml")).unwrap();
    assert!(contract.contains("maxQuarantined, vendor: lakehouse, value: 25"));
}

#[test]
fn a_long_difference_is_cut_and_shown_whole_on_request() {
    let lake = lake_with_case("run_dates: [2024-03-01]\n");
    let lines: String = (1..=40)
        .map(|number| receipt(number, &format!("till{number}"), "1.00"))
        .collect();
    lake.env
        .write(&format!("{CASE}/source/receipts/{DATE}/one.jsonl"), lines);
    lake.env.write(
        &format!("{CASE}/expected/{DATE}/gold/per_till.csv"),
        "date,till,revenue,receipts\n",
    );
    let outcome = lake.lake(&["test"]);
    outcome.expect_code(1);
    says(&outcome, &["… 32 more; `--full` shows all"]);
    let outcome = lake.lake(&["test", "--full"]);
    outcome.expect_code(1);
    says(&outcome, &["+ 41: 2024-03-01,TILL9,1.00,1"]);
}

#[test]
fn what_a_case_would_silently_ignore_is_refused() {
    let lake = lake_with_case("run_dates: [2024-03-01]\nmaxQuarantined: 50\n");
    lake.lake(&["test", "--accept"]).expect_code(0);

    let stray = format!("{CASE}/source/recepits/{DATE}/one.jsonl");
    lake.env.write(&stray, receipt(9, "z", "1.00"));
    let outcome = lake.lake(&["test"]);
    outcome.expect_code(2);
    says(
        &outcome,
        &[
            "source/recepits` is not the folder of a dataset of pipeline `till`",
            "`source/receipts/`",
        ],
    );
    fs::remove_dir_all(lake.env.path(&format!("{CASE}/source/recepits"))).unwrap();

    for stray in [
        "expected/2024-03-02/gold/per_till.csv",
        "expected/2024-03-01/glod/per_till.csv",
        "expected/2024-03-01/gold/per_tills.csv",
    ] {
        let path = lake.env.write(&format!("{CASE}/{stray}"), "date\n");
        let outcome = lake.lake(&["test"]);
        outcome.expect_code(1);
        says(&outcome, &["so nothing is compared with it"]);
        fs::remove_file(&path).unwrap();
        // A folder that is empty now.
        let _ = fs::remove_dir(path.parent().unwrap());
        let _ = fs::remove_dir(path.parent().unwrap().parent().unwrap());
    }
    lake.lake(&["test"]).expect_code(0);

    fs::create_dir(lake.env.path("pipelines/till/tests/two")).unwrap();
    let outcome = lake.lake(&["test"]);
    outcome.expect_code(2);
    says(&outcome, &["tests/two` has no `case.yaml`"]);
    let outcome = lake.lake(&["test", "--case", "one"]);
    outcome.expect_code(0);
    let outcome = lake.lake(&["test", "--case", "three"]);
    outcome.expect_code(2);
    says(&outcome, &["no case has `three` in its name"]);
}

#[test]
fn one_broken_pipeline_does_not_hide_the_cases_of_another() {
    let lake = lake_with_case("run_dates: [2024-03-01]\nmaxQuarantined: 50\n");
    lake.lake(&["test", "--accept"]).expect_code(0);
    lake.env
        .write("pipelines/another/pipeline.yaml", "name: another\n");
    let outcome = lake.lake(&["test"]);
    outcome.expect_code(2);
    says(
        &outcome,
        &["FAILED  another", "ok      till/one", "1 passed"],
    );
}
