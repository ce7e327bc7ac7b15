"""A broken pipeline beside a good one, in the database that Airflow's processor fills."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from lakehouse_dags.airflow_api import AIRFLOW_3
from places import CHECKOUT, DAGS


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(CHECKOUT / "pipelines" / "sales", tmp_path / "sales")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pipeline.yaml").write_text("name: [")
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    return tmp_path


def process() -> None:
    """What the processor does with all files, once."""
    if AIRFLOW_3:
        airflow = Path(sys.executable).parent / "airflow"
        subprocess.run(
            [airflow, "dag-processor", "--num-runs", "1"],
            env={**os.environ, "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS)},
            check=True,
            capture_output=True,
            timeout=180,
        )
    else:
        # With SQLite Airflow 2 has no processor but within its scheduler.
        from airflow.dag_processing.processor import DagFileProcessor

        for file in sorted(DAGS.glob("*.py")):
            processor = DagFileProcessor(
                dag_ids=None, dag_directory=str(DAGS), log=logging.getLogger("processor")
            )
            processor.process_file(str(file), [])


def test_the_good_one_stays_in_service(database: Path, pipelines: Path) -> None:
    process()
    errors, service = _look(database)
    ((file, error),) = errors
    assert Path(file).name == "lakehouse_broken.py"
    assert str(pipelines / "broken" / "pipeline.yaml") in error
    assert service["sales"] == (False, True)
    assert service["lakehouse_janitor"] == (False, True)
    # Mended, it is there, and the error is gone.
    shutil.rmtree(pipelines / "broken")
    shutil.copytree(pipelines / "sales", pipelines / "mended")
    mended = pipelines / "mended" / "pipeline.yaml"
    mended.write_text(mended.read_text().replace("name: sales", "name: mended"))
    process()
    errors, service = _look(database)
    assert errors == []
    assert service["mended"] == (False, True)


def _look(database: Path) -> tuple[list[tuple[str, str]], dict[str, tuple[bool, bool]]]:
    """Import errors; and for each DAG whether it has one, and whether it is in service."""
    active = "NOT is_stale" if AIRFLOW_3 else "is_active"
    with sqlite3.connect(database) as connection:
        errors = connection.execute("SELECT filename, stacktrace FROM import_error").fetchall()
        dags = connection.execute(f"SELECT dag_id, has_import_errors, {active} FROM dag").fetchall()
    return errors, {name: (bool(broken), bool(serving)) for name, broken, serving in dags}
