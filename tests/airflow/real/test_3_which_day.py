"""Airflow 3.3: the day of a run by hand, by each way of making one, in two time zones."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from .airflow import Airflow

# What the form fills in for the logical date is the moment at which it was opened.
NOW = datetime.now(timezone.utc).replace(microsecond=123000)

SCHEDULES = {"month": (ZoneInfo("UTC"), 0), "strict": (ZoneInfo("Asia/Tokyo"), 3)}


def last_closed(pipeline: str, moment: datetime) -> str:
    """The day before the one whose tick was the last: worked out without Airflow's timetable."""
    zone, hour = SCHEDULES[pipeline]
    return str((moment.astimezone(zone) - timedelta(hours=hour)).date() - timedelta(days=1))


def by_command_line(airflow: Airflow, pipeline: str, name: str, *words: str) -> str:
    ended = airflow.run("dags", "trigger", pipeline, "--run-id", name, *words)
    assert ended.returncode == 0, ended.stderr
    return name


@pytest.mark.parametrize("pipeline", SCHEDULES)
def test_runs_by_hand_take_their_days(airflow: Airflow, pipeline: str) -> None:
    zone, hour = SCHEDULES[pipeline]
    tick = datetime(2026, 1, 10, hour, tzinfo=zone).isoformat()
    midnight = datetime(2026, 1, 11, tzinfo=zone).astimezone(timezone.utc).isoformat()
    form = {"date": "2026-01-12"}
    before = datetime.now(timezone.utc)
    airflow.unpause(pipeline)
    expected = {
        # As the UI does it: its own logical date, which is now, and what is in the form.
        airflow.trigger(pipeline, NOW.isoformat()): None,
        airflow.trigger(pipeline, (NOW + timedelta(seconds=1)).isoformat(), **form): "2026-01-12",
        # As a script does it.
        airflow.trigger(pipeline): None,
        airflow.trigger(pipeline, tick): "2026-01-10",
        by_command_line(airflow, pipeline, "by-command"): None,
        by_command_line(airflow, pipeline, "by-midnight", "-l", midnight): "2026-01-11",
        by_command_line(airflow, pipeline, "by-form", "-c", json.dumps(form)): "2026-01-12",
    }
    # A night may pass while they are made.
    closed = {last_closed(pipeline, before), last_closed(pipeline, datetime.now(timezone.utc))}
    for run, day in expected.items():
        airflow.wait(pipeline, run)
        (taken,) = set(re.findall(r"LAKE_RUN_DATE=(\S+)", airflow.log_of(pipeline, run, "bronze")))
        assert taken in ({day} if day else closed), run
        # The run's page shows it beside each task.
        assert airflow.tasks(pipeline, run)["bronze"]["rendered_map_index"] == taken
