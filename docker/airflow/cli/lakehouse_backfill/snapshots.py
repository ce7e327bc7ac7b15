"""At the end of a backfill: snapshots whose inputs have changed since are built anew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import date

from . import metadata
from .outcome import FAILED, Stop
from .pipelines import find_modules

NOTHING_TO_DO = 99


def command(environment: dict[str, str], pipeline: str, last: date) -> list[str]:
    """By absolute path, as the DAG's tasks call it. The date only names the run."""
    words = [os.path.join(environment["LAKE_BIN_DIR"], "lake-gold"), "--pipeline", pipeline]
    return [*words, "--date", str(last), "--run-id", f"backfill-{os.getpid()}", "--stale"]


def environment(pipeline: str) -> dict[str, str]:
    """What a task of the DAG gives its stage, by the DAG's own modules: credentials come from the
    connections, and nothing else of this process is handed on."""
    find_modules()
    from lakehouse_dags import budget, connections, pipelines, settings
    from lakehouse_dags.environment import of_worker

    if metadata.major() >= 3:
        # Outside a task, connections in the metadata database are found only by a process that
        # says what it is; the scheduler and the API server say the same.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    known = pipelines.read(pipelines.pipelines_dir() / pipeline)
    at_once = settings.read().max_active_runs
    values = of_worker(known.environment, pipelines.pipelines_dir())
    values["LAKE_MEMORY_LIMIT"] = str(budget.memory_bytes(os.environ, at_once))
    values["LAKE_THREADS"] = str(budget.threads(os.environ, at_once, shared=False))
    values.update(connections.store_environment())
    return values


def rebuild_stale(pipeline: str, last: date, say: Callable[[str], None]) -> None:
    """Raises where it fails; where nothing is stale there is nothing to do."""
    say("rebuilding snapshots whose inputs have changed")
    try:
        values = environment(pipeline)
    except Exception as problem:  # a connection, a variable, a file: each with an error of its own
        raise Stop(f"stale snapshots were not rebuilt: {problem}", code=FAILED) from None
    # Its log goes to standard error, its run report is for machines.
    ended = subprocess.run(
        command(values, pipeline, last),
        env=values,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode not in (0, NOTHING_TO_DO):
        raise Stop(
            f"stale snapshots were not rebuilt: lake-gold ended with {ended.returncode}, see above",
            "the janitor DAG tries again, and so does the same command",
            FAILED,
        )
