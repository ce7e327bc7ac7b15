//! What dead runs left. The store's time is moved for the library, since a store cannot be told
//! to be old; the executable is run over fresh objects, which must all stay.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lake_cleanup::{Kind, Removal, store_now, sweep};
use lakehouse_stage::Report;
use lakehouse_store::StagedFile;

use crate::fixture::{Lake, RUN, date, name};

const DAY: Duration = Duration::from_secs(86_400);

/// Sweeps as if so much time had passed.
fn sweep_after(lake: &Lake, later: TimeDelta, older_than: Duration, only: Option<&str>) -> Removal {
    let removal = Removal::new(&lake.store, &Report::new("cleanup"), false);
    let only = only.map(name);
    lake.runtime.block_on(async {
        let now = store_now(&lake.store, &lake.layout).await.unwrap() + later;
        sweep(
            &lake.store,
            &lake.layout,
            &removal,
            now,
            older_than,
            only.as_ref(),
        )
        .await
        .unwrap();
    });
    removal
}

fn sha(digit: char) -> String {
    std::iter::repeat_n(digit, 64).collect()
}

#[test]
fn the_time_is_the_stores_and_asking_leaves_nothing() {
    let lake = Lake::new();
    let now: DateTime<Utc> = lake
        .runtime
        .block_on(store_now(&lake.store, &lake.layout))
        .unwrap();
    assert!((Utc::now() - now).num_seconds().abs() < 60);
    assert!(lake.all().is_empty());
}

#[test]
fn staging_of_dead_runs_and_their_uploads_go_when_they_are_old() {
    let lake = Lake::new();
    let staged = |pipeline: &str, dataset: &str| {
        lake.layout.staged_object(
            &name(pipeline),
            &date(),
            RUN,
            &name(dataset),
            StagedFile::Data,
        )
    };
    lake.put(&staged("shop", "orders"));
    lake.put(&staged("bakery", "bread"));
    lake.begin_upload(
        &lake
            .layout
            .silver_data(&name("shop"), &name("orders"), &date()),
    );
    lake.begin_upload(&"s3://gold/not/of/the/lake".parse().unwrap());
    assert_eq!(lake.uploads(), 2);
    lake.put_at("s3://staging/what/is/this");
    lake.put_at("s3://staging/_clock/left-behind");

    let young = sweep_after(&lake, TimeDelta::hours(23), DAY, None);
    assert!(Kind::ALL.iter().all(|kind| young.count_of(*kind) == 0));
    let other = sweep_after(&lake, TimeDelta::hours(25), DAY, Some("bakery"));
    assert_eq!(other.count_of(Kind::Staging), 1);
    assert_eq!(other.count_of(Kind::MultipartUpload), 0);
    let old = sweep_after(&lake, TimeDelta::hours(25), DAY, None);
    assert_eq!(old.count_of(Kind::Staging), 1);
    assert_eq!(old.count_of(Kind::MultipartUpload), 1);
    assert_eq!(old.count_of(Kind::Clock), 1);
    assert_eq!(
        lake.uploads(),
        1,
        "an upload to what the lake does not know is somebody else's"
    );
    assert_eq!(lake.all(), ["s3://staging/what/is/this"]);
}

#[test]
fn a_run_of_which_anything_is_young_stays_whole() {
    let lake = Lake::new();
    let staged = |file| {
        lake.layout
            .staged_object(&name("shop"), &date(), RUN, &name("orders"), file)
    };
    lake.put(&staged(StagedFile::Quarantine));
    std::thread::sleep(Duration::from_millis(3_100));
    lake.put(&staged(StagedFile::Data));
    let removal = sweep_after(
        &lake,
        TimeDelta::hours(24) - TimeDelta::seconds(1),
        DAY,
        None,
    );
    assert_eq!(removal.count_of(Kind::Staging), 0);
    assert_eq!(lake.all().len(), 2);
}

#[test]
fn quarantine_that_no_published_partition_names_goes() {
    let lake = Lake::new();
    let (shop, orders) = (name("shop"), name("orders"));
    let object = |digit, extension: &str| {
        lake.layout
            .quarantine_object(&shop, &orders, &date(), &sha(digit), extension)
    };
    let (quarantine, quality) = (
        format!("{}.parquet", sha('a')),
        format!("{}.json", sha('b')),
    );
    for address in [
        object('a', "parquet"),
        object('b', "json"),
        object('c', "parquet"),
        object('d', "json"),
    ] {
        lake.put(&address);
    }
    lake.put_with(
        &lake.layout.silver_data(&shop, &orders, &date()),
        &[
            ("quarantine", quarantine.as_str()),
            ("quality", quality.as_str()),
        ],
    );
    // A partition whose object does not say what it names is left alone.
    let other = name("returns");
    lake.put(
        &lake
            .layout
            .quarantine_object(&shop, &other, &date(), &sha('e'), "json"),
    );
    lake.put(&lake.layout.silver_data(&shop, &other, &date()));
    // One that was never published: of a check that died.
    lake.put(
        &lake
            .layout
            .quarantine_object(&shop, &name("dead"), &date(), &sha('f'), "json"),
    );
    lake.put_at("s3://quarantine/what/is/this.parquet");

    // Whatever is asked for, an hour must pass: a check may be at work.
    assert_eq!(
        sweep_after(&lake, TimeDelta::minutes(59), Duration::ZERO, None).count_of(Kind::Quarantine),
        0
    );
    assert_eq!(
        sweep_after(&lake, TimeDelta::hours(2), DAY, None).count_of(Kind::Quarantine),
        0
    );
    let removal = sweep_after(&lake, TimeDelta::hours(2), Duration::ZERO, None);
    assert_eq!(removal.count_of(Kind::Quarantine), 3);
    let mut expected = vec![
        lake.layout.silver_data(&shop, &orders, &date()).to_string(),
        lake.layout.silver_data(&shop, &other, &date()).to_string(),
        object('a', "parquet").to_string(),
        object('b', "json").to_string(),
        lake.layout
            .quarantine_object(&shop, &other, &date(), &sha('e'), "json")
            .to_string(),
        "s3://quarantine/what/is/this.parquet".to_owned(),
    ];
    expected.sort();
    let mut all = lake.all();
    all.sort();
    assert_eq!(all, expected);
}

