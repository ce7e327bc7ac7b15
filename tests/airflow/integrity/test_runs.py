"""Whole runs in Airflow's own task runner, with stages that are small scripts (`dag.test`)."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import bag
import pytest
from lakehouse_dags.airflow_api import AIRFLOW_3
from places import CHECKOUT
from stages import Stages

SECRET = "canary-of-the-store-4711/+="
KEY = "canary-of-pseudonyms-0123456789abcdef"
SCHEDULES = {
    "utc": ("0 0 * * *", "UTC"),
    "at_three": ("0 3 * * *", "UTC"),
    "tokyo": ("0 0 * * *", "Asia/Tokyo"),
}
WAY = ["bronze", "silver", "check", "gold", "cleanup"]
Run = Callable[..., "Ended"]


class Ended:
    """A run that has ended."""

    def __init__(self, dag_run: Any) -> None:
        self.run_id = dag_run.run_id
        self.state = str(getattr(dag_run.state, "value", dag_run.state))
        tasks = dag_run.get_task_instances()
        self.states = {
            task.task_id: str(getattr(task.state, "value", task.state)) for task in tasks
        }
        self.tries = {task.task_id: task.try_number for task in tasks}
        self.shown = {task.rendered_map_index for task in tasks if task.rendered_map_index}


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    return Stages(tmp_path)


@pytest.fixture
def run(tmp_path: Path, stages: Stages, database: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a pipeline: three like `sales` with other schedules, and the shipped ones."""
    folder = tmp_path / "pipelines"
    shutil.copytree(CHECKOUT / "pipelines", folder)
    for name, (cron, zone) in SCHEDULES.items():
        shutil.copytree(folder / "sales", folder / name)
        file = folder / name / "pipeline.yaml"
        text = file.read_text().replace("name: sales", f"name: {name}")
        file.write_text(
            text.replace("0 0 * * *", cron).replace("timezone: UTC", f"timezone: {zone}")
        )
    store = {"conn_type": "aws", "login": "lake-login", "password": SECRET, "extra": {}}
    for variable, value in {
        "LAKE_PIPELINES_DIR": str(folder),
        "LAKE_BIN_DIR": str(stages.bin_dir),
        "LAKE_RETRIES": "2",
        "LAKE_RETRY_DELAY_SECS": "0",
        "AIRFLOW_CONN_MINIO_DEFAULT": json.dumps(store),
        "AIRFLOW_CONN_LAKE_PSEUDONYM": json.dumps({"conn_type": "generic", "password": KEY}),
    }.items():
        monkeypatch.setenv(variable, value)

    def start(
        name: str = "utc", logical: str | None = None, after: str | None = None, **conf: Any
    ) -> Ended:
        moments = [
            datetime.fromisoformat(text).replace(tzinfo=timezone.utc) if text else None
            for text in (logical, after)
        ]
        dags = bag.load().dags
        if AIRFLOW_3:
            now = datetime.now(timezone.utc)
            ended = dags[name].test(
                logical_date=moments[0], run_after=moments[1] or now, run_conf=conf
            )
        else:
            # Airflow 2 has one moment for both.
            ended = dags[name].test(execution_date=moments[0] or moments[1], run_conf=conf)
        return Ended(ended)

    return start


def test_a_day_goes_its_way(run: Run, stages: Stages) -> None:
    ended = run("utc", logical="2025-03-01T00:00")
    assert ended.state == "success"
    starts = stages.starts()
    assert [start.stage for start in starts] == WAY
    for start in starts:
        assert start.value_of("--date") == "2025-03-01"
        assert start.value_of("--run-id") == ended.run_id
        assert start.stdin == "/dev/null"
    # The day stands beside each task in the list of the run's tasks.
    assert ended.shown == {"2025-03-01"}


