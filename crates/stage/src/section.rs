//! The parts of a run report: one dataset or mart, and phases that are measured.

use std::time::Instant;

use serde_json::{Map, Value};

use crate::quality::Counts;
use crate::report::Inner;
use crate::run_report::{DataObject, PartReport};
use crate::{Exit, Report, StageError};

/// Which part of the report a [`Section`] writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Dataset,
    Mart,
    Warehouse,
}

impl Inner {
    fn part(&mut self, part: Part, name: &str) -> &mut PartReport {
        let sections = match part {
            Part::Dataset => &mut self.report.datasets,
            Part::Mart => &mut self.report.marts,
            Part::Warehouse => &mut self.report.warehouses,
        };
        sections.entry(name.to_owned()).or_default()
    }
}

/// What the report says of one dataset or mart.
#[derive(Clone)]
pub struct Section {
    report: Report,
    part: Part,
    name: String,
}

impl Section {
    pub(crate) fn new(report: &Report, part: Part, name: &str) -> Self {
        Self {
            report: report.clone(),
            part,
            name: name.to_owned(),
        }
    }

    fn write<T>(&self, write: impl FnOnce(&mut PartReport) -> T) -> T {
        write(self.report.lock().part(self.part, &self.name))
    }

    /// Says something of it that only its stage says.
    pub fn set(&self, field: &str, value: impl Into<Value>) {
        self.write(|part| part.more.insert(field.to_owned(), value.into()));
    }

    /// The same, unless it has been said.
    pub fn set_default(&self, field: &str, value: impl Into<Value>) {
        self.write(|part| {
            part.more.entry(field).or_insert(value.into());
        });
    }

    /// Adds to a number, which starts at zero.
    pub fn add(&self, field: &str, by: u64) {
        self.write(|part| {
            let sum = part.more.get(field).and_then(Value::as_u64).unwrap_or(0) + by;
            part.more.insert(field.to_owned(), Value::from(sum));
        });
    }

    /// Says where its rows went.
    pub fn counts(&self, counts: Counts) {
        self.write(|part| part.counts = Some(counts));
    }

    /// Says what it was made of.
    pub fn input(&self, object: DataObject) {
        self.write(|part| part.inputs.push(object));
    }

    /// Says what was written of it.
    pub fn output(&self, object: DataObject) {
        self.write(|part| part.outputs.push(object));
    }

    /// Says how it ended, as `outcome`, `exit_code` and, where it failed, `error`.
    pub fn end(&self, result: &Result<Exit, StageError>) {
        let exit = match result {
            Ok(exit) => *exit,
            Err(error) => error.exit,
        };
        self.end_as(
            exit.outcome(),
            exit.code(),
            result.as_ref().err().map(StageError::reported),
        );
    }

    /// Says that nothing is wrong with it, and that it was not published or computed because of
    /// these others, which failed.
    pub fn withhold(&self, failed: &[String]) {
        self.set("withheld_for", failed);
        self.end_as("withheld", Exit::Nothing.code(), None);
    }

    fn end_as(
        &self,
        outcome: &str,
        exit_code: u8,
        error: Option<crate::run_report::ReportedError>,
    ) {
        let part = self.write(|part| {
            part.outcome = Some(outcome.to_owned());
            part.exit_code = Some(exit_code);
            part.error = error;
            part.clone()
        });
        let rows = part.counts.map(|counts| counts.rows_read);
        let written: u64 = part.outputs.iter().filter_map(|object| object.bytes).sum();
        tracing::info!(
            part = %self.name, outcome, rows_read = rows, objects_written = part.outputs.len(), bytes_written = written,
            "{} ended", self.part.word()
        );
    }

    /// Measures a phase of this dataset or mart, and of the whole run, until the guard is
    /// dropped.
    pub fn phase(&self, name: &str) -> Phase {
        Phase::start(&self.report, Some(self.clone()), name)
    }
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Mart => "mart",
            Self::Warehouse => "warehouse",
        }
    }
}

/// A phase that is being measured.
#[must_use = "a phase ends when its guard is dropped"]
pub struct Phase {
    report: Report,
    section: Option<Section>,
    name: String,
    started: Instant,
}

impl Phase {
    pub(crate) fn start(report: &Report, section: Option<Section>, name: &str) -> Self {
        Self {
            report: report.clone(),
            section,
            name: name.to_owned(),
            started: Instant::now(),
        }
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        let secs = self.started.elapsed().as_secs_f64();
        let mut inner = self.report.lock();
        add_secs(&mut inner.report.phases, &self.name, secs);
        if let Some(section) = &self.section {
            add_secs(
                &mut inner.part(section.part, &section.name).phases,
                &self.name,
                secs,
            );
        }
    }
}

fn add_secs(phases: &mut Map<String, Value>, name: &str, secs: f64) {
    let sum = phases.get(name).and_then(Value::as_f64).unwrap_or(0.0) + secs;
    phases.insert(name.to_owned(), Value::from(rounded(sum)));
}

/// Seconds to the millisecond, which is as far as they mean something.
pub(crate) fn rounded(secs: f64) -> f64 {
    (secs * 1000.0).round() / 1000.0
}
