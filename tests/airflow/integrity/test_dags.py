"""The DAGs that Airflow makes of pipeline folders."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import bag
import pytest
from places import CHECKOUT
from shop import SOUND, WITH_A_TABLE, write

SHIPPED = CHECKOUT / "pipelines"
HEAVY = ("bronze", "silver", "check", "gold")


@pytest.fixture
def dags(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(SHIPPED))
    found = bag.load()
    assert found.import_errors == {}
    return dict(found.dags)


def names(assets: Any) -> set[str]:
    return {asset.uri for asset in assets}


def test_one_dag_per_folder_and_the_janitor(dags: dict[str, Any]) -> None:
    folders = {file.parent.name for file in SHIPPED.glob("*/pipeline.yaml")}
    assert set(dags) == folders | {"lakehouse_janitor"}


@pytest.mark.parametrize(
    ("pipeline", "way"),
    [
        ("sales", ["bronze", "silver", "check", "gold"]),
        ("online_retail", ["bronze", "silver", "check", "gold", "snapshots"]),
        ("community", ["bronze", "silver", "check", "gold", "load"]),
    ],
)
def test_the_critical_path(dags: dict[str, Any], pipeline: str, way: list[str]) -> None:
    dag = dags[pipeline]
    assert [task.task_id for task in dag.topological_sort()] == [*way, "cleanup"]
    for earlier, later in pairwise(way):
        assert dag.get_task(earlier).downstream_task_ids == {later}
    assert longest_way(dag) == len(way) <= 5


def test_bronze_and_extract_stand_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shop", WITH_A_TABLE)
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    dag = bag.load().dags["shop"]
    silver = dag.get_task("silver")
    assert silver.upstream_task_ids == {"bronze", "extract"}
    # One of them may have nothing to do; none may have failed.
    assert silver.trigger_rule == "none_failed_min_one_success"
    assert names(dag.get_task("bronze").outlets) == {"bronze/shop/orders"}
    assert names(dag.get_task("extract").outlets) == {"bronze/shop/returns"}
    assert longest_way(dag) == 5
    only_tables = WITH_A_TABLE[: WITH_A_TABLE.index("  orders:")] + "marts: {}\n"
    (tmp_path / "shop" / "pipeline.yaml").write_text(only_tables, encoding="utf-8")
    dag = bag.load().dags["shop"]
    assert dag.get_task("silver").upstream_task_ids == {"extract"}
    assert dag.get_task("silver").trigger_rule == "all_success"


def longest_way(dag: Any) -> int:
    """How many tasks one after the other come before a teardown."""

    def below(task: Any) -> int:
        return (not task.is_teardown) + max(map(below, task.downstream_list), default=0)

    return max(below(task) for task in dag.roots)


def test_cleanup_is_a_teardown_that_decides_nothing(dags: dict[str, Any]) -> None:
    for pipeline in ("sales", "online_retail"):
        cleanup = dags[pipeline].get_task("cleanup")
        assert cleanup.is_teardown
        assert not cleanup.on_failure_fail_dagrun
        assert dags[pipeline].dagrun_timeout is None


def test_what_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(SHIPPED))
    monkeypatch.setenv("LAKE_MAX_ACTIVE_RUNS", "7")
    dag = bag.load().dags["online_retail"]
    assert dag.max_active_runs == 7
    assert {dag.get_task(name).max_active_tis_per_dag for name in HEAVY} == {7}
    assert dag.get_task("snapshots").max_active_tis_per_dag == 1
    assert bag.load().dags["community"].get_task("load").max_active_tis_per_dag == 1


def test_the_schedule(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert not dag.catchup
        assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert dags["sales"].start_date.isoformat() == "2025-01-01T00:00:00+00:00"


def test_what_the_folder_says(dags: dict[str, Any]) -> None:
    dag = dags["online_retail"]
    assert dag.owner == "retail"
    assert set(dag.tags) == {"retail", "example"}
    assert dag.description == "Transactions of an online gift shop, one CSV file a day."
    assert dag.doc_md == (SHIPPED / "online_retail" / "README.md").read_text()


def test_failures_are_tried_again_with_growing_waits(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert task.retries == 3
            assert task.retry_delay == timedelta(seconds=60)
            assert task.retry_exponential_backoff
            assert task.max_retry_delay == timedelta(minutes=15)


def test_assets_show_the_lake(dags: dict[str, Any]) -> None:
    dag = dags["online_retail"]
    bronze, silver = {"bronze/online_retail/transactions"}, {"silver/online_retail/transactions"}
    snapshot = {"gold/online_retail/customer_rfm"}
    gold = {
        f"gold/online_retail/{mart}" for mart in ("daily_revenue", "top_products", "customer_day")
    }
    flows = {
        task.task_id: (names(task.inlets), names(task.outlets))
        for task in dag.tasks
        if task.inlets or task.outlets
    }
    assert flows == {
        "bronze": (set(), bronze),
        "silver": (bronze, set()),
        "check": (set(), silver),
        "gold": (silver, gold),
        # It reads the one mart that its snapshot is made of.
        "snapshots": ({"gold/online_retail/customer_day"}, snapshot),
    }


def test_the_form(dags: dict[str, Any]) -> None:
    for name in ("sales", "online_retail"):
        assert dict(dags[name].params) == {
            "date": None,
            "datasets": [],
            "profile": False,
            "prune": False,
        }
    assert not dags["lakehouse_janitor"].params


def test_the_janitor(dags: dict[str, Any]) -> None:
    dag = dags["lakehouse_janitor"]
    assert {task.task_id for task in dag.tasks} == {
        "sweep",
        "stale_community",
        "load_community",
        "stale_online_retail",
        "stale_sales",
    }
    assert (dag.max_active_runs, dag.max_active_tasks) == (1, 1)
    assert dag.get_task("stale_community").downstream_task_ids == {"load_community"}
    assert dag.get_task("load_community").trigger_rule == "none_failed"


def test_failures_call_the_hook_where_one_is_named(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any(dag.has_on_failure_callback for dag in dags.values())
    monkeypatch.setenv("LAKE_FAILURE_NOTIFIER", "nobody_has_this_module:tell")
    found = bag.load()
    assert found.import_errors == {}
    assert all(dag.has_on_failure_callback for dag in found.dags.values())


def test_what_airflow_keeps_is_the_same_every_time(dags: dict[str, Any]) -> None:
    """Else each parse would make a new version of the DAG."""
    again = bag.load().dags
    for name, dag in dags.items():
        first, second = (json.dumps(bag.serialized(one), default=str) for one in (dag, again[name]))
        assert first == second


def test_what_airflow_keeps_has_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DAG is the same wherever it is parsed, and no secret is in reach of who reads it."""
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(SHIPPED))
    for name in ("LAKE_PSEUDONYM_KEY", "LAKE_SALES_DIR", "AWS_SECRET_ACCESS_KEY", "LAKE_BIN_DIR"):
        monkeypatch.setenv(name, "canary-of-the-parser")
    monkeypatch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", "aws://login:canary-of-the-parser@")
    for dag in bag.load().dags.values():
        assert "canary" not in json.dumps(bag.serialized(dag), default=str)


