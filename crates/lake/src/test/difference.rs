//! The lines in which an expected file and what came out differ, for a person to read.

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// Lines of a difference that are shown, unless all are asked for.
const SHOWN_LINES: usize = 8;
/// How long the smallest difference is searched for; after that, one that is good enough.
const SEARCH_TIME: Duration = Duration::from_secs(2);

/// How a text differs from another: `-` lines of the one, `+` lines of the other, each with its
/// number, below the header of the file. Nothing when all lines are the same; a line end may be
/// LF or CR LF.
#[must_use]
pub fn difference(wanted: &str, found: &str, full: bool) -> Option<String> {
    let (wanted, found): (Vec<&str>, Vec<&str>) =
        (wanted.lines().collect(), found.lines().collect());
    if wanted == found {
        return None;
    }
    let operations = capture_diff_slices_deadline(
        Algorithm::Myers,
        &wanted,
        &found,
        Some(Instant::now() + SEARCH_TIME),
    );
    let mut lines = Vec::new();
    for operation in operations {
        let (old, new) = (operation.old_range(), operation.new_range());
        let removed = old
            .clone()
            .map(|at| format!("- {}: {}", at + 1, wanted[at]));
        let added = new.clone().map(|at| format!("+ {}: {}", at + 1, found[at]));
        match operation {
            DiffOp::Equal { .. } => {}
            // Rows whose values changed, one by one.
            DiffOp::Replace { .. } if old.len() == new.len() => {
                lines.extend(
                    removed
                        .zip(added)
                        .flat_map(|(removed, added)| [removed, added]),
                );
            }
            _ => lines.extend(removed.chain(added)),
        }
    }
    let hidden = match full {
        true => 0,
        false => lines.len().saturating_sub(SHOWN_LINES),
    };
    lines.truncate(lines.len() - hidden);
    if let (Some(header), true) = (wanted.first(), wanted.first() == found.first()) {
        lines.insert(0, format!("  1: {header}"));
    }
    if hidden > 0 {
        lines.push(format!("… {hidden} more; `--full` shows all"));
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn equal_lines_do_not_differ_whatever_their_ends() {
        assert_eq!(difference("a\nb\n", "a\r\nb", false), None);
    }

    #[test]
    fn changed_rows_stand_below_each_other_and_below_the_header() {
        assert_eq!(
            difference("name,n\na,1\nb,2\n", "name,n\na,3\nb,4\n", false).unwrap(),
            "  1: name,n\n- 2: a,1\n+ 2: a,3\n- 3: b,2\n+ 3: b,4"
        );
        assert_eq!(
            difference("name,n\na,1\n", "name,m\na,1\n", false).unwrap(),
            "- 1: name,n\n+ 1: name,m"
        );
    }

    #[test]
    fn a_row_that_is_new_is_the_only_difference() {
        assert_eq!(
            difference("h\na\nb\nc\n", "h\nnew\na\nb\nc\n", false).unwrap(),
            "  1: h\n+ 2: new"
        );
        assert_eq!(
            difference("h\na\nb\n", "h\na\n", false).unwrap(),
            "  1: h\n- 3: b"
        );
        assert_eq!(difference("", "h\n", false).unwrap(), "+ 1: h");
    }

    #[test]
    fn a_long_difference_is_cut_unless_all_of_it_is_asked_for() {
        let found: String = (1..=30).map(|number| format!("{number}\n")).collect();
        let cut = difference("", &found, false).unwrap();
        assert_eq!(cut.lines().count(), 9);
        assert!(cut.ends_with("… 22 more; `--full` shows all"), "{cut}");
        let full = difference("", &found, true).unwrap();
        assert_eq!(full.lines().count(), 30);
        assert!(full.ends_with("+ 30: 30"));
    }
}
