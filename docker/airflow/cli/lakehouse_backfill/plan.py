"""Which run dates of a range are run, and which are left as they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .dates import Day

# The states of a run, by what happens to a date that has run before, that are run again.
RUN_AGAIN = {"none": (), "failed": ("failed",), "completed": ("failed", "success")}


@dataclass
class Plan:
    """The run dates of a range by what happens to them."""

    to_run: list[Day] = field(default_factory=list)
    # Run by somebody else at this moment: waited for.
    in_flight: list[Day] = field(default_factory=list)
    # Ran before, with the state that is left.
    left: dict[Day, str] = field(default_factory=dict)
    # Their interval has not ended: nothing can be said about them yet.
    not_closed: list[Day] = field(default_factory=list)

    @property
    def closed(self) -> list[Day]:
        """All but those that have not closed, in the order of their dates."""
        days = [*self.to_run, *self.in_flight, *self.left]
        return sorted(days, key=lambda day: day.logical_date)

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"{day.run_date} will run" for day in self.to_run]
        lines += [f"{day.run_date} is running already" for day in self.in_flight]
        lines += [
            f"{day.run_date} ran before: {state}; left as it is" for day, state in self.left.items()
        ]
        lines += [
            f"{day.run_date} closes only at {day.closes_at:%Y-%m-%d %H:%M} UTC; left out"
            for day in self.not_closed
        ]
        return sorted(lines)


def make(
    days: Sequence[Day], states: Mapping[datetime, str], reprocess: str, now: datetime
) -> Plan:
    """Sorts the days of a range."""
    plan = Plan()
    for day in days:
        state = states.get(day.logical_date)
        if day.closes_at > now:
            plan.not_closed.append(day)
        elif state is None or state in RUN_AGAIN[reprocess]:
            plan.to_run.append(day)
        elif state in ("success", "failed"):
            plan.left[day] = state
        else:
            plan.in_flight.append(day)
    return plan
