"""From run dates to moments, whatever the hour of the tick and the zone."""

from __future__ import annotations

from datetime import date, datetime, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from lakehouse_backfill import dates
from lakehouse_backfill.outcome import Stop

UTC = ZoneInfo("UTC")
TOKYO = ZoneInfo("Asia/Tokyo")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2025-11-01", UTC, date(2025, 11, 1)),
        ("2025-11-01", TOKYO, date(2025, 11, 1)),
        ("2025-11-01T00:00:00", TOKYO, date(2025, 11, 1)),
        ("2025-11-01T18:00:00+00:00", TOKYO, date(2025, 11, 2)),
        ("2025-11-01T18:00:00Z", TOKYO, date(2025, 11, 2)),
        ("2025-11-01T18:00:00Z", UTC, date(2025, 11, 1)),
    ],
)
def test_a_day_is_a_date_or_a_moment_in_the_schedules_zone(
    text: str, zone: ZoneInfo, expected: date
) -> None:
    assert dates.day_of(text, zone) == expected


@pytest.mark.parametrize(
    "text", ["yesterday", "2025-13-01", "01.11.2025", "", "20251101", "2025-11-1"]
)
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(Stop) as error:
        dates.day_of(text, UTC)
    assert error.value.code == 2


@pytest.mark.parametrize(
    ("first", "last", "zone", "begin", "end"),
    [
        ("2025-11-01", "2025-11-03", "UTC", "2025-11-01T00:00", "2025-11-03T23:59:59.999999"),
        (
            "2025-11-01",
            "2025-11-01",
            "Asia/Tokyo",
            "2025-10-31T15:00",
            "2025-11-01T14:59:59.999999",
        ),
        # A day of 25 hours, and one that has no midnight.
        (
            "2025-10-26",
            "2025-10-26",
            "Europe/Berlin",
            "2025-10-25T22:00",
            "2025-10-26T22:59:59.999999",
        ),
        (
            "2025-04-25",
            "2025-04-25",
            "Africa/Cairo",
            "2025-04-24T22:00",
            "2025-04-25T20:59:59.999999",
        ),
    ],
)
def test_a_window_holds_whole_days(first: str, last: str, zone: str, begin: str, end: str) -> None:
    found = dates.window(date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    assert found == (moment(begin), moment(end))


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(Stop) as error:
        dates.window(date(2025, 11, 2), date(2025, 11, 1), UTC)
    assert error.value.code == 2


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"])
@pytest.mark.parametrize("cron", ["0 0 * * *", "0 3 * * *", "59 23 * * *", "30 1 * * *"])
def test_every_run_date_of_a_range_is_there_once(cron: str, zone: str) -> None:
    # Both ends of summer time lie in it.
    first, last = date(2025, 3, 1), date(2025, 11, 30)
    found = dates.days(cron, ZoneInfo(zone), first, last)
    assert [day.run_date.toordinal() for day in found] == list(
        range(first.toordinal(), last.toordinal() + 1)
    )
    for earlier, later in pairwise(found):
        assert earlier.closes_at == later.logical_date


def test_the_logical_date_is_the_tick_that_begins_the_day() -> None:
    (day,) = dates.days("0 3 * * *", TOKYO, date(2025, 11, 1), date(2025, 11, 1))
    assert day.logical_date == moment("2025-10-31T18:00")
    assert day.closes_at == moment("2025-11-01T18:00")


def test_a_weekly_schedule_has_the_days_that_it_has() -> None:
    found = dates.days("0 0 * * 1", UTC, date(2025, 11, 1), date(2025, 11, 11))
    assert [str(day.run_date) for day in found] == ["2025-11-03", "2025-11-10"]
