//! SQL in contracts and marts: strict texts, the run date, nested lists, and what is refused.

use lakehouse_tests::{DATE, Lake, error_of, till};

const PARTITION: &str = "year=2024/month=03/day=01";
const AMOUNT: &str =
    "- {name: amount, logicalType: number, physicalType: \"DECIMAL(18,2)\", required: true}";
const MART: &str =
    "  per_till: {reads: {silver.receipts: day}, grain: [till], formats: [parquet, csv]}";

/// Receipts with texts that need SQL to be read, and a list of what was bought.
fn lake(paid: &str, rule: &str) -> Lake {
    let mut lake = Lake::new();
    let columns = format!(
        "{AMOUNT}
      - name: paid
        logicalType: number
        physicalType: \"DECIMAL(18,2)\"
        transformLogic: {paid}
      - name: pieces
        logicalType: integer
        transformLogic: cast(lake_integer(nullif(source.pieces, '-')) as integer)
      - name: due
        logicalType: date
        transformLogic: lake_date(source.due, '%d.%m.%Y')
      - name: due_since
        logicalType: integer
        transformLogic: cast(run_date() - lake_date(source.due, '%d.%m.%Y') as integer)
      - {{name: goods, logicalType: string}}"
    );
    let rules = format!("- name: no_refunds\n        type: sql\n        query: {rule}");
    till(
        &mut lake,
        &[
            (AMOUNT, &columns),
            ("value: 25", "value: 100"),
            (
                "- name: no_refunds\n        type: sql\n        query: select count(*) from {model} where amount < 0",
                &rules,
            ),
            (
                MART,
                &format!(
                    "{MART}\n  goods: {{reads: {{silver.receipts: day}}, grain: [receipt, place]}}"
                ),
            ),
        ],
    );
    lake.env.write(
        "pipelines/till/marts/goods.sql",
        "select run_date() as date, receipt, item.place as place, item.sku as sku, lake_integer(item.pieces) as pieces
from (
    select receipt, unnest(from_json(goods, '[{\"place\":\"INTEGER\",\"sku\":\"VARCHAR\",\"pieces\":\"VARCHAR\"}]')) as item
    from silver.receipts
) as items",
    );
    lake
}

const PAID: &str = "lake_decimal(replace(replace(source.paid, '.', ''), ',', '.'), 18, 2)";
const RULE: &str = "select count(*) from {model} where due > run_date() or lake_decimal(cast(paid as varchar), 18, 2) <> paid";

fn line(number: u64, texts: [&str; 3], goods: &str) -> String {
    let [paid, pieces, due] = texts;
    format!(
        "{{\"receipt\":\"{number}\",\"till\":\"a\",\"amount\":1.00,\"paid\":\"{paid}\",\"pieces\":\"{pieces}\",\"due\":\"{due}\",\"goods\":{goods}}}\n"
    )
}

