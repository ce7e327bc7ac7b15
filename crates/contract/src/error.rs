//! What can be wrong with a contract, a pipeline or a test case.

use std::fmt;

use crate::yaml::Position;

/// Where something is wrong, what, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The part of the document, such as ``column `amount` ``; empty for the document itself.
    pub place: String,
    /// The line in the YAML text, counted from 1.
    pub line: Option<u64>,
    /// The column in that line, counted from 1.
    pub column: Option<u64>,
    /// What is wrong, with literals in backticks and no final period.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(formatter, "{}: ", self.place)?;
        }
        formatter.write_str(&self.message)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(formatter, " (line {line}, column {column})"),
            (Some(line), None) => write!(formatter, " (line {line})"),
            _ => Ok(()),
        }
    }
}

/// Why a contract, a pipeline or a test case is refused.
///
/// The file's name is not known here: the caller that read it says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// The text is not YAML, or has another shape than it must have.
    #[error("{0}")]
    Shape(Box<Problem>),
    /// A key that is not known, such as a misspelled one.
    #[error("{0}")]
    UnknownKey(Box<Problem>),
    /// A key of the standard that would promise what nothing enforces.
    #[error("{0}")]
    NotEnforced(Box<Problem>),
    /// A value that is wrong, by itself or beside the others.
    #[error("{0}")]
    Invalid(Box<Problem>),
    /// A column or mart would show what the contract says is private.
    #[error("{0}")]
    Privacy(Box<Problem>),
    /// Something that is planned and not there yet.
    #[error("{0}")]
    NotSupportedYet(Box<Problem>),
    /// An environment variable that is asked for and not set.
    #[error("{0}")]
    MissingVariable(Box<Problem>),
}

impl ContractError {
    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::Shape(Box::new(Problem {
            message: message.into(),
            ..Problem::default()
        }))
    }

    pub(crate) fn unknown_key(message: impl Into<String>) -> Self {
        Self::UnknownKey(Box::new(Problem {
            message: message.into(),
            ..Problem::default()
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(Box::new(Problem {
            message: message.into(),
            ..Problem::default()
        }))
    }

    pub(crate) fn not_enforced(message: impl Into<String>) -> Self {
        Self::NotEnforced(Box::new(Problem {
            message: message.into(),
            ..Problem::default()
        }))
    }

    pub(crate) fn privacy(message: impl Into<String>) -> Self {
        Self::Privacy(Box::new(Problem {
            message: message.into(),
            ..Problem::default()
        }))
    }

    pub(crate) fn not_supported_yet(what: impl fmt::Display) -> Self {
        let message = format!("{what} is not supported yet");
        Self::NotSupportedYet(Box::new(Problem {
            message,
            ..Problem::default()
        }))
    }

    /// What is known about the error.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        match self {
            Self::Shape(problem)
            | Self::UnknownKey(problem)
            | Self::NotEnforced(problem)
            | Self::Invalid(problem)
            | Self::Privacy(problem)
            | Self::NotSupportedYet(problem)
            | Self::MissingVariable(problem) => problem,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.problem().hint.as_deref()
    }

    /// The line in the YAML text, counted from 1, where it is known.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.problem().line
    }

    /// The column in that line, counted from 1, where it is known.
    #[must_use]
    pub fn column(&self) -> Option<u64> {
        self.problem().column
    }

    fn problem_mut(&mut self) -> &mut Problem {
        match self {
            Self::Shape(problem)
            | Self::UnknownKey(problem)
            | Self::NotEnforced(problem)
            | Self::Invalid(problem)
            | Self::Privacy(problem)
            | Self::NotSupportedYet(problem)
            | Self::MissingVariable(problem) => problem,
        }
    }

    /// Says what to do.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.problem_mut().hint = Some(hint.into());
        self
    }

    /// Says which part of the document is meant, unless a closer part is named already.
    pub(crate) fn within(mut self, place: impl fmt::Display) -> Self {
        let problem = self.problem_mut();
        if problem.place.is_empty() {
            problem.place = place.to_string();
        }
        self
    }

    /// Says which part of the document is meant, around the part that is named already.
    pub(crate) fn within_also(mut self, place: impl fmt::Display) -> Self {
        let problem = self.problem_mut();
        problem.place = match problem.place.as_str() {
            "" => place.to_string(),
            inner => format!("{place}: {inner}"),
        };
        self
    }

    /// Says where in the text, unless a closer place is known already.
    pub(crate) fn at(mut self, position: Position) -> Self {
        let problem = self.problem_mut();
        if problem.line.is_none() && position != Position::UNKNOWN {
            problem.line = Some(position.line);
            problem.column = Some(position.column);
        }
        self
    }
}

/// What is wrong with one document: a reader adds to it and goes on.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<ContractError>);

impl Problems {
    /// One more.
    pub fn add(&mut self, error: ContractError) {
        self.0.push(error);
    }

    /// The value, or none and one more problem.
    pub fn keep<T>(&mut self, result: Result<T, ContractError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// The value, or the default and one more problem.
    pub fn keep_default<T: Default>(&mut self, result: Result<T, ContractError>) -> T {
        self.keep(result).unwrap_or_default()
    }

    /// Reads a part of the document, and says of each of its problems which part that is.
    pub fn part<T>(
        &mut self,
        locate: impl Fn(ContractError) -> ContractError,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut found = Self::default();
        let value = read(&mut found);
        self.append(found, locate);
        value
    }

    /// Forgets those that the condition is not true of.
    pub fn keep_if(&mut self, condition: impl Fn(&ContractError) -> bool) {
        self.0.retain(condition);
    }

    /// All of another, each with what `locate` adds.
    pub fn append(&mut self, other: Self, locate: impl Fn(ContractError) -> ContractError) {
        self.0.extend(other.0.into_iter().map(locate));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value if there is one and nothing is wrong; else everything, in the order of the text.
    pub fn into_result<T>(mut self, value: Option<T>) -> Result<T, Vec<ContractError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => {
                let unknown = u64::MAX;
                self.0.sort_by_key(|error| {
                    (
                        error.line().unwrap_or(unknown),
                        error.column().unwrap_or(unknown),
                    )
                });
                Err(self.0)
            }
        }
    }
}

/// The first of what is wrong with a document, for callers that tell one.
pub(crate) fn first(mut errors: Vec<ContractError>) -> ContractError {
    if errors.is_empty() {
        return ContractError::shape("the document cannot be read");
    }
    errors.remove(0)
}
