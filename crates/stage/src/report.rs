//! The run report: the one JSON line that a stage prints last.
//!
//! It is built while the stage runs, by whatever has something to say, and it is rendered
//! at any moment: a signal prints what is known so far. `docs/run-report.md` names its
//! fields.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use lakehouse_contract::Name;
use lakehouse_store::{Counters, ObjectStore};
use serde_json::{Map, Value, json};

use crate::section::{Part, Phase, Section, rounded};
use crate::{Exit, StageError, memory};

/// The report of one stage's run; clones are the same report.
#[derive(Clone)]
pub struct Report {
    inner: Arc<Mutex<Inner>>,
}

pub(crate) struct Inner {
    stage: &'static str,
    started: Instant,
    started_at: DateTime<Utc>,
    /// What names the run: pipeline, date, run id.
    identity: Map<String, Value>,
    /// What the stage itself says of the whole run.
    fields: Map<String, Value>,
    pub(crate) datasets: BTreeMap<String, Map<String, Value>>,
    pub(crate) marts: BTreeMap<String, Map<String, Value>>,
    pub(crate) phases: Vec<(String, f64)>,
    would_read: Option<Vec<String>>,
    would_write: Option<Vec<String>>,
    store: Option<ObjectStore>,
    /// The store's counters when the stage's own work was done.
    counters: Option<Counters>,
    withheld: bool,
}

