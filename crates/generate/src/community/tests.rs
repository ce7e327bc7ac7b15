//! The generated tables: the same every time, and with the dirt that is promised.

use std::collections::{BTreeMap, BTreeSet};

use super::{CommunityOptions, TABLES, generate_community};

fn generated(users: u64, date: &str, days: u16, all_columns: bool) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let options = CommunityOptions {
        users,
        date: date.parse().expect("a date"),
        days,
        seed: 7,
        all_columns,
        output: folder.path().to_owned(),
    };
    let summary = generate_community(&options).expect("written");
    let mut files = BTreeMap::new();
    for table in &TABLES {
        for entry in std::fs::read_dir(folder.path().join(table.name)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = format!(
                "{}/{}",
                table.name,
                path.file_name().expect("a name").to_string_lossy()
            );
            files.insert(name, std::fs::read_to_string(path).expect("UTF-8"));
        }
    }
    let lines: usize = files
        .values()
        .map(|text| text.matches('\n').count() - 1)
        .sum();
    let rows: u64 = summary.rows.iter().map(|(_, rows)| rows).sum();
    // Descriptions hold a line end of their own.
    assert!(all_columns || rows == lines as u64, "{rows} {lines}");
    files
}

fn column<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = text.lines();
    let place = lines
        .next()
        .and_then(|header| header.split(',').position(|column| column == name))
        .expect("the column");
    lines
        .filter_map(|line| line.split(',').nth(place))
        .collect()
}

#[test]
fn the_same_arguments_give_the_same_bytes_whatever_days_are_made_together() {
    let three = generated(1_000, "2025-11-01", 3, false);
    assert_eq!(three, generated(1_000, "2025-11-01", 3, false));
    let second = generated(1_000, "2025-11-02", 1, false);
    for (name, text) in &second {
        assert!(&three[name] == text, "{name}");
    }
    assert_eq!(three.len(), 27);
}

#[test]
fn every_kind_of_dirt_is_there() {
    let files = generated(5_000, "2025-11-01", 2, false);
    let day = |table: &str| files[&format!("{table}/2025-11-02.csv")].as_str();
    let emails = column(day("users"), "email");
    assert!(emails.contains(&"") && emails.contains(&"\"\""));
    assert!(column(day("users"), "created_at").contains(&"infinity"));
    let amounts: Vec<f64> = column(day("user_purchases"), "amount")
        .iter()
        .map(|amount| amount.parse().expect("a number"))
        .collect();
    assert!(amounts.iter().any(|amount| *amount < 0.0));
    assert!(amounts.iter().any(|amount| *amount > 1e6));
    let currencies: BTreeSet<&str> = column(day("user_purchases"), "currency")
        .into_iter()
        .collect();
    assert!(
        currencies.is_superset(&BTreeSet::from(["EUR", "USD"])),
        "{currencies:?}"
    );
    let modified = column(day("user_notifications"), "modified_at");
    assert!(modified.iter().any(|at| at.starts_with("2028-")));
    let known: BTreeSet<&str> = column(day("users"), "id").into_iter().collect();
    let writers = column(day("group_messages"), "user_id");
    assert!(
        writers.iter().any(|user| !known.contains(user)),
        "no message of a deleted user"
    );
    // Sessions without an end, and some that began the day before.
    let sessions = |wanted: &str| -> BTreeSet<&str> {
        let events = day("user_session_events");
        column(events, "session_id")
            .into_iter()
            .zip(column(events, "event_type"))
            .filter(|(_, kind)| *kind == wanted)
            .map(|(session, _)| session)
            .collect()
    };
    assert!(sessions("login").difference(&sessions("logout")).count() > 0);
    assert!(sessions("logout").difference(&sessions("login")).count() > 0);
}

#[test]
fn a_password_is_only_written_when_all_columns_are() {
    let is_there = |all_columns| {
        generated(200, "2025-11-01", 1, all_columns)
            .values()
            .any(|text| text.contains("$2b$12$") || text.contains("password"))
    };
    assert!(!is_there(false));
    assert!(is_there(true));
}