#[test]
fn strict_functions_break_the_rows_whose_texts_mean_nothing() {
    let lake = lake(PAID, RULE);
    let lines = [
        line(
            1,
            ["1.234,50", "3", "28.02.2024"],
            "[{\"place\":1,\"sku\":\"x\",\"pieces\":\"2\"},{\"place\":2,\"sku\":\"y\",\"pieces\":\"1\"}]",
        ),
        line(2, ["7,00", "-", "01.03.2024"], "[]"),
        line(3, ["1,005", "1", "01.03.2024"], "[]"),
        line(4, ["1,00", "2.5", "01.03.2024"], "[]"),
        line(5, ["1,00", "1", "epoch"], "[]"),
        line(6, ["1,00", "1e3", "2024-03-01"], "[]"),
    ];
    lake.env
        .write(&format!("till/{DATE}/one.jsonl"), lines.concat());
    lake.lake(&["validate", "till"]).expect_code(0);
    let report = lake.run_day("till", DATE);
    assert_eq!(report["rows_published"], 2, "{report}");
    assert_eq!(report["rows_quarantined"], 4, "{report}");

    let silver = lake.place("silver", &format!("till/receipts/{PARTITION}/data.parquet"));
    assert_eq!(
        lake.objects.query(
            &silver,
            "SELECT receipt, paid, pieces, due, due_since FROM {file} ORDER BY receipt"
        ),
        [
            ["1", "1234.50", "3", "2024-02-28", "2"],
            ["2", "7.00", "NULL", "2024-03-01", "0"],
        ]
    );
    let quarantine = lake
        .list("quarantine")
        .into_keys()
        .find(|key| key.ends_with(".parquet"))
        .expect("a quarantine file");
    assert_eq!(
        lake.objects.query(
            &lake.place("quarantine", &quarantine),
            "SELECT position, array_to_string(list_transform(rules, lambda reason: reason.\"column\" || ' ' || reason.\"rule\"), ', ') FROM {file} ORDER BY position"
        ),
        [
            ["3", "paid transform"],
            ["4", "pieces transform"],
            ["5", "due transform, due_since transform"],
            ["6", "pieces transform, due transform, due_since transform"],
        ]
    );
    let goods = lake.place("gold", &format!("till/goods/{PARTITION}/data.parquet"));
    assert_eq!(
        lake.objects.query(
            &goods,
            "SELECT receipt, place, sku, pieces FROM {file} ORDER BY place"
        ),
        [["1", "1", "x", "2"], ["1", "2", "y", "1"]]
    );
}

#[test]
fn a_rule_knows_the_run_date() {
    let lake = lake(PAID, RULE);
    lake.env.write(
        &format!("till/{DATE}/one.jsonl"),
        line(1, ["1,00", "1", "02.03.2024"], "[]"),
    );
    for stage in ["bronze", "silver"] {
        lake.stage(stage, "till", DATE, &[]).expect_code(0);
    }
    let outcome = lake.stage("check", "till", DATE, &[]);
    outcome.expect_code(1);
    assert!(error_of(&outcome).contains("no_refunds"), "{outcome}");
}

#[test]
fn casts_of_text_are_refused_before_any_data_is_touched() {
    for (paid, rule, words) in [
        (
            "cast(replace(source.paid, ',', '.') as DECIMAL(18,2))",
            RULE,
            [
                "`paid`",
                "text into DECIMAL(18,2)",
                "lake_decimal(text, 18, 2)",
            ],
        ),
        (
            PAID,
            "select count(*) from {model} where receipt = 5",
            ["`no_refunds`", "text into INTEGER", "lake_integer(text)"],
        ),
    ] {
        let lake = lake(paid, rule);
        lake.env.write(
            &format!("till/{DATE}/one.jsonl"),
            line(1, ["1,00", "1", "01.03.2024"], "[]"),
        );
        let validated = lake.lake(&["validate", "till"]);
        validated.expect_code(2);
        lake.stage("bronze", "till", DATE, &[]).expect_code(0);
        let before = lake.data();
        let staged = lake.stage("silver", "till", DATE, &[]);
        staged.expect_code(2);
        assert_eq!(lake.data(), before);
        for word in words.iter().chain(&["sourceFormat"]) {
            for outcome in [&validated, &staged] {
                let shown = format!("{}{}", outcome.stdout, outcome.stderr);
                assert!(shown.contains(word), "no `{word}` in\n{outcome}");
            }
        }
    }
}

#[test]
fn sums_and_types_that_do_not_keep_every_digit_are_refused() {
    for (select, words) in [
        (
            "select run_date() as date, till, sum(cast(amount as double)) as revenue from silver.receipts group by till",
            [
                "`per_till`",
                "`sum` adds up floating-point values",
                "DECIMAL",
            ],
        ),
        (
            "select run_date() as date, till, [sum(pieces)] as pieces from silver.receipts group by till",
            ["`per_till`", "`pieces` is a HUGEINT[]", "cast(… as bigint)"],
        ),
    ] {
        let lake = lake(PAID, RULE);
        lake.env.write("pipelines/till/marts/per_till.sql", select);
        let outcome = lake.lake(&["validate", "till"]);
        outcome.expect_code(2);
        for word in words {
            let shown = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(shown.contains(word), "no `{word}` in\n{outcome}");
        }
    }
}
