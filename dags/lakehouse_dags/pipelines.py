"""What Airflow needs to know of a pipeline's folder. `lake validate` judges the rest."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lakehouse_dags.days import Schedule, pipeline_schedule_problem

# The C loader where it was compiled; either reads every value as the text that it is, so that
# neither a date nor a `no` becomes something else.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

PIPELINE_FILE = "pipeline.yaml"
# The DAG that serves all pipelines; none of them may be called so.
JANITOR = "lakehouse_janitor"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
# What a pipeline may not have: credentials come from connections alone.
_CREDENTIAL = re.compile(
    r"(AWS|AIRFLOW)_.*|.*(SECRET|PASSWORD|TOKEN|CREDENTIAL|PSEUDONYM_KEY|PRIVATE_KEY).*"
)


class PipelineError(Exception):
    """A pipeline's folder that no DAG can be made of; the text names the file."""


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
    contracts: tuple[str, ...]
    partition_marts: tuple[str, ...]
    snapshot_marts: tuple[str, ...]
    # The partition marts that snapshots read.
    snapshot_inputs: tuple[str, ...]

    @property
    def marts(self) -> tuple[str, ...]:
        return self.partition_marts + self.snapshot_marts

    def documentation(self) -> str | None:
        """The text of its README.md."""
        try:
            return (self.folder / "README.md").read_text(encoding="utf-8")
        except OSError:
            return None

    def pseudonymises(self) -> bool:
        """Whether one of its contracts asks for pseudonyms, which take a key.

        A contract that cannot be read is left to the stage, which says what is wrong with it.
        """
        return any(_pseudonymises(self.folder / contract) for contract in self.contracts)


def pipelines_dir() -> Path:
    """The folder that holds one folder per pipeline."""
    given = os.environ.get("LAKE_PIPELINES_DIR")
    if given:
        return Path(given).absolute()
    return Path(__file__).absolute().parents[2] / "pipelines"


def find() -> list[Path]:
    """The folders that hold a pipeline, sorted."""
    try:
        folders = sorted(pipelines_dir().iterdir())
    except OSError as error:
        raise PipelineError(
            f"cannot read the folder of pipelines {pipelines_dir()}: {error.strerror}; "
            "set LAKE_PIPELINES_DIR in the environment of Airflow's components"
        ) from error
    return [folder for folder in folders if (folder / PIPELINE_FILE).is_file()]


def read_all() -> tuple[list[Pipeline], list[PipelineError]]:
    """Every pipeline that a DAG can be made of, and what is wrong with the others."""
    pipelines, errors = [], []
    for folder in find():
        try:
            pipelines.append(read(folder))
        except PipelineError as error:
            errors.append(error)
    return pipelines, errors


def read(folder: Path) -> Pipeline:
    """Reads a pipeline's folder."""
    path = folder / PIPELINE_FILE
    try:
        return _read(folder, yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        raise PipelineError(f"{path}: {error}") from error


def _read(folder: Path, document: Any) -> Pipeline:
    root = _mapping(document, "the file")
    name = _text(root, "name") or ""
    if name != folder.name or not _NAME.fullmatch(name):
        raise ValueError(f"`name` is `{name}`, but must be that of its folder, `{folder.name}`")
    if name == JANITOR:
        raise ValueError(f"`name` is `{name}`, which is a DAG of the lakehouse's own")
    environment = _texts(root, "environment")
    for variable in environment:
        if not _VARIABLE.fullmatch(variable):
            raise ValueError(f"`environment`: `{variable}` is not the name of a variable")
        if _CREDENTIAL.fullmatch(variable):
            raise ValueError(
                f"`environment`: `{variable}` looks like a credential; those come from connections"
            )
    datasets = _mapping(root.get("datasets"), "`datasets`")
    if not datasets:
        raise ValueError("`datasets` is empty")
    marts = _mapping(root.get("marts") or {}, "`marts`")
    for kind, entries in (("dataset", datasets), ("mart", marts)):
        for entry, value in entries.items():
            if not _NAME.fullmatch(entry):
                raise ValueError(f"{kind} `{entry}`: not a name")
            _mapping(value, f"{kind} `{entry}`")
    snapshots = tuple(
        mart for mart, value in marts.items() if value.get("materialised") == "snapshot"
    )
    partitions = tuple(mart for mart in marts if mart not in snapshots)
    read_by_snapshots = {
        source
        for mart in snapshots
        for source in _mapping(marts[mart].get("reads") or {}, f"mart `{mart}`: `reads`")
    }
    return Pipeline(
        name=name,
        folder=folder,
        description=_text(root, "description"),
        owner=_text(root, "owner") or "lakehouse",
        tags=_texts(root, "tags"),
        schedule=_schedule(root.get("schedule")),
        environment=environment,
        datasets=tuple(datasets),
        contracts=tuple(
            contract
            for dataset in datasets.values()
            if isinstance(contract := dataset.get("contract"), str)
        ),
        partition_marts=partitions,
        snapshot_marts=snapshots,
        snapshot_inputs=tuple(mart for mart in partitions if f"gold.{mart}" in read_by_snapshots),
    )


def _schedule(value: Any) -> Schedule | None:
    if not value:
        return None
    mapping = _mapping(value, "`schedule`")
    schedule = Schedule(
        cron=_text(mapping, "cron") or "",
        timezone=_text(mapping, "timezone") or "UTC",
        start=_text(mapping, "start") or "",
    )
    if problem := pipeline_schedule_problem(schedule):
        raise ValueError(f"`schedule`: {problem}")
    return schedule


def _pseudonymises(contract: Path) -> bool:
    try:
        document = yaml.load(contract.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return _has_property(document, "pseudonymise")


def _has_property(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return value.get("property") == name or any(
            _has_property(inner, name) for inner in value.values()
        )
    return isinstance(value, list) and any(_has_property(inner, name) for inner in value)


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a mapping")
    return value


def _text(mapping: dict[str, Any], key: str) -> str | None:
    value = mapping.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"`{key}` is not a text")
    return value or None


def _texts(mapping: dict[str, Any], key: str) -> tuple[str, ...]:
    value = mapping.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"`{key}` is not a list of texts")
    return tuple(value)
