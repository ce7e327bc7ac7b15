"""Airflow 2.11: its own backfill command, on SQLite with the SequentialExecutor."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from . import places
from .world import LAYERS, World, days


def test_three_days_by_its_own_backfill_command(world: World, tmp_path: Path) -> None:
    wanted = days("2025-05-01", "2025-05-03")
    for day in wanted:
        world.make_sales(day)
    variables = dict(world.variables)
    store = {
        "conn_type": "aws",
        "login": variables.pop("AWS_ACCESS_KEY_ID"),
        "password": variables.pop("AWS_SECRET_ACCESS_KEY"),
        "extra": {"endpoint_url": variables.pop("AWS_ENDPOINT_URL"), "region_name": "us-east-1"},
    }
    key = {"conn_type": "generic", "password": variables.pop("LAKE_PSEUDONYM_KEY")}
    home = world.folder / "airflow-2"
    bin_dir = places.airflow_environment("2.11.2") / "bin"
    environment = (
        places.machine()
        | variables
        | {
            # Its executor starts tasks with the command `airflow`.
            "PATH": f"{bin_dir}:{places.STARTED_IN['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(places.CHECKOUT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW_CONN_MINIO_DEFAULT": json.dumps(store),
            "AIRFLOW_CONN_LAKE_PSEUDONYM": json.dumps(key),
            # A place of its own, so that it can be compared with what Airflow 3 made.
            **{
                f"LAKE_{layer.upper()}_URL": f"s3://airflow-2/{layer}"
                for layer in ("bronze", "staging", *LAYERS)
            },
        }
    )
    command = bin_dir / "airflow"
    home.mkdir()
    with (home / "output.log").open("wb") as output:
        for words in (
            ("db", "migrate"),
            ("dags", "backfill", "-s", wanted[0], "-e", wanted[-1], "sales"),
        ):
            ended = subprocess.run(
                [command, *words],
                env=environment,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=400,
                check=False,
            )
            assert ended.returncode == 0, (home / "output.log").read_text()[-3000:]
    found = {
        f"{layer}/{name}": digest
        for layer in LAYERS
        for name, digest in world.store.contents("airflow-2", f"{layer}/sales/").items()
    }
    assert found == world.reference("sales", *wanted)
