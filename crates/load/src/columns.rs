//! The columns of a table, and how they follow those of its mart without losing anything.

use lakehouse_bind::EngineFailure;
use lakehouse_contract::quote::identifier;
use lakehouse_contract::{Load, RUN_DATE_COLUMN};
use lakehouse_engine::{ATTACHED, Session};
use lakehouse_stage::StageError;

/// A column's name and the engine's name of its type.
pub type Column = (String, String);

/// Whole numbers that hold each other, narrowest first.
const SIGNED: [&str; 4] = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"];
const UNSIGNED: [&str; 4] = ["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"];

/// A table of the attached file, quoted.
#[must_use]
pub fn relation(table: &str) -> String {
    format!("{ATTACHED}.main.{}", identifier(table))
}

/// The columns that a table has.
///
/// # Errors
/// Engine failures.
pub fn of_table(session: &Session, table: &str) -> Result<Vec<Column>, StageError> {
    session
        .describe(&format!("SELECT * FROM {}", relation(table)))
        .stage(&format!("read the columns of table `{table}`"))
}

/// The columns that a table is to have: those of the mart, with the types in which the newest of
/// the files has them, behind the run date where it is loaded by day.
#[must_use]
pub fn wanted(load: Load, mart: &[Column], files: &[Vec<Column>]) -> Vec<Column> {
    let run_date = (load == Load::Day).then(|| (RUN_DATE_COLUMN.to_owned(), "DATE".to_owned()));
    let of_mart = mart.iter().map(|(name, bound)| {
        let newest = files.iter().rev().find_map(|file| find(file, name));
        (name.clone(), newest.unwrap_or(bound).to_owned())
    });
    run_date.into_iter().chain(of_mart).collect()
}

/// The type of a column.
#[must_use]
pub fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a str> {
    columns
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, sql_type)| sql_type.as_str())
}

/// Why a table cannot follow its mart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// The mart no longer returns the column.
    Lost(String),
    /// The column would have another type, which cannot hold what the table has.
    Type {
        /// The column.
        column: String,
        /// Its type in the table.
        table: String,
        /// Its type in the mart.
        mart: String,
    },
}

/// The statements that give a table the columns that it is to have.
///
/// # Errors
/// When that would lose data: everything that does not fit.
pub fn changes(
    table: &str,
    existing: &[Column],
    wanted: &[Column],
) -> Result<Vec<String>, Vec<Misfit>> {
    let relation = relation(table);
    let mut misfits: Vec<Misfit> = existing
        .iter()
        .filter(|(name, _)| find(wanted, name).is_none())
        .map(|(name, _)| Misfit::Lost(name.clone()))
        .collect();
    let mut statements = Vec::new();
    for (name, sql_type) in wanted {
        let column = identifier(name);
        match find(existing, name) {
            None => statements.push(format!(
                "ALTER TABLE {relation} ADD COLUMN {column} {sql_type}"
            )),
            Some(present) if present == sql_type || holds(present, sql_type) => {}
            Some(present) if holds(sql_type, present) => statements.push(format!(
                "ALTER TABLE {relation} ALTER COLUMN {column} SET DATA TYPE {sql_type}"
            )),
            Some(present) => misfits.push(Misfit::Type {
                column: name.clone(),
                table: present.to_owned(),
                mart: sql_type.clone(),
            }),
        }
    }
    match misfits.is_empty() {
        true => Ok(statements),
        false => Err(misfits),
    }
}

/// Whether every value of `narrow` is one of `wide`.
#[must_use]
pub fn holds(wide: &str, narrow: &str) -> bool {
    let rank = |types: [&str; 4], name: &str| types.iter().position(|other| *other == name);
    for types in [SIGNED, UNSIGNED] {
        if let (Some(wide), Some(narrow)) = (rank(types, wide), rank(types, narrow)) {
            return wide >= narrow;
        }
    }
    // A signed number of the next size holds an unsigned one.
    if let (Some(wide), Some(narrow)) = (rank(SIGNED, wide), rank(UNSIGNED, narrow)) {
        return wide > narrow;
    }
    if let (Some((wide, wide_scale)), Some((narrow, narrow_scale))) =
        (decimal(wide), decimal(narrow))
    {
        return wide_scale >= narrow_scale && wide - wide_scale >= narrow - narrow_scale;
    }
    matches!((wide, narrow), ("DOUBLE", "FLOAT"))
}

