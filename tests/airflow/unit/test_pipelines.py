"""What is read of a pipeline's folder, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakehouse_dags import pipelines
from lakehouse_dags.days import Schedule
from lakehouse_dags.pipelines import PipelineError
from places import CHECKOUT

SOUND = """\
name: shop
description: A shop.
owner: retail
tags: [a, no]
schedule: {cron: "0 3 * * *", timezone: Asia/Tokyo, start: 2025-01-01}
environment: [SHOP_DIR]
datasets:
  orders: {contract: contracts/orders.odcs.yaml, from: "${SHOP_DIR}", files: "*"}
marts:
  daily: {reads: {silver.orders: day}, grain: [a]}
  rolling: {reads: {gold.daily: all}, grain: [a], materialised: snapshot}
"""


def write(folder: Path, text: str, contract: str = "") -> Path:
    (folder / "contracts").mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    (folder / "contracts" / "orders.odcs.yaml").write_text(contract, encoding="utf-8")
    return folder


def test_a_folder_is_read(tmp_path: Path) -> None:
    pipeline = pipelines.read(write(tmp_path / "shop", SOUND))
    assert (pipeline.name, pipeline.owner, pipeline.description) == ("shop", "retail", "A shop.")
    # Neither a truth value nor a date has been made of a text.
    assert pipeline.tags == ("a", "no")
    assert pipeline.schedule == Schedule("0 3 * * *", "Asia/Tokyo", "2025-01-01")
    assert pipeline.environment == ("SHOP_DIR",)
    assert pipeline.datasets == ("orders",)
    assert (pipeline.partition_marts, pipeline.snapshot_marts) == (("daily",), ("rolling",))
    assert pipeline.documentation() is None
    (tmp_path / "shop" / "README.md").write_text("# Shop", encoding="utf-8")
    assert pipeline.documentation() == "# Shop"


def test_the_c_loader_is_used() -> None:
    assert pipelines._Loader.__name__ == "CBaseLoader"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: shop", "name: other"), "must be that of its folder"),
        (("datasets:", "datasets: ["), "pipeline.yaml: "),
        (("SHOP_DIR]", "AWS_SECRET_ACCESS_KEY]"), "looks like a credential"),
        (("SHOP_DIR]", "AIRFLOW_CONN_MINIO_DEFAULT]"), "looks like a credential"),
        (("SHOP_DIR]", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN]"), "looks like a credential"),
        (("SHOP_DIR]", "LAKE_PSEUDONYM_KEY]"), "looks like a credential"),
        (("SHOP_DIR]", "shop-dir]"), "not the name of a variable"),
        (("0 3 * * *", "0 99 * * *"), "not a schedule of cron"),
        (("Asia/Tokyo", "Asia/Nowhere"), "not a time zone"),
        (("  orders:", "  Orders-2:"), "not a name"),
        (("{contract:", "[{contract:"), "pipeline.yaml: "),
        (("tags: [a, no]", "tags: {a: no}"), "not a list"),
    ],
)
def test_a_broken_folder_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    folder = write(tmp_path / "shop", SOUND.replace(*change))
    with pytest.raises(PipelineError) as error:
        pipelines.read(folder)
    assert str(error.value).startswith(str(folder / "pipeline.yaml"))
    assert message in str(error.value)


def test_no_pipeline_is_called_like_the_janitor(tmp_path: Path) -> None:
    name = pipelines.JANITOR
    folder = write(tmp_path / name, SOUND.replace("name: shop", f"name: {name}"))
    with pytest.raises(PipelineError, match="lakehouse's own"):
        pipelines.read(folder)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", "")
    (folder / "pipeline.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PipelineError, match=r"pipeline\.yaml"):
        pipelines.read(folder)


def test_good_ones_are_read_beside_broken_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shop", SOUND)
    write(tmp_path / "broken", "name: [")
    (tmp_path / "no_pipeline").mkdir()
    (tmp_path / "a_file").write_text("", encoding="utf-8")
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    good, errors = pipelines.read_all()
    assert [pipeline.name for pipeline in good] == ["shop"]
    assert len(errors) == 1
    assert str(tmp_path / "broken" / "pipeline.yaml") in str(errors[0])


def test_a_folder_of_pipelines_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", "/nowhere")
    with pytest.raises(PipelineError, match="LAKE_PIPELINES_DIR"):
        pipelines.read_all()


def test_the_shipped_pipelines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(CHECKOUT / "pipelines"))
    shipped = {pipeline.name: pipeline for pipeline in pipelines.read_all()[0]}
    assert shipped["sales"].pseudonymises()
    assert not shipped["online_retail"].pseudonymises()
    assert shipped["online_retail"].snapshot_marts == ("customer_rfm",)


def test_who_pseudonymises(tmp_path: Path) -> None:
    contract = """\
schema:
  - name: orders
    properties:
      - name: client
        customProperties:
          - {property: %s, vendor: lakehouse, value: {algorithm: hmac-sha-256, length: 32}}
"""
    yes = write(tmp_path / "1" / "shop", SOUND, contract % "pseudonymise")
    no = write(tmp_path / "2" / "shop", SOUND, contract % "sourcePath")
    unreadable = write(tmp_path / "3" / "shop", SOUND, "schema: [")
    assert pipelines.read(yes).pseudonymises()
    assert not pipelines.read(no).pseudonymises()
    assert not pipelines.read(unreadable).pseudonymises()
