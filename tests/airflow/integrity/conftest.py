"""A database of Airflow's own for the tests that run DAGs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clean import no_environment_of_the_caller  # noqa: F401 (for every test here)


@pytest.fixture(scope="session")
def database() -> Path:
    """The file of Airflow's metadata database, migrated once for all tests."""
    home = Path(os.environ["AIRFLOW_HOME"])
    airflow = Path(sys.executable).parent / "airflow"
    done = subprocess.run([airflow, "db", "migrate"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return home / "airflow.db"
