//! Keys, both ways.

use chrono::{NaiveDate, NaiveDateTime};
use lakehouse_contract::{Name, RunDate};

use super::{Layout, LayoutError};
use crate::redelivered_name;
use crate::{Key, Location, ObjectAddress, StagedFile};

fn location(text: &str) -> Location {
    text.parse().expect("a location")
}

fn five_buckets() -> Layout {
    Layout::new(
        location("s3://bronze"),
        location("s3://staging"),
        location("s3://silver"),
        location("s3://quarantine"),
        location("s3://gold"),
    )
    .expect("apart")
}

fn one_bucket() -> Layout {
    Layout::new(
        location("s3://lake/bronze"),
        location("s3://lake/staging"),
        location("s3://lake/silver"),
        location("s3://lake/quarantine"),
        location("s3://lake/gold"),
    )
    .expect("apart")
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn date() -> RunDate {
    "2011-08-12".parse().expect("a date")
}

fn time() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2011, 8, 12)
        .and_then(|day| day.and_hms_opt(6, 30, 5))
        .expect("a time")
}

const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Every kind of key with the address that it must have, below five buckets.
fn keys() -> Vec<(Key, String)> {
    let (pipeline, dataset, mart) = (name("sales"), name("orders"), name("daily_revenue"));
    let run_id = "manual 1/2".to_owned();
    let quarantine = |refused, extension: &str| Key::Quarantine {
        pipeline: pipeline.clone(),
        dataset: dataset.clone(),
        date: date(),
        refused,
        sha256: SHA256.to_owned(),
        extension: extension.to_owned(),
    };
    let mut keys = vec![
        (
            Key::BronzeObject {
                pipeline: pipeline.clone(),
                dataset: dataset.clone(),
                date: date(),
                object: "a/ü 1+%.json".to_owned(),
            },
            "s3://bronze/sales/orders/year=2011/month=08/day=12/a/ü 1+%.json".to_owned(),
        ),
        (
            Key::BronzeManifest {
                pipeline: pipeline.clone(),
                dataset: dataset.clone(),
                date: date(),
            },
            "s3://bronze/sales/orders/year=2011/month=08/day=12/_manifest.json".to_owned(),
        ),
        (
            Key::RunReport {
                pipeline: pipeline.clone(),
                date: date(),
                run_id: run_id.clone(),
                stage: "silver".to_owned(),
            },
            "s3://staging/_reports/sales/2011-08-12/manual%201%2F2/silver.json".to_owned(),
        ),
        (
            Key::KeptState {
                pipeline: pipeline.clone(),
                dataset: dataset.clone(),
                date: date(),
            },
            "s3://staging/_state/sales/orders/2011-08-12.parquet".to_owned(),
        ),
        (
            Key::SilverData {
                pipeline: pipeline.clone(),
                dataset: dataset.clone(),
                date: date(),
            },
            "s3://silver/sales/orders/year=2011/month=08/day=12/data.parquet".to_owned(),
        ),
        (
            quarantine(false, "parquet"),
            format!("s3://quarantine/sales/orders/year=2011/month=08/day=12/{SHA256}.parquet"),
        ),
        (
            quarantine(true, "json"),
            format!("s3://quarantine/sales/orders/year=2011/month=08/day=12/refused/{SHA256}.json"),
        ),
        (
            Key::GoldData {
                pipeline: pipeline.clone(),
                mart: mart.clone(),
                date: date(),
            },
            "s3://gold/sales/daily_revenue/year=2011/month=08/day=12/data.parquet".to_owned(),
        ),
        (
            Key::GoldFormat {
                pipeline: pipeline.clone(),
                mart: mart.clone(),
                date: date(),
                extension: "csv".to_owned(),
            },
            "s3://gold/sales/daily_revenue/year=2011/month=08/day=12/data.csv".to_owned(),
        ),
        (
            Key::GoldDated {
                pipeline: pipeline.clone(),
                mart,
                logical_time: time(),
                extension: "csv".to_owned(),
            },
            "s3://gold/sales/daily_revenue/daily_revenue_20110812T063005.csv".to_owned(),
        ),
    ];
    for file in StagedFile::ALL {
        keys.push((
            Key::Staged {
                pipeline: pipeline.clone(),
                date: date(),
                run_id: run_id.clone(),
                dataset: dataset.clone(),
                file,
            },
            format!(
                "s3://staging/sales/2011-08-12/manual%201%2F2/orders/{}",
                file.file_name()
            ),
        ));
    }
    keys
}

#[test]
fn every_key_has_its_address_and_is_found_again_in_it() {
    let layout = five_buckets();
    for (key, address) in keys() {
        assert_eq!(layout.address(&key).to_string(), address);
        assert_eq!(layout.parse(&layout.address(&key)), Some(key));
    }
}

