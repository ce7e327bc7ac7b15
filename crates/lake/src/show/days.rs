//! The days of a dataset: what is published of it, and what was refused and why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::StageError;
use lakehouse_store::{Layout, Location, ObjectAddress, ObjectInfo, ObjectStore};
use serde_json::Value;

use crate::show::quality::{Finding, Quality, Rules, column_name};
use crate::show::table::{aligned, escaped};

/// Rules of a day that are shown; the quality report has all.
const SHOWN_RULES: usize = 3;
/// Unreadable files of a day that are shown.
const SHOWN_FILES: usize = 5;

/// What is known of a dataset's day.
#[derive(Debug)]
struct Day {
    date: RunDate,
    /// What readers see.
    published: Option<Quality>,
    /// A refusal after which nothing was published.
    refused: Option<Refusal>,
}

/// A day that check refused.
#[derive(Debug)]
struct Refusal {
    quality: Quality,
    failures: Vec<Finding>,
    /// The folder with the quarantine file and the quality report.
    evidence: String,
}

/// Looks at a dataset's days and describes them; nothing where none has anything.
///
/// # Errors
/// Store failures.
pub async fn describe(
    store: &ObjectStore,
    layout: &Layout,
    pipeline: &Name,
    dataset: &Name,
    dates: &[RunDate],
) -> Result<Option<String>, StageError> {
    let source = Source {
        store,
        layout,
        pipeline,
        dataset,
    };
    let days = source.days(dates).await?;
    if days.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!(
        "{}/\n{}",
        layout.silver_dataset(pipeline, dataset),
        text(&days)
    )))
}

struct Source<'a> {
    store: &'a ObjectStore,
    layout: &'a Layout,
    pipeline: &'a Name,
    dataset: &'a Name,
}

impl Source<'_> {
    async fn days(&self, dates: &[RunDate]) -> Result<Vec<Day>, StageError> {
        let mut evidence = self.evidence(dates).await?;
        let written = self.written().await?;
        let mut days = Vec::new();
        for date in dates {
            let published = match written.contains_key(date) {
                true => self.published(date).await?,
                false => None,
            };
            // Evidence that is older than what is published was of a day that has been corrected.
            let current = evidence.remove(date).filter(|report| {
                written
                    .get(date)
                    .is_none_or(|written| *written < report.last_modified)
            });
            let refused = match current {
                Some(report) => Some(self.refusal(date, &report.address).await?),
                None => None,
            };
            if published.is_some() || refused.is_some() {
                days.push(Day {
                    date: *date,
                    published,
                    refused,
                });
            }
        }
        Ok(days)
    }

    /// The newest quality report of a refusal, by date.
    async fn evidence(
        &self,
        dates: &[RunDate],
    ) -> Result<BTreeMap<RunDate, ObjectInfo>, StageError> {
        let place = self
            .layout
            .quarantine
            .child(&format!("{}/{}", self.pipeline, self.dataset));
        let mut newest: BTreeMap<RunDate, ObjectInfo> = BTreeMap::new();
        for object in self.store.list(&place).await? {
            let key = &object.address.key;
            if !key.contains("/refused/") || !key.ends_with(".json") {
                continue;
            }
            let Some(date) = self.layout.partition_date(&object.address) else {
                continue;
            };
            let is_newer = newest
                .get(&date)
                .is_none_or(|other| other.last_modified < object.last_modified);
            if dates.contains(&date) && is_newer {
                newest.insert(date, object);
            }
        }
        Ok(newest)
    }

    /// When the published partitions were written. From a listing, as the evidence's time is:
    /// answers about single objects leave out what is less than a second.
    async fn written(&self) -> Result<BTreeMap<RunDate, DateTime<Utc>>, StageError> {
        let place = self.layout.silver_dataset(self.pipeline, self.dataset);
        let objects = self.store.list(&place).await?;
        Ok(objects
            .iter()
            .filter(|object| object.address.file_name() == "data.parquet")
            .filter_map(|object| {
                let date = self.layout.partition_date(&object.address)?;
                Some((date, object.last_modified))
            })
            .collect())
    }

    /// The quality report that a published partition names; an empty one where it is not there.
    async fn published(&self, date: &RunDate) -> Result<Option<Quality>, StageError> {
        let address = self.layout.silver_data(self.pipeline, self.dataset, date);
        let Some(info) = self.store.head(&address).await? else {
            return Ok(None);
        };
        let Some(name) = info.metadata.get("quality") else {
            return Ok(Some(Quality::default()));
        };
        let partition = self
            .layout
            .quarantine_partition(self.pipeline, self.dataset, date);
        self.report(&partition.object(name)).await.map(Some)
    }

    async fn refusal(
        &self,
        date: &RunDate,
        address: &ObjectAddress,
    ) -> Result<Refusal, StageError> {
        let quality = self.report(address).await?;
        let mut failures = quality.verdict.failures.clone();
        for failure in self.failures_of_check(date, address).await? {
            if !failures.contains(&failure) {
                failures.push(failure);
            }
        }
        let folder = address.to_string();
        Ok(Refusal {
            quality,
            failures,
            evidence: folder.trim_end_matches(address.file_name()).to_owned(),
        })
    }

    async fn report(&self, address: &ObjectAddress) -> Result<Quality, StageError> {
        let bytes = self.store.get_bytes(address).await?;
        Ok(bytes
            .and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default())
    }

    /// What check found beside the quality report, such as a failed rule in SQL, from the run
    /// report that names this evidence.
    async fn failures_of_check(
        &self,
        date: &RunDate,
        evidence: &ObjectAddress,
    ) -> Result<Vec<Finding>, StageError> {
        let reports: Location = self
            .layout
            .staging
            .child(&format!("_reports/{}/{date}", self.pipeline));
        let mut objects = self.store.list(&reports).await?;
        objects.retain(|object| object.address.file_name().starts_with("check"));
        objects.sort_by_key(|object| std::cmp::Reverse(object.last_modified));
        let wanted = evidence.to_string();
        for object in objects {
            let Some((_, bytes)) = self.store.get_bytes(&object.address).await? else {
                continue;
            };
            let report: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let entry = &report["datasets"][self.dataset.as_str()];
            if entry["evidence_quality"] == wanted.as_str() {
                return Ok(serde_json::from_value(entry["failures"].clone()).unwrap_or_default());
            }
        }
        Ok(Vec::new())
    }
}