# --- a broken folder beside good ones --------------------------------------------------------


def test_a_broken_folder_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    for name, text in {"broken": "name: [", "wrong": "name: wrong\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pipeline.yaml").write_text(text)
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    found = bag.load()
    assert set(found.dags) == {"sales", "online_retail", "community", "lakehouse_janitor"}
    # Airflow keeps errors by file, and takes the DAGs of a file with one out of service: so it is
    # not the file that the DAGs are in.
    ((file, error),) = found.import_errors.items()
    assert Path(file).name == "lakehouse_broken.py"
    for name in ("broken", "wrong"):
        assert str(tmp_path / name / "pipeline.yaml") in error


def test_pipelines_are_called_as_they_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name of a pipeline is in the way of a name in the DAG file."""
    for name in ("dag", "pipelines", "settings", "janitor", "globals"):
        shutil.copytree(SHIPPED / "sales", tmp_path / name)
        file = tmp_path / name / "pipeline.yaml"
        file.write_text(file.read_text().replace("name: sales", f"name: {name}"))
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    found = bag.load()
    assert found.import_errors == {}
    assert len(found.dags) == 6


def test_a_folder_without_marts_or_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = SOUND.replace('schedule: {cron: "0 3 * * *", timezone: Asia/Tokyo, start: 2025-01-01}\n', "")
    write(tmp_path / "plain", sound[: sound.index("marts:")].replace("name: shop", "name: plain"))
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(tmp_path))
    found = bag.load()
    assert found.import_errors == {}
    dag = found.dags["plain"]
    assert [task.task_id for task in dag.topological_sort()] == [
        "bronze",
        "silver",
        "check",
        "cleanup",
    ]


def test_a_setting_that_means_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_PIPELINES_DIR", str(SHIPPED))
    monkeypatch.setenv("LAKE_MAX_ACTIVE_RUNS", "many")
    (error,) = bag.load().import_errors.values()
    assert "LAKE_MAX_ACTIVE_RUNS" in error
