//! What to read: the columns of a contract that have a source, and source texts as they are.

use lakehouse_contract::source_path;

use crate::cast::Cast;
use crate::error::PlanError;
use crate::model::{Column, ColumnType, Contract, OnInvalid, SourceFormat, UnknownColumns};

/// Names that the reader's own columns have.
pub const FILE_COLUMN: &str = "_lake_file";
/// Line (JSON Lines, CSV) or element (array, concatenated) of the row, from 1.
pub const POSITION_COLUMN: &str = "_lake_position";
/// Byte offset of the row's record in the decoded file.
pub const OFFSET_COLUMN: &str = "_lake_offset";
/// NULL, or what broke: `[{"column":"amount","rule":"type"}]`.
pub const BROKEN_COLUMN: &str = "_lake_broken";
/// NULL, or what was repaired: `[{"column":"amount","rule":"setNull"}]`.
pub const REPAIRED_COLUMN: &str = "_lake_repaired";

/// A typed column that is read from a source field.
#[derive(Debug, Clone)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// The way to its source: the keys of nested JSON objects. A CSV header has them joined by
    /// dots.
    pub path: Vec<String>,
    /// The type of its values.
    pub column_type: ColumnType,
    /// How its texts are written.
    pub format: SourceFormat,
    /// What happens to a text that means no value of the type.
    pub on_invalid: OnInvalid,
    /// Whether a CSV header without it makes the file unreadable.
    pub required: bool,
}

/// What to read from every record.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    pub(crate) fields: Vec<Field>,
    pub(crate) texts: Vec<Vec<String>>,
    pub(crate) unknown_columns: UnknownColumns,
    /// One per field.
    pub(crate) casts: Vec<Cast>,
    /// Whether a CSV header is held against the plan. One that was judged before is not.
    pub(crate) judges_headers: bool,
}

impl ReadPlan {
    /// Makes a plan of typed fields and of source texts, which become columns
    /// `source.<dotted path>`.
    ///
    /// # Errors
    ///
    /// A path with an empty part, a source format that cannot be used.
    pub fn new(
        fields: Vec<Field>,
        texts: Vec<Vec<String>>,
        unknown_columns: UnknownColumns,
    ) -> Result<Self, PlanError> {
        let columns = fields.len() + texts.len();
        if columns > 10_000 {
            return Err(PlanError::TooManyColumns(columns));
        }
        let path_of = |column: &str, path: &[String]| {
            if path.is_empty() || path.iter().any(String::is_empty) {
                return Err(PlanError::Path {
                    column: column.to_owned(),
                    path: path.join("."),
                });
            }
            Ok(())
        };
        let mut casts = Vec::with_capacity(fields.len());
        for field in &fields {
            path_of(&field.name, &field.path)?;
            let cast = Cast::new(field.column_type, &field.format);
            casts.push(cast.map_err(|reason| PlanError::Format {
                column: field.name.clone(),
                reason,
            })?);
        }
        for text in &texts {
            path_of("source", text)?;
        }
        Ok(Self {
            fields,
            texts,
            unknown_columns,
            casts,
            judges_headers: true,
        })
    }

    /// The paths of all targets: fields, then texts.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Vec<String>> {
        self.fields
            .iter()
            .map(|field| &field.path)
            .chain(&self.texts)
    }

    /// What people call the targets: a column's name, or `source.<dotted path>`.
    pub(crate) fn labels(&self) -> impl Iterator<Item = String> {
        let fields = self.fields.iter().map(|field| field.name.clone());
        let texts = self.texts.iter();
        fields.chain(texts.map(|path| format!("source.{}", source_path::spelling(path))))
    }

    /// What a contract reads: its columns that have a source, and the source texts that its
    /// transforms ask for.
    ///
    /// A column is required of a CSV header when the contract requires it and its transform, if
    /// it has one, could not make it from something else.
    ///
    /// # Errors
    ///
    /// As [`ReadPlan::new`].
    pub fn from_contract(contract: &Contract) -> Result<Self, PlanError> {
        let fields = contract.columns.iter().filter_map(|column| {
            Some(Field {
                name: column.name.clone(),
                path: split_path(column.source_path.as_deref()?),
                column_type: column.column_type,
                format: column.source_format.clone(),
                on_invalid: column.on_invalid,
                required: column.required && !reads_others(contract, column),
            })
        });
        let texts = contract
            .source_texts()
            .iter()
            .map(|path| split_path(path))
            .collect();
        Self::new(fields.collect(), texts, contract.unknown_columns)
    }

    /// The columns of every batch: fields, source texts, then the reader's own.
    #[must_use]
    pub fn columns(&self) -> Vec<(String, ColumnType)> {
        let fields = self
            .fields
            .iter()
            .map(|field| (field.name.clone(), field.column_type));
        let texts = self.texts.iter().map(|path| {
            (
                format!("source.{}", source_path::spelling(path)),
                ColumnType::Text,
            )
        });
        let own = [
            (FILE_COLUMN, ColumnType::Int32),
            (POSITION_COLUMN, ColumnType::Int64),
            (OFFSET_COLUMN, ColumnType::Int64),
            (BROKEN_COLUMN, ColumnType::Text),
            (REPAIRED_COLUMN, ColumnType::Text),
        ];
        fields
            .chain(texts)
            .chain(own.map(|(name, column_type)| (name.to_owned(), column_type)))
            .collect()
    }
}

/// Whether the transform of a column may read anything besides that column. Names are looked for
/// as words, so a function or a text of the same name counts as well: then a header without the
/// column is readable, and its rows break `required` one by one.
fn reads_others(contract: &Contract, column: &Column) -> bool {
    let transform = column
        .transform
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let is_other = |word: &str| {
        let mut others = contract
            .columns
            .iter()
            .filter(|other| other.name != column.name);
        word == "source" || others.any(|other| other.name.to_lowercase() == word)
    };
    transform
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(is_other)
}

/// A path in one text, as a contract has it, as its keys.
#[must_use]
pub fn split_path(path: &str) -> Vec<String> {
    // A path that is none has an empty part, which a plan refuses.
    source_path::keys(path).unwrap_or_else(|| path.split('.').map(str::to_owned).collect())
}
