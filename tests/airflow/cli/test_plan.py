"""Which days are run, and the native commands that run them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from lakehouse_backfill import airflow2, airflow3, plan
from lakehouse_backfill.arguments import Request
from lakehouse_backfill.dates import Day

BEGIN = datetime(2025, 11, 1, 3, tzinfo=timezone.utc)
NOW = BEGIN + timedelta(days=5)
DAYS = [
    Day(date(2025, 11, 1 + n), BEGIN + timedelta(days=n), BEGIN + timedelta(days=n + 1))
    for n in range(6)
]
STATES = {
    DAYS[1].logical_date: "success",
    DAYS[2].logical_date: "failed",
    DAYS[3].logical_date: "running",
}


@pytest.mark.parametrize(
    ("reprocess", "to_run"),
    [("none", [0, 4]), ("failed", [0, 2, 4]), ("completed", [0, 1, 2, 4])],
)
def test_what_ran_before_is_run_again_only_when_asked(reprocess: str, to_run: list[int]) -> None:
    made = plan.make(DAYS, STATES, reprocess, NOW)
    assert made.to_run == [DAYS[index] for index in to_run]
    assert made.in_flight == [DAYS[3]]
    assert made.not_closed == [DAYS[5]]
    assert made.closed == DAYS[:5]
    assert len(made.lines()) == 6


def test_a_day_has_closed_when_its_interval_has_ended() -> None:
    assert plan.make(DAYS[:1], {}, "none", DAYS[0].closes_at).to_run == DAYS[:1]
    just_before = DAYS[0].closes_at - timedelta(microseconds=1)
    assert plan.make(DAYS[:1], {}, "none", just_before).not_closed == DAYS[:1]


def request(**changes: object) -> Request:
    return Request("sales", "2025-11-01", "2025-11-05", **changes)  # type: ignore[arg-type]


def test_the_command_of_airflow_3(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan.make(DAYS, STATES, "none", NOW)
    assert airflow3.command("/bin/airflow", request(), made) == [
        "/bin/airflow",
        "backfill",
        "create",
        "--dag-id",
        "sales",
        "--from-date",
        "2025-11-01T03:00:00+00:00",
        "--to-date",
        "2025-11-05T03:00:00+00:00",
        "--reprocess-behavior",
        "none",
        "--max-active-runs",
        "4",
    ]
    monkeypatch.setenv("LAKE_MAX_ACTIVE_RUNS", "7")
    asked = request(reprocess="completed", conf='{"prune": true}', backwards=True)
    assert airflow3.command("/bin/airflow", asked, made)[9:] == [
        "--reprocess-behavior",
        "completed",
        "--max-active-runs",
        "7",
        "--dag-run-conf",
        '{"prune": true}',
        "--run-backwards",
    ]
    assert airflow3.command("airflow", request(max_active_runs=2), made)[-1] == "2"


def test_the_command_of_airflow_2(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan.make(DAYS, STATES, "none", NOW)
    assert airflow2.command("/bin/airflow", request(), made) == [
        "/bin/airflow",
        "dags",
        "backfill",
        "sales",
        "--start-date",
        "2025-11-01T03:00:00+00:00",
        "--end-date",
        "2025-11-05T03:00:00+00:00",
        "--continue-on-failures",
    ]
    asked = request(reprocess="completed", conf='{"prune": true}', backwards=True)
    assert airflow2.command("/bin/airflow", asked, made)[8:] == [
        "--continue-on-failures",
        "--reset-dagruns",
        "--yes",
        "--conf",
        '{"prune": true}',
        "--run-backwards",
    ]
    assert "--rerun-failed-tasks" in airflow2.command("airflow", request(reprocess="failed"), made)
    assert "LAKE_MAX_ACTIVE_RUNS" not in airflow2.environment(request())
    assert airflow2.environment(request(max_active_runs=2))["LAKE_MAX_ACTIVE_RUNS"] == "2"
