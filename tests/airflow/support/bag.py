"""Airflow's own bag of DAGs, on both majors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from places import DAGS


def load(path: Path = DAGS) -> Any:
    """What Airflow finds in a file or a folder of DAGs."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag

        return DagBag(str(path), include_examples=False, collect_dags=True)
    return DagBag(str(path))


def serialized(dag: Any) -> dict[str, Any]:
    """What Airflow keeps of a DAG in its database."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization
    document = Serialization.to_dict(dag)
    Serialization.validate_schema(document)
    return document
