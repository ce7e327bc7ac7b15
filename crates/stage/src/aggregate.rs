//! Several datasets or marts in one process: one exit, one error.

use crate::{Exit, StageError};

/// The result of a process that did several things, each with its name.
///
/// One failure is returned as it is; of several, the worst decides the code, each is named among
/// the causes, and the hint says for each what to do next.
///
/// # Errors
/// When any of them failed.
pub fn aggregate(
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
            let hint = hint_of_all(&failures, worst);
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

/// What to do next about several failures, the worst first; what several say is said once.
fn hint_of_all(failures: &[(String, StageError)], worst: Exit) -> Option<String> {
    let (first, rest): (Vec<_>, Vec<_>) =
        failures.iter().partition(|(_, error)| error.exit == worst);
    let mut hints: Vec<(&str, &str)> = Vec::new();
    for (name, error) in first.into_iter().chain(rest) {
        if let Some(hint) = &error.hint
            && !hints.iter().any(|(_, said)| said == hint)
        {
            hints.push((name, hint));
        }
    }
    match hints.as_slice() {
        [] => None,
        [(_, hint)] => Some((*hint).to_owned()),
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|(name, hint)| format!("`{name}`: {hint}"))
                .collect();
            Some(lines.join("\n      "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::aggregate;
    use crate::{Exit, StageError};

    fn named(name: &str, result: Result<Exit, StageError>) -> (String, Result<Exit, StageError>) {
        (name.to_owned(), result)
    }

    #[test]
    fn all_nothing_is_nothing_and_one_done_makes_it_done() {
        let nothing = || named("a", Ok(Exit::Nothing));
        assert_eq!(aggregate([nothing(), nothing()]), Ok(Exit::Nothing));
        assert_eq!(
            aggregate([nothing(), named("b", Ok(Exit::Done))]),
            Ok(Exit::Done)
        );
    }

    #[test]
    fn one_failure_is_itself() {
        let error = StageError::refused("no rows").hint("look");
        assert_eq!(
            aggregate([named("a", Ok(Exit::Done)), named("b", Err(error.clone()))]),
            Err(error)
        );
    }

    #[test]
    fn several_failures_are_all_named_and_the_worst_decides() {
        let error = aggregate([
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
        assert_eq!(
            error.hint.as_deref(),
            Some("`c`: mend it\n      `a`: wait"),
            "the worst comes first"
        );
    }

    #[test]
    fn what_several_failures_say_is_said_once() {
        let away = || Err(StageError::transient("away").hint("wait"));
        let error = aggregate([named("a", away()), named("b", away())]).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("wait"));
    }
}
