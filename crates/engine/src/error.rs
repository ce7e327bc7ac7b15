//! What can go wrong in the engine, classified once.

use std::path::PathBuf;

/// The engine's own classes of errors in SQL, as far as it matters which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlErrorKind {
    /// The text is not SQL.
    Parser,
    /// A column, a type or a function's arguments do not fit.
    Binder,
    /// A table, view, function or setting does not exist, or exists already.
    Catalog,
    /// A value cannot become the type that was asked for.
    Conversion,
    /// A number is too large for its type.
    OutOfRange,
    /// An argument that a function refuses.
    InvalidInput,
    /// A constraint of a table is broken.
    Constraint,
    /// Something that a locked session does not allow.
    Permission,
    /// A file that cannot be read or written.
    Io,
    /// Asked for something that the engine cannot do.
    NotImplemented,
    /// A defect in the engine.
    Internal,
    /// Anything else.
    Other,
}

/// What a failure means to the person or program that started the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Contract, mart or settings are wrong: a person has to change something.
    Configuration,
    /// May succeed when tried again later, on this machine or another.
    Transient,
    /// A defect in the program.
    Bug,
}

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine refused or failed a statement. Values are blotted out of the message.
    #[error("{message}")]
    Sql {
        /// What kind of error.
        kind: SqlErrorKind,
        /// The engine's message, without its values.
        message: String,
    },
    /// The memory limit was reached and nothing was left to spill.
    #[error("the engine ran out of memory: {message}")]
    OutOfMemory {
        /// The engine's first line.
        message: String,
    },
    /// The disk, or the part of it that the engine may fill, is full.
    #[error("the disk is full: {message}")]
    DiskFull {
        /// The engine's first line.
        message: String,
    },
    /// A row source reported an error.
    #[error("{0}")]
    Source(String),
    /// Rust code that the engine called panicked.
    #[error("code called by the engine panicked: {0}")]
    Panic(String),
    /// The statement was interrupted.
    #[error("the statement was interrupted")]
    Interrupted,
    /// SQL, an option or an argument that is refused before the engine sees it.
    #[error("{what}")]
    Refused {
        /// What is refused, and why.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// A path that cannot be written in SQL because it is not UTF-8.
    #[error("path `{}` is not UTF-8", .0.display())]
    Path(PathBuf),
}

impl EngineError {
    /// How the text of [`EngineError::OutOfMemory`] begins.
    pub const OUT_OF_MEMORY: &str = "the engine ran out of memory";

    /// A refusal: what and why, and what to do instead.
    pub(crate) fn refused(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// A file of this process's own that cannot be read or written.
    #[must_use]
    pub fn from_io(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let message = format!("{what}: {error}");
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { message },
            _ => Self::Sql {
                kind: SqlErrorKind::Io,
                message,
            },
        }
    }

    /// What the failure means to the person or program that started the process.
    #[must_use]
    pub fn exit(&self) -> Failure {
        match self {
            Self::Sql { kind, .. } => match kind {
                SqlErrorKind::Internal => Failure::Bug,
                SqlErrorKind::Io => Failure::Transient,
                _ => Failure::Configuration,
            },
            Self::OutOfMemory { .. } | Self::Refused { .. } | Self::Path(_) => {
                Failure::Configuration
            }
            Self::DiskFull { .. } | Self::Interrupted => Failure::Transient,
            Self::Source(_) | Self::Panic(_) => Failure::Bug,
        }
    }

    /// Whether values of the data caused it, where the statement had been bound before: a number
    /// too large for its type, a text that is not a date, a division by zero.
    #[must_use]
    pub fn is_caused_by_values(&self) -> bool {
        matches!(
            self,
            Self::Sql {
                kind: SqlErrorKind::Conversion
                    | SqlErrorKind::OutOfRange
                    | SqlErrorKind::InvalidInput
                    | SqlErrorKind::Constraint,
                ..
            }
        )
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OutOfMemory { .. } => {
                Some("raise `LAKE_MEMORY_LIMIT`, or lower `LAKE_THREADS`: each thread needs memory of its own".into())
            }
            Self::DiskFull { .. } => {
                Some("free disk space, or point `LAKE_WORKSPACE_DIR` at a larger disk, and run again".into())
            }
            Self::Refused { hint, .. } => Some(hint.clone()),
            _ => None,
        }
    }

    /// Turns the engine's error type and message into a variant.
    pub(crate) fn from_engine(kind: SqlErrorKind, message: &str) -> Self {
        let first_line = message.lines().next().unwrap_or_default();
        if is_disk_full(message) {
            return Self::DiskFull {
                message: without_label(first_line).to_owned(),
            };
        }
        if first_line.starts_with("Out of Memory Error") {
            return Self::OutOfMemory {
                message: without_label(first_line).to_owned(),
            };
        }
        if first_line.starts_with("INTERRUPT Error") {
            return Self::Interrupted;
        }
        let message = match kind {
            SqlErrorKind::Conversion
            | SqlErrorKind::OutOfRange
            | SqlErrorKind::InvalidInput
            | SqlErrorKind::Constraint
            | SqlErrorKind::Other => blot(message),
            _ => message.to_owned(),
        };
        Self::Sql {
            kind,
            message: message.trim_end().to_owned(),
        }
    }
}

