//! What the command line says and refuses.

use std::time::Instant;

use lakehouse_testkit::Env;

use crate::fixture::{Shop, arguments};

#[test]
fn help_says_exit_codes_and_variables_and_version_is_one_line() {
    let env = Env::new();
    let help = env.stage("bronze", &["--help"]);
    help.expect_code(0);
    for said in [
        "--prune",
        "--dry-run",
        "Exit codes:",
        " 75  transient",
        "AWS_ACCESS_KEY_ID",
        "LAKE_BRONZE_URL",
    ] {
        assert!(help.stdout.contains(said), "{said} is not in {help}");
    }
    assert!(
        !help.stdout.contains("LAKE_PSEUDONYM_KEY"),
        "bronze does not read it"
    );
    let version = env.stage("bronze", &["--version"]);
    version.expect_code(0);
    assert_eq!(
        version.stdout,
        format!("lake-bronze {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn starting_costs_milliseconds() {
    let env = Env::new();
    let mut command = env.command("lake-bronze");
    command.arg("--version");
    let fastest = (0..20)
        .map(|_| {
            let start = Instant::now();
            assert!(command.output().unwrap().status.success());
            start.elapsed()
        })
        .min()
        .unwrap();
    assert!(fastest.as_millis() <= 15, "{fastest:?}");
}

#[test]
fn wrong_arguments_end_with_2_and_a_report() {
    let env = Env::new();
    for (arguments, said) in [
        (
            vec!["--pipeline", "shop", "--date", "2024-02-30"],
            "calendar",
        ),
        (
            vec!["--pipeline", "shop", "--date", "15.01.2024"],
            "YYYY-MM-DD",
        ),
        (vec!["--pipeline", "Shop!", "--date", "2024-01-15"], "Shop!"),
        (
            vec![
                "--pipeline",
                "shop",
                "--date",
                "2024-01-15",
                "--run-id",
                "a/b",
            ],
            "a/b",
        ),
        (vec!["--pipeline", "shop"], "--date"),
        (
            vec!["--pipeline", "shop", "--date", "2024-01-15", "--purne"],
            "--purne",
        ),
    ] {
        let outcome = env.stage("bronze", &arguments);
        outcome.expect_code(2);
        let report = outcome.report();
        assert_eq!(report["outcome"], "usage");
        assert_eq!(report["exit_code"], 2);
        assert!(outcome.stderr.starts_with("error: "), "{outcome}");
        assert!(outcome.stderr.contains(said), "{said} is not in {outcome}");
        assert!(report["error"].to_string().contains(said), "{report}");
    }
}

#[test]
fn logs_are_one_json_object_a_line_with_the_message_last() {
    let shop = Shop::with_day();
    let outcome = shop.bronze(&[]);
    outcome.expect_code(0);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!(lines.len() >= 3, "{outcome}");
    for line in lines {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["stage"], "bronze");
        assert!(
            event["time"].is_string() && event["level"].is_string(),
            "{line}"
        );
        assert_eq!(
            event.as_object().unwrap().keys().next_back().unwrap(),
            "message"
        );
    }
}

#[test]
fn levels_and_forms_of_logs_follow_the_environment() {
    let mut shop = Shop::with_day();
    shop.env.set("LAKE_LOG", "error");
    let quiet = shop.bronze(&[]);
    quiet.expect_code(0);
    assert_eq!(quiet.stderr, "");
    shop.env
        .set("LAKE_LOG", "info")
        .set("LAKE_LOG_FORMAT", "text");
    shop.deliver("d.json", "{}");
    let text = shop.bronze(&[]);
    text.expect_code(0);
    assert!(
        text.stderr.contains("copied source_name=2024-01-15/d.json"),
        "{text}"
    );
    shop.env.set("LAKE_LOG", "loud");
    shop.bronze(&[]).expect_code(2);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_touches_nothing() {
    let shop = Shop::with_day();
    // Not even the buckets are made that the run itself would make.
    let first = shop.bronze(&["--dry-run"]);
    first.expect_code(0);
    assert_eq!(first.report()["would_write"].as_array().unwrap().len(), 4);
    assert!(!shop.server.data_dir().join("bronze").exists());

    shop.done(&[]);
    let before = shop.partition();
    shop.deliver("d.json", "{}");
    shop.deliver("a.json", "{\"order_id\":\"other and longer\"}");
    let outcome = shop.bronze(&["--dry-run"]);
    outcome.expect_code(0);
    let report = outcome.report();
    let would_write: Vec<&str> = report["would_write"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_str().unwrap())
        .collect();
    let partition = "s3://bronze/shop/orders/year=2024/month=01/day=15";
    assert_eq!(
        would_write,
        [
            format!("{partition}/2024-01-15/a.<content hash>.json if its bytes are new"),
            format!("{partition}/2024-01-15/d.json"),
            format!("{partition}/_manifest.json"),
        ]
    );
    assert!(
        report["would_read"]
            .to_string()
            .contains("orders/2024-01-15/a.json"),
        "{report}"
    );
    assert!(
        outcome.stderr.contains("would write:\n  s3://bronze/"),
        "{outcome}"
    );
    assert_eq!(report["objects_written"], 0);
    assert_eq!(shop.partition(), before);
}

#[test]
fn a_run_report_says_what_was_done_and_is_kept() {
    let shop = Shop::with_day();
    let report = shop.done(&[]);
    assert_eq!(report["stage"], "bronze");
    assert_eq!(report["pipeline"], "shop");
    assert_eq!(report["date"], "2024-01-15");
    assert_eq!(report["run_id"], arguments(&[])[5]);
    assert_eq!(report["outcome"], "done");
    assert_eq!(report["datasets"]["orders"]["files_uploaded"], 3);
    assert_eq!(
        report["objects_written"], 4,
        "three files and the manifest: {report}"
    );
    assert!(report["peak_resident_bytes"].as_u64().unwrap() > 1_000_000);
    for phase in ["list", "hash", "upload"] {
        assert!(
            report["phases"][phase].is_number(),
            "{phase} is not in {report}"
        );
    }
    let kept = crate::fixture::objects(&shop.server, "staging/_reports/shop/2024-01-15");
    let (name, kept) = kept.first_key_value().unwrap();
    assert!(name.ends_with("/bronze-orders.json"), "{name}");
    let kept: serde_json::Value = serde_json::from_slice(kept).unwrap();
    assert_eq!(kept["datasets"], report["datasets"]);
}
