//! `case.yaml`: what a test case of a pipeline runs and expects.

use serde::Deserialize;

use crate::{ContractError, RunDate, yaml};

/// One test case: the run dates, in order, and how they must end.
#[derive(Clone, Debug, PartialEq)]
pub struct TestCase {
    /// What it shows, for people.
    pub description: Option<String>,
    /// The days that are run, one after the other.
    pub run_dates: Vec<RunDate>,
    /// How they must end.
    pub expect: Expectation,
    /// Per cent of the rows that may be quarantined, instead of what the contracts allow: a
    /// handful of rows of which half are bad is a good case and a bad day.
    pub max_quarantined_percent: Option<f64>,
}

/// How the days of a test case must end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// Every day is published.
    #[default]
    Published,
    /// Check refuses the last day; the ones before it are published.
    Refused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    description: Option<String>,
    run_dates: yaml::Spanned<Vec<yaml::Spanned<String>>>,
    expect: yaml::At<String>,
    #[serde(rename = "maxQuarantined")]
    max_quarantined: yaml::At<f64>,
}

impl TestCase {
    /// Reads a `case.yaml`.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        let raw: RawCase = yaml::parse(text, &[])?;
        let location = raw.run_dates.referenced;
        let run_dates = raw
            .run_dates
            .value
            .iter()
            .map(|date| {
                date.value
                    .parse()
                    .map_err(|error: ContractError| error.within("run_dates").at(date.referenced))
            })
            .collect::<Result<Vec<RunDate>, ContractError>>()?;
        if run_dates.is_empty() {
            return Err(ContractError::invalid("`run_dates` is empty")
                .with_hint("list at least one day: `run_dates: [2024-03-01]`")
                .at(location));
        }
        let choices = [
            ("published", Expectation::Published),
            ("refused", Expectation::Refused),
        ];
        let expect = match raw.expect {
            Some(text) => yaml::choose("expect", &text.value, &choices, &[])
                .map_err(|error| error.at(text.referenced))?,
            None => Expectation::default(),
        };
        let max_quarantined_percent = raw
            .max_quarantined
            .map(|percent| percentage(percent.value).map_err(|error| error.at(percent.referenced)))
            .transpose()?;
        Ok(Self {
            description: raw.description,
            run_dates,
            expect,
            max_quarantined_percent,
        })
    }
}

fn percentage(percent: f64) -> Result<f64, ContractError> {
    if (0.0..=100.0).contains(&percent) {
        Ok(percent)
    } else {
        Err(
            ContractError::invalid(format!("`maxQuarantined: {percent}` is not a percentage"))
                .with_hint("write a number from 0 to 100"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read() {
        let case =
            TestCase::parse("run_dates: [2024-03-01, 2024-03-02]\nexpect: refused\n").unwrap();
        assert_eq!(case.run_dates.len(), 2);
        assert_eq!(case.expect, Expectation::Refused);
        assert_eq!(
            TestCase::parse("run_dates: [2024-03-01]").unwrap().expect,
            Expectation::Published
        );
        assert_eq!(case.max_quarantined_percent, None);
        let case = TestCase::parse("run_dates: [2024-03-01]\nmaxQuarantined: 100").unwrap();
        assert_eq!(case.max_quarantined_percent, Some(100.0));
    }

    #[test]
    fn bad_cases_are_refused() {
        for (text, message) in [
            ("expect: refused", "the key `run_dates` is missing"),
            ("run_dates: []", "`run_dates` is empty"),
            ("run_dates: [2024-02-30]", "`2024-02-30` is not a run date"),
            (
                "run_dates: [2024-02-01]\nexpect: publish",
                "`publish` is not a value of `expect`",
            ),
            (
                "run_dates: [2024-02-01]\nexpects: published",
                "unknown key `expects`",
            ),
            (
                "run_dates: [2024-02-01]\nmaxQuarantined: 101",
                "`maxQuarantined: 101` is not a percentage (line 2, column 17)",
            ),
            ("run_dates: [2024-02-01]\nmaxQuarantined: half", "line 2"),
        ] {
            let error = TestCase::parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
