//! A pipeline whose datasets have states: `tests/fixtures/library`.

use std::collections::BTreeMap;

use crate::{Lake, repository};

/// One version of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The key.
    pub member: u64,
    /// Where the member lives.
    pub city: &'static str,
    /// When the version was made: minutes after the first day began.
    pub changed_at: u64,
    /// Whether the member is gone.
    pub is_deleted: bool,
}

/// What a day delivers.
#[derive(Debug, Clone, Default)]
pub struct LibraryDay {
    /// Versions of members.
    pub members: Vec<Version>,
    /// Versions of books: book, title, cents, version.
    pub books: Vec<(u64, String, u64, Option<u64>)>,
    /// All branches, where it delivers a snapshot.
    pub branches: Option<Vec<(String, &'static str)>>,
    /// Loans: member, book, branch.
    pub loans: Vec<(u64, u64, String)>,
}

/// Numbers that look random and are the same every time.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of so many.
    pub const fn below(&mut self, many: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % many
    }

    /// Brings things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or_default();
            things.swap(last, other);
        }
    }
}

const CITIES: [&str; 4] = ["Aarhus", "Bergen", "Cork", "Delft"];
const MEMBERS: u64 = 40;
const DAY_MINUTES: u64 = 24 * 60;

/// The date of a day, counted from 1.
#[must_use]
pub fn library_date(day: u64) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 2, 10).unwrap_or_default();
    (first + chrono::Days::new(day - 1)).to_string()
}

/// What the days deliver. Besides plain changes: versions that come days late, versions that are
/// delivered again, members that are deleted, late versions of deleted ones, and some that come back;
/// a day without anything, and snapshots of branches from the third day on, on every fourth.
#[must_use]
pub fn library_days(count: u64) -> BTreeMap<u64, LibraryDay> {
    let mut dice = Dice::new(7);
    let mut days = BTreeMap::new();
    let mut versions: Vec<Version> = Vec::new();
    for day in 1..=count {
        if day == 11 {
            continue;
        }
        let mut today = LibraryDay::default();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..12 {
            let version = match dice.below(8) {
                // As it was delivered before.
                0 if !versions.is_empty() => {
                    versions[dice.below(versions.len() as u64) as usize].clone()
                }
                kind => Version {
                    member: dice.below(MEMBERS),
                    city: CITIES[dice.below(4) as usize],
                    // Up to four days late.
                    changed_at: (day * DAY_MINUTES + dice.below(DAY_MINUTES))
                        .saturating_sub(u64::from(kind < 3) * dice.below(4) * DAY_MINUTES),
                    is_deleted: dice.below(4) == 0,
                },
            };
            if seen.insert(version.member) {
                versions.push(version.clone());
                today.members.push(version);
            }
        }
        for number in 0..3 {
            let book = dice.below(15);
            // Versions go up and down, are equal, and are missing.
            let version = Some(dice.below(5)).filter(|version| *version > 0);
            let title = format!("Book {book} as of {day}.{number}");
            let entry = (book, title, 100 + dice.below(9_000), version);
            if today.books.iter().all(|(other, ..)| *other != book) {
                today.books.push(entry);
            }
        }
        if day >= 3 && day % 4 == 3 {
            let branches = 2 + dice.below(3);
            let branches = (0..branches).map(|branch| {
                let city = CITIES[dice.below(4) as usize];
                (format!("b{branch}"), city)
            });
            today.branches = Some(branches.collect());
        }
        for _ in 0..6 {
            today.loans.push((
                dice.below(MEMBERS),
                dice.below(15),
                format!("b{}", dice.below(5)),
            ));
        }
        days.insert(day, today);
    }
    days
}

/// Copies the pipeline into a lake.
pub fn library(lake: &mut Lake) {
    let fixture = repository().join("tests/fixtures/library");
    lake.env
        .copy_folder(&fixture.join("pipeline"), "pipelines/library");
    let folder = lake.env.path("library");
    for dataset in ["members", "books", "branches", "loans"] {
        std::fs::create_dir_all(folder.join(dataset)).expect("a folder");
    }
    lake.env
        .set("LIBRARY_DIR", folder.to_string_lossy().into_owned());
}

/// Delivers a day of the library.
pub fn deliver_library(lake: &Lake, day: u64, today: &LibraryDay) {
    let date = library_date(day);
    let write = |dataset: &str, text: String| {
        lake.env
            .write(&format!("library/{dataset}/{date}.csv"), text);
    };
    let first = chrono::NaiveDate::from_ymd_opt(2024, 2, 9).unwrap_or_default();
    let mut members = "member,name,city,changed_at,deleted\n".to_owned();
    for version in &today.members {
        let at = first.and_time(chrono::NaiveTime::MIN)
            + chrono::TimeDelta::minutes(i64::try_from(version.changed_at).unwrap_or_default());
        // A mark that is missing says as much as one that is false.
        let deleted = match (version.is_deleted, version.member % 2) {
            (true, _) => "true",
            (false, 0) => "false",
            (false, _) => "",
        };
        members.push_str(&format!(
            "{},Member {},{},{},{deleted}\n",
            version.member,
            version.member,
            version.city,
            at.format("%Y-%m-%dT%H:%M:%SZ")
        ));
    }
    write("members", members);
    let mut books = "library,book,title,price,version\n".to_owned();
    for (book, title, cents, version) in &today.books {
        let version = version.map(|version| version.to_string());
        books.push_str(&format!(
            "main,{book},{title},{}.{:02},{}\n",
            cents / 100,
            cents % 100,
            version.unwrap_or_default()
        ));
    }
    write("books", books);
    if let Some(branches) = &today.branches {
        let lines: Vec<String> = branches
            .iter()
            .map(|(branch, city)| format!("{branch},{city}\n"))
            .collect();
        write("branches", format!("branch,city\n{}", lines.concat()));
    }
    let mut loans = "loan,member,book,branch\n".to_owned();
    for (number, (member, book, branch)) in today.loans.iter().enumerate() {
        loans.push_str(&format!(
            "{},{member},{book},{branch}\n",
            day * 100 + number as u64
        ));
    }
    write("loans", loans);
}

/// Members by city as of a day, computed without the lakehouse: of each member the version with the
/// greatest time of change, of several with the same one that of the later day.
#[must_use]
pub fn members_by_city(days: &BTreeMap<u64, LibraryDay>, day: u64) -> BTreeMap<String, u64> {
    let mut newest: BTreeMap<u64, (u64, u64, &Version)> = BTreeMap::new();
    for (date, delivered) in days.range(..=day) {
        for version in &delivered.members {
            let candidate = (version.changed_at, *date, version);
            newest
                .entry(version.member)
                .and_modify(|held| {
                    if (candidate.0, candidate.1) > (held.0, held.1) {
                        *held = candidate;
                    }
                })
                .or_insert(candidate);
        }
    }
    let mut cities = BTreeMap::new();
    for (_, _, version) in newest
        .into_values()
        .filter(|(_, _, version)| !version.is_deleted)
    {
        *cities.entry(version.city.to_owned()).or_default() += 1;
    }
    cities
}
