"""Airflow 3.3: many days, in any order."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from . import places
from .airflow import Airflow
from .world import World, days, partition


def most_at_once(runs: list[dict[str, Any]]) -> int:
    """The largest number of runs that were under way at the same moment."""
    moments = sorted(
        [(run["start_date"], 1) for run in runs] + [(run["end_date"], -1) for run in runs]
    )
    most = now = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def sum_of(files: Path, column: str) -> int:
    """By a reader that is not ours."""
    query = (
        f"select sum({column}) from read_parquet('{files}/**/*.parquet', hive_partitioning=false)"
    )
    answer = subprocess.run(
        [
            places.tools_python(),
            "-c",
            "import duckdb, sys; print(duckdb.sql(sys.argv[1]).fetchall()[0][0])",
            query,
        ],
        env=places.machine(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return int(answer.stdout)


def test_snapshots_of_days_in_reverse_equal_those_of_a_serial_run(
    airflow: Airflow, world: World
) -> None:
    wanted = days("2025-04-01", "2025-04-05")
    for day in wanted:
        world.make_shop(day)
    ended = airflow.run(
        "dags", "backfill", "--unpause", "-B", "-s", wanted[0], "-e", wanted[-1], "shop"
    )
    assert ended.returncode == 0, ended.stderr
    # The day that ran first was built without those before it, so there is something to mend.
    assert "mart is stale" in ended.stderr
    runs = [run for run in airflow.runs("shop") if run["run_type"] == "backfill"]
    started = sorted(runs, key=lambda run: run["start_date"])
    assert started[0]["logical_date"] > started[-1]["logical_date"]
    found, expected = world.published("shop", *wanted), world.reference("shop", *wanted)
    snapshots = [
        key for key in found if key.startswith("gold/customer_rfm/") and key.endswith(".parquet")
    ]
    assert len(snapshots) == len(wanted)
    assert found == expected


def test_thirty_days_with_four_in_flight(airflow: Airflow, world: World, tmp_path: Path) -> None:
    wanted = days("2025-06-01", "2025-06-30")
    total = sum(world.make_month(day) for day in wanted)
    ended = airflow.run(
        "dags",
        "backfill",
        "--unpause",
        "-s",
        wanted[0],
        "-e",
        wanted[-1],
        "month",
        timeout_secs=600,
    )
    assert ended.returncode == 0, ended.stderr
    assert "30 of 30 done" in ended.stdout
    runs = [run for run in airflow.runs("month") if run["run_type"] == "backfill"]
    assert sorted(run["logical_date"][:10] for run in runs) == wanted
    assert most_at_once(runs) >= 4
    for day in wanted:
        for layer in ("silver", "gold"):
            assert any(partition(day) in key for key in world.store.objects(layer, "month/"))
    world.store.download(tmp_path)
    june = tmp_path / "gold/month/totals/year=2025/month=06"
    assert sum_of(june, "amount") == total
    assert sum_of(june, "items") == 30 * 50
    assert world.published("month", *wanted) == world.reference("month", *wanted)
