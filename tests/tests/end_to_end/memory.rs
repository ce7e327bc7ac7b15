//! Memory stays within its limit, for days much larger than the limit leaves room for, and what the
//! disk has no room for is not begun.

use std::io::Write as _;

use lakehouse_testkit::say;
use lakehouse_tests::{DATE as TILL_DATE, Lake, error_of, receipt, till};

const DATE: &str = "2025-11-01";
const MIB: u64 = 1 << 20;

#[test]
fn silver_and_gold_stay_within_their_memory() {
    let mut lake = Lake::new();
    lake.add_pipeline("sales");
    lake.env
        .set("LAKE_MEMORY_LIMIT", "512MiB")
        .set("LAKE_THREADS", "2");
    // Some 229 bytes a row: 300 MB, with duplicates and flaws.
    lake.generate_sales(DATE, 1_310_000, &["--corrupt-rate", "0.01"]);
    let mut figures = Vec::new();
    for stage in ["bronze", "silver", "check", "gold"] {
        let outcome = lake.stage(stage, "sales", DATE, &[]);
        outcome.expect_code(0);
        let peak = outcome.report()["peak_resident_bytes"].as_u64().unwrap();
        figures.push(format!("{stage} {} MiB", peak / MIB));
        let limit = if stage == "bronze" {
            64 * MIB
        } else {
            (512 + 150) * MIB
        };
        assert!(peak <= limit, "{}", figures.join(", "));
        assert_eq!(lake.workspaces(), [""; 0]);
    }
    say(&format!(
        "peak of a 300 MB day with LAKE_MEMORY_LIMIT=512MiB: {}",
        figures.join(", ")
    ));
}

/// A column of long texts, and an amount as it was before.
const LONG: (&str, &str) = (
    "required: true}\n    quality:",
    "required: true}\n      - {name: note, logicalType: string}\n    quality:",
);
const LIMIT_MIB: u64 = 256;
const PARTITION: &str = "year=2024/month=03/day=01";

/// A day of receipts with notes of so many bytes, 300 MB in all, in no order, some of them twice.
/// Returns how many lines there are.
fn long_day(lake: &mut Lake, note_bytes: usize, amount: &str) -> u64 {
    till(lake, &[LONG]);
    lake.env
        .set("LAKE_MEMORY_LIMIT", format!("{LIMIT_MIB}MiB"))
        .set("LAKE_THREADS", "2");
    let rows = 300_000_000 / note_bytes as u64;
    // Notes share their beginnings, as a log's lines do.
    let words = "the same words at the beginning of every note, ü ".repeat(note_bytes / 50);
    lake.env.write(&format!("till/{TILL_DATE}/one"), "");
    let path = lake.env.path(&format!("till/{TILL_DATE}/one"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for row in 0..rows {
        let number = row * 7919 % rows;
        // Every fiftieth receipt is there once more.
        let receipt = if number % 50 == 1 { number - 1 } else { number };
        writeln!(
            file,
            "{{\"receipt\":\"{receipt:09}\",\"till\":\"a\",\"amount\":{amount},\"note\":\"{words}{receipt}\"}}"
        )
        .unwrap();
    }
    file.flush().unwrap();
    rows
}

#[track_caller]
fn stays_within(stage: &str, lake: &Lake) -> String {
    let outcome = lake.stage(stage, "till", TILL_DATE, &[]);
    outcome.expect_code(0);
    let peak = outcome.report()["peak_resident_bytes"].as_u64().unwrap();
    assert!(
        peak <= (LIMIT_MIB + 150) * MIB,
        "{stage}: {} MiB",
        peak / MIB
    );
    format!("{stage} {} MiB", peak / MIB)
}

fn long_rows_stay_within_their_memory(note_bytes: usize) {
    let mut lake = Lake::new();
    let rows = long_day(&mut lake, note_bytes, "1.50");
    lake.stage("bronze", "till", TILL_DATE, &[]).expect_code(0);
    let mut bytes = None;
    for threads in ["2", "16"] {
        lake.env.set("LAKE_THREADS", threads);
        let figures = ["silver", "check"].map(|stage| stays_within(stage, &lake));
        say(&format!(
            "peak of rows of {note_bytes} bytes, {threads} threads: {}",
            figures.join(", ")
        ));
        let place = format!("silver/till/receipts/{PARTITION}/data.parquet");
        let published = lake.objects.get(&place).unwrap();
        assert_eq!(
            lake.objects.query(
                &place,
                "SELECT count(*), count(DISTINCT receipt), count(*) FILTER (note LIKE 'the same%' || CAST(CAST(receipt AS INTEGER) AS VARCHAR)), min(strlen(note)) > 3000 FROM {file}"
            )[0],
            [
                (rows - rows / 50).to_string(),
                (rows - rows / 50).to_string(),
                (rows - rows / 50).to_string(),
                "true".to_owned()
            ]
        );
        assert!(
            bytes
                .replace(published.clone())
                .is_none_or(|before| before == published),
            "{threads} threads show in the bytes"
        );
    }
}

#[test]
fn rows_of_4_kilobytes_stay_within_their_memory() {
    long_rows_stay_within_their_memory(4_000);
}

#[test]
fn rows_of_50_kilobytes_stay_within_their_memory() {
    long_rows_stay_within_their_memory(50_000);
}

#[test]
fn a_day_of_nothing_but_long_broken_records_is_quarantined_within_its_memory() {
    let mut lake = Lake::new();
    let rows = long_day(&mut lake, 50_000, "\"none\"");
    lake.stage("bronze", "till", TILL_DATE, &[]).expect_code(0);
    let figures = stays_within("silver", &lake);
    say(&format!("peak of broken rows of 50 kB: {figures}"));
    let staged = lake.list("staging");
    let quarantine = staged
        .keys()
        .find(|key| key.ends_with("/quarantine.parquet"))
        .unwrap();
    assert_eq!(
        lake.objects.query(
            &lake.place("staging", quarantine),
            "SELECT count(*), count(DISTINCT position), min(strlen(source)) > 49000, min(rules[1].\"column\"), min(rules[1].\"rule\"), max(len(rules)) FROM {file}"
        )[0],
        [
            rows.to_string(),
            rows.to_string(),
            "true".to_owned(),
            "amount".to_owned(),
            "type".to_owned(),
            "1".to_owned()
        ]
    );
}

#[test]
fn a_day_that_the_disk_has_no_room_for_is_not_fetched() {
    let mut lake = Lake::new();
    till(&mut lake, &[]);
    lake.env
        .write(&format!("till/{TILL_DATE}/one"), receipt(1, "a", "1.00"));
    lake.stage("bronze", "till", TILL_DATE, &[]).expect_code(0);
    // A manifest of a day that no disk has room for; its object is not there any more either.
    let folder = format!("bronze/till/receipts/{PARTITION}");
    let place = format!("{folder}/_manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_str(&lake.objects.text(&place)).unwrap();
    manifest["files"][0]["size_bytes"] = 2_000_000_000_000_000_u64.into();
    lake.objects.put(&place, manifest.to_string().into_bytes());
    lake.objects.delete(&format!("{folder}/one"));
    let outcome = lake.stage("silver", "till", TILL_DATE, &[]);
    outcome.expect_code(75);
    let error = error_of(&outcome);
    for words in ["are needed", "free", "LAKE_WORKSPACE_DIR"] {
        assert!(error.contains(words), "no `{words}` in\n{error}");
    }
}
