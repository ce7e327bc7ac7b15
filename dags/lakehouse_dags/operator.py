"""The operator of every task: a stage, in an environment made in the worker."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse_dags import assets, budget, connections, days, environment, form, outcome
from lakehouse_dags.airflow_api import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BashOperator,
)
from lakehouse_dags.pipelines import Pipeline, pipelines_dir

_RUN_ID = re.compile(r"[A-Za-z0-9._~:+-]{1,250}")
# What a person can put right; to try it again as it is would not help.
_PROBLEMS = (days.NoDay, form.FormError, environment.EnvironmentProblem, budget.BudgetError)


class StageOperator(BashOperator):
    """Runs a stage and turns its exit code into success, retry, skip or failure."""

    # `run_date` is shown on the task's page. The environment is none of them: what is rendered is
    # kept in the metadata database.
    template_fields: Sequence[str] = ("bash_command", "run_date")
    template_ext: Sequence[str] = ()
    ui_color = "#e8f0f4"

    def __init__(
        self,
        *,
        pipeline: Pipeline | None,
        schedule: days.Schedule | None,
        runs_at_once: int,
        pseudonyms: bool = False,
        sources: bool = False,
        settings: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> None:
        # The day also stands beside the task's name in lists of a run's tasks.
        arguments.setdefault("map_index_template", "{{ task.run_date }}")
        super().__init__(do_xcom_push=False, append_env=False, **arguments)
        self.pipeline = pipeline
        self.schedule_of_day = schedule
        self.runs_at_once = runs_at_once
        self.pseudonyms = pseudonyms
        self.sources = sources
        self.settings = dict(settings or {})
        self.run_date: str | None = None
        self.run_date_reason = ""

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Takes the run's day as well, so that it is shown with the rendered fields."""
        # A run without a day fails in `execute`, where it can say so.
        try:
            taken = self._take_day(context)
        except _PROBLEMS:
            pass
        else:
            self.run_date, self.run_date_reason = taken.date.isoformat(), taken.reason
        super().render_template_fields(context, jinja_env)

    def execute(self, context: Any) -> None:
        try:
            taken = self._take_day(context)
            child_environment = self.get_env(context)
        except _PROBLEMS as problem:
            raise AirflowFailException(str(problem)) from problem
        self.log.info("LAKE_RUN_DATE=%s (%s)", taken.date, taken.reason)
        result = self.subprocess_hook.run_command(
            command=[shutil.which("bash") or "bash", "-c", self.bash_command],
            env=child_environment,
            output_encoding=self.output_encoding,
        )
        _judge(result.exit_code)
        self._describe_outlets(context, taken)

    def get_env(self, context: Any) -> dict[str, str]:
        """The whole environment of the stage, secrets included: it is kept nowhere."""
        pipeline = self.pipeline
        taken = self._take_day(context)
        dag_run = context["dag_run"]
        # Airflow lets an administrator allow other names than its own.
        if not _RUN_ID.fullmatch(dag_run.run_id):
            raise form.FormError(f"the run id {dag_run.run_id!r} has letters that no stage takes")
        folder = pipelines_dir()
        result = environment.of_worker(pipeline.environment if pipeline else (), folder)
        result.update(self._budget(dag_run))
        result.update(self.settings)
        result["LAKE_RUN_DATE"] = taken.date.isoformat()
        result["LAKE_RUN_ID"] = dag_run.run_id
        if pipeline:
            result["LAKE_PIPELINE"] = pipeline.name
            result.update(_form_environment(self._form(context)))
        result.update(connections.store_environment())
        if pipeline and self.pseudonyms and pipeline.pseudonymises:
            result.update(connections.pseudonym_environment())
        if pipeline and self.sources:
            result.update(connections.source_environment(pipeline.sources))
        return result

    def _take_day(self, context: Any) -> days.RunDay:
        dag_run = context["dag_run"]
        return days.run_date(
            run_type=str(getattr(dag_run.run_type, "value", dag_run.run_type)),
            logical_date=getattr(dag_run, "logical_date", None),
            run_after=getattr(dag_run, "run_after", None),
            form_date=self._form(context).date,
            schedule=self.schedule_of_day,
        )

    def _form(self, context: Any) -> form.Form:
        if self.pipeline is None:
            return form.Form(date=None, datasets=(), profile=False, prune=False)
        return form.read(context.get("params") or {}, self.pipeline)

    def _budget(self, dag_run: Any) -> dict[str, str]:
        from os import environ

        in_a_crowd = str(getattr(dag_run.run_type, "value", dag_run.run_type)) == "backfill"
        memory = budget.memory_bytes(environ, self.runs_at_once)
        threads = budget.threads(environ, self.runs_at_once, shared=in_a_crowd)
        return {"LAKE_MEMORY_LIMIT": str(memory), "LAKE_THREADS": str(threads)}

    def _describe_outlets(self, context: Any, taken: days.RunDay) -> None:
        """Says with each asset's event which day it is about."""
        for outlet in self.outlets or ():
            context["outlet_events"][outlet].extra = {
                "date": taken.date.isoformat(),
                "partition": assets.place(outlet.uri, taken.date),
            }


def _form_environment(asked: form.Form) -> dict[str, str]:
    result = {}
    if asked.datasets:
        result["LAKE_RUN_DATASETS"] = "\n".join(asked.datasets)
    if asked.profile:
        result["LAKE_RUN_PROFILE"] = "true"
    if asked.prune:
        result["LAKE_RUN_PRUNE"] = "true"
    return result


def _judge(exit_code: int) -> None:
    said = f"exit code {exit_code}: {outcome.meaning(exit_code)}"
    match outcome.verdict(exit_code):
        case outcome.Verdict.RETRY:
            raise AirflowException(said)
        case outcome.Verdict.SKIP:
            raise AirflowSkipException(said)
        case outcome.Verdict.FAIL:
            raise AirflowFailException(f"{said}; what the stage said is above")
