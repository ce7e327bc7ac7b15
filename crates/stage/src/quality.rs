//! The quality report of a partition, shared by the stage that writes it and the one that
//! judges by it.
//!
//! It is part of what must be the same in every replay: no clock, no run id, no object key.
//! Its maps and lists are in the order in which they are written; whoever builds it sorts.

use serde::{Deserialize, Serialize};

/// Counts and statistics of one partition, with the verdict over it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityReport {
    /// The pipeline.
    pub pipeline: String,
    /// The dataset.
    pub dataset: String,
    /// The run date.
    pub date: String,
    /// The rows and where they went.
    pub counts: Counts,
    /// How many source files there were.
    pub files: u64,
    /// The files that could not be read as a whole.
    pub unreadable_files: Vec<UnreadableFile>,
    /// Quarantined rows by column and rule; a row with two reasons is in two of these.
    pub quarantined_by_rule: Vec<RuleCount>,
    /// Repaired values by column and rule.
    pub repairs: Vec<RuleCount>,
    /// Columns of the source that the contract does not know, and in how many rows.
    pub discarded_columns: Vec<ColumnCount>,
    /// The published columns.
    pub columns: Vec<ColumnStatistics>,
    /// Whether the day may be published.
    pub verdict: Verdict,
}

/// The rows of a partition; the first is the sum of the other three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Rows of the readable source files.
    pub rows_read: u64,
    /// Rows that readers will see.
    pub rows_published: u64,
    /// Rows that broke the contract.
    pub rows_quarantined: u64,
    /// Rows that were another's duplicate.
    pub rows_duplicate: u64,
}

impl Counts {
    /// Whether every row is accounted for.
    #[must_use]
    pub fn are_conserved(&self) -> bool {
        self.rows_published
            .checked_add(self.rows_quarantined)
            .and_then(|sum| sum.checked_add(self.rows_duplicate))
            == Some(self.rows_read)
    }

    /// The share of rows that were quarantined, in percent; none of none is zero.
    #[must_use]
    pub fn quarantined_percent(&self) -> f64 {
        if self.rows_read == 0 {
            0.0
        } else {
            self.rows_quarantined as f64 * 100.0 / self.rows_read as f64
        }
    }
}

/// A source file that could not be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadableFile {
    /// Its name at the source.
    pub source_name: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// The line or element at which reading failed, where that is known.
    pub position: Option<u64>,
    /// Why.
    pub reason: String,
}

/// How many rows broke, or were repaired by, one rule of one column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleCount {
    /// The column; none where the record as a whole is meant.
    pub column: Option<String>,
    /// The rule.
    pub rule: String,
    /// The rows.
    pub rows: u64,
}

/// In how many rows a column occurred.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnCount {
    /// The column's name at the source.
    pub name: String,
    /// The rows.
    pub rows: u64,
}

/// What is said of one published column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnStatistics {
    /// The column.
    pub name: String,
    /// How many rows have no value.
    pub nulls: u64,
    /// The smallest value as text; none where there is none or the column is classified.
    pub min: Option<String>,
    /// The largest value as text; none where there is none or the column is classified.
    pub max: Option<String>,
}

/// Whether a day may be published, and why not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Whether no rule of severity `error` failed.
    pub accepted: bool,
    /// What refuses the day.
    pub failures: Vec<Finding>,
    /// What is only worth knowing.
    pub warnings: Vec<Finding>,
}

/// One rule that does not hold, with figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// What was measured.
    pub measured: String,
    /// What is allowed.
    pub allowed: String,
}

#[cfg(test)]
mod tests {
    use super::{Counts, QualityReport};

    #[test]
    fn counts_are_conserved_or_not() {
        let counts = Counts {
            rows_read: 10,
            rows_published: 7,
            rows_quarantined: 2,
            rows_duplicate: 1,
        };
        assert!(counts.are_conserved());
        assert!((counts.quarantined_percent() - 20.0).abs() < f64::EPSILON);
        assert!(
            !Counts {
                rows_read: 11,
                ..counts
            }
            .are_conserved()
        );
        assert!(
            !Counts {
                rows_published: u64::MAX,
                ..counts
            }
            .are_conserved()
        );
        assert!(Counts::default().quarantined_percent().abs() < f64::EPSILON);
    }

    #[test]
    fn a_report_comes_back_as_it_went() {
        let report = QualityReport {
            pipeline: "sales".to_owned(),
            ..QualityReport::default()
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<QualityReport>(&text).unwrap(),
            report
        );
    }
}
