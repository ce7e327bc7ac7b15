"""Airflow 2.11: its own `airflow dags backfill`, which runs the days itself and then returns.

Its exit code says little (measured in its source): it is 0 where a run of the range was in flight
and so nothing was done, and 0 with `--continue-on-failures` whatever failed. So what is in flight
is waited for first, and how the days ended is read from the database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import metadata, waiting
from .arguments import Request
from .outcome import TIMED_OUT, Stop
from .plan import Plan
from .waiting import POLL_SECS, Deadline

FLAGS = {"none": [], "failed": ["--rerun-failed-tasks"], "completed": ["--reset-dagruns", "--yes"]}


def command(real: str, request: Request, plan: Plan) -> list[str]:
    """The native command for the closed days of the range."""
    moments = [day.logical_date for day in plan.closed]
    words = [real, "dags", "backfill", request.dag_id]
    words += ["--start-date", moments[0].isoformat(), "--end-date", moments[-1].isoformat()]
    # Without it the first day that fails keeps those from starting that wait for a place.
    words.append("--continue-on-failures")
    words += FLAGS[request.reprocess]
    if request.conf is not None:
        words += ["--conf", request.conf]
    if request.backwards:
        words.append("--run-backwards")
    return words


def environment(request: Request) -> dict[str, str]:
    """2.11 has no flag for the days in flight; the DAG takes their number from here."""
    values = dict(os.environ)
    if request.max_active_runs is not None:
        values["LAKE_MAX_ACTIVE_RUNS"] = str(request.max_active_runs)
    return values


def run(
    real: str, request: Request, plan: Plan, deadline: Deadline, say: Callable[[str], None]
) -> bool:
    """Runs the plan; whether every day of the range is done."""
    if plan.in_flight:
        waiting.for_days(request.dag_id, plan.in_flight, deadline, say)
    code = 0
    if plan.to_run:
        words = command(real, request, plan)
        values = environment(request)
        if deadline.left_secs() is None:
            code = _in_front(words, values)
        else:
            code = _in_background(words, values, request.dag_id, deadline)
    states = metadata.states(request.dag_id, [day.logical_date for day in plan.closed])
    for day in plan.closed:
        say(f"{day.run_date} {states.get(day.logical_date, 'has not run')}")
    return code == 0 and all(states.get(day.logical_date) == "success" for day in plan.closed)


def _in_front(words: list[str], values: dict[str, str]) -> int:
    with subprocess.Popen(words, env=values, stdin=subprocess.DEVNULL) as child:
        # Ctrl-C reaches the child as well, being of this process's group; it tidies up and ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        return child.wait()


def _in_background(
    words: list[str], values: dict[str, str], dag_id: str, deadline: Deadline
) -> int:
    """In a session of its own, so that it can be left running; its output by way of a file."""
    from airflow.configuration import conf

    folder = Path(conf.get("logging", "base_log_folder"))
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"backfill-{dag_id}-{int(time.time())}-{os.getpid()}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            words,
            env=values,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with log.open("r", errors="replace") as written:
        while True:
            code = child.poll()
            sys.stdout.write(written.read())
            sys.stdout.flush()
            if code is not None:
                return code
            if deadline.is_over():
                raise Stop(
                    "--timeout-secs is over",
                    f"the backfill goes on as process {child.pid}, its output: {log}",
                    TIMED_OUT,
                )
            time.sleep(POLL_SECS / 4)
