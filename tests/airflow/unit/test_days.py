"""Which day a run takes."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from airflow.timetables.interval import CronDataIntervalTimetable
from lakehouse_dags.days import (
    NoDay,
    Schedule,
    last_closed_day,
    run_date,
    schedule_problem,
)
from pendulum import DateTime, instance

UTC = Schedule("0 0 * * *", "UTC", "2025-01-01")
AT_THREE = Schedule("0 3 * * *", "UTC", "2025-01-01")
TOKYO = Schedule("0 0 * * *", "Asia/Tokyo", "2025-01-01")
TOKYO_AT_THREE = Schedule("0 3 * * *", "Asia/Tokyo", "2025-01-01")
ALL = [UTC, AT_THREE, TOKYO, TOKYO_AT_THREE]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def taken(
    schedule: Schedule | None,
    *,
    run_type: str = "manual",
    logical: str | None = None,
    after: str | None = None,
    form: str | None = None,
) -> str:
    return run_date(
        run_type=run_type,
        logical_date=moment(logical) if logical else None,
        run_after=moment(after) if after else None,
        form_date=form,
        schedule=schedule,
    ).date.isoformat()


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
@pytest.mark.parametrize(
    ("schedule", "logical", "day"),
    [
        (UTC, "2025-11-01T00:00", "2025-11-01"),
        (AT_THREE, "2025-11-01T03:00", "2025-11-01"),
        (TOKYO, "2025-10-31T15:00", "2025-11-01"),
        (TOKYO_AT_THREE, "2025-10-31T18:00", "2025-11-01"),
    ],
)
def test_a_run_of_a_tick_takes_its_run_date(
    schedule: Schedule, logical: str, day: str, run_type: str
) -> None:
    late = "2025-12-24T18:00"
    assert taken(schedule, run_type=run_type, logical=logical, after=late) == day
    # A conf that is the same for all days of a backfill is no day of any of them.
    assert taken(schedule, run_type=run_type, logical=logical, form="2025-01-01") == day


@pytest.mark.parametrize("schedule", ALL)
def test_the_days_of_airflows_own_timetable(schedule: Schedule) -> None:
    """Two months of scheduled runs, as Airflow makes them, take one day after the other."""
    timetable = CronDataIntervalTimetable(schedule.cron, schedule.timezone)
    tick = timetable._get_next(instance(datetime(2025, 9, 30, 23, 59, tzinfo=schedule.zone)))
    for offset in range(60):
        day = date(2025, 10, 1) + timedelta(days=offset)
        assert taken(schedule, run_type="scheduled", logical=naive(tick)) == day.isoformat()
        tick = timetable._get_next(tick)


def naive(tick: DateTime) -> str:
    return tick.in_timezone("UTC").format("YYYY-MM-DDTHH:mm:ss")


@pytest.mark.parametrize("schedule", ALL)
def test_the_forms_date_wins(schedule: Schedule) -> None:
    for logical in (None, "2025-11-20T00:00", "2025-11-20T15:00", "2025-11-20T10:13"):
        assert taken(schedule, logical=logical, after="2025-11-21T10:00", form="2024-02-29") == (
            "2024-02-29"
        )


@pytest.mark.parametrize(
    ("schedule", "logical", "day"),
    [
        (UTC, "2025-11-03T00:00", "2025-11-03"),
        (AT_THREE, "2025-11-03T03:00", "2025-11-03"),
        (AT_THREE, "2025-11-03T00:00", "2025-11-03"),  # a midnight
        (TOKYO, "2025-11-02T15:00", "2025-11-03"),
        (TOKYO_AT_THREE, "2025-11-02T18:00", "2025-11-03"),
        (TOKYO_AT_THREE, "2025-11-02T15:00", "2025-11-03"),
    ],
)
def test_a_logical_date_that_is_a_tick_or_a_midnight(
    schedule: Schedule, logical: str, day: str
) -> None:
    assert taken(schedule, logical=logical, after="2025-12-01T12:00") == day


@pytest.mark.parametrize(
    ("schedule", "moment_", "day"),
    [
        (UTC, "2025-11-04T10:13", "2025-11-03"),
        (UTC, "2025-11-04T00:00:01", "2025-11-03"),
        (UTC, "2025-11-03T23:59:59", "2025-11-02"),
        (AT_THREE, "2025-11-04T10:13", "2025-11-03"),
        # Its scheduled run would begin at three: before that the day is not complete.
        (AT_THREE, "2025-11-04T02:59:59", "2025-11-02"),
        (AT_THREE, "2025-11-04T03:00:01", "2025-11-03"),
        (TOKYO, "2025-11-04T10:13", "2025-11-03"),
        (TOKYO, "2025-11-04T14:59:59", "2025-11-03"),
        (TOKYO, "2025-11-04T15:00:01", "2025-11-04"),
        (TOKYO_AT_THREE, "2025-11-04T17:59:59", "2025-11-03"),
        (TOKYO_AT_THREE, "2025-11-04T18:00:01", "2025-11-04"),
    ],
)
def test_else_the_last_day_that_had_closed(schedule: Schedule, moment_: str, day: str) -> None:
    # Airflow 3, without a logical date; with the one that its form fills in, which is now.
    assert taken(schedule, after=moment_) == day
    assert taken(schedule, logical=moment_, after=moment_) == day
    # Airflow 2 knows no `run_after`.
    assert taken(schedule, logical=moment_) == day


@pytest.mark.parametrize("schedule", ALL)
def test_a_midnight_elsewhere_is_no_day(schedule: Schedule) -> None:
    """Midnight in New York is neither a tick nor a midnight here: what counts is `run_after`."""
    assert taken(schedule, logical="2025-11-03T05:00", after="2025-11-10T12:00") == "2025-11-09"


def test_a_pipeline_without_a_schedule_counts_days_in_utc() -> None:
    assert taken(None, after="2025-11-04T10:00") == "2025-11-03"
    assert taken(None, logical="2025-11-04T00:00", after="2025-11-20T10:00") == "2025-11-04"


def test_other_schedules_take_days_that_they_run() -> None:
    hourly = Schedule("0 * * * *", "UTC", "2025-01-01")
    weekly = Schedule("0 0 * * 1", "UTC", "2025-01-01")  # Mondays
    assert taken(hourly, after="2025-11-04T10:30") == "2025-11-03"
    assert taken(weekly, after="2025-11-05T10:30") == "2025-10-27"


def test_days_begin_late_where_clocks_jump_at_midnight() -> None:
    """In Cairo 2025-04-25 began at 01:00, which was 22:00 of the day before in UTC."""
    cairo = Schedule("0 0 * * *", "Africa/Cairo", "2025-01-01")
    assert taken(cairo, logical="2025-04-24T22:00", after="2025-06-01T00:00") == "2025-04-25"
    assert taken(cairo, after="2025-04-24T22:00:01") == "2025-04-24"
    assert taken(cairo, after="2025-04-24T21:59:59") == "2025-04-23"


def test_no_clock_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run takes the same day a week later: nothing here asks what time it is."""

    class Clockless(datetime):
        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            raise AssertionError("asked for the time")

        utcnow = today = now

    import lakehouse_dags.days as days

    monkeypatch.setattr(days, "datetime", Clockless)
    assert taken(TOKYO, after="2025-11-04T10:13") == "2025-11-03"


