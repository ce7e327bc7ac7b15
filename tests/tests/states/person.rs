//! What a person is told of states: by `lake validate`, `lake describe`, `lake show` and `lake test`.

use lakehouse_testkit::Server;
use lakehouse_tests::{Lake, deliver_library, library_date, library_days};
use serde_json::{Value, json};

use crate::lake;

fn change(lake: &Lake, file: &str, from: &str, to: &str) {
    let path = lake.env.path(&format!("pipelines/library/{file}"));
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(text.contains(from), "`{from}` is not in {file}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn what_cannot_be_a_state_is_refused_with_its_place() {
    let server = Server::local_s3();
    for (number, (file, from, to, says)) in [
        (
            "pipeline.yaml",
            "silver.loans: day\n",
            "silver.loans: state\n",
            "`silver.loans` has no state: its contract says `delivery: event`",
        ),
        (
            "pipeline.yaml",
            "silver.members: history",
            "silver.members: 3 days",
            "a snapshot mart cannot read `silver.members`",
        ),
        (
            "contracts/members.odcs.yaml",
            "value: deleted}",
            "value: city}",
            "`tombstone` is `city`, a column of type VARCHAR",
        ),
        (
            "contracts/books.odcs.yaml",
            ", orderBy: [version]",
            "",
            "does not say which version of a key is the newest",
        ),
        (
            "marts/all_member_versions.sql",
            "run_date as valid_from",
            "version_date as valid_from",
            "version_date",
        ),
        // The column is there in a history alone.
        (
            "marts/members_by_city.sql",
            "max(changed_at) as last_change",
            "max(members.run_date) as last_change",
            "run_date",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let lake = lake(&server, &format!("refused{number}"));
        change(&lake, file, from, to);
        let outcome = lake.lake(&["validate", "library"]);
        outcome.expect_code(2);
        assert!(outcome.stdout.contains(says), "{outcome}");
        assert!(outcome.stdout.contains(&format!("{file}:")), "{outcome}");
        // A stage does not start with it either.
        let stage = lake.stage("gold", "library", &library_date(1), &[]);
        stage.expect_code(2);
    }
}

#[test]
fn marts_that_look_back_are_told_from_the_others() {
    let server = Server::local_s3();
    let lake = lake(&server, "told");
    let described = lake.lake(&["describe", "--json"]);
    described.expect_code(0);
    let described: Value = serde_json::from_str(&described.stdout).expect("JSON");
    let library = &described["pipelines"][0];
    assert_eq!(library["partition_marts"], json!(["loans_by_branch"]));
    assert_eq!(
        library["snapshot_marts"],
        json!([
            "all_member_versions",
            "branch_versions",
            "loan_facts",
            "loans_so_far",
            "members_by_city"
        ])
    );
    assert_eq!(library["snapshot_inputs"], json!([]));

    let days = library_days(3);
    for (day, today) in &days {
        deliver_library(&lake, *day, today);
    }
    let (first, last) = (library_date(1), library_date(3));
    lake.lake(&["run", "library", "--from", &first, "--to", &last])
        .expect_code(0);
    let shown = lake.lake(&["show", "library", "--from", &first, "--to", &last]);
    shown.expect_code(0);
    for line in [
        format!("state        `silver.members` as of {last}: 3 partitions, {first} to {last}"),
        format!("state        `silver.branches` as of {last}: the snapshot of {last}"),
        format!("history      `silver.members` as of {last}: 3 partitions, {first} to {last}"),
    ] {
        assert!(shown.stdout.contains(&line), "no `{line}` in {shown}");
    }
    let shown = lake.lake(&["show", "library", "--from", &first]);
    let before = format!("`silver.branches` as of {first}: the snapshot of {last}");
    assert!(shown.stdout.contains(&before), "{shown}");
    let empty = format!("absent       `silver.branches` on {first}: it was read as empty");
    assert!(shown.stdout.contains(&empty), "{shown}");
}

#[test]
fn a_case_has_several_days_in_any_order() {
    let server = Server::local_s3();
    let lake = lake(&server, "case");
    let case = |file: &str, text: &str| {
        lake.env
            .write(&format!("pipelines/library/tests/late/{file}"), text);
    };
    case(
        "case.yaml",
        "description: A day that comes late is seen by the day after it.\n\
         run_dates: [2024-03-01, 2024-03-03, 2024-03-02]\nexpect: published\n",
    );
    let header = "member,name,city,changed_at,deleted\n";
    for (date, rows) in [
        (
            "2024-03-01",
            "1,Ada,Bergen,2024-03-01T10:00:00Z,\n2,Ben,Cork,2024-03-01T11:00:00Z,\n",
        ),
        ("2024-03-02", "2,Ben,Cork,2024-03-02T09:00:00Z,true\n"),
        ("2024-03-03", "1,Ada,Delft,2024-03-03T10:00:00Z,false\n"),
    ] {
        case(
            &format!("source/members/{date}.csv"),
            &format!("{header}{rows}"),
        );
    }
    // No books, one branch and one loan: the other days have nothing but members.
    case(
        "source/books/2024-03-01.csv",
        "library,book,title,price,version\n",
    );
    case("source/branches/2024-03-01.csv", "branch,city\nb0,Bergen\n");
    case(
        "source/loans/2024-03-01.csv",
        "loan,member,book,branch\n1,1,1,b0\n",
    );
    let header = "date,city,members,last_change,branches\n";
    case(
        "expected/2024-03-03/gold/members_by_city.csv",
        &format!("{header}2024-03-03,Delft,1,2024-03-03 10:00:00,0\n"),
    );
    case(
        "expected/2024-03-02/gold/members_by_city.csv",
        &format!("{header}2024-03-02,Bergen,1,2024-03-01 10:00:00,1\n"),
    );
    let tested = lake.lake(&["test", "library"]);
    tested.expect_code(0);
    assert!(tested.stdout.contains("1 passed, 0 failed"), "{tested}");
}
