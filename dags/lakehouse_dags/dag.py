"""The DAG of a pipeline: bronze or extract or both, silver, check, gold, snapshots, load; cleanup in
any case."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from lakehouse_dags import assets, commands, form, notify
from lakehouse_dags.airflow_api import DAG, EXPONENTIAL, CronDataIntervalTimetable
from lakehouse_dags.operator import StageOperator
from lakehouse_dags.pipelines import Pipeline
from lakehouse_dags.settings import Settings

_LONGEST_WAIT = timedelta(minutes=15)


def task_defaults(settings: Settings, owner: str) -> dict[str, Any]:
    """Retries of every task."""
    return {
        "owner": owner,
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_secs),
        "retry_exponential_backoff": EXPONENTIAL,
        "max_retry_delay": _LONGEST_WAIT,
    }


def build(pipeline: Pipeline, settings: Settings) -> DAG:
    """The DAG of a pipeline, under the pipeline's name."""
    schedule = pipeline.schedule
    dag = DAG(
        dag_id=pipeline.name,
        description=pipeline.description,
        doc_md=pipeline.documentation(),
        # The explicit timetable means the same days on both majors; a text would not.
        schedule=CronDataIntervalTimetable(schedule.cron, timezone=schedule.timezone)
        if schedule
        else None,
        start_date=schedule.start_date if schedule else None,
        catchup=False,
        # No `dagrun_timeout`: a run that it ends is not cleaned up.
        max_active_runs=settings.max_active_runs,
        default_args=task_defaults(settings, pipeline.owner),
        params=form.parameters(pipeline),
        tags=list(pipeline.tags),
        on_failure_callback=notify.failure_callback(settings.failure_notifier),
    )
    layers = {layer: assets.of_layer(layer, pipeline) for layer in assets.LAYERS}

    def stage(task_id: str, command: str, at_once: int | None, **arguments: Any) -> StageOperator:
        return StageOperator(
            task_id=task_id,
            bash_command=command,
            dag=dag,
            pipeline=pipeline,
            schedule=schedule,
            runs_at_once=settings.max_active_runs,
            # A backfill has a limit of runs of its own; this one holds in every kind of run.
            max_active_tis_per_dag=at_once,
            **arguments,
        )

    many = settings.max_active_runs
    bronze, silver, gold = layers["bronze"], layers["silver"], layers["gold"]
    intake = []
    if files := _outlets(bronze, pipeline, of_databases=False):
        intake.append(stage("bronze", commands.BRONZE, many, outlets=files))
    if tables := _outlets(bronze, pipeline, of_databases=True):
        intake.append(stage("extract", commands.EXTRACT, many, outlets=tables, sources=True))
    # One of the two may have nothing to do: what has nothing for an old day skips no others.
    rule = {"trigger_rule": "none_failed_min_one_success"} if len(intake) > 1 else {}
    tasks = [
        stage("silver", commands.SILVER, many, inlets=bronze, pseudonyms=True, **rule),
        stage("check", commands.CHECK, many, outlets=silver),
    ]
    partitions, snapshots = _split(gold, pipeline)
    read = [assets.of_table("gold", pipeline.name, mart) for mart in pipeline.snapshot_inputs]
    if partitions:
        tasks.append(stage("gold", commands.GOLD, many, inlets=silver, outlets=partitions))
    if snapshots:
        # One at a time across runs: a snapshot looks back over what other days publish.
        tasks.append(
            stage("snapshots", commands.SNAPSHOTS, 1, inlets=read, outlets=snapshots)
        )
    if pipeline.warehouses:
        # One at a time across runs: loads of one warehouse wait for each other in any case, and
        # one that waits here holds no worker.
        tasks.append(stage("load", commands.LOAD, 1, inlets=gold))
    cleanup = stage("cleanup", commands.CLEANUP, None)
    for task in intake:
        task >> tasks[0]
    for earlier, later in pairwise(tasks):
        earlier >> later
    # A teardown without a setup runs after success, failure and kill, and decides nothing.
    tasks[-1] >> cleanup.as_teardown()
    return dag


def _outlets(bronze: list[Any], pipeline: Pipeline, *, of_databases: bool) -> list[Any]:
    """The assets of the datasets that come from databases, or of those that come from files."""
    return [
        asset
        for asset, dataset in zip(bronze, pipeline.datasets, strict=True)
        if (dataset in pipeline.tables) == of_databases
    ]


def _split(gold: list[Any], pipeline: Pipeline) -> tuple[list[Any], list[Any]]:
    count = len(pipeline.partition_marts)
    return gold[:count], gold[count:]
