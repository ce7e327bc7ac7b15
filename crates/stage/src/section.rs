//! The parts of a run report: one dataset or mart, and phases that are measured.

use std::time::Instant;

use serde_json::{Map, Value};

use crate::report::Inner;
use crate::{Exit, Report, StageError};

/// Which part of the report a [`Section`] writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Dataset,
    Mart,
}

impl Inner {
    fn part(&mut self, part: Part, name: &str) -> &mut Map<String, Value> {
        let sections = match part {
            Part::Dataset => &mut self.datasets,
            Part::Mart => &mut self.marts,
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

    /// Says something of it.
    pub fn set(&self, field: &str, value: impl Into<Value>) {
        self.report
            .lock()
            .part(self.part, &self.name)
            .insert(field.to_owned(), value.into());
    }

    /// Says something of it, unless it has been said.
    pub fn set_default(&self, field: &str, value: impl Into<Value>) {
        let value = value.into();
        self.report
            .lock()
            .part(self.part, &self.name)
            .entry(field)
            .or_insert(value);
    }

    /// Adds to a number, which starts at zero.
    pub fn add(&self, field: &str, by: u64) {
        let mut inner = self.report.lock();
        let section = inner.part(self.part, &self.name);
        let sum = section.get(field).and_then(Value::as_u64).unwrap_or(0) + by;
        section.insert(field.to_owned(), Value::from(sum));
    }

    /// Says how it ended, as `outcome`, `exit_code` and, where it failed, `error`.
    pub fn end(&self, result: &Result<Exit, StageError>) {
        let exit = match result {
            Ok(exit) => *exit,
            Err(error) => error.exit,
        };
        self.set("outcome", exit.outcome());
        self.set("exit_code", exit.code());
        if let Err(error) = result {
            self.set("error", error.to_json());
        }
    }

    /// Measures a phase of this dataset or mart, and of the whole run, until the guard is
    /// dropped.
    pub fn phase(&self, name: &str) -> Phase {
        Phase::start(&self.report, Some(self.clone()), name)
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
        match inner.phases.iter_mut().find(|(name, _)| *name == self.name) {
            Some((_, sum)) => *sum += secs,
            None => inner.phases.push((self.name.clone(), secs)),
        }
        if let Some(section) = &self.section {
            let phases = inner
                .part(section.part, &section.name)
                .entry("phases")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(phases) = phases {
                let sum = phases
                    .get(&self.name)
                    .and_then(Value::as_f64)
                    .unwrap_or(0.0)
                    + secs;
                phases.insert(self.name.clone(), rounded(sum));
            }
        }
    }
}

/// Seconds to the millisecond, which is as far as they mean something.
pub(crate) fn rounded(secs: f64) -> Value {
    Value::from((secs * 1000.0).round() / 1000.0)
}
