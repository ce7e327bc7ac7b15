//! What the reader found out about whole files, for the quality report.

use std::collections::BTreeMap;

use lakehouse_reader::{FileOutcome, NAMED_COLUMNS, OTHER_COLUMNS, Unreadable};
use lakehouse_stage::quality::{AbsentColumn, ColumnCount, UnreadableFile};
use lakehouse_store::manifest::Manifest;

/// The files of a day as they were read.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Files that cannot be read as a whole, by their index in the manifest, in its order.
    pub unreadable: Vec<(i32, Unreadable)>,
    /// Rows of all other files, as the reader counted them.
    pub records: u64,
    discarded: BTreeMap<String, u64>,
    absent: BTreeMap<String, u64>,
}

impl Outcomes {
    /// Gathers what the reader says of each file; `undecoded` are those that it never saw.
    #[must_use]
    pub fn of(files: Vec<FileOutcome>, undecoded: Vec<(i32, Unreadable)>) -> Self {
        let mut outcomes = Self {
            unreadable: undecoded,
            ..Self::default()
        };
        for file in files {
            if let Some(reason) = file.unreadable {
                outcomes.unreadable.push((file.index, reason));
                continue;
            }
            outcomes.records += file.records;
            for (name, rows) in file.discarded {
                *outcomes.discarded.entry(name).or_default() += rows;
            }
            for column in file.absent {
                *outcomes.absent.entry(column).or_default() += 1;
            }
        }
        outcomes.unreadable.sort_by_key(|(index, _)| *index);
        outcomes
    }

    /// The unreadable files by their names.
    #[must_use]
    pub fn unreadable_files(&self, manifest: &Manifest) -> Vec<UnreadableFile> {
        let files = self.unreadable.iter();
        files
            .map(|(index, reason)| {
                let file = &manifest.files[*index as usize];
                UnreadableFile {
                    source_name: file.source_name.clone(),
                    sha256: file.sha256.clone(),
                    position: (reason.position > 0).then_some(reason.position),
                    byte: Some(reason.byte_offset),
                    reason: reason.reason.clone(),
                }
            })
            .collect()
    }

    /// Source columns that the contract does not know: the first hundred names in the order of
    /// their bytes, and all others as one.
    #[must_use]
    pub fn discarded_columns(&self) -> Vec<ColumnCount> {
        let is_other = |name: &str| name == OTHER_COLUMNS;
        let mut named = self
            .discarded
            .iter()
            .filter(|(name, _)| !is_other(name.as_str()));
        let mut columns: Vec<ColumnCount> = named
            .by_ref()
            .take(NAMED_COLUMNS)
            .map(|(name, rows)| ColumnCount {
                name: name.clone(),
                rows: *rows,
            })
            .collect();
        let unnamed = self.discarded.get(OTHER_COLUMNS).copied();
        let rows = unnamed.unwrap_or_default() + named.map(|(_, rows)| rows).sum::<u64>();
        if rows > 0 {
            columns.push(ColumnCount {
                name: OTHER_COLUMNS.to_owned(),
                rows,
            });
        }
        columns
    }

    /// Columns that some readable files lack.
    #[must_use]
    pub fn absent_columns(&self) -> Vec<AbsentColumn> {
        let columns = self.absent.iter();
        columns
            .map(|(column, files)| AbsentColumn {
                column: column.clone(),
                files: *files,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_files_are_capped_and_counted() {
        let file = |index: i32, first: u64| FileOutcome {
            index,
            records: 1,
            unreadable: None,
            discarded: (first..first + 80)
                .map(|number| (format!("name{number:03}"), 1))
                .chain([(OTHER_COLUMNS.to_owned(), 5)])
                .collect(),
            absent: vec!["note".to_owned()],
        };
        let outcomes = Outcomes::of(vec![file(0, 0), file(1, 60)], Vec::new());
        let columns = outcomes.discarded_columns();
        assert_eq!(columns.len(), NAMED_COLUMNS + 1);
        assert_eq!((columns[0].name.as_str(), columns[0].rows), ("name000", 1));
        assert_eq!(
            (columns[70].name.as_str(), columns[70].rows),
            ("name070", 2)
        );
        let others = &columns[NAMED_COLUMNS];
        assert_eq!(
            (others.name.as_str(), others.rows),
            (OTHER_COLUMNS, 10 + 40)
        );
        let absent = outcomes.absent_columns();
        assert_eq!((absent[0].column.as_str(), absent[0].files), ("note", 2));
    }
}
