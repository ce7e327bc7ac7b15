//! Which files of a source belong to a run date.

use std::fmt::Write as _;

use chrono::NaiveDate;
use chrono::format::{Item, StrftimeItems};

use crate::{ContractError, RunDate};

/// A pattern of file names with the run date in it, such as `sales-{date:%Y-%m-%d}-*.json`.
///
/// `{date:…}` is a pattern of chrono. `*` stands for any characters and `?` for one, neither for
/// a `/`. What matches is the path relative to the dataset's `from`.
///
/// ```
/// use lakehouse_contract::FilePattern;
/// let pattern: FilePattern = "{date:%Y/%m}/*-{date:%d}.csv".parse().unwrap();
/// let files = pattern.expand(&"2011-08-12".parse().unwrap());
/// assert_eq!(files.literal_prefix(), "2011/08/");
/// assert!(files.matches("2011/08/north-12.csv"));
/// assert!(!files.matches("2011/08/north/x-12.csv"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Date(String),
}

impl FilePattern {
    /// The files of one day.
    #[must_use]
    pub fn expand(&self, date: &RunDate) -> FileGlob {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                // Cannot fail: the pattern was tried when it was read.
                Part::Date(pattern) => {
                    let _ = write!(text, "{}", date.date().format(pattern));
                }
            }
        }
        FileGlob { text }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for FilePattern {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::str::FromStr for FilePattern {
    type Err = ContractError;

    fn from_str(text: &str) -> Result<Self, ContractError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(['{', '}']) {
            let behind = rest[start..].strip_prefix("{date:");
            let Some((pattern, after)) = behind.and_then(|behind| behind.split_once('}')) else {
                return Err(
                    ContractError::invalid(format!("`{text}` has a brace out of place")).with_hint(
                        "the run date is written `{date:%Y-%m-%d}`; nothing else has braces",
                    ),
                );
            };
            check_date(pattern)?;
            parts.push(Part::Text(rest[..start].to_owned()));
            parts.push(Part::Date(pattern.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let pattern = Self {
            text: text.to_owned(),
            parts,
        };
        check_path(
            text,
            &pattern
                .expand(&RunDate::try_from(NaiveDate::default())?)
                .text,
        )?;
        Ok(pattern)
    }
}

fn check_date(pattern: &str) -> Result<(), ContractError> {
    let refuse = |why: &str| {
        ContractError::invalid(format!(
            "`{{date:{pattern}}}` is not a pattern of a date: {why}"
        ))
        .with_hint("use chrono's codes of a day, such as `%Y-%m-%d`, `%Y%m%d` or `%j`")
    };
    if pattern.is_empty() {
        return Err(refuse("it is empty"));
    }
    if StrftimeItems::new(pattern).any(|item| matches!(item, Item::Error)) {
        return Err(refuse("chrono does not know one of its codes"));
    }
    // A date has no hours: writing them is an error of `fmt`, found here and never later.
    write!(String::new(), "{}", NaiveDate::default().format(pattern))
        .map_err(|_| refuse("a day has no time"))
}

fn check_path(text: &str, example: &str) -> Result<(), ContractError> {
    let refuse = |why: &str, hint: &str| {
        ContractError::invalid(format!("`{text}` {why}")).with_hint(hint.to_owned())
    };
    if text.is_empty() {
        return Err(refuse(
            "names no file",
            "write a pattern such as `{date:%Y-%m-%d}.csv`",
        ));
    }
    if text.contains("**") {
        return Err(refuse(
            "has `**`",
            "`*` never matches a `/`: write each folder, as `*/*.json`",
        ));
    }
    if example
        .split('/')
        .any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(refuse(
            "is not a relative path",
            "write it relative to `from`, without a leading `/`, `.` and `..`",
        ));
    }
    Ok(())
}

/// The files of one day: a pattern in which only `*` and `?` are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileGlob {
    text: String,
}

impl FileGlob {
    /// Whether a file belongs to the day, by its path relative to the dataset's `from`.
    #[must_use]
    pub fn matches(&self, relative_path: &str) -> bool {
        let pattern: Vec<char> = self.text.chars().collect();
        let path: Vec<char> = relative_path.chars().collect();
        let (mut at_pattern, mut at_path) = (0, 0);
        // Where the last `*` stands and where what it matches ends: the place to try again from.
        let mut star: Option<(usize, usize)> = None;
        while at_path < path.len() {
            let matched = match pattern.get(at_pattern) {
                Some('*') => {
                    star = Some((at_pattern, at_path));
                    at_pattern += 1;
                    continue;
                }
                Some('?') => path[at_path] != '/',
                Some(character) => *character == path[at_path],
                None => false,
            };
            if matched {
                at_pattern += 1;
                at_path += 1;
                continue;
            }
            match star {
                Some((star_at, matched_to)) if path[matched_to] != '/' => {
                    star = Some((star_at, matched_to + 1));
                    at_pattern = star_at + 1;
                    at_path = matched_to + 1;
                }
                _ => return false,
            }
        }
        pattern[at_pattern..]
            .iter()
            .all(|character| *character == '*')
    }

    /// What every file's path begins with: the part before the first `*` or `?`.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        let end = self.text.find(['*', '?']).unwrap_or(self.text.len());
        &self.text[..end]
    }
}

