"""Where things are, and the environment in which the tests were started."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
STARTED_IN = dict(os.environ)


def machine() -> dict[str, str]:
    """What every process gets of this machine: nothing of the caller's lake, cloud or Airflow."""
    kept = ("LAKE_CACHE_DIR", "AWS_CA_BUNDLE")
    return {
        name: value
        for name, value in STARTED_IN.items()
        if name in kept or not name.startswith(("LAKE_", "AWS_", "AIRFLOW", "PYTEST"))
    }


@cache
def bin_dir() -> Path:
    """The folder of the executables: as given, else where the scripts build them."""
    if given := STARTED_IN.get("LAKE_BIN_DIR"):
        return Path(given)
    return Path(_answer('. scripts/lib.sh && echo "$(target_dir)/release"'))


@cache
def tools_python() -> str:
    """A Python with the engine's package, to look into Parquet files by other means than ours."""
    return _answer("scripts/python.sh")


def airflow_environment(version: str) -> Path:
    """The virtual environment of an Airflow."""
    return Path(_answer(f"scripts/airflow-env.sh {version}"))


def _answer(command: str) -> str:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=CHECKOUT,
        env=machine(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
