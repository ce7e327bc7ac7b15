//! The rows of a batch being filled: casts, what broke, what was repaired.

use std::sync::Arc;

use crate::batch::{BATCH_ROWS, ColumnData, TextSpan, Validity, Values};
use crate::cast::{Cast, Kind, Written};
use crate::model::{ColumnType, OnInvalid};
use crate::plan::ReadPlan;

/// Rules that a record as a whole can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordRule {
    /// It is not what the format says a record is.
    Record,
    /// It has a key twice.
    DuplicateKey,
    /// It has more or fewer fields than the header.
    FieldCount,
    /// It has columns that the contract does not know.
    UnknownColumns,
}

impl RecordRule {
    fn entry(self) -> &'static str {
        match self {
            Self::Record => r#"{"column":null,"rule":"record"}"#,
            Self::DuplicateKey => r#"{"column":null,"rule":"duplicateKey"}"#,
            Self::FieldCount => r#"{"column":null,"rule":"fieldCount"}"#,
            Self::UnknownColumns => r#"{"column":null,"rule":"unknownColumns"}"#,
        }
    }
}

/// What a target column does with its texts.
#[derive(Debug)]
struct Target {
    repairs: bool,
    /// Its entry in `_lake_broken` or `_lake_repaired`.
    entry: String,
}

/// The targets of a plan: its fields, then its texts. Shared by all workers.
#[derive(Debug)]
pub(crate) struct Targets {
    targets: Vec<Target>,
    /// The types of all columns, the reader's own included, and the casts of the fields.
    columns: Vec<(ColumnType, Option<Cast>)>,
    /// What the source writes around the values of each field.
    written: Vec<Option<Box<Written>>>,
}

impl Targets {
    pub(crate) fn new(plan: &ReadPlan) -> Self {
        let fields = plan.fields.iter().map(|field| {
            let repairs = matches!(field.on_invalid, OnInvalid::SetNull);
            let rule = if repairs { "setNull" } else { "type" };
            let entry = format!(
                r#"{{"column":{},"rule":"{rule}"}}"#,
                json_string(&field.name)
            );
            Target { repairs, entry }
        });
        let texts = plan.texts.iter().map(|_| Target {
            repairs: false,
            entry: String::new(),
        });
        let casts = plan
            .casts
            .iter()
            .cloned()
            .map(Some)
            .chain(std::iter::repeat(None));
        let types = plan
            .columns()
            .into_iter()
            .map(|(_, column_type)| column_type);
        Self {
            targets: fields.chain(texts).collect(),
            columns: types.zip(casts).collect(),
            written: plan
                .fields
                .iter()
                .map(|field| Written::new(&field.format).map(Box::new))
                .collect(),
        }
    }
}

/// A JSON string literal.
pub(crate) fn json_string(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            control if (control as u32) < 0x20 => {
                literal.push_str(&format!("\\u{:04x}", control as u32))
            }
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}

/// The rows being filled.
#[derive(Debug)]
pub(crate) struct Rows {
    targets: Arc<Targets>,
    /// Rows that are done.
    pub(crate) count: usize,
    pub(crate) columns: Vec<ColumnData>,
    pub(crate) arena: Vec<u8>,
    /// Targets of the current row whose text means no value.
    failed: Vec<u16>,
}