#[test]
fn refused_evidence_goes_once_the_day_is_published() {
    let lake = Lake::new();
    let (shop, orders) = (name("shop"), name("orders"));
    let data = lake.layout.silver_data(&shop, &orders, &date());
    let evidence = lake
        .layout
        .refused_object(&shop, &orders, &date(), &sha('a'), "json");
    lake.put_with(&data, &[("quality", "x.json")]);
    std::thread::sleep(Duration::from_millis(1_100));
    lake.put(&evidence);
    let refused_after = sweep_after(&lake, TimeDelta::days(3), DAY, None);
    assert_eq!(
        refused_after.count_of(Kind::Refused),
        0,
        "the day was refused after it was published"
    );
    std::thread::sleep(Duration::from_millis(1_100));
    lake.put_with(&data, &[("quality", "x.json")]);
    let published_after = sweep_after(&lake, TimeDelta::days(3), DAY, None);
    assert_eq!(published_after.count_of(Kind::Refused), 1);
    assert_eq!(lake.all(), [data.to_string()]);
}

#[test]
fn run_reports_are_kept_for_thirty_days_whatever_is_asked_for() {
    let lake = Lake::new();
    lake.put(
        &lake
            .layout
            .run_report(&name("shop"), &date(), RUN, "silver"),
    );
    assert_eq!(
        sweep_after(&lake, TimeDelta::days(29), Duration::ZERO, None).count_of(Kind::RunReport),
        0
    );
    assert_eq!(
        sweep_after(&lake, TimeDelta::days(31), DAY * 365, None).count_of(Kind::RunReport),
        1
    );
    assert!(lake.all().is_empty());
}

#[test]
fn the_executable_sweeps_by_the_stores_clock() {
    let mut lake = Lake::new();
    lake.put(&lake.layout.staged_object(
        &name("shop"),
        &date(),
        RUN,
        &name("orders"),
        StagedFile::Data,
    ));
    let before = lake.all();
    let young = lake.cleanup(&["--older-than", "7d"]);
    young.expect_code(0);
    assert_eq!(young.report()["removed"]["staging_objects"], 0);
    assert_eq!(lake.all(), before);
    std::thread::sleep(Duration::from_millis(2_100));
    let dry = lake.cleanup(&["--older-than", "1s", "--dry-run"]);
    dry.expect_code(0);
    assert_eq!(lake.all(), before);
    let old = lake.cleanup(&["--older-than", "1s"]);
    old.expect_code(0);
    assert_eq!(old.report()["removed"]["staging_objects"], 1, "{old}");
    assert!(lake.all().is_empty());
    // With all places in one bucket, each is still its own.
    for place in ["BRONZE", "STAGING", "SILVER", "QUARANTINE", "GOLD"] {
        lake.env.set(
            &format!("LAKE_{place}_URL"),
            format!("s3://lake/{}", place.to_lowercase()),
        );
    }
    lake.cleanup(&["--older-than", "1s"]).expect_code(0);
}

#[test]
fn the_last_seven_kept_states_stay_and_one_a_month() {
    let lake = Lake::new();
    let state = |dataset: &str, date: &str| {
        lake.layout
            .kept_state(&name("shop"), &name(dataset), &date.parse().unwrap())
    };
    let days: Vec<String> = (20..=31)
        .map(|day| format!("2024-01-{day}"))
        .chain((1..=9).map(|day| format!("2024-02-0{day}")))
        .collect();
    for day in &days {
        lake.put(&state("users", day));
    }
    lake.put(&state("groups", "2024-01-20"));
    let mut expected: Vec<String> = ["2024-01-31"]
        .into_iter()
        .map(str::to_owned)
        .chain((3..=9).map(|day| format!("2024-02-0{day}")))
        .map(|day| state("users", &day).to_string())
        .collect();
    expected.push(state("groups", "2024-01-20").to_string());
    expected.sort();

    let young = sweep_after(&lake, TimeDelta::hours(23), DAY, None);
    assert_eq!(young.count_of(Kind::KeptState), 0);
    let other = sweep_after(&lake, TimeDelta::hours(25), DAY, Some("bakery"));
    assert_eq!(other.count_of(Kind::KeptState), 0);
    let old = sweep_after(&lake, TimeDelta::hours(25), DAY, None);
    assert_eq!(old.count_of(Kind::KeptState), 13);
    let mut left = lake.all();
    left.sort();
    assert_eq!(left, expected);
    let again = sweep_after(&lake, TimeDelta::hours(25), DAY, None);
    assert_eq!(again.count_of(Kind::KeptState), 0);
}
