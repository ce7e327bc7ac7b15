//! Where in a mart's SQL something is wrong, from the words of the error.

use lakehouse_contract::Position;
use lakehouse_stage::StageError;

/// The place that the error tells: the engine's own, or that of the table or column that it names.
/// The start of the statement where it tells none.
pub(crate) fn in_sql(error: &StageError, sql: &str) -> Option<Position> {
    let skipped = sql.len() - sql.trim_start().len();
    let select = &sql[skipped..];
    let found = error
        .causes
        .iter()
        .find_map(|cause| of_excerpt(cause, select).or_else(|| of_words(cause)))
        .or_else(|| of_name(&error.message, select))
        .unwrap_or(Position { line: 1, column: 1 });
    // Lines and columns were counted from the statement's first character.
    let before = &sql[..skipped];
    let lines = before.matches('\n').count() as u64;
    let last = before.rsplit('\n').next().unwrap_or_default();
    let indent = last.chars().count() as u64;
    Some(Position {
        line: found.line + lines,
        column: found.column + if found.line == 1 { indent } else { 0 },
    })
}

/// The engine shows the line with a caret below it:
///
/// ```text
/// LINE 3: ... frm silver.orders
///                 ^
/// ```
fn of_excerpt(message: &str, select: &str) -> Option<Position> {
    let mut lines = message
        .lines()
        .skip_while(|line| !line.starts_with("LINE "));
    let excerpt = lines.next()?;
    let caret = lines
        .next()?
        .chars()
        .position(|character| character == '^')?;
    let number: u64 = excerpt
        .strip_prefix("LINE ")?
        .split(':')
        .next()?
        .parse()
        .ok()?;
    let tail: String = excerpt.chars().skip(caret).collect();
    let tail = tail.trim_end_matches("...");
    let line = select
        .lines()
        .nth(usize::try_from(number).ok()?.checked_sub(1)?)?;
    let start = line.find(tail).filter(|_| !tail.is_empty())?;
    Some(Position {
        line: number,
        column: line[..start].chars().count() as u64 + 1,
    })
}

/// `(line 3, column 5)`, as the guard writes it.
fn of_words(message: &str) -> Option<Position> {
    let (_, rest) = message.rsplit_once("(line ")?;
    let (line, rest) = rest.split_once(", column ")?;
    let (column, _) = rest.split_once(')')?;
    Some(Position {
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

/// The last place of the last name in backticks that the statement has.
fn of_name(message: &str, select: &str) -> Option<Position> {
    let lower = select.to_ascii_lowercase();
    let names = message.split('`').skip(1).step_by(2);
    let start = names
        .filter_map(|name| lower.rfind(&name.to_ascii_lowercase()))
        .last()?;
    let before = &select[..start];
    Some(Position {
        line: before.matches('\n').count() as u64 + 1,
        column: before.rsplit('\n').next()?.chars().count() as u64 + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(error: &StageError, sql: &str) -> (u64, u64) {
        let position = in_sql(error, sql).unwrap();
        (position.line, position.column)
    }

    #[test]
    fn the_engines_own_place_is_taken() {
        let sql = "\n\nSELECT a,\n  bb\nFROM silver.t";
        let error = StageError::usage("could not bind mart `m`")
            .cause("Binder Error: no column\n\nLINE 2:   bb\n          ^");
        assert_eq!(place(&error, sql), (4, 3));
        let cut = StageError::usage("x").cause("E\n\nLINE 1: ...T a,...\n             ^");
        assert_eq!(place(&cut, "SELECT a, b"), (1, 8));
        let parser = StageError::usage("x").cause("the SELECT is not SQL: x (line 1, column 8)");
        assert_eq!(place(&parser, "  SELECT a"), (1, 10));
    }

    #[test]
    fn else_that_of_the_name_in_the_message_or_the_start() {
        let error = StageError::usage("mart `m` reads `silver.other`, which it does not declare");
        assert_eq!(place(&error, "SELECT 1\nFROM Silver.other"), (2, 6));
        assert_eq!(place(&StageError::usage("no"), "\n SELECT 1"), (2, 2));
    }
}
