//! The header: which column of a file goes where.

use std::collections::HashMap;

use super::CsvSyntax;
use super::record::{Field, next_field};
use crate::plan::ReadPlan;

/// The header of one file.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// The targets of each column.
    pub(super) columns: Vec<Vec<u16>>,
    /// Names of columns that the plan does not know, each once.
    pub(crate) unknown: Vec<String>,
}

impl Header {
    /// Reads a header, which is valid UTF-8.
    ///
    /// # Errors
    ///
    /// Why the file cannot be read with this header. The message names columns of the plan,
    /// nothing of the header: what stands there may be the first row of a file without one.
    pub(crate) fn new(record: &[u8], syntax: CsvSyntax, plan: &ReadPlan) -> Result<Self, String> {
        let mut wanted: HashMap<String, (Vec<u16>, bool)> = HashMap::new();
        let paths = plan
            .fields
            .iter()
            .map(|field| &field.path)
            .chain(&plan.texts);
        for (target, path) in paths.enumerate() {
            wanted
                .entry(path.join("."))
                .or_default()
                .0
                .push(target as u16);
        }
        let mut header = Self::default();
        for name in names(record, syntax)? {
            match wanted.get_mut(&name) {
                Some((_, true)) => return Err(format!("the header has column `{name}` twice")),
                Some((targets, found)) => {
                    *found = true;
                    header.columns.push(targets.clone());
                }
                None => {
                    header.columns.push(Vec::new());
                    if !header.unknown.contains(&name) {
                        header.unknown.push(name);
                    }
                }
            }
        }
        let missing: Vec<String> = plan
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.path.join("."))
            .filter(|path| wanted.get(path).is_some_and(|(_, found)| !found))
            .map(|path| format!("`{path}`"))
            .collect();
        if !missing.is_empty() {
            return Err(format!(
                "the header lacks the required column {}",
                missing.join(", ")
            ));
        }
        Ok(header)
    }
}

fn names(record: &[u8], syntax: CsvSyntax) -> Result<Vec<String>, String> {
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
