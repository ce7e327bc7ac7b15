"""Airflow 2.11, on SQLite with the SequentialExecutor: its own backfill command, and ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from . import places
from .world import LAYERS, World, days

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
        self._environment = {
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
            env=self._environment | {"PATH": f"{first}:{path}" if first else path},
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
