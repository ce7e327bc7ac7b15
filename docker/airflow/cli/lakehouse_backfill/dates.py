"""From run dates to what Airflow wants: moments. Pure functions; the clock is an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from .outcome import Stop


@dataclass(frozen=True)
class Day:
    """A run date: the tick that begins its interval is its logical date, the next one closes it."""

    run_date: date
    logical_date: datetime
    closes_at: datetime


def day_of(text: str, zone: ZoneInfo) -> date:
    """`2025-11-01`, or a moment, which stands for its date in the schedule's time zone."""
    try:
        # Not all that Python takes for a date: that differs from version to version.
        if not re.match(r"\d{4}-\d{2}-\d{2}(T|$)", text):
            raise ValueError
        if len(text) == 10:
            return date.fromisoformat(text)
        # Python 3.10 does not know the `Z`.
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        raise Stop(f"`{text}` is not a date", "write it as 2025-11-01") from None
    return moment.astimezone(zone).date() if moment.tzinfo else moment.date()


def window(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and the last moment of a range of days in a time zone, in UTC.

    Both ends are included by Airflow, and a tick may be at any hour: so the window ends just before
    the midnight after the last day, not at the midnight that begins it.
    """
    if last < first:
        raise Stop(f"the first day, {first}, is after the last, {last}")

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone).astimezone(timezone.utc)

    return midnight(first), midnight(last + timedelta(days=1)) - timedelta(microseconds=1)


def days(cron: str, zone: ZoneInfo, first: date, last: date) -> list[Day]:
    """The run dates of a range, by the timetable that the DAGs have."""
    import pendulum
    from airflow.timetables.base import TimeRestriction
    from airflow.timetables.interval import CronDataIntervalTimetable

    begin, end = window(first, last, zone)
    # Not the ZoneInfo itself: 2.11 wants pendulum's own time zones.
    timetable = CronDataIntervalTimetable(cron, timezone=pendulum.timezone(zone.key))
    restriction = TimeRestriction(pendulum.instance(begin), pendulum.instance(end), catchup=True)
    found: list[Day] = []
    interval = None
    while True:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=interval, restriction=restriction
        )
        if info is None:
            return found
        interval = info.data_interval
        logical_date = _utc(interval.start)
        found.append(Day(logical_date.astimezone(zone).date(), logical_date, _utc(interval.end)))


def _utc(moment: datetime) -> datetime:
    """As Python's own type, so that moments of all libraries compare and print alike."""
    return datetime.fromtimestamp(moment.timestamp(), timezone.utc)
