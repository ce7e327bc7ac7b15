//! Memory stays within its limit, for a day much larger than the limit leaves room for.

use lakehouse_testkit::say;
use lakehouse_tests::Lake;

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
