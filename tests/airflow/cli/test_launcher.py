"""The command `airflow` in front of Airflow's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lakehouse_backfill import metadata

CHECKOUT = Path(__file__).resolve().parents[3]
CLI = CHECKOUT / "docker" / "airflow" / "cli"

# Stands in for Airflow's own command: writes its arguments, one a line.
ECHO = "#!{python}\nimport sys\nprint('real', *sys.argv[1:], sep='\\n')\nsys.exit(7)\n"


@pytest.fixture
def real(tmp_path: Path) -> Path:
    folder = tmp_path / "real"
    folder.mkdir()
    script = folder / "airflow"
    script.write_text(ECHO.format(python=sys.executable), encoding="utf-8")
    script.chmod(0o755)
    return script


def call(
    real: Path, *words: str, first: Path = CLI, **variables: str
) -> subprocess.CompletedProcess[str]:
    path = f"{first}:{CLI}:{real.parent}:/usr/bin:/bin"
    return subprocess.run(
        ["airflow", *words],
        env={
            "PATH": path,
            "HOME": str(real.parent),
            "AIRFLOW_HOME": str(real.parent / "home"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
            **variables,
        },
        executable=str(first / "airflow"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("version",),
        ("dags", "list"),
        ("dags", "--help"),
        ("backfill", "create", "--dag-id", "a b", '--dag-run-conf={"x": "$HOME"}', "*", ""),
        ("tasks", "run", "dags", "backfill"),
    ],
)
def test_other_commands_are_passed_through_untouched(real: Path, words: tuple[str, ...]) -> None:
    ended = call(real, *words)
    assert ended.returncode == 7
    assert ended.stdout.splitlines() == ["real", *words]
    assert ended.stderr == ""


def test_a_link_to_itself_is_not_taken_for_the_real_one(real: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.mkdir()
    (link / "airflow").symlink_to(CLI / "airflow")
    assert call(real, "version", first=link).stdout.splitlines() == ["real", "version"]


def test_without_a_real_one_it_says_so(tmp_path: Path) -> None:
    ended = call(tmp_path / "nowhere" / "airflow", "version")
    assert ended.returncode == 127
    assert "is in no folder of PATH" in ended.stderr


def test_the_help_is_its_own(real: Path) -> None:
    for flag in ("--help", "-h"):
        ended = call(real, "dags", "backfill", flag)
        assert ended.returncode == 0, ended.stderr
        assert "every run date from START to END" in ended.stdout
        assert "real" not in ended.stdout.split()


def test_a_long_path_of_the_interpreter_is_found_too(real: Path) -> None:
    # What installers write where `#!` would be too long for the kernel.
    real.write_text(
        f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\nimport sys\n",
        encoding="utf-8",
    )
    assert call(real, "dags", "backfill", "--help").returncode == 0


def test_a_wrong_argument_ends_with_2(real: Path, pipelines: Path) -> None:
    ended = call(
        real,
        "dags",
        "backfill",
        "-m",
        "-s",
        "2025-11-01",
        "plain",
        LAKE_PIPELINES_DIR=str(pipelines),
    )
    assert ended.returncode == 2
    assert "-m/--mark-success is not taken" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_of_dags_that_is_not_the_projects(
    real: Path, pipelines: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    ended = call(
        real,
        *("dags", "backfill", "-s", "2025-11-01", "plain"),
        LAKE_PIPELINES_DIR=str(pipelines),
        AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path / "elsewhere"),
    )
    assert ended.returncode == 2
    assert "elsewhere does not hold the lakehouse's" in ended.stderr
    assert "AIRFLOW__CORE__DAGS_FOLDER" in ended.stderr


def test_dags_that_are_no_pipelines(real: Path, pipelines: Path, tmp_path: Path) -> None:
    words = ("dags", "backfill", "-s", "2025-11-01", "--mark-success", "other")
    variables = {"LAKE_PIPELINES_DIR": str(pipelines)}
    ended = call(real, *words, **variables)
    if metadata.major() < 3:
        # 2.11 has the command itself.
        assert ended.stdout.splitlines() == ["real", *words]
    else:
        assert ended.returncode == 2
    ended = call(real, *words[:4], "other", **variables)
    if metadata.major() >= 3:
        assert "airflow backfill create --dag-id other" in ended.stderr
    assert os.fspath(tmp_path) not in ended.stdout