/// What a row source or a function says; a full disk is told by the system's words for it.
impl From<String> for EngineError {
    fn from(message: String) -> Self {
        if is_disk_full(&message) {
            Self::DiskFull { message }
        } else {
            Self::Source(message)
        }
    }
}

fn without_label(line: &str) -> &str {
    line.split_once("Error: ").map_or(line, |(_, rest)| rest)
}

fn is_disk_full(message: &str) -> bool {
    message.contains("No space left on device")
        || message.contains("Disk quota exceeded")
        || message.contains("max_temp_directory_size")
        || message.contains("was not large enough to fit the temporary")
        || message.contains("Could not write all bytes to file")
}

/// Blots out what may be a value of a row: everything in quotes, and numbers.
///
/// Values may be personal data, and messages go to logs. What follows `LINE n:` is the statement,
/// which comes from a contract or a mart, and stays.
fn blot(message: &str) -> String {
    let (about, statement) = match message.find("\n\nLINE ") {
        Some(at) => message.split_at(at),
        None => (message, ""),
    };
    // Some messages show the value again on lines of its own.
    let about = about.lines().next().unwrap_or_default();
    // `Invalid Input Error: missing ): <pattern>`: what follows a second colon is an input.
    let label = "Invalid Input Error: ";
    let colon = about.strip_prefix(label).and_then(|rest| rest.find(": "));
    let shortened = colon.map(|at| format!("{}: …", &about[..label.len() + at]));
    let about = shortened.as_deref().unwrap_or(about);
    let mut blotted = String::with_capacity(message.len());
    let mut rest = about;
    while let Some(start) = rest.find(['\'', '"']) {
        let quote = if rest[start..].starts_with('\'') {
            '\''
        } else {
            '"'
        };
        blotted.push_str(&rest[..start]);
        let inner = &rest[start + 1..];
        // To the last quote of the sentence: a value may hold quotes itself.
        let end = closing_quote(inner, quote);
        blotted.push(quote);
        blotted.push('…');
        blotted.push(quote);
        rest = end.map_or("", |end| &inner[end + 1..]);
    }
    blotted.push_str(rest);
    let mut blotted = blot_numbers(&blotted);
    blotted.push_str(statement);
    blotted
}

/// Blots out numbers of three digits or more, and any that follows the word `value`; a type such as
/// `INT64` or `DECIMAL(18,2)` stays.
fn blot_numbers(text: &str) -> String {
    let mut blotted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let is_part_of_word = rest[..start]
            .ends_with(|character: char| character.is_alphanumeric() || character == '_');
        let after_value = rest[..start]
            .trim_end_matches(['-', ' '])
            .to_lowercase()
            .ends_with("value");
        let length = rest[start..]
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(rest.len() - start);
        let number = &rest[start..start + length];
        let is_value = !is_part_of_word && (after_value || number.trim_end_matches('.').len() >= 3);
        blotted.push_str(&rest[..start]);
        blotted.push_str(if is_value { "…" } else { number });
        rest = &rest[start + length..];
    }
    blotted.push_str(rest);
    blotted
}

/// Where a quoted text ends: at the first quote that is followed by what follows such texts in
/// the engine's messages, else at the last one.
fn closing_quote(inner: &str, quote: char) -> Option<usize> {
    let ends = [
        "' to ", "' from ", "' as ", "\" to ", "\" from ", "\" as ", "\": ", "': ",
    ];
    ends.iter()
        .filter(|end| end.starts_with(quote))
        .filter_map(|end| inner.rfind(end))
        .max()
        .or_else(|| inner.rfind(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_reach_messages() {
        let cases = [
            (
                "Conversion Error: Could not convert string 'anna@example.org' to INT32",
                "Conversion Error: Could not convert string '…' to INT32",
            ),
            (
                "Conversion Error: Could not convert string 'it's a' to 'b' secret' to INT32\n\nLINE 1: cast(x as 'int')",
                "Conversion Error: Could not convert string '…' to INT32\n\nLINE 1: cast(x as 'int')",
            ),
            (
                "Conversion Error: Type INT64 with value 99999999999 can't be cast because the value is out of range",
                "Conversion Error: Type INT64 with value … can'…'",
            ),
            (
                "Conversion Error: Casting value \"1234567\" to type DECIMAL(5,2) failed: value is out of range!",
                "Conversion Error: Casting value \"…\" to type DECIMAL(5,2) failed: value is out of range!",
            ),
            (
                "Invalid Input Error: no close 'quote",
                "Invalid Input Error: no close '…'",
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(blot(message), expected);
        }
    }

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        for message in [
            "IO Error: Could not write file \"/w/x\": No space left on device",
            "Out of Memory Error: failed to offload data block of size 256.0 KiB (1.0 MiB/1.0 MiB used).\nThis limit was set by the 'max_temp_directory_size' setting.",
        ] {
            let error = EngineError::from_engine(SqlErrorKind::Io, message);
            assert!(matches!(error, EngineError::DiskFull { .. }), "{error:?}");
            assert_eq!(error.exit(), Failure::Transient);
            assert!(error.hint().is_some());
        }
        let error = EngineError::from_engine(
            SqlErrorKind::Other,
            "Out of Memory Error: failed to pin block (1/1 used)\nx",
        );
        assert!(
            matches!(&error, EngineError::OutOfMemory { message } if message == "failed to pin block (1/1 used)")
        );
        assert_eq!(error.exit(), Failure::Configuration);
    }
}