impl Report {
    /// The report of a stage that starts now.
    #[must_use]
    pub fn new(stage: &'static str) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                stage,
                started: Instant::now(),
                started_at: Utc::now(),
                identity: Map::new(),
                fields: Map::new(),
                datasets: BTreeMap::new(),
                marts: BTreeMap::new(),
                phases: Vec::new(),
                would_read: None,
                would_write: None,
                store: None,
                counters: None,
                withheld: false,
            })),
        }
    }

    /// Says something of the whole run.
    pub fn set(&self, field: &str, value: impl Into<Value>) {
        self.lock().fields.insert(field.to_owned(), value.into());
    }

    /// Standard output belongs to what the command was asked for: no report is printed.
    pub fn withhold(&self) {
        self.lock().withheld = true;
    }

    pub(crate) fn is_withheld(&self) -> bool {
        self.lock().withheld
    }

    /// What the report says of one dataset.
    #[must_use]
    pub fn dataset(&self, name: &Name) -> Section {
        self.section(Part::Dataset, name)
    }

    /// What the report says of one mart.
    #[must_use]
    pub fn mart(&self, name: &Name) -> Section {
        self.section(Part::Mart, name)
    }

    /// Measures a phase until the guard is dropped; a name used again adds up.
    pub fn phase(&self, name: &str) -> Phase {
        Phase::start(self, None, name)
    }

    /// A dry run would read this. Names where the content is not known yet say so.
    pub fn would_read(&self, address: impl std::fmt::Display) {
        self.lock()
            .would_read
            .get_or_insert_default()
            .push(address.to_string());
    }

    /// A dry run would write this.
    pub fn would_write(&self, address: impl std::fmt::Display) {
        self.lock()
            .would_write
            .get_or_insert_default()
            .push(address.to_string());
    }

    /// The report as it stands, with how the run ended.
    #[must_use]
    pub fn render(&self, exit: Exit, error: Option<&StageError>) -> Value {
        self.render_as(exit.outcome(), i32::from(exit.code()), error)
    }

    pub(crate) fn render_as(
        &self,
        outcome: &str,
        exit_code: i32,
        error: Option<&StageError>,
    ) -> Value {
        let inner = self.lock();
        let mut line = Map::new();
        line.insert("stage".to_owned(), Value::from(inner.stage));
        line.insert("version".to_owned(), Value::from(env!("CARGO_PKG_VERSION")));
        line.extend(inner.identity.clone());
        line.insert("outcome".to_owned(), Value::from(outcome));
        line.insert("exit_code".to_owned(), Value::from(exit_code));
        if let Some(error) = error {
            line.insert("error".to_owned(), error.to_json());
        }
        for (field, value) in &inner.fields {
            line.entry(field.clone()).or_insert_with(|| value.clone());
        }
        for (field, sections) in [("datasets", &inner.datasets), ("marts", &inner.marts)] {
            if !sections.is_empty() {
                line.insert(field.to_owned(), json!(sections));
            }
        }
        for (field, addresses) in [
            ("would_read", &inner.would_read),
            ("would_write", &inner.would_write),
        ] {
            if let Some(addresses) = addresses {
                line.insert(field.to_owned(), json!(addresses));
            }
        }
        if let Some(counters) = inner
            .counters
            .or_else(|| inner.store.as_ref().map(ObjectStore::counters))
        {
            line.insert(
                "objects_read".to_owned(),
                Value::from(counters.objects_read),
            );
            line.insert("bytes_read".to_owned(), Value::from(counters.bytes_read));
            line.insert(
                "objects_written".to_owned(),
                Value::from(counters.objects_written),
            );
            line.insert(
                "bytes_written".to_owned(),
                Value::from(counters.bytes_written),
            );
            line.insert(
                "objects_copied".to_owned(),
                Value::from(counters.objects_copied),
            );
            line.insert("listings".to_owned(), Value::from(counters.listings));
            line.insert("retries".to_owned(), Value::from(counters.retries));
        }
        let phases: Map<String, Value> = inner
            .phases
            .iter()
            .map(|(name, secs)| (name.clone(), rounded(*secs)))
            .collect();
        line.insert("phases".to_owned(), Value::Object(phases));
        let started_at = inner
            .started_at
            .to_rfc3339_opts(SecondsFormat::Millis, true);
        line.insert("started_at".to_owned(), Value::from(started_at));
        line.insert(
            "duration_secs".to_owned(),
            rounded(inner.started.elapsed().as_secs_f64()),
        );
        if let Some(bytes) = memory::peak_resident_bytes() {
            line.insert("peak_resident_bytes".to_owned(), Value::from(bytes));
        }
        Value::Object(line)
    }

    /// The lists of a dry run, for a person.
    pub(crate) fn render_plan(&self) -> String {
        let inner = self.lock();
        let mut text = String::new();
        for (heading, addresses) in [
            ("would read:", &inner.would_read),
            ("would write:", &inner.would_write),
        ] {
            text.push_str(heading);
            match addresses {
                Some(addresses) if !addresses.is_empty() => {
                    for address in addresses {
                        text.push_str("\n  ");
                        text.push_str(address);
                    }
                }
                _ => text.push_str(" nothing"),
            }
            text.push('\n');
        }
        text
    }

    pub(crate) fn identify(&self, field: &str, value: impl Into<Value>) {
        self.lock().identity.insert(field.to_owned(), value.into());
    }

    pub(crate) fn count_store(&self, store: &ObjectStore) {
        self.lock().store = Some(store.clone());
    }

    /// What the store does from now on, such as keeping this report, is not the stage's work.
    pub(crate) fn stop_counting(&self) {
        let mut inner = self.lock();
        inner.counters = inner.store.as_ref().map(ObjectStore::counters);
    }

    fn section(&self, part: Part, name: &Name) -> Section {
        Section::new(self, part, name.as_str())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lakehouse_contract::Name;
    use serde_json::json;

    use super::Report;
    use crate::{Exit, StageError};

    #[test]
    fn a_report_says_what_it_was_told_and_how_it_ended() {
        let report = Report::new("bronze");
        report.identify("pipeline", "sales");
        let name: Name = "transactions".parse().unwrap();
        let section = report.dataset(&name);
        section.set("files", 3);
        section.add("bytes", 5);
        section.add("bytes", 6);
        drop(section.phase("upload"));
        let error = StageError::transient("the store is away").hint("try again");
        let line = report.render(error.exit, Some(&error));
        assert_eq!(line["stage"], "bronze");
        assert_eq!(line["pipeline"], "sales");
        assert_eq!(line["outcome"], "transient");
        assert_eq!(line["exit_code"], 75);
        assert_eq!(
            line["error"],
            json!({"message": "the store is away", "causes": [], "hint": "try again"})
        );
        assert_eq!(line["datasets"]["transactions"]["files"], 3);
        assert_eq!(line["datasets"]["transactions"]["bytes"], 11);
        assert!(line["phases"]["upload"].is_number());
        assert!(line["peak_resident_bytes"].as_u64().unwrap() > 0);
        assert!(!line.to_string().contains('\n'));
    }

    #[test]
    fn what_a_stage_says_cannot_hide_how_it_ended() {
        let report = Report::new("gold");
        report.set("outcome", "done");
        assert_eq!(report.render(Exit::Refused, None)["outcome"], "refused");
    }

    #[test]
    fn a_dry_run_lists_what_it_would_do() {
        let report = Report::new("gold");
        report.would_read("s3://silver/a");
        assert_eq!(
            report.render_plan(),
            "would read:\n  s3://silver/a\nwould write: nothing\n"
        );
        assert_eq!(
            report.render(Exit::Done, None)["would_read"],
            json!(["s3://silver/a"])
        );
    }
}
