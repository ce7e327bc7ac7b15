"""What is made of a pipeline's description, and of what is wrong with one. The executable that
describes is the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from clean import no_environment_of_the_caller  # noqa: F401 (for every test here)
from lakehouse_dags import pipelines
from lakehouse_dags.days import Schedule
from lakehouse_dags.pipelines import PipelineError
from places import CHECKOUT, bin_dir
from shop import PSEUDONYMISED, SOUND, WITH_A_TABLE, write


def test_a_folder_is_described(tmp_path: Path) -> None:
    pipeline = pipelines.read(write(tmp_path / "shop"))
    assert (pipeline.name, pipeline.owner, pipeline.description) == ("shop", "retail", "A shop.")
    assert pipeline.tags == ("a", "no")
    assert pipeline.schedule == Schedule("0 3 * * *", "Asia/Tokyo", "2025-01-01")
    assert pipeline.environment == ("SHOP_DIR",)
    assert pipeline.datasets == ("orders",)
    assert (pipeline.partition_marts, pipeline.snapshot_marts) == (("daily",), ("rolling",))
    assert pipeline.snapshot_inputs == ("daily",)
    assert pipeline.documentation() is None
    (tmp_path / "shop" / "README.md").write_text("# Shop", encoding="utf-8")
    assert pipeline.documentation() == "# Shop"


def test_tables_of_databases_are_told_from_files(tmp_path: Path) -> None:
    pipeline = pipelines.read(write(tmp_path / "shop"))
    assert (pipeline.tables, pipeline.sources) == ((), ())
    pipeline = pipelines.read(write(tmp_path / "more" / "shop", WITH_A_TABLE))
    assert pipeline.datasets == ("orders", "returns")
    assert (pipeline.tables, pipeline.sources) == (("returns",), ("shop_pg",))


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (("name: shop", "name: other"), ":1:7: ", "its folder is not"),
        (("datasets:", "datasets: ["), ":", "pipeline.yaml"),
        (("SHOP_DIR]", "AWS_SECRET_ACCESS_KEY]"), ":6:15: ", "looks like a credential"),
        (("0 3 * * *", "0 99 * * *"), ":5:18: ", "`99` is not an hour"),
        (("0 3 * * *", "0 * * * *"), ":5:18: ", "ticks 24 times a day"),
        (("Asia/Tokyo", "Asia/Nowhere"), ":5:", "Asia/Nowhere"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, change: tuple[str, str], place: str, message: str
) -> None:
    folder = write(tmp_path / "shop", SOUND.replace(*change))
    with pytest.raises(PipelineError) as error:
        pipelines.read(folder)
    assert str(error.value).startswith(f"{folder / 'pipeline.yaml'}{place}")
    assert message in str(error.value)


def test_no_pipeline_is_called_like_the_janitor(tmp_path: Path) -> None:
    name = pipelines.JANITOR
    folder = write(tmp_path / name, SOUND.replace("name: shop", f"name: {name}"))
    with pytest.raises(PipelineError, match="lakehouse's own"):
        pipelines.read(folder)


def test_good_ones_are_read_beside_broken_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shop")
    write(tmp_path / "broken", "name: [")
    (tmp_path / "no_pipeline").mkdir()
    (tmp_path / "a_file").write_text("", encoding="utf-8")
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    good, problems = pipelines.read_all()
    assert [pipeline.name for pipeline in good] == ["shop"]
    assert len(problems) == 1
    assert str(tmp_path / "broken" / "pipeline.yaml") in problems[0]
    # A task of one of them looks at that one alone; the janitor's looks at all.
    assert [pipeline.name for pipeline in pipelines.read_all("shop")[0]] == ["shop"]
    assert pipelines.read_all("shop")[1] == []
    assert pipelines.read_all(pipelines.JANITOR) == (good, problems)


@pytest.mark.parametrize("file", ["contracts/orders.odcs.yaml", "marts/daily.sql"])
def test_a_broken_contract_or_mart_takes_no_dag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    folder = write(tmp_path / "shop")
    (folder / file).unlink()
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    (shop,), (problem,) = pipelines.read_all()
    assert shop.partition_marts == ("daily",)
    assert str(folder / file) in problem
    assert "hint: " in problem


def test_a_schedule_that_airflow_does_not_know(tmp_path: Path) -> None:
    """The thirtieth of February is well-formed cron, and never comes."""
    folder = write(tmp_path / "shop", SOUND.replace("0 3 * * *", "0 0 30 2 *"))
    with pytest.raises(PipelineError, match=r"pipeline\.yaml.*0 0 30 2 \*"):
        pipelines.read(folder)


def test_a_folder_of_pipelines_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", "/nowhere")
    with pytest.raises(PipelineError, match=r"LAKE_PIPELINES_DIR=/nowhere ended with exit code 2"):
        pipelines.read_all()


@pytest.mark.parametrize("given", ["", "bin", "/nowhere"])
def test_executables_that_are_not_there(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    monkeypatch.setenv("LAKE_BIN_DIR", given)
    with pytest.raises(PipelineError, match="LAKE_BIN_DIR|/nowhere/lake"):
        pipelines.read_all()


def test_it_gets_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "lake"
    script.write_text(
        "#!/bin/bash\n/usr/bin/tr '\\0' '\\n' </proc/$$/environ >\"${0%/*}/seen\"\n"
        'echo \'{"pipelines": [], "problems": []}\'\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("LAKE_BIN_DIR", str(tmp_path))
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", "a-secret")
    assert pipelines.read_all() == ([], [])
    assert (tmp_path / "seen").read_text().split() == [f"LAKE_PIPELINES_DIR={tmp_path}"]


def test_the_shipped_pipelines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(CHECKOUT / "pipelines"))
    described, problems = pipelines.read_all()
    assert problems == []
    shipped = {pipeline.name: pipeline for pipeline in described}
    assert shipped["sales"].pseudonymises
    assert not shipped["online_retail"].pseudonymises
    assert shipped["online_retail"].snapshot_marts == ("customer_rfm",)
    assert (bin_dir() / "lake").is_file()


def test_who_pseudonymises(tmp_path: Path) -> None:
    assert pipelines.read(write(tmp_path / "1" / "shop", SOUND, PSEUDONYMISED)).pseudonymises
    plain = write(tmp_path / "2" / "shop")
    assert not pipelines.read(plain).pseudonymises
    (plain / "contracts" / "orders.odcs.yaml").write_text("schema: [", encoding="utf-8")
    assert not pipelines.read(plain).pseudonymises
