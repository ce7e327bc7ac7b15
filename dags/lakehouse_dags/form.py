"""The form of a manual run: what it offers, and what a run makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse_dags.airflow_api import Param
from lakehouse_dags.pipelines import Pipeline

_DATE = """The day to run, as `2025-11-01`.

**Empty**: the run's logical date where that is a tick of the schedule or a midnight (in the
schedule's time zone, {timezone}); else the last day that had closed when the run was made. A
scheduled run or a backfill always takes its own day."""


class FormError(Exception):
    """A form with a value that cannot be used; the text says which."""


@dataclass(frozen=True)
class Form:
    """What a run's form asks for."""

    date: str | None
    datasets: tuple[str, ...]
    profile: bool
    prune: bool


def parameters(pipeline: Pipeline) -> dict[str, Param]:
    """The fields of a pipeline's form. A default is fixed at parse time, so none is a day."""
    zone = pipeline.schedule.timezone if pipeline.schedule else "UTC"
    return {
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Run date",
            description_md=_DATE.format(timezone=zone),
        ),
        "datasets": Param(
            [],
            type="array",
            items={"type": "string", "enum": list(pipeline.datasets)},
            examples=list(pipeline.datasets),
            title="Datasets",
            description="Only these datasets; all when empty. Marts always run.",
        ),
        "profile": Param(
            False,
            type="boolean",
            title="Profile",
            description="Also count distinct values and quantiles of each column.",
        ),
        "prune": Param(
            False,
            type="boolean",
            title="Prune bronze",
            description="Remove files from bronze that the source no longer has. This cannot be undone.",
        ),
    }


def read(parameters: Mapping[str, Any], pipeline: Pipeline) -> Form:
    """What a run's parameters ask for; not every way to start a run checks them first."""
    datasets = parameters.get("datasets") or []
    if not isinstance(datasets, list) or not all(isinstance(name, str) for name in datasets):
        raise FormError("`datasets` is not a list of names")
    for name in datasets:
        if name not in pipeline.datasets:
            known = ", ".join(pipeline.datasets)
            raise FormError(f"there is no dataset {name!r}; {pipeline.name} has {known}")
    date = parameters.get("date") or None
    if date is not None and not isinstance(date, str):
        raise FormError("`date` is not a text such as `2025-11-01`")
    return Form(
        date=date,
        datasets=tuple(datasets),
        profile=_flag(parameters, "profile"),
        prune=_flag(parameters, "prune"),
    )


def _flag(parameters: Mapping[str, Any], name: str) -> bool:
    value = parameters.get(name) or False
    if not isinstance(value, bool):
        raise FormError(f"`{name}` is neither true nor false")
    return value
