"""The command, from its arguments to its exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime, timezone

from . import arguments, dates, metadata, pipelines, plan, snapshots, waiting
from .arguments import Request
from .outcome import DONE, FAILED, USAGE, Stop

INTERRUPTED = 130


def main() -> None:
    """`backfill.py REAL_AIRFLOW ARGUMENT...`"""
    real, given = sys.argv[1], sys.argv[2:]
    # `kill` ends it as Ctrl-C does, with a word about what goes on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(run(real, given))
    except Stop as stop:
        print(f"error: {stop}", file=sys.stderr)
        if stop.hint:
            print(f"hint: {stop.hint}", file=sys.stderr)
        sys.exit(stop.code)
    except KeyboardInterrupt:
        print("\nstopped waiting; what Airflow has begun goes on", file=sys.stderr)
        sys.exit(INTERRUPTED)


def say(line: str) -> None:
    """One line of progress, at once also where the output is a file."""
    print(line, flush=True)


def run(real: str, given: Sequence[str]) -> int:
    """Does what is asked; its exit code."""
    helps = any(word in ("-h", "--help") for word in given)
    if metadata.major() < 3 and not helps:
        pipelines.find_modules()
        if not any(pipelines.exists(word) for word in given):
            # Somebody else's DAG: 2.11 has the command itself.
            os.execv(real, [real, "dags", "backfill", *given])
    request = arguments.parse(given)
    pipelines.find_modules()
    if not pipelines.exists(request.dag_id):
        raise Stop(
            f"there is no pipeline `{request.dag_id}` in {pipelines.folder()}",
            f"for a DAG that is no pipeline: airflow backfill create --dag-id {request.dag_id} ...",
        )
    pipeline, cron, zone = pipelines.read(request.dag_id)
    first = dates.day_of(request.first, zone)
    last = dates.day_of(request.last, zone)
    dates.window(first, last, zone)

    deadline = waiting.Deadline(request.timeout_secs)
    days = dates.days(cron, zone, first, last)

    def look() -> plan.Plan:
        known = metadata.states(request.dag_id, [day.logical_date for day in days])
        return plan.make(days, known, request.reprocess, datetime.now(timezone.utc))

    if not request.dry_run:
        _check_pause(request)
    todo = look()
    if todo.to_run and not request.dry_run:
        waiting.for_other_backfill(request.dag_id, deadline, say)
        todo = look()
    for line in todo.lines():
        say(line)
    if not todo.closed:
        raise Stop(f"no run date from {first} to {last} has closed yet; nothing to run")
    if request.dry_run:
        return DONE

    if metadata.major() >= 3:
        from . import airflow3 as airflow
    else:
        from . import airflow2 as airflow  # type: ignore[no-redef]
    succeeded = airflow.run(real, request, todo, deadline, say)
    if pipeline.snapshot_marts:
        snapshots.rebuild_stale(pipeline.name, last, say)
    if succeeded:
        return DONE
    print(
        "error: not every run date is done, see above\n"
        "hint: once the cause is mended, the same command with --rerun-failed-tasks",
        file=sys.stderr,
    )
    return FAILED


def _check_pause(request: Request) -> None:
    paused = metadata.is_paused(request.dag_id)
    if paused is None and metadata.major() >= 3:
        raise Stop(
            f"Airflow does not know the DAG `{request.dag_id}` yet",
            "the DAG processor finds it within minutes, `airflow dags reserialize` at once",
            USAGE,
        )
    if not paused:
        return
    if not request.unpause:
        raise Stop(
            f"the DAG `{request.dag_id}` is paused, so that its runs would wait",
            f"airflow dags unpause {request.dag_id}, or add --unpause; then its schedule runs too",
        )
    metadata.unpause(request.dag_id)
    say(f"{request.dag_id} is unpaused")
