"""Settings of the DAGs, and the hook for failures."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from lakehouse_dags import notify, settings


def test_defaults() -> None:
    assert settings.read() == settings.Settings(4, 3, 60, None, "45 * * * *", "2d")


@pytest.mark.parametrize("text", ["0", "-1", "four", "1.5", "²"])
def test_a_number_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LAKE_MAX_ACTIVE_RUNS", text)
    with pytest.raises(settings.SettingError, match="LAKE_MAX_ACTIVE_RUNS"):
        settings.read()


def test_nobody_is_told_by_default() -> None:
    assert notify.failure_callback(None) is None


@pytest.mark.parametrize("name", ["function", "Notifier", "notifier"])
def test_a_function_a_notifier_and_its_class_are_called(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from airflow.providers.common.compat.sdk import DAG, BaseNotifier

    told: list[str] = []

    class Notifier(BaseNotifier):
        def notify(self, context) -> None:  # type: ignore[no-untyped-def]
            told.append(context["run_id"])

    module = ModuleType("alerts_of_this_test")
    module.Notifier = Notifier  # type: ignore[attr-defined]
    module.notifier = Notifier()  # type: ignore[attr-defined]
    module.function = lambda context: told.append(context["run_id"])  # type: ignore[attr-defined]
    # The callback is made before there is such a module: it is loaded when a run has failed.
    callback = notify.failure_callback(f"alerts_of_this_test:{name}")
    monkeypatch.setitem(sys.modules, "alerts_of_this_test", module)
    assert callback is not None
    callback({"run_id": "r1", "dag": DAG("shop", schedule=None)})
    assert told == ["r1"]


def test_a_hook_that_is_no_address() -> None:
    callback = notify.failure_callback("smtp")
    assert callback is not None
    with pytest.raises(ValueError, match="LAKE_FAILURE_NOTIFIER"):
        callback({})
