//! What a state costs does not depend on how long its history is.

use lakehouse_testkit::Server;
use lakehouse_tests::{deliver_library, library_date, library_days};
use serde_json::Value;

use crate::{kept_states, lake, partition};

const MARTS: [&str; 4] = ["--mart", "loan_facts", "--mart", "members_by_city"];

/// Every day delivers the same versions, so that the state has the same size on all of them: what is
/// left to differ is the length of the history.
#[test]
fn the_300th_day_reads_no_more_than_the_30th() {
    let server = Server::local_s3();
    let lake = lake(&server, "cost");
    deliver_library(&lake, 3, &library_days(3)[&3]);
    lake.run_day("library", &library_date(3));
    let source = partition(&library_date(3));
    let deliver_until = |from: u64, to: u64| {
        for day in from..=to {
            let target = partition(&library_date(day));
            // What the marts of the days between would read is of no matter.
            let is_built = [29, 30, 299, 300].contains(&day);
            let datasets = ["members", "books", "branches", "loans"];
            for dataset in &datasets[..if is_built { 4 } else { 2 }] {
                let key = |folder: &str| {
                    lake.place(
                        "silver",
                        &format!("library/{dataset}/{folder}/data.parquet"),
                    )
                };
                if target != source {
                    lake.objects.copy(&key(&source), &key(&target));
                }
            }
        }
    };
    let build = |day: u64| -> Value {
        let built = lake.stage("gold", "library", &library_date(day), &MARTS);
        built.expect_code(0);
        built.report()
    };

    deliver_until(1, 29);
    build(29);
    deliver_until(30, 30);
    let early = build(30);
    deliver_until(31, 299);
    // Two hundred and sixty-nine days at once: the state of the 30th and what came since.
    let long = build(299);
    let members = &long["marts"]["loan_facts"]["states"]["silver.members"];
    assert_eq!(members["partitions"], 299, "{long}");
    assert_eq!(members["kept_state"], library_date(30), "{long}");
    assert_eq!(members["partitions_read"], 269, "{long}");
    deliver_until(300, 300);
    let late = build(300);

    for report in [&early, &late] {
        for mart in ["loan_facts", "members_by_city"] {
            let state = &report["marts"][mart]["states"]["silver.members"];
            // The mart that comes second finds the state of the first.
            let read = u64::from(mart == "loan_facts");
            assert_eq!(state["partitions_read"], read, "{report}");
        }
        let inputs = report["marts"]["loan_facts"]["inputs"].as_array().unwrap();
        let windows: Vec<&str> = inputs
            .iter()
            .filter_map(|input| input["window"].as_str())
            .collect();
        assert_eq!(windows, ["state", "state", "day", "state"], "{report}");
    }
    let number = |report: &Value, field: &str| report[field].as_u64().unwrap();
    assert_eq!(
        number(&early, "objects_read"),
        number(&late, "objects_read")
    );
    // A kept state names the partitions that it is made of: some forty bytes each, compressed.
    let more = number(&late, "bytes_read") - number(&early, "bytes_read");
    let names = 2 * 270 * 110;
    assert!(more <= names, "{more} bytes more: {early} {late}");
    assert!(!kept_states(&lake).is_empty());
}
