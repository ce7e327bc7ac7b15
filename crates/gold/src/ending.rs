//! How each instance ended, in the run report and in the exit code.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_contract::{Name, RunDate};
use lakehouse_stage::{DataObject, Exit, Report, StageError, aggregate};
use serde_json::{Map, Value, json};

use crate::instance::Instance;
use crate::state::Source;

/// How an instance ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// It was published.
    Published {
        /// The address of the data file.
        address: String,
        /// Its rows.
        rows: u64,
        /// SHA-256 of the data file.
        sha256: String,
        /// Inputs that have nothing for its date.
        absent_inputs: Vec<String>,
        /// From where the states that it read came.
        states: BTreeMap<Name, Source>,
    },
    /// There was nothing to do.
    Nothing,
    /// It failed.
    Failed(StageError),
    /// It passed, and was not published because another mart of its date failed.
    HeldBack,
    /// It was not computed, because this input of it failed.
    Blocked(String),
}

/// How the instances of a run ended.
#[derive(Debug, Default)]
pub struct Endings {
    by_mart: BTreeMap<Name, BTreeMap<RunDate, Ending>>,
    dates: BTreeSet<RunDate>,
    others: Vec<(String, StageError)>,
}

impl Endings {
    /// Takes note of a failure that is of no mart.
    pub fn fail(&mut self, what: &str, error: StageError) {
        self.others.push((what.to_owned(), error));
    }

    /// Takes note of one.
    pub fn note(&mut self, instance: &Instance<'_>, ending: Ending) {
        match &ending {
            Ending::HeldBack => {
                tracing::warn!(mart = %instance.mart.name, date = %instance.date, "not published, because another mart of this date failed");
            }
            Ending::Blocked(input) => {
                tracing::warn!(mart = %instance.mart.name, date = %instance.date, input, "not computed, because an input of it failed");
            }
            _ => {}
        }
        self.dates.insert(instance.date);
        self.by_mart
            .entry(instance.mart.name.clone())
            .or_default()
            .insert(instance.date, ending);
    }

    /// Says in the report how each mart ended, and returns how the run did: the worst of its
    /// instances.
    ///
    /// # Errors
    /// When an instance failed; what was held back or not computed is among the causes.
    pub fn end(self, report: &Report) -> Result<Exit, StageError> {
        let has_several_dates = self.dates.len() > 1;
        let failed_dates = self.failed_dates();
        let mut results = Vec::new();
        let mut withheld = Vec::new();
        for (mart, dates) in &self.by_mart {
            let section = report.mart(mart);
            let mut worst: Option<Result<Exit, StageError>> = None;
            let mut by_date = Map::new();
            for (date, ending) in dates {
                let result = ending.result(mart, date, failed_dates.get(date));
                match ending {
                    Ending::Published {
                        address,
                        rows,
                        sha256,
                        absent_inputs,
                        states,
                    } => {
                        section.add("rows_published", *rows);
                        section.output(DataObject::at(address).rows(*rows).sha256(sha256.clone()));
                        section.set("published", address.clone());
                        section.set("data_sha256", sha256.clone());
                        if !absent_inputs.is_empty() && !has_several_dates {
                            section.set("absent_inputs", absent_inputs.clone());
                        }
                        if !states.is_empty() && !has_several_dates {
                            section.set("states", states_json(states));
                        }
                        results.push((mart.to_string(), Ok(Exit::Done)));
                    }
                    Ending::Nothing => results.push((mart.to_string(), Ok(Exit::Nothing))),
                    Ending::Failed(error) => {
                        let name = match has_several_dates {
                            true => format!("{mart} of {date}"),
                            false => mart.to_string(),
                        };
                        results.push((name, Err(error.clone())));
                    }
                    Ending::HeldBack | Ending::Blocked(_) => {
                        if let Err(error) = &result {
                            withheld.push(error.message.clone());
                        }
                    }
                }
                by_date.insert(date.to_string(), ending.to_json(&result));
                worst = Some(match worst.take() {
                    Some(worst) if rank(&worst) >= rank(&result) => worst,
                    _ => result,
                });
            }
            if has_several_dates {
                section.set("dates", by_date);
            }
            section.end(&worst.unwrap_or(Ok(Exit::Nothing)));
        }
        results.extend(
            self.others
                .into_iter()
                .map(|(what, error)| (what, Err(error))),
        );
        aggregate(results).map_err(|mut error| {
            error.causes.extend(withheld);
            error
        })
    }

