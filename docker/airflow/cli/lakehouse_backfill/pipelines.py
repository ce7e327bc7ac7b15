"""What the command needs to know of a pipeline, from its pipeline.yaml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from .outcome import Stop


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that has a schedule."""

    name: str
    cron: str
    zone: ZoneInfo
    has_snapshots: bool


def folder() -> Path:
    """Where the pipelines are: LAKE_PIPELINES_DIR, as for the stages."""
    return Path(os.environ.get("LAKE_PIPELINES_DIR") or "pipelines")


def exists(name: str) -> bool:
    """Whether a DAG is that of a pipeline."""
    return "/" not in name and (folder() / name / "pipeline.yaml").is_file()


def read(name: str) -> Pipeline:
    """Reads the schedule of a pipeline, and whether it has snapshots."""
    import yaml  # a dependency of Airflow's

    file = folder() / name / "pipeline.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Stop(
            f"{file} cannot be read: {error}", "`lake validate` says what is wrong"
        ) from None
    content = content if isinstance(content, dict) else {}
    schedule = content.get("schedule")
    if not isinstance(schedule, dict) or not schedule.get("cron"):
        raise Stop(f"the pipeline `{name}` has no schedule, so it has no run dates to fill in")
    zone = schedule.get("timezone") or "UTC"
    try:
        zone = ZoneInfo(zone)
    except (KeyError, ValueError):
        raise Stop(f"{file}: there is no time zone `{zone}`") from None
    marts = content.get("marts") or {}
    return Pipeline(
        name=name,
        cron=str(schedule["cron"]),
        zone=zone,
        has_snapshots=any(
            isinstance(mart, dict) and mart.get("materialised") == "snapshot"
            for mart in marts.values()
        ),
    )