def test_snapshots_are_a_task_of_their_own(run: Run, stages: Stages) -> None:
    assert run("online_retail", logical="2011-03-01T00:00").state == "success"
    kinds = [start.value_of("--materialised") for start in stages.starts() if start.stage == "gold"]
    assert kinds == ["partition", "snapshot"]
    assert stages.starts()[-1].stage == "cleanup"


def test_the_janitor(run: Run, stages: Stages) -> None:
    ended = run("lakehouse_janitor", after="2025-11-04T10:13:14")
    assert ended.state == "success"
    arguments = sorted(start.arguments for start in stages.starts())
    assert [start.value_of("--pipeline") for start in stages.starts() if start.stage == "load"] == [
        "community"
    ]
    run_of = ["--date", "2025-11-03", "--run-id", ended.run_id]
    stale = [
        ["--pipeline", pipeline, *run_of, "--stale"]
        # Of the one that has a warehouse both stages ask: gold, and load after it.
        for pipeline in sorted(["community", "community", "online_retail", "sales", *SCHEDULES])
    ]
    assert arguments == [["--older-than", "2d"], *stale]


# --- which day -------------------------------------------------------------------------------

BY_LOGICAL_DATE = [
    ("utc", "2025-04-02T00:00", "2025-04-02"),
    ("at_three", "2025-04-03T03:00", "2025-04-03"),
    ("at_three", "2025-04-04T00:00", "2025-04-04"),
    ("tokyo", "2025-04-01T15:00", "2025-04-02"),
]
BY_CLOSING = [
    ("utc", "2025-05-03T10:13:14", "2025-05-02"),
    ("at_three", "2025-05-03T02:13:14", "2025-05-01"),
    ("at_three", "2025-05-03T03:13:14", "2025-05-02"),
    ("tokyo", "2025-05-02T14:13:14", "2025-05-01"),
    ("tokyo", "2025-05-02T15:13:14", "2025-05-02"),
]


def day_of(stages: Stages) -> str:
    (day,) = {start.value_of("--date") for start in stages.starts()}
    return day


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_day_of_the_form(run: Run, stages: Stages, name: str) -> None:
    run(name, after="2025-04-10T10:00:01", date="2025-02-03")
    assert day_of(stages) == "2025-02-03"


@pytest.mark.parametrize(("name", "logical", "day"), BY_LOGICAL_DATE)
def test_the_day_of_the_logical_date(
    run: Run, stages: Stages, name: str, logical: str, day: str
) -> None:
    run(name, logical=logical, after=f"2025-06-20T10:13:{day[-2:]}")
    assert day_of(stages) == day


@pytest.mark.parametrize(("name", "after", "day"), BY_CLOSING)
def test_the_last_day_that_had_closed(
    run: Run, stages: Stages, name: str, after: str, day: str
) -> None:
    """Long after: what counts is when the run was made, not when its task runs."""
    run(name, after=after)
    assert day_of(stages) == day


def test_a_task_that_is_cleared_a_week_later_takes_the_same_day(
    run: Run, stages: Stages, database: Path
) -> None:
    made = datetime(2025, 7, 9, 10, 0, 2)
    ended = run("tokyo", after=made.isoformat())
    assert day_of(stages) == "2025-07-08"
    stages.forget()
    _clear_and_run_again("tokyo", ended.run_id)
    assert [start.stage for start in stages.starts()] == ["silver"]
    assert day_of(stages) == "2025-07-08"
    assert datetime.now(timezone.utc) - made.replace(tzinfo=timezone.utc) > timedelta(days=7)


