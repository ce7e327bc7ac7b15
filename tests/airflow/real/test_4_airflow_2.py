"""Airflow 2.11, on SQLite with the SequentialExecutor: its own backfill command, and ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from . import places
from .test_3_which_day import SCHEDULES, last_closed
from .web_2 import Web
from .world import LAYERS, World, days

# As a worker does it; whether the day has a file is another matter.
RUN_BRONZE = """
import json, sys
from airflow.models import DagBag, TaskInstance

days = {}
for run_id, dag in json.loads(sys.argv[1]).items():
    # Read anew for each, as a worker does: a run's conf stays in the parameters of its DAG object.
    dags = DagBag(include_examples=False)
    instance = TaskInstance(dags.get_dag(dag).get_task("bronze"), run_id=run_id)
    instance.refresh_from_db()
    try:
        instance.run(ignore_all_deps=True)
    except Exception as error:
        print(error)
    instance.refresh_from_db()
    days[run_id] = instance.rendered_map_index
print(json.dumps(days))
"""
# A place of its own, so that what it makes can be compared.
PREFIX = "airflow-2"


class Airflow2:
    """Its commands, which need no other process."""

    def __init__(self, world: World) -> None:
        self.home = world.folder / "airflow-2"
        self.home.mkdir()
        self.bin_dir = places.airflow_environment("2.11.2") / "bin"
        store, pseudonyms = world.connections()
        taken = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
        variables = {
            name: value
            for name, value in world.variables.items()
            if name not in taken | {"LAKE_PSEUDONYM_KEY"}
        }
        for connection in (store, pseudonyms):
            del connection["connection_id"]
        store["extra"] = json.loads(store["extra"])
        self.environment = {
            **places.machine(),
            **variables,
            **{
                f"LAKE_{layer.upper()}_URL": f"s3://{PREFIX}/{layer}"
                for layer in ("bronze", "staging", *LAYERS)
            },
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(places.CHECKOUT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW_CONN_MINIO_DEFAULT": json.dumps(store),
            "AIRFLOW_CONN_LAKE_PSEUDONYM": json.dumps(pseudonyms),
        }

    def run(self, *words: str, first: Path | None = None) -> str:
        """Types `airflow …`, with a folder that goes before Airflow's own; what it says."""
        path = f"{self.bin_dir}:{places.STARTED_IN['PATH']}"
        ended = subprocess.run(
            [(first or self.bin_dir) / "airflow", *words],
            env=self.environment | {"PATH": f"{first}:{path}" if first else path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
        with (self.home / "output.log").open("a", encoding="utf-8") as output:
            output.write(ended.stdout)
        assert ended.returncode == 0, ended.stdout[-3000:]
        return ended.stdout

    def days_of(self, runs: dict[str, str]) -> dict[str, str]:
        """Runs `bronze` of these runs, each of a DAG, in a process of its own; the day that each
        shows beside the task."""
        ended = subprocess.run(
            [self.bin_dir / "python", "-c", RUN_BRONZE, json.dumps(runs)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout.splitlines()[-1])

    def published(self, world: World, pipeline: str) -> dict[str, str]:
        return {
            f"{layer}/{name}": digest
            for layer in LAYERS
            for name, digest in world.store.contents(PREFIX, f"{layer}/{pipeline}/").items()
        }


@pytest.fixture(scope="module")
def airflow2(world: World) -> Airflow2:
    made = Airflow2(world)
    made.run("db", "migrate")
    return made


@pytest.fixture(scope="module")
def web(airflow2: Airflow2) -> Iterator[Web]:
    airflow2.run("dags", "reserialize")
    path = {"PATH": f"{airflow2.bin_dir}:{places.STARTED_IN['PATH']}"}
    made = Web(airflow2.bin_dir / "airflow", airflow2.environment | path, airflow2.run)
    try:
        yield made
    finally:
        made.stop()


def test_runs_by_hand_take_their_days(airflow2: Airflow2, web: Web) -> None:
    before = datetime.now(timezone.utc)
    expected: dict[tuple[str, str], str | None] = {}
    for dag, (zone, hour) in SCHEDULES.items():
        tick = datetime(2026, 1, 10, hour, tzinfo=zone).isoformat()
        midnight = datetime(2026, 1, 11, tzinfo=zone).isoformat()
        form = {"date": "2026-01-12"}

        def by_command(name: str, *words: str, dag: str = dag) -> str:
            airflow2.run("dags", "trigger", dag, "--run-id", name, *words)
            return name

        expected |= {
            # With the logical date that the form has filled in, which is now.
            (dag, web.by_form(dag, f"{dag}-form-filled", **form)): "2026-01-12",
            (dag, web.by_form(dag, f"{dag}-form")): None,
            (dag, web.by_rest(dag)): None,
            (dag, web.by_rest(dag, tick)): "2026-01-10",
            (dag, web.by_rest(dag, "2026-02-03T04:05:06Z", **form)): "2026-01-12",
            (dag, by_command(f"{dag}-command")): None,
            (dag, by_command(f"{dag}-midnight", "-e", midnight)): "2026-01-11",
            (dag, by_command(f"{dag}-conf", "-c", json.dumps(form))): "2026-01-12",
        }
    after = datetime.now(timezone.utc)
    taken = airflow2.days_of({run: dag for dag, run in expected})
    for (dag, run), day in expected.items():
        # A night may pass while they are made.
        closed = {last_closed(dag, before), last_closed(dag, after)}
        assert taken[run] in ({day} if day else closed), run


def test_three_days_by_its_own_backfill_command(airflow2: Airflow2, world: World) -> None:
    wanted = days("2025-05-01", "2025-05-03")
    for day in wanted:
        world.make_sales(day)
    airflow2.run("dags", "backfill", "-s", wanted[0], "-e", wanted[-1], "sales")
    assert airflow2.published(world, "sales") == world.reference("sales", *wanted)


def test_days_by_the_command_of_both_majors(airflow2: Airflow2, world: World) -> None:
    cli = places.CHECKOUT / "docker" / "airflow" / "cli"
    wanted = days("2025-05-01", "2025-05-02")
    for day in wanted:
        world.make_shop(day)
    words = ("dags", "backfill", "--unpause", "-s", wanted[0], "-e", wanted[-1], "-B", "shop")
    assert "rebuilding snapshots" in airflow2.run(*words, first=cli)
    assert airflow2.published(world, "shop") == world.reference("shop", *wanted)
    assert airflow2.run(*words, first=cli).count("ran before: success") == 2
