"""At the end of a backfill: snapshots whose inputs have changed since are built anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from .outcome import FAILED, Stop

NOTHING_TO_DO = 99


def command(environment: dict[str, str], pipeline: str) -> list[str]:
    """By absolute path, as the DAG's tasks call it."""
    return [
        os.path.join(environment["LAKE_BIN_DIR"], "lake-gold"),
        "--pipeline", pipeline, "--stale", "--run-id", f"backfill-{os.getpid()}",
    ]


def environment(pipeline: str) -> dict[str, str]:
    """What a task of the DAG would give its stage, credentials from the connections included."""
    from airflow.configuration import conf

    folder = conf.get("core", "dags_folder")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from lakehouse_dags.environment import stage_environment

    return stage_environment(pipeline)


def rebuild_stale(pipeline: str, say: Callable[[str], None]) -> None:
    """Raises where it fails; days with nothing stale are nothing to do."""
    say("rebuilding snapshots whose inputs have changed")
    values = environment(pipeline)
    ended = subprocess.run(
        command(values, pipeline), env=values, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, check=False,
    )
    if ended.returncode not in (0, NOTHING_TO_DO):
        raise Stop(
            f"stale snapshots were not rebuilt: lake-gold ended with {ended.returncode}, see above",
            "the janitor DAG tries again, and so does the same command",
            FAILED,
        )
