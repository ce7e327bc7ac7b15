//! A pipeline is a folder of files: no Rust, no compiler.

use lakehouse_testkit::{Server, minio_or_skip};
use lakehouse_tests::{DATE, Lake, receipt, till};

fn adds_a_pipeline(server: Server) {
    let mut lake = Lake::on(server);
    till(&mut lake, &[]);
    let lines = [
        receipt(1, "a", "1.10"),
        receipt(2, "b", "20.00"),
        receipt(3, "a", "2.20"),
        // Sent twice: a duplicate. Without an amount: quarantined.
        receipt(3, "a", "2.20"),
        "{\"receipt\":\"4\",\"till\":\"a\"}\n".to_owned(),
    ];
    lake.env
        .write(&format!("till/{DATE}/one.jsonl"), lines.concat());

    lake.lake(&["validate", "till"]).expect_code(0);
    let report = lake.run_day("till", DATE);
    assert_eq!(report["rows_read"], 5);
    assert_eq!(report["rows_published"], 3);
    assert_eq!(report["rows_quarantined"], 1);
    assert_eq!(report["rows_duplicate"], 1);

    let expected = "date,till,revenue,receipts\n2024-03-01,A,3.30,2\n2024-03-01,B,20.00,1\n";
    let partition = "till/per_till/year=2024/month=03/day=01";
    for name in [
        format!("gold/{partition}/data.csv"),
        "gold/till/per_till/per_till_20240301T000000.csv".to_owned(),
    ] {
        assert_eq!(lake.objects.text(&name), expected, "{name}");
    }
    assert_eq!(
        lake.objects.query(
            &format!("gold/{partition}/data.parquet"),
            "SELECT till, revenue, typeof(revenue) FROM {file} ORDER BY till"
        ),
        [
            ["A", "3.30", "DECIMAL(38,2)"],
            ["B", "20.00", "DECIMAL(38,2)"]
        ]
    );
    // Nothing of the run is left in staging but its reports, and no workspace.
    assert!(
        lake.list("staging")
            .keys()
            .all(|key| key.starts_with("_reports/")),
        "{:?}",
        lake.list("staging")
    );
    assert_eq!(lake.workspaces(), [""; 0]);
}

#[test]
fn a_folder_of_files_is_a_pipeline_on_the_embedded_server() {
    adds_a_pipeline(Server::local_s3());
}

#[test]
fn a_folder_of_files_is_a_pipeline_on_minio() {
    if let Some(server) = minio_or_skip("a pipeline by files alone on MinIO") {
        adds_a_pipeline(server);
    }
}