    /// For each date on which something failed the worst exit of its failures.
    fn failed_dates(&self) -> BTreeMap<RunDate, Exit> {
        let mut failed: BTreeMap<RunDate, Exit> = BTreeMap::new();
        for dates in self.by_mart.values() {
            for (date, ending) in dates {
                if let Ending::Failed(error) = ending {
                    let worst = failed.get(date).copied().into_iter().chain([error.exit]);
                    failed.insert(*date, Exit::worst(worst));
                }
            }
        }
        failed
    }
}

impl Ending {
    /// What the report says of it; `failed` is how the marts of its date failed.
    fn result(
        &self,
        mart: &Name,
        date: &RunDate,
        failed: Option<&Exit>,
    ) -> Result<Exit, StageError> {
        let exit = failed.copied().unwrap_or(Exit::Refused);
        match self {
            Self::Published { .. } => Ok(Exit::Done),
            Self::Nothing => Ok(Exit::Nothing),
            Self::Failed(error) => Err(error.clone()),
            Self::HeldBack => Err(StageError::new(
                exit,
                format!(
                    "mart `{mart}` of {date} was not published, because another mart of this date failed"
                ),
            )),
            Self::Blocked(input) => Err(StageError::new(
                exit,
                format!(
                    "mart `{mart}` of {date} was not computed, because its input {input} failed"
                ),
            )),
        }
    }

    fn to_json(&self, result: &Result<Exit, StageError>) -> Value {
        let exit = exit_of(result);
        let mut entry = Map::from_iter([
            ("outcome".to_owned(), json!(exit.outcome())),
            ("exit_code".to_owned(), json!(exit.code())),
        ]);
        if let Self::Published {
            rows,
            sha256,
            absent_inputs,
            states,
            ..
        } = self
        {
            entry.insert("rows_published".to_owned(), json!(rows));
            entry.insert("data_sha256".to_owned(), json!(sha256));
            if !absent_inputs.is_empty() {
                entry.insert("absent_inputs".to_owned(), json!(absent_inputs));
            }
            if !states.is_empty() {
                entry.insert("states".to_owned(), states_json(states));
            }
        }
        if let Err(error) = result {
            entry.insert("error".to_owned(), json!(error.reported()));
        }
        Value::Object(entry)
    }
}

/// Of each state: what it is made of, and what of that was read.
fn states_json(states: &BTreeMap<Name, Source>) -> Value {
    let states = states.iter().map(|(dataset, source)| {
        let mut entry = Map::from_iter([
            ("partitions".to_owned(), json!(source.partitions)),
            ("partitions_read".to_owned(), json!(source.partitions_read)),
        ]);
        if let Some(kept) = &source.kept {
            entry.insert("kept_state".to_owned(), json!(kept.to_string()));
        }
        (format!("silver.{dataset}"), Value::Object(entry))
    });
    Value::Object(states.collect())
}

fn exit_of(result: &Result<Exit, StageError>) -> Exit {
    match result {
        Ok(exit) => *exit,
        Err(error) => error.exit,
    }
}

/// How bad it is, worse ones larger.
fn rank(result: &Result<Exit, StageError>) -> usize {
    let order = [
        Exit::Nothing,
        Exit::Done,
        Exit::Transient,
        Exit::Refused,
        Exit::Usage,
        Exit::Bug,
    ];
    order
        .iter()
        .position(|exit| *exit == exit_of(result))
        .unwrap_or_default()
}
