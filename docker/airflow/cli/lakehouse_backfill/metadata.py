"""What Airflow's metadata database says, on both majors. Reading, and unpausing a DAG."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

# A process of Airflow that has not shown a sign of life for so long is not there.
ALIVE_SECS = 60


def major() -> int:
    """3 or 2; without importing Airflow, which takes seconds."""
    return int(importlib.metadata.version("apache-airflow").split(".", 1)[0])


def is_paused(dag_id: str) -> bool | None:
    """Whether a DAG is paused; None where Airflow does not know it."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id))


def unpause(dag_id: str) -> None:
    """As the switch in the UI does it."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(
            update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=False),
            execution_options={"synchronize_session": False},
        )


def states(dag_id: str, logical_dates: Iterable[datetime]) -> dict[datetime, str]:
    """The state of the run of each logical date that has one."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = list(logical_dates)
    if not wanted:
        return {}
    # 2.11 has the column under its older name.
    column = DagRun.logical_date if major() >= 3 else DagRun.execution_date
    found: dict[datetime, str] = {}
    with create_session() as session:
        query = select(column, DagRun.state).where(
            DagRun.dag_id == dag_id, column >= min(wanted), column <= max(wanted)
        )
        for moment, state in session.execute(query):
            found[datetime.fromtimestamp(moment.timestamp(), timezone.utc)] = str(
                getattr(state, "value", state)
            )
    return {moment: found[moment] for moment in wanted if moment in found}


def backfill_is_running(dag_id: str) -> bool:
    """Whether another backfill of the DAG is under way."""
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        if major() >= 3:
            from airflow.models.backfill import Backfill

            query = select(func.count(Backfill.id)).where(
                Backfill.dag_id == dag_id, Backfill.completed_at.is_(None)
            )
        else:
            from airflow.jobs.job import Job

            query = select(func.count(Job.id)).where(
                Job.dag_id == dag_id,
                Job.job_type == "BackfillJob",
                Job.state == "running",
                Job.latest_heartbeat > _earlier(ALIVE_SECS),
            )
        return bool(session.scalar(query))


def scheduler_is_alive() -> bool:
    """Whether a scheduler has shown a sign of life lately."""
    from airflow.jobs.job import Job
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        query = select(func.count(Job.id)).where(
            Job.job_type == "SchedulerJob",
            Job.state == "running",
            Job.latest_heartbeat > _earlier(ALIVE_SECS),
        )
        return bool(session.scalar(query))


def _earlier(secs: int) -> datetime:
    return datetime.now(timezone.utc) - timedelta(seconds=secs)