impl Rows {
    pub(crate) fn new(targets: Arc<Targets>) -> Self {
        let own = targets.targets.len();
        let columns = targets
            .columns
            .iter()
            .enumerate()
            .map(|(index, (column_type, cast))| ColumnData {
                cast: cast.clone().unwrap_or(Cast::Text),
                written: targets.written.get(index).cloned().flatten(),
                bare: Vec::new(),
                values: empty_values(*column_type),
                // File, position and offset are never NULL.
                validity: if (own..own + 3).contains(&index) {
                    Validity::all()
                } else {
                    Validity::none()
                },
            })
            .collect();
        Self {
            targets,
            count: 0,
            columns,
            arena: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.arena.clear();
        self.failed.clear();
        let own = self.targets.targets.len();
        for (index, column) in self.columns.iter_mut().enumerate() {
            if !(own..own + 3).contains(&index) {
                column.validity.clear();
            }
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count == BATCH_ROWS
    }

    /// Gives a target of the current row a text that lies in the block.
    #[inline]
    pub(crate) fn set(&mut self, target: u16, kind: Kind, block: &[u8], start: usize, end: usize) {
        let span = TextSpan::in_block(start, end);
        let column = &mut self.columns[usize::from(target)];
        if !column.write(kind, &block[start..end], span, self.count) {
            self.failed.push(target);
        }
    }

    /// Gives a target of the current row a text that was put into the arena.
    pub(crate) fn set_from_arena(&mut self, target: u16, start: usize, end: usize) {
        let span = TextSpan::in_arena(start, end);
        let column = &mut self.columns[usize::from(target)];
        if !column.write(Kind::Text, &self.arena[start..end], span, self.count) {
            self.failed.push(target);
        }
    }

    /// Gives a target an empty text: a value of a text column, NULL of any other.
    pub(crate) fn set_empty(&mut self, target: u16) {
        if matches!(self.columns[usize::from(target)].values, Values::Text(_)) {
            self.set(target, Kind::Text, &[], 0, 0);
        }
    }

    /// A field whose source is of another shape than its path says. A text has no say in it.
    pub(crate) fn set_misshapen(&mut self, target: u16) {
        if !self.targets.targets[usize::from(target)].entry.is_empty() {
            self.failed.push(target);
        }
    }

    /// Ends the current row.
    #[inline]
    pub(crate) fn finish(&mut self, file: i32, position: u64, offset: u64) {
        self.place(file, position, offset);
        if !self.failed.is_empty() {
            self.name_failures(None);
        }
        self.count += 1;
    }

    /// Ends the current row as broken as a whole: nothing in it has a value.
    #[cold]
    pub(crate) fn finish_broken(
        &mut self,
        rule: RecordRule,
        file: i32,
        position: u64,
        offset: u64,
    ) {
        self.place(file, position, offset);
        let row = self.count;
        for column in &mut self.columns[..self.targets.targets.len()] {
            column.validity.unset(row);
        }
        // Only a record whose shape is whole has fields that can be named beside it.
        if rule != RecordRule::UnknownColumns {
            self.failed.clear();
        }
        self.name_failures(Some(rule));
        self.columns[self.targets.targets.len() + 4]
            .validity
            .unset(row);
        self.count += 1;
    }

    #[inline]
    fn place(&mut self, file: i32, position: u64, offset: u64) {
        let own = self.targets.targets.len();
        let row = self.count;
        if let [file_column, position_column, offset_column, ..] = &mut self.columns[own..] {
            if let Values::Int32(values) = &mut file_column.values {
                values[row] = file;
            }
            if let Values::Int64(values) = &mut position_column.values {
                values[row] = position as i64;
            }
            if let Values::Int64(values) = &mut offset_column.values {
                values[row] = offset as i64;
            }
        }
    }

    /// Writes `_lake_broken` and `_lake_repaired`, in the order of the columns, whatever the
    /// order of the keys in the source.
    #[cold]
    fn name_failures(&mut self, rule: Option<RecordRule>) {
        self.failed.sort_unstable();
        self.failed.dedup();
        let targets = Arc::clone(&self.targets);
        let entry = |target: &u16| &targets.targets[usize::from(*target)];
        let own = targets.targets.len();
        let failed = std::mem::take(&mut self.failed);
        let rejected = failed
            .iter()
            .map(entry)
            .filter(|target| !target.repairs)
            .map(|target| target.entry.as_str());
        let broken = rule.map(RecordRule::entry).into_iter().chain(rejected);
        self.write_list(own + 3, broken);
        let repaired = failed
            .iter()
            .map(entry)
            .filter(|target| target.repairs)
            .map(|target| target.entry.as_str());
        self.write_list(own + 4, repaired);
        self.failed = failed;
        self.failed.clear();
    }

    fn write_list<'entry>(&mut self, column: usize, entries: impl Iterator<Item = &'entry str>) {
        let start = self.arena.len();
        for entry in entries {
            self.arena.push(if self.arena.len() == start {
                b'['
            } else {
                b','
            });
            self.arena.extend_from_slice(entry.as_bytes());
        }
        if self.arena.len() == start {
            return;
        }
        self.arena.push(b']');
        let span = TextSpan::in_arena(start, self.arena.len());
        let row = self.count;
        let column = &mut self.columns[column];
        if let Values::Text(values) = &mut column.values {
            values[row] = span;
            column.validity.set(row);
        }
    }
}

fn empty_values(column_type: ColumnType) -> Values {
    match column_type {
        ColumnType::Text => Values::Text(vec![TextSpan::default(); BATCH_ROWS]),
        ColumnType::Boolean => Values::Boolean(vec![false; BATCH_ROWS]),
        ColumnType::Int32 | ColumnType::Date => Values::Int32(vec![0; BATCH_ROWS]),
        ColumnType::Int64 | ColumnType::Timestamp => Values::Int64(vec![0; BATCH_ROWS]),
        ColumnType::Double => Values::Double(vec![0.0; BATCH_ROWS]),
        ColumnType::Decimal {
            precision: 0..=4, ..
        } => Values::Int16(vec![0; BATCH_ROWS]),
        ColumnType::Decimal {
            precision: 5..=9, ..
        } => Values::Int32(vec![0; BATCH_ROWS]),
        ColumnType::Decimal {
            precision: 10..=18, ..
        } => Values::Int64(vec![0; BATCH_ROWS]),
        ColumnType::Decimal { .. } | ColumnType::Uuid => Values::Int128(vec![0; BATCH_ROWS]),
    }
}
