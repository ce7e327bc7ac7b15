//! What a quality report says, as far as a person is shown it.
//!
//! A report may have been written by an older or a newer version than this one, and a day must be
//! shown all the same: a field that is not there is empty, one that is not known is left alone.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A quality report, read leniently.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// The rows and where they went.
    pub counts: Counts,
    /// The files that could not be read as a whole.
    pub unreadable_files: Vec<UnreadableFile>,
    /// Quarantined rows by column and rule.
    pub quarantined_by_rule: Vec<RuleRows>,
    /// Repaired values by column and rule.
    pub repairs: Vec<RuleRows>,
    /// Columns of the contract that a file did not have.
    pub absent_columns: Vec<Value>,
    /// Columns that are NULL in every published row.
    pub null_columns: Vec<Value>,
    /// The judgement over the day.
    pub verdict: Judgement,
}

/// Rows of a day.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows of the source files.
    pub rows_read: u64,
    /// Rows that readers see, or would have seen.
    pub rows_published: u64,
    /// Rows that broke the contract.
    pub rows_quarantined: u64,
    /// Rows that were another's duplicate.
    pub rows_duplicate: u64,
}

/// A file that could not be read as a whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct UnreadableFile {
    /// Its name at the source.
    pub source_name: String,
    /// The line or element at which reading failed.
    pub position: Option<u64>,
    /// Why.
    pub reason: String,
}

/// How many rows broke one rule of one column.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RuleRows {
    /// The column; none where the record as a whole is meant.
    pub column: Option<String>,
    /// The rule.
    pub rule: String,
    /// The rows.
    pub rows: u64,
    /// One of them: its file and position.
    pub example: Value,
}

/// Why a day may not be published.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Judgement {
    /// What refuses the day.
    pub failures: Vec<Finding>,
    /// What is only worth knowing.
    pub warnings: Vec<Finding>,
}

/// One rule that does not hold, with figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// What was measured.
    pub measured: String,
    /// What is allowed.
    pub allowed: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}: measured {}, allowed {}",
            self.rule, self.measured, self.allowed
        )
    }
}

impl RuleRows {
    /// The rule with what it is about: `required` of `amount`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.column {
            Some(column) => format!("`{}` of `{column}`", self.rule),
            None => format!("`{}` (the whole record)", self.rule),
        }
    }
}

/// A place in a source file as `file:position`; nothing where none is given.
#[must_use]
pub fn place(example: &Value) -> Option<String> {
    match example {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => {
            let file = ["source_name", "file", "source"]
                .iter()
                .find_map(|name| fields.get(*name)?.as_str())?;
            Some(match fields.get("position").and_then(Value::as_u64) {
                Some(position) => format!("{file}:{position}"),
                None => file.to_owned(),
            })
        }
        _ => None,
    }
}

/// The name of a column that a report lists, by itself or with more about it.
#[must_use]
pub fn column_name(entry: &Value) -> Option<&str> {
    match entry {
        Value::String(name) => Some(name),
        Value::Object(fields) => ["name", "column"]
            .iter()
            .find_map(|name| fields.get(*name)?.as_str()),
        _ => None,
    }
}

/// Rows by rule over several days, with the first example and its day.
#[derive(Debug, Default)]
pub struct Rules {
    rules: BTreeMap<String, (u64, Option<String>)>,
}

impl Rules {
    /// Adds a day's.
    pub fn add(&mut self, date: Option<&str>, rules: &[RuleRows]) {
        for rule in rules {
            let entry = self.rules.entry(rule.name()).or_default();
            entry.0 += rule.rows;
            if entry.1.is_none() {
                entry.1 = place(&rule.example).map(|place| match date {
                    Some(date) => format!("{place} of {date}"),
                    None => place,
                });
            }
        }
    }

    /// The most frequent rules, a line each, and how many are left out.
    #[must_use]
    pub fn lines(&self, limit: usize) -> Vec<String> {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(name, (rows, _))| (std::cmp::Reverse(*rows), *name));
        let mut lines: Vec<String> = rules
            .iter()
            .take(limit)
            .map(|(name, (rows, example))| {
                let unit = if *rows == 1 { "row" } else { "rows" };
                match example {
                    Some(place) => format!("{rows} {unit}: {name}, for example {place}"),
                    None => format!("{rows} {unit}: {name}"),
                }
            })
            .collect();
        if rules.len() > limit {
            let others = rules.len() - limit;
            lines.push(format!(
                "… and {others} other {}",
                if others == 1 { "rule" } else { "rules" }
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_another_version_is_read() {
        let text = r#"{"counts": {"rows_read": 3, "new": 1}, "columns": [], "later": {},
            "quarantined_by_rule": [{"column": "a", "rule": "type", "rows": 2}]}"#;
        let report: Quality = serde_json::from_str(text).unwrap();
        assert_eq!(report.counts.rows_read, 3);
        assert_eq!(report.quarantined_by_rule[0].name(), "`type` of `a`");
        assert_eq!(place(&report.quarantined_by_rule[0].example), None);
        assert!(report.absent_columns.is_empty());
    }

    #[test]
    fn rules_are_summed_and_ordered_by_their_rows() {
        let rule = |column: Option<&str>, rows, example| RuleRows {
            column: column.map(str::to_owned),
            rule: "type".to_owned(),
            rows,
            example,
        };
        let at = |position: u64| serde_json::json!({"source_name": "a.csv", "position": position});
        let mut rules = Rules::default();
        rules.add(
            Some("2024-03-01"),
            &[rule(Some("b"), 2, at(7)), rule(None, 1, Value::Null)],
        );
        rules.add(
            Some("2024-03-02"),
            &[rule(Some("b"), 2, at(9)), rule(Some("c"), 4, at(1))],
        );
        assert_eq!(
            rules.lines(2),
            [
                "4 rows: `type` of `b`, for example a.csv:7 of 2024-03-01",
                "4 rows: `type` of `c`, for example a.csv:1 of 2024-03-02",
                "… and 1 other rule"
            ]
        );
        assert_eq!(rules.lines(3)[2], "1 row: `type` (the whole record)");
    }

    #[test]
    fn places_and_columns_are_read_in_either_form() {
        use serde_json::json;
        assert_eq!(place(&json!("a.csv:3")).unwrap(), "a.csv:3");
        assert_eq!(place(&json!({"file": "a.csv"})).unwrap(), "a.csv");
        assert_eq!(column_name(&json!("x")), Some("x"));
        assert_eq!(column_name(&json!({"name": "x", "files": 2})), Some("x"));
        assert_eq!(column_name(&json!(1)), None);
    }
}
