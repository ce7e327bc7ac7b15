"""The command line: what is taken, what of the old command is refused, and the help."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass

DESCRIPTION = """\
Runs every run date from START to END of a pipeline's DAG, both included, whatever the hour and
the time zone of its schedule, and waits until all have ended. The same on Airflow 3.3 and 2.11.

Run dates that ran before are left as they are, whatever came of them; so the same command again
runs only what is missing. At the end, snapshots whose inputs have changed are rebuilt.
"""

EPILOG = """\
START and END are dates (2025-11-01). With only one of them, that one day is run. A moment
(2025-11-01T03:00:00+09:00) stands for its date in the schedule's time zone.

exit codes:
  0   every run date of the range is done, or there was nothing to do for it
  1   a run date failed (one that failed before and was left as it is counts), or snapshots
      could not be rebuilt
  2   a wrong argument, an unknown or paused DAG, no closed run date in the range
  75  --timeout-secs is over; the backfill goes on
  130 Ctrl-C; on Airflow 3.3 the backfill goes on

Not taken from the command that Airflow 2 had, each with what to use instead:
"""

# Spellings of the old command's flags, and what to use instead.
REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("-t", "--task-regex"),
        "clear single tasks of a run: `airflow tasks clear -t REGEX -s START -e END DAG`",
    ),
    (("-m", "--mark-success"), "mark runs in the UI, or with PATCH /api/v2/dags/DAG/dagRuns/RUN"),
    (("-l", "--local"), "tasks run on the executor that Airflow is configured with"),
    (("-x", "--donot-pickle"), "DAGs are never pickled here; leave it out"),
    (
        ("--continue-on-failures",),
        "days do not depend on each other: a failed one never stops the others",
    ),
    (
        ("--disable-retry",),
        "transient failures are retried as the DAG says; refused data is never retried",
    ),
    (
        ("-i", "--ignore-dependencies"),
        "start one stage by hand: `lake <stage> --pipeline P --date D`",
    ),
    (("-I", "--ignore-first-depends-on-past"), "no task depends on an earlier run; leave it out"),
    (("-S", "--subdir"), "set AIRFLOW__CORE__DAGS_FOLDER; pipelines come from LAKE_PIPELINES_DIR"),
    (("--pool",), "--max-active-runs says how many days are in flight"),
    (("--delay-on-limit",), "Airflow starts the next day as soon as one ends; leave it out"),
    (("-v", "--verbose"), "set AIRFLOW__LOGGING__LOGGING_LEVEL=DEBUG"),
    (("--treat-dag-as-regex",), "name one DAG, and call the command once for each"),
    (("--treat-dag-id-as-regex",), "name one DAG, and call the command once for each"),
)


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    dag_id: str
    first: str
    last: str
    # What happens to a run date that has run before, in the words of Airflow 3.
    reprocess: str = "none"
    conf: str | None = None
    dry_run: bool = False
    backwards: bool = False
    max_active_runs: int | None = None
    unpause: bool = False
    timeout_secs: int | None = None


class _Refuse(argparse.Action):
    """Refuses a flag by its name, with what to use instead."""

    def __init__(self, option_strings: Sequence[str], dest: str, advice: str, **_: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help=argparse.SUPPRESS)
        self.advice = advice

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.error(f"{'/'.join(self.option_strings)} is not taken: {self.advice}")


class _Parser(argparse.ArgumentParser):
    """Says an error as every command of this project does."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"error: {message}\nhint: airflow dags backfill --help\n")

    # argparse would take the value of `--flag=value` for a flag without values as its own error.
    def parse_known_args(self, args=None, namespace=None):  # type: ignore[override,no-untyped-def]
        for argument in args or ():
            name = argument.split("=", 1)[0]
            action = self._option_string_actions.get(name)
            if isinstance(action, _Refuse):
                action(self)
        return super().parse_known_args(args, namespace)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number above 0")
    return number


def _conf(text: str) -> str:
    try:
        conf = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(conf, dict):
        raise argparse.ArgumentTypeError('not a JSON object, such as {"prune": true}')
    if conf.get("date"):
        raise argparse.ArgumentTypeError(
            "`date` is for runs by hand; each run of a backfill has a date of its own"
        )
    return text


def parser() -> argparse.ArgumentParser:
    """The parser, which is also the source of the help."""
    made = _Parser(
        prog="airflow dags backfill",
        description=DESCRIPTION,
        epilog=EPILOG
        + "\n".join(f"  {', '.join(flags)}\n      {advice}" for flags, advice in REFUSED),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("dag_id", metavar="DAG", help="the pipeline's name, which is its DAG's id")
    made.add_argument("-s", "--start-date", metavar="START", help="the first run date")
    made.add_argument("-e", "--end-date", metavar="END", help="the last run date")
    again = made.add_mutually_exclusive_group()
    again.add_argument(
        "--rerun-failed-tasks",
        dest="reprocess",
        action="store_const",
        const="failed",
        help="run dates whose run failed, again, and what has not run",
    )
    again.add_argument(
        "--reset-dagruns",
        dest="reprocess",
        action="store_const",
        const="completed",
        help="run every date again, done or failed",
    )
    made.add_argument(
        "-c",
        "--conf",
        type=_conf,
        metavar="JSON",
        help="values of the trigger form, as one JSON object",
    )
    made.add_argument("-n", "--dry-run", action="store_true", help="only say what would run")
    made.add_argument("-B", "--run-backwards", action="store_true", help="the last date first")
    made.add_argument(
        "--max-active-runs",
        type=_positive,
        metavar="N",
        help="days in flight (default: LAKE_MAX_ACTIVE_RUNS, or 4), which is also the most",
    )
    made.add_argument(
        "--unpause",
        action="store_true",
        help="unpause the DAG where it is paused; from then on its schedule runs too",
    )
    made.add_argument(
        "--timeout-secs",
        type=_positive,
        metavar="N",
        help="stop waiting after N seconds with exit code 75; the backfill goes on (default: wait)",
    )
    made.add_argument(
        "-y",
        "--yes",
        action="store_true",
        help="taken for the old command's sake: nothing is asked",
    )
    for flags, advice in REFUSED:
        made.add_argument(*flags, action=_Refuse, advice=advice)
    return made


def parse(arguments: Sequence[str]) -> Request:
    """Reads the command line; ends the process with 2 and a message where it is wrong."""
    reader = parser()
    given = reader.parse_args(arguments)
    first = given.start_date or given.end_date
    last = given.end_date or given.start_date
    if first is None or last is None:
        reader.error("neither -s nor -e is given: which days?")
    return Request(
        dag_id=given.dag_id,
        first=first,
        last=last,
        reprocess=given.reprocess or "none",
        conf=given.conf,
        dry_run=given.dry_run,
        backwards=given.run_backwards,
        max_active_runs=given.max_active_runs,
        unpause=given.unpause,
        timeout_secs=given.timeout_secs,
    )
