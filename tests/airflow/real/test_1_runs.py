"""Airflow 3.3: the ways in which days are run."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from .airflow import Airflow
from .world import World, days


def test_a_scheduled_run_takes_the_day_that_has_closed(airflow: Airflow, world: World) -> None:
    today = datetime.now(timezone.utc).date()
    for before in range(3):
        world.make_shop(str(today - timedelta(days=before)))
    # Catch-up is off: the scheduler makes one run, for the last interval that has ended.
    airflow.unpause("shop")
    end = time.monotonic() + 60
    while not (runs := airflow.runs("shop")):
        assert time.monotonic() < end, "the scheduler made no run"
        time.sleep(0.3)
    (run,) = runs
    assert run["run_type"] == "scheduled"
    day = run["logical_date"][:10]
    assert day in (str(today - timedelta(days=1)), str(today))
    assert airflow.wait("shop", run["dag_run_id"]) == "success"
    assert set(airflow.states("shop", run["dag_run_id"]).values()) == {"success"}
    assert world.published("shop", day) == world.reference("shop", day)
    assert f"LAKE_RUN_DATE={day}" in airflow.log_of("shop", run["dag_run_id"], "bronze")


def test_a_trigger_through_the_rest_api_takes_the_date_of_its_form(
    airflow: Airflow, world: World
) -> None:
    world.make_sales("2025-11-05")
    airflow.unpause("sales")
    run = airflow.trigger("sales", date="2025-11-05")
    assert airflow.wait("sales", run) == "success"
    found = world.published("sales", "2025-11-05")
    assert found == world.reference("sales", "2025-11-05")
    assert any(key.startswith("gold/daily_revenue/") for key in found)
    # Nothing of the run is left where stages work.
    assert not [
        key for key in world.store.objects("staging") if run in key and "_reports" not in key
    ]


def test_three_days_by_the_literal_backfill_command(airflow: Airflow, world: World) -> None:
    wanted = days("2025-11-01", "2025-11-03")
    for day in wanted:
        world.make_sales(day)
    ended = airflow.run("dags", "backfill", "-s", wanted[0], "-e", wanted[-1], "sales")
    assert ended.returncode == 0, ended.stderr
    assert "3 of 3 done" in ended.stdout
    runs = [run for run in airflow.runs("sales") if run["run_type"] == "backfill"]
    assert sorted(run["logical_date"][:10] for run in runs) == wanted
    assert world.published("sales", *wanted) == world.reference("sales", *wanted)
    # The same again runs nothing.
    ended = airflow.run("dags", "backfill", "-s", wanted[0], "-e", wanted[-1], "sales")
    assert ended.returncode == 0
    assert ended.stdout.count("ran before: success") == 3
    assert len(airflow.runs("sales")) == len(runs) + 2


def test_two_pipelines_at_once(airflow: Airflow, world: World) -> None:
    world.make_strict("2025-02-01")
    world.make_month("2025-02-01")
    for dag in ("strict", "month"):
        airflow.unpause(dag)
    both = [(dag, airflow.trigger(dag, date="2025-02-01")) for dag in ("strict", "month")]
    assert [airflow.wait(dag, run) for dag, run in both] == ["success", "success"]
    times = [airflow.run_of(dag, run) for dag, run in both]
    assert max(run["start_date"] for run in times) < min(run["end_date"] for run in times)
    for dag, _ in both:
        assert world.published(dag, "2025-02-01") == world.reference(dag, "2025-02-01")
