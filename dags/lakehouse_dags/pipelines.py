"""What Airflow needs to know of the pipelines, as `lake describe` tells it.

The executable is the one judge of a pipeline's folder: what it refuses no DAG is made of, and
nothing of YAML is read here.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse_dags.days import Schedule, schedule_problem

PIPELINE_FILE = "pipeline.yaml"
# The DAG that serves all pipelines; `lake` refuses a pipeline of this name.
JANITOR = "lakehouse_janitor"
# It takes some 20 ms. Airflow gives up on a file after 30 s.
_LONGEST_SECS = 20


class PipelineError(Exception):
    """Pipelines that cannot be described, or a folder that no DAG can be made of."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline's folder, as far as Airflow needs it."""

    name: str
    folder: Path
    description: str | None
    owner: str
    tags: tuple[str, ...]
    schedule: Schedule | None
    environment: tuple[str, ...]
    datasets: tuple[str, ...]
    # Those of them that come from databases, and the databases: each a connection of its name.
    tables: tuple[str, ...]
    sources: tuple[str, ...]
    partition_marts: tuple[str, ...]
    snapshot_marts: tuple[str, ...]
    # The partition marts that snapshots read.
    snapshot_inputs: tuple[str, ...]
    warehouses: tuple[str, ...]
    # Whether one of its contracts asks for pseudonyms, which take a key. A contract that cannot be
    # read is left to the stage, which says what is wrong with it.
    pseudonymises: bool

    @property
    def marts(self) -> tuple[str, ...]:
        return self.partition_marts + self.snapshot_marts

    def documentation(self) -> str | None:
        """The text of its README.md."""
        try:
            return (self.folder / "README.md").read_text(encoding="utf-8")
        except OSError:
            return None


def pipelines_dir() -> Path:
    """The folder that holds one folder per pipeline."""
    given = os.environ.get("LAKE_PIPELINES_DIR")
    if given:
        return Path(given).absolute()
    return Path(__file__).absolute().parents[2] / "pipelines"


def read_all(wanted: str | None = None) -> tuple[list[Pipeline], list[str]]:
    """Every pipeline that a DAG can be made of, and what is wrong with any of them.

    With a name that is a pipeline's, only that one is looked at.
    """
    folder = pipelines_dir()
    known = wanted is not None and (folder / wanted / PIPELINE_FILE).is_file()
    document = _describe(folder, [wanted] if wanted is not None and known else [])
    found, problems = [], [_rendered(problem) for problem in document["problems"]]
    for described in document["pipelines"]:
        try:
            found.append(_pipeline(described))
        except PipelineError as error:
            problems.append(str(error))
    return found, problems


def read(folder: Path) -> Pipeline:
    """The pipeline of a folder."""
    document = _describe(folder.parent, [folder.name])
    for described in document["pipelines"]:
        return _pipeline(described)
    raise PipelineError("\n".join(map(_rendered, document["problems"])))


def _describe(folder: Path, names: list[str]) -> dict[str, Any]:
    """The one process that is started while DAGs are parsed. It gets nothing of the environment,
    reads the pipelines' folders and ends."""
    bin_dir = os.environ.get("LAKE_BIN_DIR", "")
    if not os.path.isabs(bin_dir):
        raise PipelineError(
            f"LAKE_BIN_DIR is `{bin_dir}`; set it in the environment of Airflow's components to "
            "the absolute path of the folder with the executables"
        )
    command = [os.path.join(bin_dir, "lake"), "describe", "--json", *names]
    try:
        ended = subprocess.run(
            command,
            env={"LAKE_PIPELINES_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_SECS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PipelineError(f"`{' '.join(command)}` did not run: {error}") from error
    try:
        document = json.loads(ended.stdout)
    except ValueError:
        said = ended.stderr.decode(errors="replace").strip()
        raise PipelineError(
            f"`{' '.join(command)}` with LAKE_PIPELINES_DIR={folder} "
            f"ended with exit code {ended.returncode}:\n{said}"
        ) from None
    return dict(document)


def _pipeline(described: dict[str, Any]) -> Pipeline:
    folder = Path(described["folder"])
    schedule = Schedule(**described["schedule"]) if described["schedule"] else None
    # Airflow reads cron and time zones with libraries and data of its own: what those do not know
    # would take the DAGs of all pipelines with it.
    if schedule and (problem := schedule_problem(schedule)):
        raise PipelineError(f"{folder / PIPELINE_FILE}: `schedule`: {problem}")
    return Pipeline(
        name=described["name"],
        folder=folder,
        description=described["description"],
        owner=described["owner"] or "lakehouse",
        tags=tuple(described["tags"]),
        schedule=schedule,
        environment=tuple(described["environment"]),
        datasets=tuple(described["datasets"]),
        tables=tuple(described["tables"]),
        sources=tuple(described["sources"]),
        partition_marts=tuple(described["partition_marts"]),
        snapshot_marts=tuple(described["snapshot_marts"]),
        snapshot_inputs=tuple(described["snapshot_inputs"]),
        warehouses=tuple(described["warehouses"]),
        pseudonymises=described["pseudonymises"],
    )


def _rendered(problem: dict[str, Any]) -> str:
    """As `lake validate` prints it: `file:line:column: message`, causes, what to do."""
    places = (problem["file"], problem["line"], problem["column"])
    address = ":".join(str(place) for place in places if place is not None)
    lines = [f"{address}: {problem['message']}"]
    lines += [f"    caused by: {cause}" for cause in problem["causes"]]
    if problem["hint"]:
        lines.append(f"    hint: {problem['hint']}")
    return "\n".join(lines)
