//! The exit codes: the only thing that a scheduler acts upon.

use std::process::ExitCode;

use lakehouse_store::Failure;

/// How a stage ended, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done, or had been done before.
    Done = 0,
    /// The data was refused; what was published stays as it was.
    Refused = 1,
    /// Usage, configuration, contract, credentials or bucket are wrong. A retry cannot help.
    Usage = 2,
    /// A bug of the lake itself, panics included.
    Bug = 70,
    /// A failure that a later attempt may not meet: the store, or a full disk.
    Transient = 75,
    /// There is nothing to do for this day.
    Nothing = 99,
    /// A signal ended it: 143 by SIGTERM; a shell says 130 for SIGINT and 137 for SIGKILL.
    Killed = 143,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Refused,
        Self::Usage,
        Self::Bug,
        Self::Transient,
        Self::Nothing,
        Self::Killed,
    ];

    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The word that the run report says under `outcome`.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Usage => "usage",
            Self::Bug => "bug",
            Self::Transient => "transient",
            Self::Nothing => "nothing",
            Self::Killed => "killed",
        }
    }

    /// One line for `--help`.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "data refused; what was published stays as it was",
            Self::Usage => "usage, configuration, contract, credentials or bucket wrong",
            Self::Bug => "a bug, please report it",
            Self::Transient => "transient: retries spent, or a full disk; try again later",
            Self::Nothing => "nothing to do for this day",
            Self::Killed => "ended by a signal (130: by SIGINT); the workspace is removed",
        }
    }

    /// The exit of a child process by its code; none where a signal ended it without one. What is
    /// no code of a stage is a bug.
    #[must_use]
    pub fn from_code(code: Option<i32>) -> Self {
        let Some(code) = code else {
            return Self::Killed;
        };
        match code {
            // As shells count: 128 and the number of SIGINT, SIGKILL, SIGTERM.
            130 | 137 | 143 => Self::Killed,
            _ => Self::ALL
                .into_iter()
                .find(|exit| i32::from(exit.code()) == code)
                .unwrap_or(Self::Bug),
        }
    }

    /// The exit of one process that did several things.
    ///
    /// What needs a person comes before what a retry may mend, and one thing done makes the
    /// whole done: 70, 2, 1, 75, 143, 0, and 99 only where all are 99. Nothing at all is done.
    #[must_use]
    pub fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        exits
            .into_iter()
            .max_by_key(|exit| match exit {
                Self::Nothing => 0,
                Self::Done => 1,
                Self::Killed => 2,
                Self::Transient => 3,
                Self::Refused => 4,
                Self::Usage => 5,
                Self::Bug => 6,
            })
            .unwrap_or(Self::Done)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Configuration => Self::Usage,
            Failure::Transient => Self::Transient,
            Failure::Bug => Self::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn codes_are_those_that_the_scheduler_knows() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 70, 75, 99, 143]);
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(Some(i32::from(exit.code()))), exit);
        }
        // A stage that a signal ended has no bug.
        for code in [Some(130), Some(137), None] {
            assert_eq!(Exit::from_code(code), Exit::Killed);
        }
        assert_eq!(Exit::from_code(Some(101)), Exit::Bug);
    }

    #[test]
    fn the_page_names_every_code_and_outcome() {
        let page = include_str!("../../../docs/exit-codes.md");
        for exit in Exit::ALL {
            assert!(
                page.contains(&format!("| {} | `{}` |", exit.code(), exit.outcome())),
                "{exit:?}"
            );
        }
    }

    #[test]
    fn worst_follows_the_order_of_promise_nine() {
        let order = [
            Exit::Bug,
            Exit::Usage,
            Exit::Refused,
            Exit::Transient,
            Exit::Killed,
            Exit::Done,
            Exit::Nothing,
        ];
        for (rank, worse) in order.into_iter().enumerate() {
            for better in order.into_iter().skip(rank) {
                assert_eq!(Exit::worst([worse, better]), worse);
                assert_eq!(Exit::worst([better, worse]), worse);
            }
        }
        assert_eq!(Exit::worst([Exit::Nothing, Exit::Nothing]), Exit::Nothing);
        assert_eq!(Exit::worst([Exit::Nothing, Exit::Done]), Exit::Done);
        assert_eq!(Exit::worst([]), Exit::Done);
    }
}
