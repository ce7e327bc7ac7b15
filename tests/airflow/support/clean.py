"""Nothing of the caller's lake, cloud or machine reaches a test that imports this fixture, but for
where the executables are, which describe the pipelines to the DAGs."""

from __future__ import annotations

import os

import pytest
from lakehouse_dags.environment import MACHINE_VARIABLES
from places import bin_dir


@pytest.fixture(autouse=True)
def no_environment_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "LAKE_", "AIRFLOW_CONN_")) or name in MACHINE_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LAKE_BIN_DIR", str(bin_dir()))