impl std::fmt::Display for FileGlob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> FileGlob {
        pattern
            .parse::<FilePattern>()
            .unwrap()
            .expand(&"2011-08-02".parse().unwrap())
    }

    #[test]
    fn dates_are_written_as_the_pattern_says() {
        for (pattern, expanded) in [
            ("{date:%Y-%m-%d}.csv", "2011-08-02.csv"),
            ("{date:%Y}/{date:%m}/{date:%d}/*.json", "2011/08/02/*.json"),
            ("{date:%j}", "214"),
            ("{date:%-d.%-m.%y}.csv", "2.8.11.csv"),
            ("all.csv", "all.csv"),
        ] {
            assert_eq!(glob(pattern).to_string(), expanded);
        }
    }

    #[test]
    fn stars_and_question_marks_stay_within_a_folder() {
        for (pattern, path, matches) in [
            ("*.json", "a.json", true),
            ("*.json", ".json", true),
            ("*.json", "a/b.json", false),
            ("*/*.json", "a/b.json", true),
            ("*/*.json", "a/b/c.json", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a?c", "ac", false),
            ("?", "ü", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("a*a", "a", false),
            ("*a*/x", "bab/x", true),
            ("*", "", true),
            ("x*", "x/", false),
            ("[a].csv", "[a].csv", true),
            ("[a].csv", "a.csv", false),
            ("{date:%Y-%m-%d}.csv", "2011-08-02.csv", true),
            ("{date:%Y-%m-%d}.csv", "2011-08-02.csv.gz", false),
        ] {
            assert_eq!(glob(pattern).matches(path), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(30) + "b";
        assert!(!glob(&pattern).matches(&"a".repeat(2_000)));
    }

    #[test]
    fn the_literal_prefix_ends_at_the_first_wildcard() {
        for (pattern, prefix) in [
            ("{date:%Y}/x-*.json", "2011/x-"),
            ("?.csv", ""),
            ("{date:%Y-%m-%d}.csv", "2011-08-02.csv"),
        ] {
            assert_eq!(glob(pattern).literal_prefix(), prefix);
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        for bad in [
            "",
            "/a.csv",
            "a//b",
            "../a.csv",
            "a/./b",
            "{date}.csv",
            "{date:}.csv",
            "{date:%Q}.csv",
            "{date:%H}.csv",
            "{day:%d}",
            "a}b",
            "{date:%Y",
            "**/*.csv",
            "{date:%D}/../x",
        ] {
            assert!(bad.parse::<FilePattern>().is_err(), "{bad}");
        }
    }
}
