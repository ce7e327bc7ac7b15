"""What the shell makes of the commands, whatever the values are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from lakehouse_dags import commands

ALL = {name: value for name, value in vars(commands).items() if name.isupper() and name[0] != "_"}
HOSTILE = '"; touch "$BAIT"; $(touch $BAIT) `touch $BAIT` \' * -- {{ 1/0 }} \\'


def run(command: str, tmp_path: Path, **values: str) -> list[str]:
    """The arguments that the stage is given, as it sees them."""
    bin_dir = tmp_path / "bin with blanks"
    bin_dir.mkdir()
    for stage in ("bronze", "extract", "silver", "check", "gold", "load", "cleanup"):
        script = bin_dir / f"lake-{stage}"
        script.write_text('#!/bin/bash\nprintf "%s\\0" "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    environment = {
        "LAKE_BIN_DIR": str(bin_dir),
        "LAKE_PIPELINE": "shop",
        "LAKE_RUN_DATE": "2025-11-01",
        "LAKE_RUN_ID": "r1",
        "SHLVL": "1",
        **values,
    }
    done = subprocess.run(
        ["bash", "-c", command], env=environment, cwd=tmp_path, check=True, capture_output=True
    )
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


RUN = ["--pipeline", "shop", "--date", "2025-11-01", "--run-id", "r1"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("BRONZE", RUN),
        ("SILVER", RUN),
        ("CHECK", RUN),
        ("GOLD", [*RUN, "--materialised", "partition"]),
        ("SNAPSHOTS", [*RUN, "--materialised", "snapshot"]),
        ("LOAD", RUN),
        ("CLEANUP", RUN),
        ("STALE", [*RUN, "--stale"]),
        ("LOAD_STALE", [*RUN, "--stale"]),
    ],
)
def test_without_wishes(name: str, arguments: list[str], tmp_path: Path) -> None:
    assert run(ALL[name], tmp_path) == arguments


def test_with_wishes(tmp_path: Path) -> None:
    values = {
        "LAKE_RUN_DATASETS": "orders\nreturns",
        "LAKE_RUN_PRUNE": "true",
        "LAKE_RUN_PROFILE": "true",
    }
    some = ["--dataset", "orders", "--dataset", "returns"]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    assert run(commands.BRONZE, tmp_path / "a", **values) == [*RUN, *some, "--prune"]
    assert run(commands.SILVER, tmp_path / "b", **values) == [*RUN, *some, "--profile"]
    assert run(commands.CHECK, tmp_path / "c", **values) == [*RUN, *some]


def test_the_sweep(tmp_path: Path) -> None:
    assert run(commands.SWEEP, tmp_path, LAKE_OLDER_THAN="2d") == ["--older-than", "2d"]


@pytest.mark.parametrize("name", ALL)
def test_hostile_values_stay_values(name: str, tmp_path: Path) -> None:
    """Airflow and the worker refuse such values; should one come through, it is text still."""
    bait = tmp_path / "bait"
    variables = ("LAKE_PIPELINE", "LAKE_RUN_DATE", "LAKE_RUN_ID", "LAKE_RUN_DATASETS")
    variables += ("LAKE_RUN_PRUNE", "LAKE_RUN_PROFILE", "LAKE_OLDER_THAN")
    arguments = run(ALL[name], tmp_path, BAIT=str(bait), **dict.fromkeys(variables, HOSTILE))
    assert HOSTILE in arguments
    assert set(arguments) - {HOSTILE} <= {
        *RUN,
        *("--materialised", "partition", "snapshot", "--dataset", "--prune", "--profile"),
        *("--stale", "--older-than"),
    }
    assert not bait.exists()


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_a_template_or_a_comment_of_one(name: str) -> None:
    assert not any(mark in ALL[name] for mark in ("{{", "{%", "{#"))
    assert ALL[name].endswith("</dev/null")
    assert os.linesep not in ALL[name].rsplit("exec ", 1)[1]
