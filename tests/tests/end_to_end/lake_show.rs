//! `lake show`: what a person is told about days that are published, and days that are refused.

use lakehouse_tests::{CONTRACT, DATE, HARBOUR_DATE, Lake, harbour, receipt, till};

const REFUSED: &str = "2024-03-02";
const UNREADABLE: &str = "2024-03-03";
const RULE: &str = "2024-03-04";

fn write(lake: &Lake, date: &str, lines: &[String]) {
    lake.env
        .write(&format!("till/{date}/one.jsonl"), lines.concat());
}

fn show(lake: &Lake, from: &str, to: &str) -> String {
    let outcome = lake.lake(&["show", "till", "--from", from, "--to", to]);
    outcome.expect_code(0);
    outcome.stdout
}

/// The words of each line, so that the width of columns does not matter.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    let lines = lines(text);
    for word in words {
        assert!(
            lines.iter().any(|line| line.contains(word)),
            "no `{word}` in\n{text}"
        );
    }
}

#[test]
fn refused_days_are_shown_with_their_reasons_and_the_evidence_once() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    let good: Vec<String> = (1..=4).map(|number| receipt(number, "a", "1.00")).collect();
    let mut flawed = good.clone();
    flawed.push("{\"receipt\":\"5\",\"till\":\"a\"}\n".to_owned());
    write(&lake, DATE, &flawed);
    write(
        &lake,
        REFUSED,
        &[
            receipt(1, "a", "1.00"),
            receipt(2, "a", "\"much\""),
            receipt(3, "a", "\"more\""),
            "{\"receipt\":\"4\",\"amount\":1}\n".to_owned(),
            "nonsense\n".to_owned(),
        ],
    );
    write(
        &lake,
        UNREADABLE,
        &[format!("{{\"x\":\"{}\"}}", "y".repeat(2000))],
    );
    write(
        &lake,
        RULE,
        &[receipt(1, "a", "1.00"), receipt(2, "a", "-1.00")],
    );
    lake.env.set("LAKE_MAX_RECORD_BYTES", "1KiB");
    lake.lake(&["run", "till", "--from", DATE, "--to", RULE])
        .expect_code(1);

    let text = show(&lake, DATE, RULE);
    says(
        &text,
        &[
            "date outcome read published quarantined duplicate",
            "2024-03-01 published 5 4 1 0",
            "2024-03-02 refused 5 - 4 0",
            "On the published days:",
            "quarantined 1 row: `required` of `amount`, for example 2024-03-01/one.jsonl:5 of 2024-03-01",
            "2024-03-02 was refused, nothing was published",
            "quarantined 2 rows: `type` of `amount`, for example 2024-03-02/one.jsonl:2",
            "quarantined 1 row: `record` (the whole record), for example 2024-03-02/one.jsonl:5",
            "failed maxQuarantined: share of rows quarantined: measured 80.000 % (4 of 5), allowed 25 %",
            "2024-03-03 was refused, nothing was published",
            "unreadable 2024-03-03/one.jsonl:1: a record is longer than 1024 bytes",
            // Found by check, not by silver.
            "2024-03-04 was refused, nothing was published",
            "failed quality rule no_refunds: measured 1, allowed = 0",
        ],
    );
    for day in ["02", "03", "04"] {
        let evidence =
            format!("s3://quarantine/till/receipts/year=2024/month=03/day={day}/refused/");
        let times = text.matches(&evidence).count();
        assert_eq!(times, 1, "{evidence} in\n{text}");
    }

    // A day that was published before it was refused says that readers still see it; one that was
    // corrected is not refused any more.
    write(&lake, DATE, &[receipt(1, "a", "\"much\"")]);
    write(&lake, REFUSED, &good);
    lake.lake(&["run", "till", "--from", DATE, "--to", REFUSED, "--prune"])
        .expect_code(1);
    let text = show(&lake, DATE, REFUSED);
    says(
        &text,
        &[
            "2024-03-01 published 5 4 1 0",
            "2024-03-01 refused 1 - 1 0",
            "2024-03-01 was refused, what was published before stays as it was",
            "2024-03-02 published 4 4 0 0",
        ],
    );
    assert!(!text.contains("2024-03-02 was refused"), "{text}");
}

#[test]
fn marts_are_ordered_by_date_and_say_what_was_absent() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    // The same contract for a second dataset, of which the second day has nothing.
    let second = CONTRACT
        .replace("till-receipts", "till-returns")
        .replace("name: receipts", "name: returns");
    lake.env
        .write("pipelines/till/contracts/returns.odcs.yaml", second);
    let pipeline = lakehouse_tests::PIPELINE.replace(
        "marts:\n",
        "  returns:
    contract: contracts/returns.odcs.yaml
    from: \"${TILL_DIR}\"
    files: \"returns-{date:%Y-%m-%d}\"
    format: {json: lines}
    whenMissing: skip
marts:
  net: {reads: {silver.receipts: day, silver.returns: day}, grain: [till]}
",
    );
    lake.env.write("pipelines/till/pipeline.yaml", pipeline);
    lake.env.write(
        "pipelines/till/marts/net.sql",
        "select till, sum(amount) as amount, run_date() as date
         from (select till, amount from silver.receipts
               union all select till, -amount from silver.returns)
         group by till\n",
    );
    for date in [DATE, REFUSED] {
        write(
            &lake,
            date,
            &[receipt(1, "b", "5.00"), receipt(2, "a", "7.00")],
        );
    }
    lake.env
        .write(&format!("till/returns-{DATE}"), receipt(1, "b", "1.00"));
    lake.lake(&["run", "till", "--from", DATE, "--to", REFUSED])
        .expect_code(0);
    let text = show(&lake, DATE, REFUSED);
    let lines = lines(&text);
    let start = lines
        .iter()
        .position(|line| line == "s3://gold/till/net/")
        .expect("the mart");
    assert_eq!(
        lines[start + 1..start + 7],
        [
            "till amount date",
            "A 7.00 2024-03-01",
            "B 4.00 2024-03-01",
            "A 7.00 2024-03-02",
            "B 5.00 2024-03-02",
            "absent `silver.returns` on 2024-03-02: it was read as empty",
        ],
        "{text}"
    );
    assert_eq!(text.matches("it was read as empty").count(), 1, "{text}");

    let outcome = lake.lake(&["show", "till", "--from", DATE, "--rows", "1"]);
    outcome.expect_code(0);
    says(&outcome.stdout, &["… 1 of 2 rows; `--rows` shows more"]);
}

#[test]
fn days_without_anything_are_nothing_to_show() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    let outcome = lake.lake(&["show", "till", "--from", DATE]);
    outcome.expect_code(99);
    says(
        &outcome.stdout,
        &["nothing of `till` is published or was refused for 2024-03-01"],
    );
}

#[test]
fn repairs_absent_columns_and_columns_without_a_value_are_told() {
    let mut lake = Lake::new();
    harbour(&mut lake);
    // A day whose berths lack the optional column, and whose cargo has another broken date.
    lake.env.write(
        "harbour/berths/2024-03-02.csv",
        "berth;quay;length_metres;revision\nN1;north;120;1\n",
    );
    lake.run_day("harbour", HARBOUR_DATE);
    lake.run_day("harbour", "2024-03-02");
    let outcome = lake.lake(&[
        "show",
        "harbour",
        "--from",
        HARBOUR_DATE,
        "--to",
        "2024-03-02",
    ]);
    outcome.expect_code(0);
    says(
        &outcome.stdout,
        &[
            "repaired",
            "opened",
            "absent the source lacks `opened`",
            "all NULL no published row has a value of `opened`",
        ],
    );
}
