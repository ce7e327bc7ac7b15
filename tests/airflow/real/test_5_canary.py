"""After all the others: what they have left behind holds no secret."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from . import places
from .airflow import Airflow
from .needles import Needles, tables_with
from .processes import HAS_PROC, Watch, wait_for
from .world import World

SECRETS = ("S3 secret", "pseudonym key")
# How credentials are handed to the components, in files that only their owner reads.
HANDED_OVER = ("airflow/environment",)
# The connection itself, and the audit log's entry of its making.
SHOWN_LOGIN = {"connection.login", "log.extra"}


# Like the others, but none of them: what watches the machine must not find what is planted here.
PLANTED = f"planted-key-{secrets.token_hex(20)}"


@pytest.fixture
def needles_planted() -> Needles:
    return Needles({"planted": PLANTED})


@pytest.fixture(params=["raw", "base64", "base64 within", "hex"])
def planted(request: pytest.FixtureRequest) -> str:
    secret = PLANTED
    return {
        "raw": f"before{secret}after",
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 within": base64.b64encode(f'{{"key": "{secret}"}}'.encode()).decode(),
        "hex": secret.encode().hex(),
    }[request.param]


@pytest.mark.parametrize(
    "kind", ["log", "json", "database", "long text in database", "parquet", "parquet metadata"]
)
def test_a_planted_secret_is_found(
    kind: str, planted: str, needles_planted: Needles, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "file"
    if kind == "log":
        file.write_text(f"one\nan innocent line {planted}\n", encoding="utf-8")
    elif kind == "json":
        file.write_text(json.dumps({"a": [planted]}), encoding="utf-8")
    elif kind.endswith("database"):
        value = "x" * 4000 + planted if "long" in kind else planted
        with sqlite3.connect(file) as database:
            database.execute("create table rendered (fields text)")
            database.execute("insert into rendered values (?)", (value,))
        assert tables_with(needles_planted, file) == {"planted": {"rendered.fields"}}
    else:
        file = file.with_suffix(".parquet")
        # Compressed, and in a dictionary: nothing to be found in the raw bytes.
        query = (
            f"copy (select '{planted}' || (i % 1) as a from range(1000) r(i))"
            f" to '{file}' (compression zstd)"
            if kind == "parquet"
            else f"copy (select 1 as a) to '{file}' (kv_metadata {{note: '{planted}'}})"
        )
        subprocess.run(
            [places.tools_python(), "-c", "import duckdb, sys; duckdb.sql(sys.argv[1])", query],
            env=places.machine(),
            check=True,
        )
    assert needles_planted.within_files(folder) == {"planted": {file.name}}


needs_proc = pytest.mark.skipif(not HAS_PROC, reason="SKIPPED: needs /proc")


@needs_proc
def test_a_secret_in_arguments_is_found(needles_planted: Needles) -> None:
    watch = Watch(needles_planted.within)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", PLANTED])
    wait_for("its arguments", lambda: bool(watch.found), timeout_secs=30)
    process.kill()
    process.wait()
    watch.stop()
    assert set(watch.found) == {"planted"}


def test_no_secret_is_in_what_airflow_keeps(airflow: Airflow, needles: Needles) -> None:
    kept = {str(file.relative_to(airflow.folder)) for file in airflow.home.rglob("*.log")}
    # What is looked into is there: tasks' logs, the components' output, the database.
    assert any("dag_id=sales" in file for file in kept)
    assert {"airflow/scheduler.log", "airflow/api-server.log", "airflow/dag-processor.log"} <= kept
    database = airflow.home / "airflow.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for table in ("rendered_task_instance_fields", "task_instance", "dag_run"):
            assert connection.execute(f"select count(*) from {table}").fetchone()[0] > 0
        assert connection.execute("select count(*) from xcom").fetchone()[0] == 0

    found = needles.within_files(airflow.folder, *HANDED_OVER)
    columns = tables_with(needles, database)
    assert {name: where for name, where in found.items() if name in SECRETS} == {}
    assert {name: where for name, where in columns.items() if name in SECRETS} == {}
    # Where Airflow itself shows the login, and nowhere else.
    assert found.get("S3 login", set()) <= {
        "airflow/airflow.db",
        "airflow/airflow.db-wal",
    }
    assert columns.get("S3 login", set()) == SHOWN_LOGIN


def test_no_secret_is_in_what_airflow_2_keeps(world: World, needles: Needles) -> None:
    home = world.folder / "airflow-2"
    if not home.exists():
        pytest.skip("SKIPPED: Airflow 2.11 has not run")
    assert list(home.rglob("*.log"))
    assert needles.within_files(home) == {}
    assert tables_with(needles, home / "airflow.db") == {}


def test_no_secret_is_in_the_lake(world: World, needles: Needles, tmp_path: Path) -> None:
    world.store.download(tmp_path)
    assert {"bronze", "silver", "gold", "quarantine", "staging"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert list((tmp_path / "staging").rglob("*.json"))
    assert len(list(tmp_path.rglob("*.parquet"))) > 20
    assert needles.within_files(tmp_path) == {}
    shutil.rmtree(tmp_path)


@needs_proc
def test_no_secret_was_in_any_processs_arguments(watch: Watch) -> None:
    assert watch.looks > 100
    assert watch.found == {}


@needs_proc
def test_nothing_listens_but_on_loopback(airflow: Airflow) -> None:
    """No component of Airflow has opened a port on another interface."""
    ours = {int(line.split()[0]) for line in (airflow.home / "processes").read_text().splitlines()}
    tree = subprocess.run(
        ["ps", "-A", "-o", "pid=", "-o", "pgid="], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    members = {int(line.split()[0]) for line in tree.splitlines() if int(line.split()[1]) in ours}
    sockets = {
        target.removeprefix("socket:[").removesuffix("]")
        for pid in members
        for target in _links(Path(f"/proc/{pid}/fd"))
        if target.startswith("socket:[")
    }
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                listening.append(words[1].split(":")[0])
    assert listening
    assert set(listening) == {"0100007F"}


def _links(folder: Path) -> list[str]:
    try:
        return [str(link.readlink()) for link in folder.iterdir()]
    except OSError:
        return []
