"""The janitor: what dead workers left behind, stale marts, and what warehouses lack of them."""

from __future__ import annotations

from lakehouse_dags import commands, days, notify
from lakehouse_dags.airflow_api import DAG, CronDataIntervalTimetable
from lakehouse_dags.dag import task_defaults
from lakehouse_dags.operator import StageOperator
from lakehouse_dags.pipelines import JANITOR, Pipeline
from lakehouse_dags.settings import Settings

_DOCUMENTATION = """\
Sweeps what dead workers left in the store and on this machine, and rebuilds the marts that were made
from other inputs, or by another definition, than now: after a day was replayed, the snapshots of the
days that came after it. Warehouses are then loaded with what they lack.

It may run at any time, beside any other run, as often as you like.
"""


def build(pipelines: list[Pipeline], settings: Settings) -> DAG:
    """The janitor's DAG, over all pipelines."""
    schedule = days.Schedule(cron=settings.janitor_cron, timezone="UTC", start="2025-01-01")
    if problem := days.schedule_problem(schedule):
        raise ValueError(f"LAKE_JANITOR_CRON: {problem}")
    dag = DAG(
        dag_id=JANITOR,
        description="Sweeps what dead workers left, and rebuilds stale marts.",
        doc_md=_DOCUMENTATION,
        schedule=CronDataIntervalTimetable(schedule.cron, timezone=schedule.timezone),
        start_date=schedule.start_date,
        catchup=False,
        max_active_runs=1,
        # One task at a time: the janitor has time, and the days need the machine.
        max_active_tasks=1,
        default_args=task_defaults(settings, "lakehouse"),
        tags=["lakehouse"],
        on_failure_callback=notify.failure_callback(settings.failure_notifier),
    )
    StageOperator(
        task_id="sweep",
        bash_command=commands.SWEEP,
        dag=dag,
        pipeline=None,
        schedule=schedule,
        runs_at_once=settings.max_active_runs,
        settings={"LAKE_OLDER_THAN": settings.janitor_older_than},
    )
    for pipeline in pipelines:
        if pipeline.marts:
            StageOperator(
                task_id=f"stale_{pipeline.name}",
                bash_command=commands.STALE,
                dag=dag,
                pipeline=pipeline,
                schedule=schedule,
                runs_at_once=settings.max_active_runs,
            )
        if pipeline.marts and pipeline.warehouses:
            load = StageOperator(
                task_id=f"load_{pipeline.name}",
                bash_command=commands.LOAD_STALE,
                dag=dag,
                pipeline=pipeline,
                schedule=schedule,
                runs_at_once=settings.max_active_runs,
                # Where no mart was stale, an earlier load may still have failed.
                trigger_rule="none_failed",
            )
            dag.get_task(f"stale_{pipeline.name}") >> load
    return dag
