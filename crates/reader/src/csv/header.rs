//! The header: which column of a file goes where.

use std::collections::HashMap;

use super::CsvSyntax;
use super::hints::{HeaderText, certain_cause, probable_cause, what_it_has};
use super::record::{Field, next_field};
use crate::names::folded;
use crate::plan::ReadPlan;

/// The header of one file.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// The targets of each column.
    pub(super) columns: Vec<Vec<u16>>,
    /// Names of columns that the plan does not know, each once.
    pub(crate) unknown: Vec<String>,
    /// Labels of the plan's columns that the header lacks.
    pub(crate) absent: Vec<String>,
}

/// What the plan reads under one name of the header.
#[derive(Default)]
struct Wanted {
    targets: Vec<u16>,
    found: bool,
}

impl Header {
    /// Reads a header, which is valid UTF-8.
    ///
    /// # Errors
    ///
    /// Why the file cannot be read with this header. Of the header only what looks like a name is
    /// told: what stands there may be the first row of a file without one.
    pub(crate) fn new(
        text: &HeaderText<'_>,
        syntax: CsvSyntax,
        plan: &ReadPlan,
    ) -> Result<Self, String> {
        let mut wanted: HashMap<String, Wanted> = HashMap::new();
        for (target, path) in plan.paths().enumerate() {
            let entry = wanted.entry(path.join(".")).or_default();
            entry.targets.push(target as u16);
        }
        let mut header = Self::default();
        let names = names(text.record, syntax)?;
        for name in &names {
            match wanted.get_mut(name) {
                Some(Wanted { found: true, .. }) => {
                    return Err(format!("the header has column `{name}` twice"));
                }
                Some(entry) => {
                    entry.found = true;
                    header.columns.push(entry.targets.clone());
                }
                None => {
                    header.columns.push(Vec::new());
                    if !header.unknown.contains(name) {
                        header.unknown.push(name.clone());
                    }
                }
            }
        }
        if plan.judges_headers {
            header.judge(text, syntax, plan, &names, &wanted)?;
        }
        Ok(header)
    }

    /// Refuses a header that lacks what the plan needs, or has it under almost the same name.
    fn judge(
        &mut self,
        text: &HeaderText<'_>,
        syntax: CsvSyntax,
        plan: &ReadPlan,
        names: &[String],
        wanted: &HashMap<String, Wanted>,
    ) -> Result<(), String> {
        if let Some(cause) = certain_cause(text.record) {
            return Err(cause.to_owned());
        }
        let is_missing = |path: &String| wanted.get(path).is_some_and(|entry| !entry.found);
        let missing: Vec<String> = plan.paths().map(|path| path.join(".")).collect();
        let missing: Vec<&String> = missing.iter().filter(|path| is_missing(path)).collect();
        for path in &missing {
            let almost = self
                .unknown
                .iter()
                .find(|name| folded(name) == folded(path));
            if let Some(name) = almost {
                return Err(format!(
                    "the header has {name:?}, and the contract reads `{path}`: they differ only \
                     in case or blanks; write `sourcePath` exactly as the header has it"
                ));
            }
        }
        let required: Vec<String> = plan
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.path.join("."))
            .filter(is_missing)
            .map(|path| format!("`{path}`"))
            .collect();
        let has_none = !wanted.is_empty() && wanted.values().all(|entry| !entry.found);
        if required.is_empty() && !has_none {
            let labels = plan.labels().zip(plan.paths());
            self.absent = labels
                .filter(|(_, path)| is_missing(&path.join(".")))
                .map(|(label, _)| label)
                .collect();
            return Ok(());
        }
        let lacks = match required.is_empty() {
            true => "the header has none of the contract's columns".to_owned(),
            false => format!(
                "the header lacks the required column {}",
                required.join(", ")
            ),
        };
        let paths: Vec<String> = wanted.keys().cloned().collect();
        let cause = match probable_cause(text, syntax, &paths) {
            Some(cause) => format!(": {cause}"),
            None => String::new(),
        };
        Err(format!("{lacks}{}{cause}", what_it_has(names)))
    }
}

pub(super) fn names(record: &[u8], syntax: CsvSyntax) -> Result<Vec<String>, String> {
    let mut block = record.to_vec();
    block.extend_from_slice(&[0; crate::batch::PADDING]);
    let mut names = Vec::new();
    let mut unquoted = Vec::new();
    let mut at = 0;
    loop {
        unquoted.clear();
        let (field, next) = next_field(&block, at, record.len(), syntax, &mut unquoted);
        let name = match field {
            Field::Plain { start, end, .. } => &block[start..end],
            Field::Unquoted => &unquoted,
            Field::Malformed => {
                return Err(
                    "the header has a quoted name with something behind its quote".to_owned(),
                );
            }
        };
        names.push(String::from_utf8_lossy(name).into_owned());
        if next.ends_record {
            return Ok(names);
        }
        at = next.at;
    }
}
