"""What the exit code of a stage means to Airflow (docs/exit-codes.md)."""

from __future__ import annotations

from enum import Enum

# Transient, or killed: by number through a shell, negative as Python tells of a signal.
_RETRY = frozenset({75, 130, 137, 143, -2, -9, -15})
_SKIP = 99
_MEANING = {
    1: "the data was refused; what was published stays as it was",
    2: "usage, configuration, contract, credentials or bucket wrong",
    70: "a bug of the stage",
    75: "transient: the store failed after all retries, or a disk is full",
    99: "nothing to do for this day",
    126: "the executable cannot be run",
    127: "the executable is not in LAKE_BIN_DIR",
}


class Verdict(Enum):
    """How the task ends."""

    DONE = "done"
    RETRY = "retry"
    SKIP = "skip"
    FAIL = "fail"


def verdict(exit_code: int) -> Verdict:
    """How a task ends whose stage ended with this exit code."""
    if exit_code == 0:
        return Verdict.DONE
    if exit_code in _RETRY:
        return Verdict.RETRY
    return Verdict.SKIP if exit_code == _SKIP else Verdict.FAIL


def meaning(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code in _MEANING:
        return _MEANING[exit_code]
    if exit_code < 0 or exit_code > 128:
        signal = -exit_code if exit_code < 0 else exit_code - 128
        return f"killed by signal {signal}"
    return "not an exit code of a stage"
