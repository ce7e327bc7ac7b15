//! Aligned columns for a terminal.

/// Characters of a cell that are shown; a table is for a look, the file has the rest.
const MAX_CELL_CHARACTERS: usize = 60;

/// Cells under the first row, which is the header: numbers to the right, texts to the left.
#[must_use]
pub fn aligned(cells: &[Vec<String>]) -> String {
    let cells: Vec<Vec<String>> = cells
        .iter()
        .map(|row| row.iter().map(|cell| shown(cell)).collect())
        .collect();
    let columns = cells.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let is_number: Vec<bool> = (0..columns)
        .map(|column| {
            cells.iter().skip(1).all(|row| {
                matches!(row[column].as_str(), "" | "-" | "NULL")
                    || row[column].parse::<f64>().is_ok()
            })
        })
        .collect();
    cells
        .iter()
        .map(|row| {
            let padded: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| match is_number[column] {
                    true => format!("{cell:>width$}", width = widths[column]),
                    false => format!("{cell:<width$}", width = widths[column]),
                })
                .collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// A text on one line: data must neither break the table nor speak to the terminal.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let (plain, special) = match character.is_control() {
                true => (None, Some(character.escape_default())),
                false => (Some(character), None),
            };
            plain.into_iter().chain(special.into_iter().flatten())
        })
        .collect()
}

/// A cell on one line, cut where it is long.
fn shown(cell: &str) -> String {
    let mut characters = cell.chars();
    let mut text = escaped(
        &characters
            .by_ref()
            .take(MAX_CELL_CHARACTERS)
            .collect::<String>(),
    );
    if characters.next().is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{aligned, shown};

    fn table(rows: &[[&str; 2]]) -> String {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.map(str::to_owned).to_vec())
            .collect();
        aligned(&cells)
    }

    #[test]
    fn numbers_stand_right_and_texts_left() {
        assert_eq!(
            table(&[["name", "n"], ["a", "10"], ["long", "NULL"]]),
            "name     n\na       10\nlong  NULL"
        );
    }

    #[test]
    fn a_cell_stays_on_its_line_and_is_cut() {
        assert_eq!(shown("a\nb\u{1b}[2Jc"), "a\\nb\\u{1b}[2Jc");
        let cut = shown(&"é".repeat(100));
        assert_eq!(cut.chars().count(), 61);
        assert!(cut.ends_with('…'));
    }
}
