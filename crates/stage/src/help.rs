//! What `--help` says below the arguments: exit codes and environment variables.

use crate::{Exit, env};

/// The end of `--help` for a stage.
pub(crate) fn after(stage: &str) -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    text.push('\n');
    text.push_str("Environment variables (all of them: docs/environment.md):\n");
    for variable in env::ALL
        .iter()
        .filter(|variable| variable.readers.include(stage))
    {
        let default = match variable.default {
            Some(default) => format!("default {}", default.replace('`', "")),
            None => "must be set".to_owned(),
        };
        text.push_str(&format!(
            "  {}\n      {} [{default}]\n",
            variable.name,
            variable.meaning.replace('`', "")
        ));
    }
    text.push_str(
        "\nThe last line on standard output is the run report, one JSON object (docs/run-report.md).\n\
         Everything else is on standard error.",
    );
    text
}

#[cfg(test)]
mod tests {
    use crate::{Exit, env};

    #[test]
    fn help_names_every_code_and_every_variable_that_the_stage_reads() {
        let text = super::after("bronze");
        for exit in Exit::ALL {
            assert!(text.contains(&format!("{:>3}  {}", exit.code(), exit.meaning())));
        }
        for variable in env::ALL {
            let named = text.contains(&format!("  {}\n", variable.name));
            assert_eq!(
                named,
                variable.readers.include("bronze"),
                "{}",
                variable.name
            );
        }
        assert!(!text.contains("LAKE_PSEUDONYM_KEY"));
        assert!(super::after("silver").contains("LAKE_PSEUDONYM_KEY"));
    }
}
