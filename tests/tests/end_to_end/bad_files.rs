//! Files that cannot be read as a whole: none of their rows count, and the contract says whether
//! the day fails or goes on without them. And files that only look wrong.

use std::io::Write as _;

use lakehouse_tests::{DATE, Lake, error_of, receipt, till};

const PARTITION: &str = "till/receipts/year=2024/month=03/day=01";
const LINES: &str = "format: {json: lines}";
const ARRAY: &str = "format: {json: array}";
const CSV: &str = "format: {csv: {delimiter: \",\"}}";

/// A file that cannot be read, one of the same format that can, and what is said of it.
struct Case {
    what: &'static str,
    format: &'static str,
    good: Vec<u8>,
    bad: Vec<u8>,
    /// A record too large is one: the limit.
    max_record_bytes: Option<&'static str>,
    reason: &'static str,
}

fn lines() -> String {
    (1..=40)
        .map(|number| receipt(number, "a", "1.00"))
        .collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn cases() -> Vec<Case> {
    let good = receipt(100, "b", "5.00");
    let array = |text: &str| format!("[{}]", text.trim_end().replace('\n', ","));
    let compressed = gzip(&lines());
    let mut invalid = lines().into_bytes();
    invalid.extend_from_slice(b"{\"receipt\":\"41\",\"till\":\"\xff\xfe\",\"amount\":1.00}\n");
    let whole = array(&lines());
    let csv = "receipt,till,amount\n100,b,5.00\n";
    let case = |what, format, good: &[u8], bad: Vec<u8>, reason| Case {
        what,
        format,
        good: good.to_owned(),
        bad,
        max_record_bytes: None,
        reason,
    };
    vec![
        case(
            "gzip, truncated",
            "format: {json: lines, compression: gzip}",
            &gzip(&good),
            compressed[..compressed.len() - 9].to_owned(),
            "gzip",
        ),
        case("invalid UTF-8", LINES, good.as_bytes(), invalid, "UTF-8"),
        case(
            "an array cut in the middle",
            ARRAY,
            array(&good).as_bytes(),
            whole.as_bytes()[..whole.len() - 20].to_owned(),
            "end",
        ),
        Case {
            max_record_bytes: Some("4KiB"),
            ..case(
                "a record that is too large",
                LINES,
                good.as_bytes(),
                format!("{}{}", lines(), receipt(41, &"x".repeat(8000), "1.00")).into_bytes(),
                "4096 bytes",
            )
        },
        case(
            "a header without a required column",
            CSV,
            csv.as_bytes(),
            b"receipt,till\n1,a\n2,a\n".to_vec(),
            "amount",
        ),
        case(
            "nothing, not even a header",
            CSV,
            csv.as_bytes(),
            Vec::new(),
            "header",
        ),
    ]
}

fn lake_with(case: &Case, on_unreadable_file: &str) -> Lake {
    let mut lake = Lake::new();
    let policy = format!("onUnreadableFile, vendor: lakehouse, value: {on_unreadable_file}");
    till(
        &mut lake,
        &[
            (LINES, case.format),
            ("onUnreadableFile, vendor: lakehouse, value: fail", &policy),
        ],
    );
    if let Some(limit) = case.max_record_bytes {
        lake.env.set("LAKE_MAX_RECORD_BYTES", limit);
    }
    lake.env.write(&format!("till/{DATE}/good"), &case.good);
    lake
}

#[test]
fn with_fail_the_day_is_refused_its_evidence_kept_and_the_published_day_untouched() {
    for case in cases() {
        let what = case.what;
        let lake = lake_with(&case, "fail");
        lake.run_day("till", DATE);
        let (silver, gold) = (lake.list("silver"), lake.list("gold"));
        lake.env.write(&format!("till/{DATE}/torn"), &case.bad);

        lake.stage("bronze", "till", DATE, &[]).expect_code(0);
        lake.stage("silver", "till", DATE, &[]).expect_code(0);
        let outcome = lake.stage("check", "till", DATE, &[]);
        outcome.expect_code(1);
        let error = error_of(&outcome);
        for word in ["/torn", "onUnreadableFile", case.reason, "/refused/"] {
            assert!(error.contains(word), "{what}: no `{word}` in\n{error}");
        }
        assert_eq!(lake.list("silver"), silver, "{what}");
        assert_eq!(lake.list("gold"), gold, "{what}");
        // The evidence is where the error says, also when cleanup has been.
        lake.stage("cleanup", "till", DATE, &[]).expect_code(0);
        let report = outcome.report();
        for field in ["evidence_quarantine", "evidence_quality"] {
            let address = report["datasets"]["receipts"][field].as_str().unwrap();
            assert!(error.contains(address), "{what}: {error}");
            let place = address.strip_prefix("s3://").unwrap();
            assert!(lake.objects.get(place).is_some(), "{what}: {address}");
        }
        // `lake run` ends in the same way.
        lake.lake(&["run", "till", "--from", DATE]).expect_code(1);
        assert_eq!(lake.list("silver"), silver, "{what}");
    }
}

#[test]
fn with_quarantine_the_day_goes_on_without_the_file() {
    for case in cases() {
        let what = case.what;
        let lake = lake_with(&case, "quarantine");
        lake.run_day("till", DATE);
        let silver = format!("silver/{PARTITION}/data.parquet");
        let rows = lake.objects.query(&silver, "SELECT * FROM {file}");
        lake.env.write(&format!("till/{DATE}/torn"), &case.bad);

        let report = lake.run_day("till", DATE);
        assert_eq!(report["rows_read"], 1, "{what}: rows of the file count");
        assert_eq!(report["rows_published"], 1, "{what}");
        assert_eq!(
            lake.objects.query(&silver, "SELECT * FROM {file}"),
            rows,
            "{what}"
        );

        let named = lake.objects.query(
            &silver,
            "SELECT key::VARCHAR, value::VARCHAR FROM parquet_kv_metadata('{path}') ORDER BY 1",
        );
        let name_of = |key: &str| {
            let row = named.iter().find(|row| row[0] == key);
            row.unwrap_or_else(|| panic!("no {key} in {named:?}"))[1].clone()
        };
        let quality = lake.objects.text(&format!(
            "quarantine/{PARTITION}/{}",
            name_of("lake.quality")
        ));
        let quality: serde_json::Value = serde_json::from_str(&quality).unwrap();
        let file = &quality["unreadable_files"][0];
        assert_eq!(
            file["source_name"],
            format!("{DATE}/torn"),
            "{what}: {quality}"
        );
        assert!(file["byte"].is_u64(), "{what}: {quality}");
        assert!(
            file["reason"].as_str().unwrap().contains(case.reason),
            "{what}: {quality}"
        );
        let quarantined = lake.objects.query(
            &format!("quarantine/{PARTITION}/{}", name_of("lake.quarantine")),
            "SELECT source_name, coalesce(position, 0), rules[1].rule, detail FROM {file}",
        );
        let position = file["position"].as_u64().unwrap_or_default().to_string();
        assert_eq!(quarantined.len(), 1, "{what}: {quarantined:?}");
        assert_eq!(
            quarantined[0][..3],
            [
                format!("{DATE}/torn"),
                position,
                "unreadableFile".to_owned()
            ],
            "{what}"
        );
        assert!(
            quarantined[0][3].ends_with(&format!("(byte {})", file["byte"])),
            "{what}: {quarantined:?}"
        );
    }
}

#[test]
fn what_only_looks_wrong_is_accepted() {
    let lines = [
        // Every digit of the largest amount; two objects on one line; columns in another order;
        // a column that the contract does not know.
        receipt(1, "a", "9999999999999999.99"),
        format!(
            "{}{}",
            receipt(2, "a", "1.00").trim_end(),
            receipt(3, "a", "-0.00")
        ),
        "{\"amount\":2.5,\"receipt\":\"4\",\"cashier\":\"Eve\",\"till\":\"a\"}\n".to_owned(),
    ];
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    lake.env
        .write(&format!("till/{DATE}/one.jsonl"), lines.concat());
    let report = lake.run_day("till", DATE);
    assert_eq!(report["rows_read"], 4);
    assert_eq!(report["rows_published"], 4);
    assert_eq!(
        lake.objects.query(
            &format!("silver/{PARTITION}/data.parquet"),
            "SELECT receipt, amount FROM {file} ORDER BY receipt"
        ),
        [
            ["1", "9999999999999999.99"],
            ["2", "1.00"],
            ["3", "0.00"],
            ["4", "2.50"]
        ]
    );
    let quality = lake
        .list("quarantine")
        .into_keys()
        .find(|key| key.ends_with(".json"))
        .unwrap();
    let quality: serde_json::Value =
        serde_json::from_str(&lake.objects.text(&format!("quarantine/{quality}"))).unwrap();
    assert_eq!(
        quality["discarded_columns"],
        serde_json::json!([{"name": "cashier", "rows": 1}])
    );

    // CSV columns in another order, with one more.
    let mut lake = Lake::new();
    till(&mut lake, &[(LINES, CSV)]);
    lake.env.write(
        &format!("till/{DATE}/one.csv"),
        "cashier,amount,till,receipt\nEve,9999999999999999.99,a,1\n",
    );
    lake.env.write(
        &format!("till/{DATE}/two.csv"),
        "receipt,till,amount\n2,a,1\n",
    );
    assert_eq!(lake.run_day("till", DATE)["rows_published"], 2);
    assert_eq!(
        lake.objects.query(
            &format!("silver/{PARTITION}/data.parquet"),
            "SELECT receipt, amount FROM {file} ORDER BY receipt"
        ),
        [["1", "9999999999999999.99"], ["2", "1.00"]]
    );
}

#[test]
fn a_large_array_may_be_one_line() {
    let mut lake = Lake::new();
    till(&mut lake, &[(LINES, ARRAY)]);
    let rows = 600_000;
    let mut text = String::with_capacity(rows * 55);
    for number in 0..rows as u64 {
        text.push(if number == 0 { '[' } else { ',' });
        text.push_str(receipt(number, "the only till", "1.01").trim_end());
    }
    text.push(']');
    assert!(
        text.len() > 30_000_000 && !text.contains('\n'),
        "{}",
        text.len()
    );
    lake.env.write(&format!("till/{DATE}/one.json"), text);
    let report = lake.run_day("till", DATE);
    assert_eq!(report["rows_published"], rows);
    assert_eq!(
        lake.objects
            .text("gold/till/per_till/year=2024/month=03/day=01/data.csv"),
        "date,till,revenue,receipts\n2024-03-01,THE ONLY TILL,606000.00,600000\n"
    );
}
