"""Waiting with an end: for a backfill that runs already, and for days to finish."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from . import metadata
from .dates import Day
from .outcome import TIMED_OUT, Stop

POLL_SECS = 1.0
# How often what keeps a backfill from going on is looked for.
LOOK_AROUND_SECS = 30.0
ENDED = ("success", "failed")


class Deadline:
    """The moment at which `--timeout-secs` is over, if it was given."""

    def __init__(self, timeout_secs: int | None) -> None:
        self._end = None if timeout_secs is None else time.monotonic() + timeout_secs

    def left_secs(self) -> float | None:
        """None: any time."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def is_over(self) -> bool:
        return self.left_secs() == 0.0


def for_other_backfill(dag_id: str, deadline: Deadline, say: Callable[[str], None]) -> None:
    """Returns when no backfill of the DAG is under way: Airflow allows one at a time."""
    said = False
    while metadata.backfill_is_running(dag_id):
        if not said:
            say(f"waiting for a backfill of {dag_id} that is already running")
            said = True
        if deadline.is_over():
            raise Stop(
                f"another backfill of {dag_id} is still running; nothing was started",
                "call the command again later",
                TIMED_OUT,
            )
        time.sleep(POLL_SECS)


def for_days(
    dag_id: str, days: Sequence[Day], deadline: Deadline, say: Callable[[str], None]
) -> dict[Day, str]:
    """Returns each day's state once all have ended, and says what changes meanwhile."""
    if not days:
        return {}
    ended: dict[Day, str] = {}
    last_line = ""
    looked_around = time.monotonic()
    while True:
        found = metadata.states(dag_id, [day.logical_date for day in days])
        states = {day: found.get(day.logical_date, "missing") for day in days}
        for day, state in states.items():
            if state in ENDED and ended.get(day) != state:
                say(f"{day.run_date} {state}")
                ended[day] = state
        count = Counter(states.values())
        line = progress(count, len(days))
        if line != last_line:
            say(line)
            last_line = line
        if not count["queued"] and not count["running"]:
            return states
        if deadline.is_over():
            raise Stop(
                f"--timeout-secs is over: {line}",
                "the backfill goes on; the same command again waits for it",
                TIMED_OUT,
            )
        if time.monotonic() - looked_around > LOOK_AROUND_SECS:
            looked_around = time.monotonic()
            if metadata.is_paused(dag_id):
                say(f"warning: the DAG was paused; queued days wait: airflow dags unpause {dag_id}")
            if not metadata.scheduler_is_alive():
                say("warning: no scheduler has shown a sign of life for a minute; nothing runs")
        time.sleep(POLL_SECS)


def progress(count: Counter[str], total: int) -> str:
    """`3 of 30 done, 1 failed, 4 running, 22 queued`."""
    parts = [f"{count['success']} of {total} done"]
    parts += [
        f"{count[state]} {state}" for state in ("failed", "running", "queued") if count[state]
    ]
    return ", ".join(parts)
