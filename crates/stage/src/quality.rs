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
    /// Published rows with at least one repaired value.
    #[serde(default)]
    pub rows_repaired: u64,
    /// Columns of the source that the contract does not know, and in how many rows. What does not
    /// look like a name, and more than a hundred names, are counted as `(others)`.
    pub discarded_columns: Vec<ColumnCount>,
    /// Columns of the contract that some readable files lack, so that they are NULL in every row
    /// of those.
    #[serde(default)]
    pub absent_columns: Vec<AbsentColumn>,
    /// Columns that are NULL in every published row.
    #[serde(default)]
    pub null_columns: Vec<String>,
    /// The published columns.
    pub columns: Vec<ColumnStatistics>,
    /// Whether the day may be published.
    pub verdict: Verdict,
}

/// How many of the most frequent rules, and of the unreadable files, a refusal names.
const REASONS_SHOWN: usize = 3;

impl QualityReport {
    /// Why rows and files were set aside, for a person: unreadable files first, then the most
    /// frequent rules, each with its count and the place of one row.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self
            .unreadable_files
            .iter()
            .take(REASONS_SHOWN)
            .map(|file| {
                let byte = file
                    .byte
                    .map(|byte| format!(" (byte {byte})"))
                    .unwrap_or_default();
                format!("{} cannot be read: {}{byte}", file.place(), file.reason)
            })
            .collect();
        let more = self.unreadable_files.len().saturating_sub(REASONS_SHOWN);
        if more > 0 {
            reasons.push(format!("more files that cannot be read: {more}"));
        }
        let mut rules: Vec<&RuleCount> = self.quarantined_by_rule.iter().collect();
        // The report's own order, by column and rule, decides between equals.
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.rows));
        reasons.extend(rules.iter().take(REASONS_SHOWN).map(|rule| rule.describe()));
        let more = rules.len().saturating_sub(REASONS_SHOWN);
        if more > 0 {
            reasons.push(format!("more broken rules: {more}"));
        }
        reasons
    }
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
    /// The byte of the decoded file at which reading failed, where that is known.
    #[serde(default)]
    pub byte: Option<u64>,
    /// Why.
    pub reason: String,
}

impl UnreadableFile {
    /// `file:position`, or the file alone.
    #[must_use]
    pub fn place(&self) -> String {
        match self.position {
            Some(position) if position > 0 => format!("`{}:{position}`", self.source_name),
            _ => format!("`{}`", self.source_name),
        }
    }
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
    /// Where the first of them is, in the order of files and positions; none for repairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
}

impl RuleCount {
    /// The rule, how many rows broke it, and where the first of them is.
    #[must_use]
    pub fn describe(&self) -> String {
        let subject = match &self.column {
            Some(column) => format!("`{}` of column `{column}`", self.rule),
            None => format!("`{}`", self.rule),
        };
        let rows = match self.rows {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        };
        match &self.example {
            Some(Example {
                source_name,
                position,
            }) => format!("{rows} broke {subject}, the first at `{source_name}:{position}`"),
            None => format!("{rows} broke {subject}"),
        }
    }
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The file, as the source calls it.
    pub source_name: String,
    /// Its line (CSV, JSON Lines) or element (array, concatenated objects), from 1.
    pub position: u64,
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

/// In how many files a column of the contract is absent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsentColumn {
    /// The column's name in the contract, or `source.<path>` of a text that a transform reads.
    pub column: String,
    /// The readable files whose CSV header, or all of whose JSON records, lack it.
    pub files: u64,
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
    use super::{Counts, Example, QualityReport, RuleCount, UnreadableFile};

    #[test]
    fn reasons_are_files_first_then_the_most_frequent_rules() {
        let rule = |column: Option<&str>, rule: &str, rows| RuleCount {
            column: column.map(str::to_owned),
            rule: rule.to_owned(),
            rows,
            example: Some(Example {
                source_name: "monday.csv".to_owned(),
                position: 7,
            }),
        };
        let report = QualityReport {
            unreadable_files: vec![UnreadableFile {
                source_name: "tuesday.csv".to_owned(),
                sha256: String::new(),
                position: Some(3),
                byte: None,
                reason: "invalid UTF-8".to_owned(),
            }],
            quarantined_by_rule: vec![
                rule(None, "record", 1),
                rule(Some("amount"), "minimum", 2),
                rule(Some("amount"), "type", 40),
                rule(Some("till"), "required", 3),
            ],
            ..QualityReport::default()
        };
        assert_eq!(
            report.reasons(),
            [
                "`tuesday.csv:3` cannot be read: invalid UTF-8",
                "40 rows broke `type` of column `amount`, the first at `monday.csv:7`",
                "3 rows broke `required` of column `till`, the first at `monday.csv:7`",
                "2 rows broke `minimum` of column `amount`, the first at `monday.csv:7`",
                "more broken rules: 1",
            ]
        );
        assert!(QualityReport::default().reasons().is_empty());
    }

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
