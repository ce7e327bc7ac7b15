"""Pipelines, as the DAGs' own modules read them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .outcome import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse_dags.pipelines import Pipeline


def find_modules() -> None:
    """Lets the DAGs' own modules be imported: they lie in Airflow's folder of DAGs."""
    from airflow.configuration import conf

    folder = conf.get("core", "dags_folder")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        import lakehouse_dags  # noqa: F401
    except ImportError as error:
        raise Stop(
            f"the folder of DAGs {folder} does not hold the lakehouse's: {error}",
            "set AIRFLOW__CORE__DAGS_FOLDER to the project's folder `dags`",
        ) from None


def folder() -> Path:
    """Where the pipelines are: LAKE_PIPELINES_DIR, as for the DAGs."""
    from lakehouse_dags import pipelines

    return pipelines.pipelines_dir()


def exists(name: str) -> bool:
    """Whether a DAG is that of a pipeline."""
    from lakehouse_dags import pipelines

    return "/" not in name and (folder() / name / pipelines.PIPELINE_FILE).is_file()


def read(name: str) -> tuple[Pipeline, str, ZoneInfo]:
    """A pipeline, and its schedule: the cron expression and the time zone."""
    from lakehouse_dags import pipelines

    try:
        pipeline = pipelines.read(folder() / name)
    except pipelines.PipelineError as error:
        raise Stop(str(error), "`lake validate` says what is wrong") from None
    if pipeline.schedule is None:
        raise Stop(f"the pipeline `{name}` has no schedule, so it has no run dates to fill in")
    return pipeline, pipeline.schedule.cron, pipeline.schedule.zone
