//! What is wrong with pipelines, each with its place in a file.

use std::path::{Path, PathBuf};

use lakehouse_contract::{ContractError, Position};
use serde_json::{Value, json};

use crate::{Exit, StageError};

/// How many are told; the others are counted.
pub const MOST_TOLD: usize = 50;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// Where in the file, where that is known.
    pub position: Option<Position>,
    /// What is wrong, why, and what to do about it.
    pub error: StageError,
}

impl Finding {
    /// What is wrong with a YAML file.
    #[must_use]
    pub fn of_yaml(file: &Path, error: &ContractError) -> Self {
        let problem = error.problem();
        let message = match problem.place.is_empty() {
            true => problem.message.clone(),
            false => format!("{}: {}", problem.place, problem.message),
        };
        Self {
            file: file.to_owned(),
            position: problem
                .line
                .zip(problem.column)
                .map(|(line, column)| Position { line, column }),
            error: StageError {
                hint: problem.hint.clone(),
                ..StageError::usage(message)
            },
        }
    }

    /// `file:line:column`, as editors and terminals know it.
    #[must_use]
    pub fn address(&self) -> String {
        let file = self.file.display();
        match self.position {
            Some(position) => format!("{file}:{}:{}", position.line, position.column),
            None => file.to_string(),
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("{}: {}", self.address(), self.error.message);
        for cause in &self.error.causes {
            text.push_str("\n    caused by: ");
            text.push_str(&cause.replace('\n', "\n      "));
        }
        if let Some(hint) = &self.error.hint {
            text.push_str("\n    hint: ");
            text.push_str(hint);
        }
        text
    }

    /// What a program reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "file": self.file.to_string_lossy(),
            "line": self.position.map(|position| position.line),
            "column": self.position.map(|position| position.column),
            "message": self.error.message,
            "causes": self.error.causes,
            "hint": self.error.hint,
        })
    }
}

/// The findings as texts: at most [`MOST_TOLD`], then how many more there are.
#[must_use]
pub fn told(findings: &[Finding]) -> Vec<String> {
    let mut texts: Vec<String> = findings
        .iter()
        .take(MOST_TOLD)
        .map(Finding::render)
        .collect();
    if findings.len() > MOST_TOLD {
        texts.push(format!("and {} more", findings.len() - MOST_TOLD));
    }
    texts
}

/// All findings as the one error that a stage ends with; none where there are none.
#[must_use]
pub fn as_error(pipeline: &str, findings: &[Finding]) -> Option<StageError> {
    let exit = Exit::worst(findings.iter().map(|finding| finding.error.exit));
    match findings {
        [] => None,
        [one] => {
            let mut error = StageError::new(exit, format!("`{}` is wrong", one.address()));
            error.causes.push(one.error.message.clone());
            error.causes.extend(one.error.causes.iter().cloned());
            let hint = one.error.hint.clone();
            Some(error.hint(hint.unwrap_or_else(|| {
                "correct the file; `lake validate` checks a pipeline without touching data"
                    .to_owned()
            })))
        }
        many => {
            let message = format!("the pipeline `{pipeline}` has {} problems", many.len());
            let mut error = StageError::new(exit, message);
            error.causes = told(many);
            Some(
                error.hint(
                    "correct the files; `lake validate` checks a pipeline without touching data",
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: u64) -> Finding {
        Finding {
            file: PathBuf::from("a/pipeline.yaml"),
            position: Some(Position { line, column: 3 }),
            error: StageError::usage("unknown key `x`").hint("leave it out"),
        }
    }

    #[test]
    fn at_most_fifty_are_told() {
        let findings: Vec<Finding> = (1..=53).map(finding).collect();
        let texts = told(&findings);
        assert_eq!(texts.len(), 51);
        assert_eq!(
            texts[49],
            "a/pipeline.yaml:50:3: unknown key `x`\n    hint: leave it out"
        );
        assert_eq!(texts[50], "and 3 more");
        assert_eq!(told(&findings[..50]).len(), 50);
    }

    #[test]
    fn one_is_an_error_of_its_own_and_several_are_all_named() {
        assert_eq!(as_error("a", &[]), None);
        let one = as_error("a", &[finding(7)]).unwrap();
        assert_eq!(one.message, "`a/pipeline.yaml:7:3` is wrong");
        assert_eq!(one.causes, ["unknown key `x`"]);
        assert_eq!(one.hint.as_deref(), Some("leave it out"));
        let two = as_error("a", &[finding(7), finding(9)]).unwrap();
        assert_eq!(two.message, "the pipeline `a` has 2 problems");
        assert_eq!((two.exit, two.causes.len()), (Exit::Usage, 2));
    }
}
