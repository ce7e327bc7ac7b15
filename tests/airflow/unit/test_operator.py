"""The operator: what its stage gets, and what becomes of the task."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)
from lakehouse_dags import commands, environment, pipelines
from lakehouse_dags.operator import StageOperator
from places import CHECKOUT
from stages import Stages
from shop import PSEUDONYMISED, SOUND, WITH_A_TABLE, write

SECRET = "canary-of-the-store/+=%22"
KEY = "canary-of-pseudonyms-0123456789abcdef"

class OutletEvents(dict[Any, Any]):
    def __missing__(self, key: Any) -> Any:
        return self.setdefault(key, SimpleNamespace(extra=None))


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stages:
    stages = Stages(tmp_path)
    write(tmp_path / "pipelines" / "shop", SOUND, PSEUDONYMISED)
    monkeypatch.setenv("LAKE_BIN_DIR", str(stages.bin_dir))
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path / "pipelines"))
    connect(monkeypatch, endpoint_url="http://127.0.0.1:9000")
    return stages


def connect(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    store = {"conn_type": "aws", "login": "lake-login", "password": SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", json.dumps(store))
    key = {"conn_type": "generic", "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE_PSEUDONYM", json.dumps(key))


def operator(command: str = commands.BRONZE, **arguments: Any) -> StageOperator:
    pipeline = pipelines.read(pipelines.pipelines_dir() / "shop")
    return StageOperator(
        **{
            "task_id": "stage",
            "bash_command": command,
            "pipeline": pipeline,
            "schedule": pipeline.schedule,
            "runs_at_once": 4,
            **arguments,
        }
    )


def context(run_type: str = "manual", run_id: str = "r1", **params: Any) -> dict[str, Any]:
    dag_run = SimpleNamespace(
        run_type=run_type,
        run_id=run_id,
        logical_date=datetime(2025, 10, 31, 18, tzinfo=timezone.utc),
        run_after=datetime(2026, 1, 1, tzinfo=timezone.utc),
    )
    return {"dag_run": dag_run, "params": params, "outlet_events": OutletEvents()}


# --- the environment -------------------------------------------------------------------------


def test_the_environment_is_what_is_listed_and_nothing_else(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed_on = {
        "SHOP_DIR": "/data/shop",
        "TMPDIR": "/tmp",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/etc/ssl/ca.pem",
        "LAKE_SILVER_URL": "s3://one/silver",
        "LAKE_LOG": "debug",
    }
    kept_back = {
        "LAKE_PSEUDONYM_KEY": "of the worker's environment, of no connection",
        "LAKE_SALES_DIR": "of another pipeline",
        "LAKE_FAILURE_NOTIFIER": "a:b",
        "AWS_SECRET_ACCESS_KEY": "of the worker",
        "AWS_SESSION_TOKEN": "of the worker",
        "AWS_PROFILE": "of the worker",
        "AIRFLOW__SMTP__SMTP_PASSWORD": "secret",
        "BASH_ENV": "/etc/evil",
        "LD_PRELOAD_OF_NOBODY": "x",
        "PYTHONPATH": "x",
    }
    for name, value in (passed_on | kept_back).items():
        monkeypatch.setenv(name, value)
    operator().execute(context())
    (start,) = stages.starts()
    # What the shell adds to every child; it says nothing.
    found = {key: value for key, value in start.environment.items() if key not in ("_", "PWD")}
    assert found.pop("SHLVL") in ("0", "1")
    threads = found.pop("LAKE_THREADS")
    assert int(threads) >= 1
    assert found == passed_on | {
        "AWS_ACCESS_KEY_ID": "lake-login",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "LAKE_BIN_DIR": str(stages.bin_dir),
        "LAKE_PIPELINES_DIR": os.environ["LAKE_PIPELINES_DIR"],
        "LAKE_LOG_FORMAT": "text",
        "LAKE_MEMORY_LIMIT": str(1 << 30),
        "LAKE_PIPELINE": "shop",
        "LAKE_RUN_DATE": "2025-11-01",
        "LAKE_RUN_ID": "r1",
    }
    assert start.stdin == "/dev/null"


def test_every_documented_variable_is_passed_on_or_given() -> None:
    text = (CHECKOUT / "docs" / "environment.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    given = {
        # by the connections
        *("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_SESSION_TOKEN", "LAKE_PSEUDONYM_KEY"),
        # by the operator
        *("LAKE_PIPELINES_DIR", "LAKE_BIN_DIR", "LAKE_MEMORY_LIMIT", "LAKE_THREADS"),
    }
    # Others of the SDK's own would be a second way to say what connections say.
    left_out = {"AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_PROFILE"}
    machine = documented & set(environment.MACHINE_VARIABLES)
    assert machine == {"AWS_CA_BUNDLE", "SSL_CERT_FILE"}
    assert set(environment.LAKE_VARIABLES) | machine | given | left_out == documented


def test_attempts_and_certificates_reach_a_stage(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/ca.pem")
    operator().execute(context())
    connect(
        monkeypatch,
        endpoint_url="https://store",
        verify="/etc/own-ca.pem",
        config_kwargs={"retries": {"max_attempts": 9}},
    )
    operator().execute(context())
    found = [start.environment for start in stages.starts()]
    assert [env["AWS_MAX_ATTEMPTS"] for env in found] == ["7", "10"]
    assert [env["AWS_CA_BUNDLE"] for env in found] == ["/etc/ca.pem", "/etc/own-ca.pem"]


def test_what_the_connection_says_more(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(
        monkeypatch,
        service_config={"s3": {"endpoint_url": "http://s3:9000"}},
        endpoint_url="http://all:1",
        region_name="eu-west-3",
        aws_session_token="token",
        config_kwargs={"s3": {"addressing_style": "virtual"}},
    )
    monkeypatch.setenv("LAKE_S3_PATH_STYLE", "true")
    operator().execute(context())
    found = stages.starts()[0].environment
    assert found["AWS_ENDPOINT_URL"] == "http://s3:9000"
    assert found["AWS_REGION"] == "eu-west-3"
    assert found["AWS_SESSION_TOKEN"] == "token"
    assert found["LAKE_S3_PATH_STYLE"] == "false"
    connect(monkeypatch, path_style=True)
    operator().execute(context())
    assert stages.starts()[1].environment["LAKE_S3_PATH_STYLE"] == "true"


def test_the_key_of_pseudonyms_is_for_silver_alone(
    stages: Stages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operator().execute(context())
    operator(commands.SILVER, pseudonyms=True).execute(context())
    (tmp_path / "pipelines/shop/contracts/orders.odcs.yaml").write_text("schema: []")
    monkeypatch.delenv("AIRFLOW_CONN_LAKE_PSEUDONYM")
    operator(commands.SILVER, pseudonyms=True).execute(context())
    keys = [start.environment.get("LAKE_PSEUDONYM_KEY") for start in stages.starts()]
    assert keys == [None, KEY, None]


def test_memory_and_threads_are_divided(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_MEMORY_LIMIT", "8GiB")
    monkeypatch.setenv("LAKE_THREADS", "6")
    operator(runs_at_once=2).execute(context("scheduled"))
    operator(runs_at_once=2).execute(context("backfill"))
    found = [start.environment for start in stages.starts()]
    assert [env["LAKE_MEMORY_LIMIT"] for env in found] == [str(4 << 30)] * 2
    assert [env["LAKE_THREADS"] for env in found] == ["6", "3"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LAKE_BIN_DIR", "bin", "LAKE_BIN_DIR"),
        ("LAKE_BIN_DIR", "", "LAKE_BIN_DIR"),
        ("LAKE_MEMORY_LIMIT", "lots", "LAKE_MEMORY_LIMIT"),
        ("AIRFLOW_CONN_MINIO_DEFAULT", '{"conn_type":"aws","login":"x"}', "no password"),
        ("AIRFLOW_CONN_MINIO_DEFAULT", None, "no connection `minio_default`"),
        ("AIRFLOW_CONN_LAKE_PSEUDONYM", None, "no connection `lake_pseudonym`"),
        ("AIRFLOW_CONN_LAKE_PSEUDONYM", '{"conn_type":"generic"}', "no password"),
    ],
)
def test_what_a_person_must_put_right_fails_at_once(
    stages: Stages, monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None, message: str
) -> None:
    silver = operator(commands.SILVER, pseudonyms=True)
    if value is None:
        monkeypatch.delenv(variable)
        _without_a_database(monkeypatch)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(AirflowFailException, match=message) as error:
        silver.execute(context())
    assert SECRET not in str(error.value)
    assert stages.starts() == []


def _without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is nowhere; to look for it, Airflow would ask its server or database."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    found = BaseHook.get_connection

    def get(connection_id: str) -> Any:
        if f"AIRFLOW_CONN_{connection_id.upper()}" in os.environ:
            return found(connection_id)
        raise AirflowNotFoundException(connection_id)

    monkeypatch.setattr(BaseHook, "get_connection", get)


# --- how it ends -----------------------------------------------------------------------------


def test_done(stages: Stages) -> None:
    assert operator().execute(context()) is None


@pytest.mark.parametrize("end", [75, 137, 143, 130, "kill-9", "kill-15", "kill-2"])
def test_transient_failures_and_kills_are_tried_again(stages: Stages, end: str | int) -> None:
    stages.wish("bronze", end)
    with pytest.raises(AirflowException) as error:
        operator().execute(context())
    assert not isinstance(error.value, AirflowFailException | AirflowSkipException)


def test_nothing_to_do_is_skipped(stages: Stages) -> None:
    stages.wish("bronze", 99)
    with pytest.raises(AirflowSkipException, match="nothing to do"):
        operator().execute(context())


@pytest.mark.parametrize("end", [1, 2, 70, 3, "kill-6"])
def test_all_else_fails_at_once(stages: Stages, end: str | int) -> None:
    stages.wish("bronze", end)
    with pytest.raises(AirflowFailException, match="exit code"):
        operator().execute(context())


def test_an_executable_that_is_not_there(stages: Stages) -> None:
    (stages.bin_dir / "lake-bronze").unlink()
    with pytest.raises(AirflowFailException, match="not in LAKE_BIN_DIR"):
        operator().execute(context())


def test_a_kill_of_the_task_reaches_the_stage(stages: Stages) -> None:
    """The shell has become the stage: there is nobody in between who could keep the signal."""
    from threading import Thread

    script = stages.bin_dir / "lake-bronze"
    marker = stages.bin_dir / "terminated"
    script.write_text(
        f"#!/bin/bash\ntrap 'echo yes >{marker}; exit 143' TERM\n"
        f"echo $$ >{stages.bin_dir}/pid\nwhile :; do /bin/sleep 0.05; done\n"
    )
    task = operator()
    stages_own: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 20
        pid = ""
        while not pid and killer.is_alive() and time.monotonic() < until:
            time.sleep(0.02)
            pid = _read(stages.bin_dir / "pid")
        stages_own.append(int(pid or 0))
        task.on_kill()

    killer = Thread(target=kill)
    killer.start()
    with pytest.raises(AirflowException, match="143"):
        task.execute(context())
    killer.join()
    assert marker.exists()
    assert stages_own == [task.subprocess_hook.sub_process.pid]


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


# --- the day ---------------------------------------------------------------------------------


def test_the_day_is_shown_and_given(stages: Stages) -> None:
    from airflow.providers.common.compat.sdk import Asset

    task = operator(outlets=[Asset("silver/shop/orders")])
    run = context()
    task.execute(run)
    start = stages.starts()[0]
    assert start.value_of("--date") == "2025-11-01"
    assert start.value_of("--run-id") == "r1"
    assert run["outlet_events"][task.outlets[0]].extra == {
        "date": "2025-11-01",
        "partition": "s3://silver/shop/orders/year=2025/month=11/day=01",
    }


def test_a_failure_says_nothing_of_assets(stages: Stages) -> None:
    from airflow.providers.common.compat.sdk import Asset

    stages.wish("bronze", 75)
    task = operator(outlets=[Asset("silver/shop/orders")])
    run = context()
    with pytest.raises(AirflowException):
        task.execute(run)
    assert not run["outlet_events"]


def test_the_forms_wishes(stages: Stages) -> None:
    run = context(date="2025-03-09", datasets=["orders"], profile=True, prune=True)
    operator().execute(run)
    arguments = stages.starts()[0].arguments
    assert arguments == [
        *("--pipeline", "shop", "--date", "2025-03-09", "--run-id", "r1"),
        *("--dataset", "orders", "--prune"),
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"date": '2025-11-01"; touch /tmp/bait; "'},
        {"date": "$(touch /tmp/bait)"},
        {"datasets": ["`touch /tmp/bait`"]},
        {"prune": "; touch /tmp/bait"},
    ],
)
def test_hostile_forms_start_nothing(stages: Stages, params: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException):
        operator().execute(context(**params))
    assert stages.starts() == []


@pytest.mark.parametrize("run_id", ["a b", "a/../b", "$(id)", "", "ä", "a" * 251])
def test_a_run_id_that_no_stage_takes(stages: Stages, run_id: str) -> None:
    with pytest.raises(AirflowFailException, match="run id"):
        operator().execute(context(run_id=run_id))
    assert stages.starts() == []


# --- databases -------------------------------------------------------------------------------


def test_a_databases_connection_is_given_to_extract_alone(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipelines" / "shop" / "pipeline.yaml").write_text(WITH_A_TABLE, encoding="utf-8")
    password = "canary-of-the-database/@:%"
    connection = {
        "conn_type": "postgres",
        "login": "reader",
        "password": password,
        "host": "db.example.org",
        "port": 5433,
        "schema": "shop",
        "extra": {"sslmode": "verify-full"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_PG", json.dumps(connection))
    operator(commands.BRONZE).execute(context())
    operator(commands.SILVER, pseudonyms=True).execute(context())
    operator(commands.EXTRACT, sources=True).execute(context())
    bronze, silver, extract = stages.starts()
    for start in (bronze, silver):
        assert "LAKE_CONNECTION_SHOP_PG" not in start.environment
        assert password not in str(start.environment)
    given = json.loads(extract.environment["LAKE_CONNECTION_SHOP_PG"])
    assert json.loads(given.pop("extra")) == {"sslmode": "verify-full"}
    assert given == {key: value for key, value in connection.items() if key != "extra"}
    assert password not in " ".join(extract.arguments)


def test_a_database_without_a_connection_is_named(
    stages: Stages, tmp_path: Path
) -> None:
    (tmp_path / "pipelines" / "shop" / "pipeline.yaml").write_text(WITH_A_TABLE, encoding="utf-8")
    with pytest.raises(AirflowFailException, match="`shop_pg`"):
        operator(commands.EXTRACT, sources=True).execute(context())
    assert stages.starts() == []


# --- what is kept of it ----------------------------------------------------------------------


def test_no_secret_in_fields_that_are_kept(stages: Stages) -> None:
    task = operator(commands.SILVER, pseudonyms=True)
    run = context()
    run["task"] = task
    task.render_template_fields(run, None)
    task.execute(run)
    assert task.run_date == "2025-11-01"
    assert set(task.template_fields) == {"bash_command", "run_date"}
    assert not task.do_xcom_push
    assert not task.append_env
    kept = repr({key: value for key, value in vars(task).items() if key != "subprocess_hook"})
    start = stages.starts()[0]
    for secret in (SECRET, KEY):
        assert secret in start.environment.values()
        assert secret not in kept
        assert not any(secret in argument for argument in start.command)
        # Shows that it would be found.
        task.env = {"planted": secret}
        assert secret in repr(vars(task))
        task.env = None


def test_logs_do_not_name_secrets(
    stages: Stages, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    operator(commands.SILVER, pseudonyms=True).execute(context())
    # Airflow 2 logs through `logging`, Airflow 3 writes to standard output itself.
    said = caplog.text + "".join(capfd.readouterr())
    assert "LAKE_RUN_DATE=2025-11-01" in said
    for secret in (SECRET, KEY):
        assert secret not in said
