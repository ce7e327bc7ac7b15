"""Airflow 3.3: days without data, bad days, replays and kills."""

from __future__ import annotations

import os
import signal

import pytest

from . import processes
from .airflow import Airflow
from .store import Object
from .world import World, days, is_of, partition

# Enough rows that silver can be caught at work.
MANY = 60_000


@pytest.fixture(autouse=True, scope="module")
def unpaused(airflow: Airflow) -> None:
    for dag in ("sales", "strict"):
        airflow.unpause(dag)


def left_of_run(world: World, run: str) -> list[str]:
    """Objects in staging that a run has left, but for its reports."""
    return [key for key in world.store.objects("staging") if run in key and "_reports" not in key]


def published_objects(world: World, pipeline: str) -> dict[str, Object]:
    """What readers see of a pipeline, with ETags and times."""
    wanted = (f"silver/{pipeline}/", f"gold/{pipeline}/")
    return {key: found for key, found in world.store.everything().items() if key.startswith(wanted)}


def test_a_date_that_never_had_a_file_is_skipped_where_declared(
    airflow: Airflow, world: World
) -> None:
    run = airflow.trigger("sales", date="2025-01-15")
    assert airflow.wait("sales", run) == "success"
    states = airflow.states("sales", run)
    assert states.pop("cleanup") == "success"
    assert set(states.values()) == {"skipped"}
    assert world.published("sales", "2025-01-15") == {}


def test_a_date_that_never_had_a_file_fails_where_declared(airflow: Airflow, world: World) -> None:
    # The tick is at 03:00 in Tokyo: the last day is run all the same, and its failure is told.
    world.make_strict("2025-03-01")
    ended = airflow.run("dags", "backfill", "-s", "2025-03-01", "-e", "2025-03-02", "strict")
    assert ended.returncode == 1
    assert "2025-03-01 success" in ended.stdout
    assert "2025-03-02 failed" in ended.stdout
    assert world.published("strict", "2025-03-01") == world.reference("strict", "2025-03-01")
    assert world.published("strict", "2025-03-02") == {}
    (run,) = [
        run
        for run in airflow.runs("strict")
        if run["state"] == "failed" and run["run_type"] == "backfill"
    ]
    tasks = airflow.tasks("strict", run["dag_run_id"])
    # At once, without another try; and cleaned up after.
    assert (tasks["bronze"]["state"], tasks["bronze"]["try_number"]) == ("failed", 1)
    assert tasks["silver"]["state"] == "upstream_failed"
    assert tasks["cleanup"]["state"] == "success"


def test_a_redelivery_without_rows_is_refused_and_what_is_published_stays(
    airflow: Airflow, world: World
) -> None:
    day = "2025-03-05"
    world.make_strict(day)
    assert airflow.wait("strict", airflow.trigger("strict", date=day)) == "success"
    before = published_objects(world, "strict")
    assert any(partition(day) in key for key in before)
    world.make_strict(day, rows=0)
    assert (world.source("strict") / f"{day}.json").read_text() == "[]"
    run = airflow.trigger("strict", date=day)
    assert airflow.wait("strict", run) == "failed"
    tasks = airflow.tasks("strict", run)
    assert {name: task["state"] for name, task in tasks.items()} == {
        "bronze": "success",
        "silver": "success",
        "check": "failed",
        "gold": "upstream_failed",
        "cleanup": "success",
    }
    assert tasks["check"]["try_number"] == 1
    assert published_objects(world, "strict") == before
    assert left_of_run(world, run) == []
    # The evidence outlives cleanup.
    assert [key for key in world.store.objects("quarantine", "strict/") if "/refused/" in key]


def test_a_replay_of_one_day_changes_no_other_object(airflow: Airflow, world: World) -> None:
    # Neighbours, too, that could be touched.
    for day in days("2025-11-01", "2025-11-03"):
        if not world.published("sales", day):
            world.make_sales(day)
            assert airflow.wait("sales", airflow.trigger("sales", date=day)) == "success"
    before = world.store.everything()
    run = airflow.trigger("sales", date="2025-11-02")
    assert airflow.wait("sales", run) == "success"
    after = world.store.everything()
    own = {key for key in after if is_of(key, "2025-11-02") and "/sales/" in key}
    assert own
    assert {key: found for key, found in after.items() if key not in own} == {
        key: found for key, found in before.items() if key not in own
    }
    # And of the day itself it makes the same bytes again.
    assert {key: after[key].etag for key in own} == {
        key: before[key].etag for key in own if key in before
    }


def test_a_silver_that_is_killed_is_tried_again_and_converges(
    airflow: Airflow, world: World
) -> None:
    world.make_sales("2025-11-10", MANY)
    run = airflow.trigger("sales", date="2025-11-10")
    silver = processes.catch("silver", run)
    os.kill(silver, signal.SIGKILL)
    assert airflow.wait("sales", run) == "success"
    tasks = airflow.tasks("sales", run)
    assert tasks["silver"]["try_number"] == 2
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(tasks, "success")
    assert "killed by signal 9" in airflow.log_of("sales", run, "silver")
    assert world.published("sales", "2025-11-10") == world.reference("sales", "2025-11-10")
    assert left_of_run(world, run) == []


def test_a_silver_marked_failed_is_cleaned_up_after_and_clearing_it_converges(
    airflow: Airflow, world: World
) -> None:
    world.make_sales("2025-11-11", MANY)
    run = airflow.trigger("sales", date="2025-11-11")
    silver = processes.catch("silver", run)
    airflow.set_state("sales", run, "silver", "failed")
    processes.wait_for("SIGTERM for silver", lambda: processes.has_pending_sigterm(silver))
    os.kill(silver, signal.SIGCONT)
    assert airflow.wait("sales", run) == "failed"
    states = airflow.states("sales", run)
    assert (states["silver"], states["check"], states["gold"]) == (
        "failed",
        "upstream_failed",
        "upstream_failed",
    )
    assert states["cleanup"] == "success"
    assert left_of_run(world, run) == []
    assert world.published("sales", "2025-11-11") == {}
    assert not os.path.exists(f"/proc/{silver}")

    airflow.clear("sales", run, "silver")
    assert airflow.wait("sales", run) == "success"
    assert world.published("sales", "2025-11-11") == world.reference("sales", "2025-11-11")
    assert left_of_run(world, run) == []
    workspace = world.folder / "workspace"
    assert not workspace.exists() or not any(workspace.iterdir())