def test_a_run_that_has_nothing_has_no_day() -> None:
    with pytest.raises(NoDay, match="neither"):
        taken(UTC)


@pytest.mark.parametrize(
    "text",
    ["2025-13-01", "2025-02-29", "2025-11-1", "20251101", "2025-11-01T00:00", "x", "2025-11-01\n"],
)
def test_a_date_is_written_in_one_way(text: str) -> None:
    with pytest.raises(NoDay, match="is not a date such as"):
        taken(UTC, form=text)


def test_moments_of_any_zone_are_the_same_moments() -> None:
    local = datetime(2025, 11, 4, 0, 0, tzinfo=timezone(timedelta(hours=9)))
    assert last_closed_day(local, TOKYO) == date(2025, 11, 3)


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        (Schedule("0 0 * *", "UTC", "2025-01-01"), "five fields"),
        (Schedule("0 25 * * *", "UTC", "2025-01-01"), "not a schedule of cron"),
        (Schedule("0 0 30 2 *", "UTC", "2025-01-01"), "not a schedule of cron"),
        (Schedule("0 0 * * *", "Europe/Atlantis", "2025-01-01"), "not a time zone"),
        (Schedule("0 0 * * *", "../etc/passwd", "2025-01-01"), "not a time zone"),
        (Schedule("0 0 * * *", "UTC", "yesterday"), "start"),
    ],
)
def test_what_is_wrong_with_a_schedule(schedule: Schedule, problem: str) -> None:
    assert problem in (schedule_problem(schedule) or "")


@pytest.mark.parametrize("schedule", ALL)
def test_a_good_schedule_has_no_problem(schedule: Schedule) -> None:
    assert schedule_problem(schedule) is None
