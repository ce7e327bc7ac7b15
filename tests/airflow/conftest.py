"""Shared by all tests of the DAGs: the DAGs' folder can be imported, and nothing of the caller's
lake, cloud or Airflow reaches a test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DAGS = CHECKOUT / "dags"

sys.path.insert(0, str(DAGS))
sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")


@pytest.fixture(autouse=True)
def no_environment_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakehouse_dags.environment import MACHINE_VARIABLES

    for name in list(os.environ):
        if name.startswith(("AWS_", "LAKE_", "AIRFLOW_CONN_")) or name in MACHINE_VARIABLES:
            monkeypatch.delenv(name)
