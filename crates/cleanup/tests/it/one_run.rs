//! The teardown of one run.

use lakehouse_store::StagedFile;
use lakehouse_testkit::Env;

use crate::fixture::{Lake, RUN, date, name};

fn staged(lake: &Lake, pipeline: &str, run: &str) {
    for dataset in ["orders", "returns"] {
        for file in StagedFile::ALL {
            lake.put(&lake.layout.staged_object(
                &name(pipeline),
                &date(),
                run,
                &name(dataset),
                file,
            ));
        }
    }
}

#[test]
fn the_staging_of_the_run_goes_and_nothing_else() {
    let lake = Lake::new();
    let (shop, orders) = (name("shop"), name("orders"));
    lake.put(&lake.layout.bronze_object(&shop, &orders, &date(), "a.json"));
    lake.put(&lake.layout.silver_data(&shop, &orders, &date()));
    lake.put(&lake.layout.run_report(&shop, &date(), RUN, "silver"));
    staged(&lake, "shop", "another");
    // A run whose id begins with this one's is another one.
    staged(&lake, "shop", &format!("{RUN}x"));
    staged(&lake, "bakery", RUN);
    let before = lake.all();
    staged(&lake, "shop", RUN);
    let upload = lake
        .layout
        .staged_object(&shop, &date(), RUN, &orders, StagedFile::Data);
    lake.begin_upload(&upload);
    lake.begin_upload(&lake.layout.staged_object(
        &shop,
        &date(),
        "another",
        &orders,
        StagedFile::Data,
    ));
    assert_eq!(lake.uploads(), 2);

    let outcome = lake.cleanup_run(&[]);
    outcome.expect_code(0);
    let report = outcome.report();
    assert_eq!(report["removed"]["staging_objects"], 8, "{report}");
    assert_eq!(report["removed"]["bytes"], 8 * 7);
    assert_eq!(report["removed"]["multipart_uploads"], 1);
    assert_eq!(report["pipeline"], "shop");
    assert!(
        outcome.stderr.contains(&upload.to_string()),
        "each removal is logged: {outcome}"
    );
    assert_eq!(lake.uploads(), 1);
    let kept = lake
        .layout
        .run_report(&shop, &date(), RUN, "cleanup")
        .to_string();
    let after: Vec<String> = lake
        .all()
        .into_iter()
        .filter(|address| *address != kept)
        .collect();
    assert_eq!(after, before);
}

#[test]
fn a_second_time_there_is_nothing_to_do_and_that_is_fine() {
    let lake = Lake::new();
    staged(&lake, "shop", RUN);
    lake.cleanup_run(&[]).expect_code(0);
    let again = lake.cleanup_run(&[]);
    again.expect_code(0);
    assert_eq!(again.report()["removed"]["staging_objects"], 0);
}

#[test]
fn a_dry_run_lists_what_would_go() {
    let lake = Lake::new();
    staged(&lake, "shop", RUN);
    let before = lake.all();
    let outcome = lake.cleanup_run(&["--dry-run"]);
    outcome.expect_code(0);
    assert_eq!(outcome.report()["would_write"].as_array().unwrap().len(), 8);
    assert_eq!(lake.all(), before);
}

#[test]
fn what_dead_runs_left_on_this_machine_goes() {
    let lake = Lake::new();
    lake.env.write("workspace/silver-1-0/spill", "x");
    lake.env.write("workspace/silver-1-0.lock", "");
    let outcome = lake.cleanup_run(&[]);
    outcome.expect_code(0);
    assert_eq!(outcome.report()["workspaces_removed"], 1);
    assert_eq!(
        std::fs::read_dir(lake.env.path("workspace"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn arguments_that_name_no_work_are_refused() {
    let env = Env::new();
    env.write("pipelines/shop/pipeline.yaml", "");
    for arguments in [
        vec![],
        vec!["--pipeline", "shop"],
        vec!["--date", "2024-01-15"],
        vec!["--older-than", "a week"],
        vec!["--pipeline", "sheep", "--date", "2024-01-15"],
    ] {
        let outcome = env.stage("cleanup", &arguments);
        outcome.expect_code(2);
        assert_eq!(outcome.report()["outcome"], "usage", "{outcome}");
    }
    let unknown = env.stage("cleanup", &["--pipeline", "sheep", "--date", "2024-01-15"]);
    assert!(unknown.stderr.contains("holds `shop`"), "{unknown}");
}

#[test]
fn a_store_that_is_away_is_transient() {
    let mut lake = Lake::new();
    lake.server.kill();
    lake.cleanup_run(&[]).expect_code(75);
}

#[test]
fn help_says_what_is_removed() {
    let help = Env::new().stage("cleanup", &["--help"]);
    help.expect_code(0);
    for said in ["--older-than", "30 days", "Exit codes:", "LAKE_STAGING_URL"] {
        assert!(help.stdout.contains(said), "{said} is not in {help}");
    }
}
