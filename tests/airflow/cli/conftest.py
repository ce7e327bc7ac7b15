"""The command's modules can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from places import bin_dir

CHECKOUT = Path(__file__).resolve().parents[3]
CLI = CHECKOUT / "docker" / "airflow" / "cli"
sys.path.insert(0, str(CLI))


DATASETS = """\
datasets:
  orders: {contract: contracts/orders.odcs.yaml, from: /orders, files: "*", format: {json: lines}}
"""


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two pipelines: `plain`, and `late` that ticks at 03:00 in Tokyo and has
    snapshots."""
    folder = tmp_path / "pipelines"
    for name, cron, zone, marts in (
        ("plain", "0 0 * * *", "UTC", "{}"),
        ("late", "0 3 * * *", "Asia/Tokyo", "{a: {reads: {gold.b: all}, grain: [a], materialised: snapshot}, "
            "b: {reads: {silver.orders: day}, grain: [a]}}"),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "pipeline.yaml").write_text(
            f"name: {name}\n"
            f'schedule: {{cron: "{cron}", timezone: {zone}, start: 2025-01-01}}\n'
            f"{DATASETS}marts: {marts}\n",
            encoding="utf-8",
        )
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(folder))
    monkeypatch.setenv("LAKE_BIN_DIR", str(bin_dir()))
    return folder
