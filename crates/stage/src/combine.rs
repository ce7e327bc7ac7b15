//! Several datasets or marts in one process: one exit, one error.

use crate::{Exit, StageError};

/// The result of a process that did several things, each with its name.
///
/// One failure is returned as it is; of several, the worst decides the code and the hint,
/// and each is named among the causes.
///
/// # Errors
/// When any of them failed.
pub fn combine(
    results: impl IntoIterator<Item = (String, Result<Exit, StageError>)>,
) -> Result<Exit, StageError> {
    let results: Vec<(String, Result<Exit, StageError>)> = results.into_iter().collect();
    let total = results.len();
    let worst = Exit::worst(results.iter().map(|(_, result)| match result {
        Ok(exit) => *exit,
        Err(error) => error.exit,
    }));
    let mut failures: Vec<(String, StageError)> = results
        .into_iter()
        .filter_map(|(name, result)| result.err().map(|error| (name, error)))
        .collect();
    match failures.len() {
        0 => Ok(worst),
        1 => Err(StageError {
            exit: worst,
            ..failures.remove(0).1
        }),
        failed => {
            let hint = failures
                .iter()
                .find(|(_, error)| error.exit == worst)
                .and_then(|(_, error)| error.hint.clone());
            let names: Vec<String> = failures
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            let causes = failures
                .into_iter()
                .flat_map(|(name, error)| {
                    std::iter::once(format!("`{name}`: {}", error.message)).chain(error.causes)
                })
                .collect();
            Err(StageError {
                exit: worst,
                message: format!("{failed} of {total} failed: {}", names.join(", ")),
                causes,
                hint,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::combine;
    use crate::{Exit, StageError};

    fn named(name: &str, result: Result<Exit, StageError>) -> (String, Result<Exit, StageError>) {
        (name.to_owned(), result)
    }

    #[test]
    fn all_nothing_is_nothing_and_one_done_makes_it_done() {
        let nothing = || named("a", Ok(Exit::Nothing));
        assert_eq!(combine([nothing(), nothing()]), Ok(Exit::Nothing));
        assert_eq!(
            combine([nothing(), named("b", Ok(Exit::Done))]),
            Ok(Exit::Done)
        );
    }

    #[test]
    fn one_failure_is_itself() {
        let error = StageError::refused("no rows").hint("look");
        assert_eq!(
            combine([named("a", Ok(Exit::Done)), named("b", Err(error.clone()))]),
            Err(error)
        );
    }

    #[test]
    fn several_failures_are_all_named_and_the_worst_decides() {
        let error = combine([
            named("a", Err(StageError::transient("away").hint("wait"))),
            named("b", Ok(Exit::Done)),
            named(
                "c",
                Err(StageError::usage("wrong").cause("typo").hint("mend it")),
            ),
        ])
        .unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert_eq!(error.message, "2 of 3 failed: `a`, `c`");
        assert_eq!(error.causes, ["`a`: away", "`c`: wrong", "typo"]);
        assert_eq!(error.hint.as_deref(), Some("mend it"));
    }
}
