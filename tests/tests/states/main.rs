//! Deliveries and states: what marts see when they look back at datasets, whatever the order in
//! which days ran, and at what cost.

mod cost;
mod orders;
mod person;
mod stale;

use std::collections::BTreeMap;

use lakehouse_testkit::Server;
use lakehouse_tests::{Lake, library};

const KEPT: &str = "_state/library/";

/// A lake with the library's pipeline.
fn lake(server: &Server, prefix: &str) -> Lake {
    let mut lake = Lake::beside(server, prefix);
    library(&mut lake);
    lake
}

/// The folders of a date's partition.
fn partition(date: &str) -> String {
    let parts: Vec<&str> = date.split('-').collect();
    format!("year={}/month={}/day={}", parts[0], parts[1], parts[2])
}

/// Name and bytes of everything in gold.
fn gold(lake: &Lake) -> BTreeMap<String, Vec<u8>> {
    let mut published = lake.published();
    published.retain(|name, _| name.starts_with("gold/"));
    published
}

/// The kept states, by their keys in staging.
fn kept_states(lake: &Lake) -> Vec<String> {
    lake.list("staging")
        .into_keys()
        .filter(|key| key.starts_with(KEPT))
        .collect()
}

/// Rows of a mart of a date, as its CSV has them, without the header.
fn rows(lake: &Lake, mart: &str, date: &str) -> Vec<String> {
    let key = format!("library/{mart}/{}/data.csv", partition(date));
    let text = lake.objects.text(&lake.place("gold", &key));
    text.lines().skip(1).map(str::to_owned).collect()
}
