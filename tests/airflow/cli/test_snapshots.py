"""Rebuilding stale snapshots at the end: what is started, with which environment."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from lakehouse_backfill import snapshots
from lakehouse_backfill.outcome import Stop
from places import bin_dir

from .conftest import CHECKOUT

STORE = {"conn_type": "aws", "login": "the-login", "password": "the-password"}


@pytest.fixture
def gold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `lake-gold` that writes down how it was started, and ends as the file `end` says."""
    script = tmp_path / "lake-gold"
    script.write_text(
        f"#!/bin/bash\nenv >{tmp_path}/environment\nprintf '%s\\n' \"$@\" >{tmp_path}/arguments\n"
        f"exit $(cat {tmp_path}/end)\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    (tmp_path / "lake").symlink_to(bin_dir() / "lake")
    (tmp_path / "end").write_text("0")
    monkeypatch.setenv("LAKE_BIN_DIR", str(tmp_path))
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(CHECKOUT / "pipelines"))
    monkeypatch.setenv("LAKE_ONLINE_RETAIL_DIR", "/somewhere")
    monkeypatch.setenv("LAKE_MEMORY_LIMIT", "2GiB")
    monkeypatch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", json.dumps(STORE))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(CHECKOUT / "dags"))
    monkeypatch.setenv("A_SECRET_OF_THE_CALLER", "secret")
    return tmp_path


def rebuild() -> None:
    snapshots.rebuild_stale("online_retail", date(2025, 11, 3), print)


def test_it_gets_what_a_task_of_the_dag_would_get(gold: Path) -> None:
    rebuild()
    lines = (gold / "environment").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines)
    assert given["AWS_ACCESS_KEY_ID"] == "the-login"
    assert given["AWS_SECRET_ACCESS_KEY"] == "the-password"
    assert given["LAKE_ONLINE_RETAIL_DIR"] == "/somewhere"
    # The share of one of four days.
    assert given["LAKE_MEMORY_LIMIT"] == str(512 << 20)
    assert "A_SECRET_OF_THE_CALLER" not in given
    assert not [name for name in given if name.startswith("AIRFLOW")]
    arguments = (gold / "arguments").read_text().split()
    assert arguments[:4] == ["--pipeline", "online_retail", "--date", "2025-11-03"]
    assert arguments[-1] == "--stale"
    # Credentials are never arguments.
    assert "the-password" not in arguments


def test_nothing_stale_is_no_failure(gold: Path) -> None:
    (gold / "end").write_text("99")
    rebuild()


@pytest.mark.parametrize("code", [1, 2, 70, 75])
def test_a_failure_is_one_of_the_command(gold: Path, code: int) -> None:
    (gold / "end").write_text(str(code))
    with pytest.raises(Stop, match=f"ended with {code}") as error:
        rebuild()
    assert error.value.code == 1


@pytest.mark.parametrize("variable", ["AIRFLOW_CONN_MINIO_DEFAULT", "LAKE_BIN_DIR"])
def test_what_is_missing_is_named(
    gold: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)
    name = "minio_default" if "CONN" in variable else variable
    with pytest.raises(Stop, match=name) as error:
        rebuild()
    assert error.value.code == 1
    assert not (gold / "arguments").exists()
