//! The run report: the one JSON line that a stage prints last.
//!
//! It is built while the stage runs, by whatever has something to say, and it is rendered
//! at any moment: a signal prints what is known so far. `docs/run-report.md` names its
//! fields.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use lakehouse_contract::Name;
use lakehouse_store::{Counters, ObjectStore};
use serde_json::Value;

use crate::run_report::{Identity, RunReport};
use crate::section::{Part, Phase, Section, rounded};
use crate::{Exit, StageError, memory};

/// The report of one stage's run; clones are the same report.
#[derive(Clone)]
pub struct Report {
    inner: Arc<Mutex<Inner>>,
}

pub(crate) struct Inner {
    started: Instant,
    started_at: DateTime<Utc>,
    /// What is known so far: how the run ended is filled in when it is rendered.
    pub(crate) report: RunReport,
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
                started: Instant::now(),
                started_at: Utc::now(),
                report: RunReport {
                    stage: stage.to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..RunReport::default()
                },
                store: None,
                counters: None,
                withheld: false,
            })),
        }
    }

    /// Says something of the whole run that only this stage says. A field of [`RunReport`] itself
    /// cannot be said so.
    pub fn set(&self, field: &str, value: impl Into<Value>) {
        if !RunReport::OWN_FIELDS.contains(&field) {
            self.lock()
                .report
                .more
                .insert(field.to_owned(), value.into());
        }
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

    /// What the report says of one warehouse.
    #[must_use]
    pub fn warehouse(&self, name: &Name) -> Section {
        self.section(Part::Warehouse, name)
    }

    /// Measures a phase until the guard is dropped; a name used again adds up.
    pub fn phase(&self, name: &str) -> Phase {
        Phase::start(self, None, name)
    }

    /// A dry run would read this. Names where the content is not known yet say so.
    pub fn would_read(&self, address: impl std::fmt::Display) {
        self.lock()
            .report
            .would_read
            .get_or_insert_default()
            .push(address.to_string());
    }

    /// A dry run would write this.
    pub fn would_write(&self, address: impl std::fmt::Display) {
        self.lock()
            .report
            .would_write
            .get_or_insert_default()
            .push(address.to_string());
    }

    /// The report as it stands, with how the run ended.
    #[must_use]
    pub fn render(&self, exit: Exit, error: Option<&StageError>) -> RunReport {
        self.render_as(exit.outcome(), i32::from(exit.code()), error)
    }

    pub(crate) fn render_as(
        &self,
        outcome: &str,
        exit_code: i32,
        error: Option<&StageError>,
    ) -> RunReport {
        let inner = self.lock();
        RunReport {
            outcome: outcome.to_owned(),
            exit_code,
            error: error.map(StageError::reported),
            transfer: inner
                .counters
                .or_else(|| inner.store.as_ref().map(ObjectStore::counters))
                .map(Into::into),
            started_at: inner
                .started_at
                .to_rfc3339_opts(SecondsFormat::Millis, true),
            duration_secs: rounded(inner.started.elapsed().as_secs_f64()),
            peak_resident_bytes: memory::peak_resident_bytes(),
            ..inner.report.clone()
        }
    }

    /// The lists of a dry run, for a person.
    pub(crate) fn render_plan(&self) -> String {
        let inner = self.lock();
        let mut text = String::new();
        for (heading, addresses) in [
            ("would read:", &inner.report.would_read),
            ("would write:", &inner.report.would_write),
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

    /// Names the run, as far as it is known.
    pub(crate) fn identify(&self, identify: impl FnOnce(&mut Identity)) {
        identify(&mut self.lock().report.identity);
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

    use super::{Identity, Report, RunReport};
    use crate::{DataObject, Exit, StageError};

    #[test]
    fn a_report_says_what_it_was_told_and_how_it_ended() {
        let report = Report::new("bronze");
        report.identify(|identity| identity.pipeline = Some("sales".to_owned()));
        let name: Name = "transactions".parse().unwrap();
        let section = report.dataset(&name);
        section.set("files", 3);
        section.add("bytes", 5);
        section.add("bytes", 6);
        section.input(DataObject::at("s3://staging/a").rows(7).sha256("ab"));
        section.output(DataObject::at("s3://silver/a").bytes(9));
        drop(section.phase("upload"));
        let error = StageError::transient("the store is away").hint("try again");
        section.end(&Err(error.clone()));
        let rendered = report.render(error.exit, Some(&error));
        let line = json!(rendered);
        assert_eq!(line["stage"], "bronze");
        assert_eq!(line["pipeline"], "sales");
        assert_eq!(line["outcome"], "transient");
        assert_eq!(line["exit_code"], 75);
        let said = json!({"message": "the store is away", "causes": [], "hint": "try again"});
        assert_eq!(line["error"], said);
        let dataset = &line["datasets"]["transactions"];
        assert_eq!(dataset["files"], 3);
        assert_eq!(dataset["bytes"], 11);
        assert_eq!(dataset["outcome"], "transient");
        assert_eq!(dataset["error"], said);
        assert_eq!(
            dataset["inputs"],
            json!([{"address": "s3://staging/a", "sha256": "ab", "rows": 7}])
        );
        assert_eq!(
            dataset["outputs"],
            json!([{"address": "s3://silver/a", "bytes": 9}])
        );
        assert!(line["phases"]["upload"].is_number());
        assert!(line["peak_resident_bytes"].as_u64().unwrap() > 0);
        assert!(!line.to_string().contains('\n'));
        // Who reads a kept report has the same types.
        let read: RunReport = serde_json::from_value(line).unwrap();
        assert_eq!(read, rendered);
    }

    #[test]
    fn what_a_stage_says_cannot_hide_how_it_ended() {
        let report = Report::new("gold");
        report.set("outcome", "done");
        let line = json!(report.render(Exit::Refused, None));
        assert_eq!(line["outcome"], "refused");
        // The list of names that are taken is complete.
        let full = RunReport {
            identity: Identity {
                pipeline: Some(String::new()),
                date: Some(String::new()),
                run_id: Some(String::new()),
                dry_run: Some(true),
            },
            error: Some(Default::default()),
            datasets: [(String::new(), Default::default())].into(),
            marts: [(String::new(), Default::default())].into(),
            warehouses: [(String::new(), Default::default())].into(),
            would_read: Some(Vec::new()),
            would_write: Some(Vec::new()),
            transfer: Some(Default::default()),
            peak_resident_bytes: Some(1),
            ..RunReport::default()
        };
        let names: Vec<String> = json!(full).as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, RunReport::OWN_FIELDS);
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
            json!(report.render(Exit::Done, None))["would_read"],
            json!(["s3://silver/a"])
        );
    }
}