#[test]
fn one_bucket_with_prefixes_works_too() {
    let layout = one_bucket();
    for (key, address) in keys() {
        let expected = address.replacen("s3://", "s3://lake/", 1);
        assert_eq!(layout.address(&key).to_string(), expected);
        assert_eq!(layout.parse(&layout.address(&key)), Some(key));
    }
    assert_eq!(layout.buckets(), ["lake"]);
    assert_eq!(
        five_buckets().buckets(),
        ["bronze", "gold", "quarantine", "silver", "staging"]
    );
}

#[test]
fn the_short_ways_build_the_same_addresses() {
    let layout = one_bucket();
    let (pipeline, dataset, mart, date) =
        (name("sales"), name("orders"), name("daily_revenue"), date());
    let addresses = [
        layout.bronze_object(&pipeline, &dataset, &date, "a/ü 1+%.json"),
        layout.bronze_manifest(&pipeline, &dataset, &date),
        layout.run_report(&pipeline, &date, "manual 1/2", "silver"),
        layout.kept_state(&pipeline, &dataset, &date),
        layout.silver_data(&pipeline, &dataset, &date),
        layout.quarantine_object(&pipeline, &dataset, &date, SHA256, "parquet"),
        layout.refused_object(&pipeline, &dataset, &date, SHA256, "json"),
        layout.gold_data(&pipeline, &mart, &date),
        layout.gold_format(&pipeline, &mart, &date, "csv"),
        layout.gold_dated(&pipeline, &mart, time(), "csv"),
    ];
    let staged = StagedFile::ALL
        .map(|file| layout.staged_object(&pipeline, &date, "manual 1/2", &dataset, file));
    let built: Vec<ObjectAddress> = keys().iter().map(|(key, _)| layout.address(key)).collect();
    assert_eq!(
        addresses.into_iter().chain(staged).collect::<Vec<_>>(),
        built
    );
}

#[test]
fn what_the_lakehouse_did_not_write_is_nothing() {
    let layout = five_buckets();
    for text in [
        "s3://elsewhere/sales/orders/year=2011/month=08/day=12/data.parquet",
        "s3://silver/sales/orders/year=2011/month=8/day=12/data.parquet",
        "s3://silver/sales/orders/year=2011/month=13/day=12/data.parquet",
        "s3://silver/sales/orders/year=2011/month=08/day=12/other.parquet",
        "s3://silver/Sales/orders/year=2011/month=08/day=12/data.parquet",
        "s3://quarantine/sales/orders/year=2011/month=08/day=12/abc.parquet",
        "s3://quarantine/sales/orders/year=2011/month=08/day=12/kept/x.json",
        "s3://staging/sales/2011-08-12/run/orders/notes.txt",
        "s3://staging/_reports/sales/2011-08-12/run/x/silver.json",
        "s3://gold/sales/daily_revenue/daily_revenue_2011.csv",
        "s3://gold/sales/daily_revenue/other_20110812T063005.csv",
    ] {
        assert_eq!(
            layout.parse(&text.parse().expect("an address")),
            None,
            "{text}"
        );
    }
}

#[test]
fn an_object_tells_the_date_of_its_partition() {
    let layout = five_buckets();
    let address = layout.silver_data(&name("sales"), &name("orders"), &date());
    assert_eq!(layout.partition_date(&address), Some(date()));
    let dated = layout.gold_dated(&name("sales"), &name("daily_revenue"), time(), "csv");
    assert_eq!(layout.partition_date(&dated), None);
}

#[test]
fn places_inside_one_another_are_refused() {
    let error = Layout::new(
        location("s3://lake"),
        location("s3://lake/staging"),
        location("s3://silver"),
        location("s3://quarantine"),
        location("s3://gold"),
    )
    .expect_err("staging lies in bronze");
    assert_eq!(
        error.to_string(),
        "staging at `s3://lake/staging` is inside bronze at `s3://lake`; the five places must be apart"
    );
}

#[test]
fn source_names_that_cannot_be_keys_are_refused() {
    for name in [
        "a.json",
        "a/b c/ü+%.json",
        "_manifest.json.bak",
        "a/_manifest.json",
    ] {
        assert_eq!(Layout::check_source_name(name), Ok(()), "{name}");
    }
    let long = "x".repeat(231);
    for name in [
        "_manifest.json",
        "",
        "/a",
        "a//b",
        "../a",
        "a/.",
        "a\nb",
        "a\\b",
        &long,
    ] {
        let error = Layout::check_source_name(name).expect_err(name);
        assert!(matches!(error, LayoutError::SourceName { .. }), "{name}");
    }
}

#[test]
fn a_redelivered_file_keeps_its_folder_stem_and_extension() {
    for (source, expected) in [
        ("a/x.json", "a/x.e3b0c44298fc.json"),
        ("x.csv.gz", "x.csv.e3b0c44298fc.gz"),
        ("a.b/x", "a.b/x.e3b0c44298fc"),
        (".hidden", ".hidden.e3b0c44298fc"),
    ] {
        assert_eq!(redelivered_name(source, SHA256), expected);
    }
}