fn text(days: &[Day]) -> String {
    let mut cells = vec![
        [
            "date",
            "outcome",
            "read",
            "published",
            "quarantined",
            "duplicate",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let mut rules = Rules::default();
    let mut repairs = Rules::default();
    let mut columns = Columns::default();
    for day in days {
        let date = day.date.to_string();
        if let Some(quality) = &day.published {
            cells.push(row(&date, "published", quality));
            rules.add(Some(&date), &quality.quarantined_by_rule);
            repairs.add(Some(&date), &quality.repairs);
            columns.add(&date, quality);
        }
        if let Some(refusal) = &day.refused {
            cells.push(row(&date, "refused", &refusal.quality));
        }
    }
    let mut notes = Vec::new();
    let mut list = |title: &str, entries: Vec<String>| {
        notes.extend(
            entries
                .into_iter()
                .map(|entry| format!("  {title:<12} {}", escaped(&entry))),
        );
    };
    list("quarantined", rules.lines(usize::MAX));
    list("repaired", repairs.lines(usize::MAX));
    list(
        "absent",
        Columns::lines(&columns.absent, "the source lacks"),
    );
    list(
        "all NULL",
        Columns::lines(&columns.null, "no published row has a value of"),
    );
    let mut lines = vec![aligned(&cells)];
    if !notes.is_empty() && days.iter().any(|day| day.refused.is_some()) {
        lines.push("\nOn the published days:".to_owned());
    }
    lines.extend(notes);
    for day in days {
        if let Some(refusal) = &day.refused {
            lines.push(refusal_text(day, refusal));
        }
    }
    lines.join("\n")
}

/// A day's counts. What a refused day would have published is not published.
fn row(date: &str, outcome: &str, quality: &Quality) -> Vec<String> {
    let counts = &quality.counts;
    let published = match outcome {
        "refused" => "-".to_owned(),
        _ => counts.rows_published.to_string(),
    };
    vec![
        date.to_owned(),
        outcome.to_owned(),
        counts.rows_read.to_string(),
        published,
        counts.rows_quarantined.to_string(),
        counts.rows_duplicate.to_string(),
    ]
}

fn refusal_text(day: &Day, refusal: &Refusal) -> String {
    let consequence = match day.published {
        Some(_) => "what was published before stays as it was",
        None => "nothing was published",
    };
    let mut lines = vec![format!("\n{} was refused, {consequence}", day.date)];
    let mut list = |title: &str, entry: &str| {
        lines.push(format!("  {title:<12} {}", escaped(entry)));
    };
    let quality = &refusal.quality;
    for file in quality.unreadable_files.iter().take(SHOWN_FILES) {
        let place = match file.position {
            Some(position) => format!("{}:{position}", file.source_name),
            None => file.source_name.clone(),
        };
        list("unreadable", &format!("{place}: {}", file.reason));
    }
    let hidden = quality.unreadable_files.len().saturating_sub(SHOWN_FILES);
    if hidden > 0 {
        list("unreadable", &format!("… and {hidden} other files"));
    }
    let mut rules = Rules::default();
    rules.add(None, &quality.quarantined_by_rule);
    for line in rules.lines(SHOWN_RULES) {
        list("quarantined", &line);
    }
    let mut columns = Columns::default();
    columns.add(&day.date.to_string(), quality);
    for name in columns.absent.keys() {
        list("absent", &format!("the source lacks `{name}`"));
    }
    // Which files are unreadable has been said.
    let unreadable = |failure: &&Finding| {
        quality.unreadable_files.is_empty() || !failure.rule.starts_with("onUnreadableFile")
    };
    for failure in refusal.failures.iter().filter(unreadable) {
        list("failed", &failure.to_string());
    }
    list("evidence", &refusal.evidence);
    lines.join("\n")
}

/// Columns that a source lacks, or that are NULL in every row, with the days.
#[derive(Debug, Default)]
struct Columns {
    absent: BTreeMap<String, BTreeSet<String>>,
    null: BTreeMap<String, BTreeSet<String>>,
}

impl Columns {
    fn add(&mut self, date: &str, quality: &Quality) {
        for (entries, columns) in [
            (&quality.absent_columns, &mut self.absent),
            (&quality.null_columns, &mut self.null),
        ] {
            for name in entries.iter().filter_map(column_name) {
                columns
                    .entry(name.to_owned())
                    .or_default()
                    .insert(date.to_owned());
            }
        }
    }

    fn lines(columns: &BTreeMap<String, BTreeSet<String>>, what: &str) -> Vec<String> {
        columns
            .iter()
            .map(|(name, dates)| {
                let first = dates.first().map(String::as_str).unwrap_or_default();
                match dates.len() {
                    1 => format!("{what} `{name}` on {first}"),
                    days => format!("{what} `{name}` on {days} days, the first {first}"),
                }
            })
            .collect()
    }
}
