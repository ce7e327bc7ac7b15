"""What parsing the DAGs costs, and what it does not do."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from places import CHECKOUT, DAGS, bin_dir

PROBE = Path(__file__).resolve().parents[1] / "support" / "parse_probe.py"
FILES = sorted(path.name for path in DAGS.glob("*.py"))
MOST_MS = 200
# A machine that does other things at the same time makes single figures useless.
TIMES = 7


def probe(paths: list[Path], pipelines: Path, **environment: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-B", str(PROBE), *map(str, paths)],
        env={
            **os.environ,
            "LAKE_BIN_DIR": str(bin_dir()),
            "LAKE_PIPELINES_DIR": str(pipelines),
            **environment,
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"cpu_ms')]
    assert len(found) == len(paths), done.stdout + done.stderr
    return found


@pytest.mark.parametrize("file", FILES)
def test_parsing_is_quick_and_quiet(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = probe([DAGS / file] * TIMES, CHECKOUT / "pipelines")
    for one in found:
        assert one["errors"] == []
        assert one["tried"] == []
        assert len(one["described"]) == 1
    cpu_ms = statistics.median(one["cpu_ms"] for one in found)
    wall_ms = statistics.median(one["wall_ms"] for one in found)
    with capsys.disabled():
        print(
            f"\nparsing {file}: {cpu_ms:.0f} ms of CPU, `lake describe` included, {wall_ms:.0f} ms "
            f"by the clock beyond Airflow's own import (median of {TIMES}; at most {MOST_MS} ms of CPU)"
        )
    assert cpu_ms <= MOST_MS


def test_what_is_imported_beyond_airflow() -> None:
    """Neither a client of a store nor a data library; those belong to stages."""
    (found,) = probe([DAGS / "lakehouse.py"], CHECKOUT / "pipelines")
    heavy = {"boto3", "botocore", "duckdb", "numpy", "pandas", "pyarrow", "aiobotocore"}
    assert not heavy & set(found["modules"])
    assert found["dags"] == ["community", "lakehouse_janitor", "online_retail", "sales"]


def test_forty_pipelines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The limit is for what is shipped; this says what more of the same costs."""
    for number in range(40):
        folder = tmp_path / f"sales_{number}"
        shutil.copytree(CHECKOUT / "pipelines" / "sales", folder)
        file = folder / "pipeline.yaml"
        file.write_text(file.read_text().replace("name: sales", f"name: sales_{number}"))
    (found,) = probe([DAGS / "lakehouse.py"], tmp_path)
    assert found["errors"] == []
    assert len(found["dags"]) == 41
    (one,) = probe([DAGS / "lakehouse.py"], tmp_path, _AIRFLOW_PARSING_CONTEXT_DAG_ID="sales_7")
    assert one["dags"] == ["sales_7"]
    assert [words[3:] for words in one["described"]] == [["sales_7"]]
    with capsys.disabled():
        print(
            f"\nparsing forty pipelines: {found['cpu_ms']:.0f} ms of CPU; "
            f"for a task of one of them: {one['cpu_ms']:.0f} ms"
        )


FORBIDDEN = [
    ("BaseHook.get_connection", "BaseHook.get_connection('minio_default')"),
    ("Variable.get", "Variable.get('x')"),
    ("socket", "socket.create_connection(('127.0.0.1', 9), 1)"),
    ("socket", "urllib.request.urlopen('http://localhost:9/')"),
    ("subprocess.Popen", "subprocess.run(['true'])"),
    # Describing pipelines with the environment, and with it the credentials, of Airflow.
    ("subprocess.Popen", "subprocess.run(['/bin/lake', 'describe', '--json'])"),
]


def test_the_probe_would_see_it(tmp_path: Path) -> None:
    """A DAG file that does what none may do is caught doing it."""
    files = [tmp_path / f"bad_{number}.py" for number in range(len(FORBIDDEN))]
    for file, (_, code) in zip(files, FORBIDDEN, strict=True):
        file.write_text(
            "import socket, subprocess, urllib.request  # airflow\n"
            "from airflow.providers.common.compat.sdk import DAG, BaseHook, Variable\n"
            f"{code}\n"
        )
    for (what, _), found in zip(FORBIDDEN, probe(files, CHECKOUT / "pipelines"), strict=True):
        assert any(tried.startswith(what) for tried in found["tried"])
        assert len(found["errors"]) == 1
