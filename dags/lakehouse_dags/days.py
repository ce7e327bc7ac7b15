"""Which day a run is about. Pure functions: none of them looks at a clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Runs that Airflow makes for a tick of the schedule; every other kind is made by somebody.
_OF_A_TICK = ("scheduled", "backfill")


@dataclass(frozen=True)
class Schedule:
    """When a pipeline runs: `schedule` of its pipeline.yaml."""

    cron: str
    timezone: str
    start: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def start_date(self) -> datetime:
        """Midnight of its first day, in its own time zone."""
        return datetime.combine(parse_date(self.start), time(), self.zone)


# What stands in for the schedule of a pipeline without one, whose runs are all made by hand.
EVERY_MIDNIGHT = Schedule(cron="0 0 * * *", timezone="UTC", start="1970-01-01")


class NoDay(Exception):
    """A run whose day cannot be told; the text says why."""


@dataclass(frozen=True)
class RunDay:
    """The day that a run takes, and why that one."""

    date: date
    reason: str


def schedule_problem(schedule: Schedule) -> str | None:
    """What is wrong with a schedule, if anything."""
    try:
        zone = schedule.zone
    except (KeyError, ValueError, OSError):
        return f"`{schedule.timezone}` is not a time zone"
    try:
        start = datetime.combine(parse_date(schedule.start), time())
    except NoDay as error:
        return f"`start`: {error}"
    if len(schedule.cron.split()) != 5:
        return f"`{schedule.cron}` is not a schedule of cron: write five fields"
    try:
        croniter(schedule.cron, start).get_next(datetime)
    except (CroniterError, ValueError) as error:
        return f"`{schedule.cron}` is not a schedule of cron: {error}"
    return None if zone else "no time zone"


def parse_date(text: str) -> date:
    """A date as people and forms write it: `2025-11-01`."""
    if isinstance(text, str) and _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise NoDay(f"{text!r} is not a date such as 2025-11-01")


def run_date(
    *,
    run_type: str,
    logical_date: datetime | None,
    run_after: datetime | None,
    form_date: str | None,
    schedule: Schedule | None,
) -> RunDay:
    """The day that a run is about.

    Everything that it looks at is kept with the run, so a task that is cleared a week later
    takes the same day. `run_after` is unknown to Airflow 2, whose runs all have a logical date.
    """
    schedule = schedule or EVERY_MIDNIGHT
    if run_type in _OF_A_TICK and logical_date is not None:
        return RunDay(day_of(logical_date, schedule), f"{run_type} run")
    if form_date:
        return RunDay(parse_date(form_date), "given in the form")
    if logical_date is not None and is_tick(logical_date, schedule):
        return RunDay(day_of(logical_date, schedule), "logical date, a tick of the schedule")
    if logical_date is not None and is_midnight(logical_date, schedule):
        return RunDay(day_of(logical_date, schedule), "logical date, a midnight of the schedule")
    moment = run_after or logical_date
    if moment is None:
        raise NoDay("the run has neither a date in its form, nor a logical date, nor a `run_after`")
    return RunDay(
        last_closed_day(moment, schedule), f"the last day that had closed at {moment.isoformat()}"
    )


def day_of(moment: datetime, schedule: Schedule) -> date:
    """The date of a moment in the schedule's time zone."""
    return moment.astimezone(schedule.zone).date()


def is_midnight(moment: datetime, schedule: Schedule) -> bool:
    """Whether a day of the schedule's time zone begins at this moment."""
    return _at(datetime.combine(day_of(moment, schedule), time()), schedule) == moment


def is_tick(moment: datetime, schedule: Schedule) -> bool:
    """Whether the schedule ticks at this moment."""
    return _at(_last_tick(moment, schedule), schedule) == moment


def last_closed_day(moment: datetime, schedule: Schedule) -> date:
    """The last run date that had closed at this moment.

    A day closes with the first tick on a later date, which is when its scheduled run may begin:
    with a tick at 03:00 that is 03:00 of the next day.
    """
    tick = _last_tick(moment, schedule)
    midnight = datetime.combine(tick.date(), time())
    return croniter(schedule.cron, midnight).get_prev(datetime).date()


def _last_tick(moment: datetime, schedule: Schedule) -> datetime:
    """The last tick not after a moment, on the wall clock of the schedule's time zone."""
    wall = moment.astimezone(schedule.zone).replace(tzinfo=None)
    # The minute after, since the tick before a tick is another one.
    cron = croniter(schedule.cron, wall.replace(second=0, microsecond=0) + timedelta(minutes=1))
    tick = cron.get_prev(datetime)
    # A wall clock that jumps ahead skips ticks: they come at the end of the gap.
    while _at(tick, schedule) > moment:
        tick = cron.get_prev(datetime)
    return tick


def _at(wall: datetime, schedule: Schedule) -> datetime:
    return wall.replace(tzinfo=schedule.zone).astimezone(timezone.utc)
