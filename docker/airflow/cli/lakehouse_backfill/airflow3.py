"""Airflow 3.3: `airflow backfill create`, which returns at once, and then waiting for the days."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from . import waiting
from .arguments import Request
from .outcome import FAILED, Stop
from .plan import Plan

DEFAULT_MAX_ACTIVE_RUNS = 4


def command(real: str, request: Request, plan: Plan) -> list[str]:
    """The native command for the days to run. Airflow leaves out those between that ran before."""
    moments = [day.logical_date for day in plan.closed]
    # Without a limit of its own Airflow has none but that of the executor.
    active = request.max_active_runs or int(
        os.environ.get("LAKE_MAX_ACTIVE_RUNS") or DEFAULT_MAX_ACTIVE_RUNS
    )
    words = [real, "backfill", "create", "--dag-id", request.dag_id]
    words += ["--from-date", moments[0].isoformat(), "--to-date", moments[-1].isoformat()]
    words += ["--reprocess-behavior", request.reprocess, "--max-active-runs", str(active)]
    if request.conf is not None:
        words += ["--dag-run-conf", request.conf]
    if request.backwards:
        words.append("--run-backwards")
    return words


def run(
    real: str,
    request: Request,
    plan: Plan,
    deadline: waiting.Deadline,
    say: Callable[[str], None],
) -> bool:
    """Runs the plan; whether every day of the range is done."""
    if plan.to_run:
        _create(real, request, plan, deadline, say)
    states = waiting.for_days(request.dag_id, [*plan.to_run, *plan.in_flight], deadline, say)
    missing = [str(day.run_date) for day, state in states.items() if state == "missing"]
    if missing:
        raise Stop(
            f"Airflow made no run for {', '.join(missing)}",
            "does the DAG that Airflow knows still have this schedule? `airflow dags reserialize`",
            FAILED,
        )
    return all(state == "success" for state in [*states.values(), *plan.left.values()])


def _create(
    real: str,
    request: Request,
    plan: Plan,
    deadline: waiting.Deadline,
    say: Callable[[str], None],
) -> None:
    words = command(real, request, plan)
    while True:
        made = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if made.returncode == 0:
            return
        # Somebody was quicker, after we had looked.
        if "AlreadyRunningBackfill" in made.stdout:
            waiting.for_other_backfill(request.dag_id, deadline, say)
            continue
        print(made.stdout, file=sys.stderr, end="")
        raise Stop("Airflow did not take the backfill, see above", code=FAILED)
