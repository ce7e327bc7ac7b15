"""The lake's tables as Airflow's assets, so that its graph shows the lake."""

from __future__ import annotations

import os
from datetime import date

from lakehouse_dags.airflow_api import Asset
from lakehouse_dags.pipelines import Pipeline

LAYERS = ("bronze", "silver", "gold")


def of_layer(layer: str, pipeline: Pipeline) -> list[Asset]:
    """A layer's assets of a pipeline: one per dataset, or per mart."""
    tables = pipeline.marts if layer == "gold" else pipeline.datasets
    return [of_table(layer, pipeline.name, table) for table in tables]


def of_table(layer: str, pipeline: str, table: str) -> Asset:
    """One table. Its name is its address below the lake's places, wherever those are.

    It has no scheme on purpose: for `s3://` Airflow would load every provider while it parses.
    """
    return Asset(f"{layer}/{pipeline}/{table}")


def place(uri: str, day: date) -> str:
    """The address of a day's partition of an asset."""
    layer, rest = uri.split("/", 1)
    root = os.environ.get(f"LAKE_{layer.upper()}_URL") or f"s3://{layer}"
    return f"{root.rstrip('/')}/{rest}/year={day:%Y}/month={day:%m}/day={day:%d}"