def _clear_and_run_again(name: str, run_id: str) -> None:
    """What the button `Clear` does to one task, and then its next try."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import clear_task_instances
    from airflow.utils.session import create_session

    if not AIRFLOW_3:
        # Notes of task instances refer to the table of users, which a web server would know.
        import airflow.providers.fab.auth_manager.models  # noqa: F401
    dag = bag.load().dags[name]
    with create_session() as session:
        dag_run = session.query(DagRun).filter_by(dag_id=name, run_id=run_id).one()
        silver = dag_run.get_task_instance("silver", session=session)
        clear_task_instances([silver], session, **({} if AIRFLOW_3 else {"dag": dag}))
        session.commit()
        silver = dag_run.get_task_instance("silver", session=session)
        assert silver.state is None
        if AIRFLOW_3:
            from airflow.sdk.definitions.dag import _run_task

            _run_task(ti=silver, task=dag.get_task("silver"), run_triggerer=False)
        else:
            from airflow.models.dag import _run_task

            silver.task = dag.get_task("silver")
            _run_task(ti=silver, session=session)


# --- how a run ends --------------------------------------------------------------------------


def test_a_refused_day_fails_at_once_and_is_cleaned_up(run: Run, stages: Stages) -> None:
    stages.wish("check", 1)
    ended = run(logical="2025-03-02T00:00")
    assert ended.state == "failed"
    assert ended.states == {
        "bronze": "success",
        "silver": "success",
        "check": "failed",
        "gold": "upstream_failed",
        "cleanup": "success",
    }
    assert [start.stage for start in stages.starts()] == ["bronze", "silver", "check", "cleanup"]


def test_nothing_to_do_is_skipped_and_cleaned_up(run: Run, stages: Stages) -> None:
    stages.wish("bronze", 99)
    ended = run(logical="2025-03-03T00:00")
    assert ended.state == "success"
    assert {ended.states[task] for task in WAY[:-1]} == {"skipped"}
    assert ended.states["cleanup"] == "success"
    assert [start.stage for start in stages.starts()] == ["bronze", "cleanup"]


def test_a_source_that_must_not_be_missing(run: Run, stages: Stages) -> None:
    """`whenMissing: fail`: bronze refuses, and is not tried again."""
    stages.wish("bronze", 1)
    ended = run(logical="2025-03-04T00:00")
    assert ended.state == "failed"
    assert ended.states["bronze"] == "failed"
    assert [start.stage for start in stages.starts()] == ["bronze", "cleanup"]


@pytest.mark.parametrize(("minute", "end"), [(1, 75), (2, "kill-9"), (3, "kill-15")])
def test_transient_failures_and_kills_are_tried_again(
    run: Run, stages: Stages, minute: int, end: str | int
) -> None:
    stages.wish("silver", end, 0)
    ended = run(after=f"2025-03-05T00:0{minute}:05")
    assert ended.state == "success"
    assert [start.stage for start in stages.starts()] == ["bronze", "silver", *WAY[1:]]


def test_a_stage_that_never_recovers_fails_in_the_end(run: Run, stages: Stages) -> None:
    stages.wish("silver", 75)
    ended = run(logical="2025-03-06T00:00")
    assert ended.state == "failed"
    tries = [start.stage for start in stages.starts()]
    assert tries == ["bronze", "silver", "silver", "silver", "cleanup"]


def test_a_cleanup_that_fails_hides_no_success(run: Run, stages: Stages) -> None:
    stages.wish("cleanup", 2)
    ended = run(logical="2025-03-07T00:00")
    assert ended.state == "success"
    assert ended.states["cleanup"] == "failed"


def test_a_cleanup_that_fails_hides_no_failure(run: Run, stages: Stages) -> None:
    stages.wish("gold", 70)
    stages.wish("cleanup", 2)
    ended = run(logical="2025-03-08T00:00")
    assert ended.state == "failed"
    assert (ended.states["gold"], ended.states["cleanup"]) == ("failed", "failed")


def test_whoever_is_named_is_told_once_of_a_failed_run(
    run: Run, stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    import alerts

    alerts.told.clear()
    monkeypatch.setenv("LAKE_FAILURE_NOTIFIER", "alerts:tell")
    assert run(logical="2025-03-14T00:00").state == "success"
    assert alerts.told == []
    stages.wish("check", 1)
    ended = run(logical="2025-03-15T00:00")
    assert ended.state == "failed"
    assert alerts.told == [ended.run_id]


# --- the form --------------------------------------------------------------------------------


def test_the_wishes_of_a_form(run: Run, stages: Stages) -> None:
    run(logical="2025-03-09T00:00", datasets=["transactions"], profile=True, prune=True)
    extra = {start.stage: start.arguments[6:] for start in stages.starts()}
    some = ["--dataset", "transactions"]
    assert extra == {
        "bronze": [*some, "--prune"],
        "silver": [*some, "--profile"],
        "check": some,
        "gold": ["--materialised", "partition"],
        "cleanup": [],
    }


@pytest.mark.parametrize(
    "conf", [{"date": '"; touch bait; "'}, {"datasets": ["$(touch bait)"]}, {"prune": "--help"}]
)
def test_a_hostile_form_starts_nothing(run: Run, stages: Stages, conf: dict[str, Any]) -> None:
    from airflow.providers.common.compat.sdk import ParamValidationError

    with suppress(ParamValidationError):
        run(after="2025-03-10T00:00:07", **conf)
    assert stages.starts() == []


# --- what is kept ----------------------------------------------------------------------------


def test_the_day_is_on_the_runs_page(run: Run, database: Path) -> None:
    ended = run(after="2025-03-11T10:00:08")
    with sqlite3.connect(database) as connection:
        fields = connection.execute(
            "SELECT task_id, rendered_fields FROM rendered_task_instance_fields WHERE run_id = ?",
            (ended.run_id,),
        ).fetchall()
        events = []
        if AIRFLOW_3:  # Airflow 2 registers assets in its scheduler, which is not here
            events = connection.execute(
                "SELECT extra FROM asset_event WHERE source_run_id = ?", (ended.run_id,)
            ).fetchall()
    assert {json.loads(field)["run_date"] for _, field in fields} == {"2025-03-10"}
    assert len(fields) == len(WAY)
    if AIRFLOW_3:
        assert {json.loads(extra)["date"] for (extra,) in events} == {"2025-03-10"}
        assert len(events) == 4  # bronze, silver, two marts
        assert {
            "date": "2025-03-10",
            "partition": "s3://silver/utc/transactions/year=2025/month=03/day=10",
        } in [json.loads(extra) for (extra,) in events]


def test_secrets_are_kept_nowhere(
    run: Run, stages: Stages, database: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = run(logical="2025-03-12T00:00")
    said = "".join(capfd.readouterr())
    starts = {start.stage: start for start in stages.starts()}
    assert starts["silver"].environment["LAKE_PSEUDONYM_KEY"] == KEY
    assert starts["gold"].environment["AWS_SECRET_ACCESS_KEY"] == SECRET
    kept = _everything(database)
    logs = "".join(
        path.read_text(errors="replace")
        for path in (database.parent / "logs").rglob("*")
        if path.is_file()
    )
    assert ended.run_id in kept + said
    for secret in (SECRET, KEY):
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            assert form not in said
            assert form not in kept
            assert form not in logs
            assert not any(form in " ".join(start.command) for start in starts.values())


def test_a_secret_in_the_database_would_be_found(run: Run, database: Path) -> None:
    ended = run(logical="2025-03-13T00:00", date=None)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE planted (text TEXT)")
        connection.execute("INSERT INTO planted VALUES (?)", (SECRET,))
        connection.commit()
        assert SECRET in _everything(database)
        connection.execute("DROP TABLE planted")
    assert ended.run_id in _everything(database)


def _everything(database: Path) -> str:
    """All values of all tables as text."""
    with sqlite3.connect(database) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return "\n".join(
            str(value.decode(errors="replace") if isinstance(value, bytes) else value)
            for (table,) in tables.fetchall()
            for row in connection.execute(f'SELECT * FROM "{table}"')
            for value in row
        )