/// Precision and scale of `DECIMAL(18,2)`.
fn decimal(sql_type: &str) -> Option<(i32, i32)> {
    let inner = sql_type.strip_prefix("DECIMAL(")?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',')?;
    Some((precision.parse().ok()?, scale.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Column, Misfit, changes, holds, wanted};
    use lakehouse_contract::Load;

    fn columns(columns: &[(&str, &str)]) -> Vec<Column> {
        columns
            .iter()
            .map(|(name, sql_type)| ((*name).to_owned(), (*sql_type).to_owned()))
            .collect()
    }

    #[test]
    fn types_hold_one_another_only_where_nothing_is_lost() {
        for (wide, narrow) in [
            ("BIGINT", "INTEGER"),
            ("BIGINT", "UINTEGER"),
            ("SMALLINT", "TINYINT"),
            ("DECIMAL(18,2)", "DECIMAL(10,2)"),
            ("DECIMAL(20,4)", "DECIMAL(18,2)"),
            ("DOUBLE", "FLOAT"),
        ] {
            assert!(holds(wide, narrow), "{wide} {narrow}");
            assert!(!holds(narrow, wide), "{narrow} {wide}");
        }
        for (one, other) in [
            ("VARCHAR", "INTEGER"),
            ("BIGINT", "UBIGINT"),
            ("DECIMAL(18,4)", "DECIMAL(18,2)"),
            ("TIMESTAMP", "DATE"),
            ("DOUBLE", "BIGINT"),
            ("UUID", "VARCHAR"),
        ] {
            assert!(!holds(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_table_grows_and_widens() {
        let existing = columns(&[("run_date", "DATE"), ("a", "INTEGER"), ("b", "BIGINT")]);
        let mart = columns(&[("a", "BIGINT"), ("b", "INTEGER"), ("C", "VARCHAR")]);
        let wanted = wanted(Load::Day, &mart, &[]);
        assert_eq!(
            changes("t", &existing, &wanted).unwrap(),
            [
                "ALTER TABLE warehouse.main.\"t\" ALTER COLUMN \"a\" SET DATA TYPE BIGINT",
                "ALTER TABLE warehouse.main.\"t\" ADD COLUMN \"C\" VARCHAR",
            ]
        );
        // The order of columns and the case of their names mean nothing.
        let other_order = columns(&[("C", "VARCHAR"), ("A", "BIGINT"), ("B", "BIGINT")]);
        let existing = columns(&[("c", "VARCHAR"), ("b", "BIGINT"), ("a", "BIGINT")]);
        assert_eq!(
            changes("t", &existing, &other_order).unwrap(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_would_lose_data_is_told_as_a_whole() {
        let existing = columns(&[("a", "VARCHAR"), ("gone", "DATE")]);
        let wanted = columns(&[("a", "INTEGER"), ("new", "DATE")]);
        assert_eq!(
            changes("t", &existing, &wanted).unwrap_err(),
            [
                Misfit::Lost("gone".to_owned()),
                Misfit::Type {
                    column: "a".to_owned(),
                    table: "VARCHAR".to_owned(),
                    mart: "INTEGER".to_owned(),
                },
            ]
        );
    }

    #[test]
    fn types_are_those_of_the_newest_file_that_has_the_column() {
        let mart = columns(&[("a", "BIGINT"), ("b", "DATE")]);
        let files = [
            columns(&[("b", "TIMESTAMP"), ("a", "INTEGER")]),
            columns(&[("a", "SMALLINT")]),
        ];
        assert_eq!(
            wanted(Load::Whole, &mart, &files),
            columns(&[("a", "SMALLINT"), ("b", "TIMESTAMP")])
        );
    }
}
