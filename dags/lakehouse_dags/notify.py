"""The hook for failures: off unless `LAKE_FAILURE_NOTIFIER` names what to call."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def failure_callback(target: str | None) -> Callable[[Any], None] | None:
    """What Airflow calls when a run has failed, with the run's context.

    `target` is `package.module:name` of a function, of a notifier or of a notifier's class. It is
    loaded when it is needed, so its imports do not slow down parsing.
    """
    if target is None:
        return None

    def notify(context: Any) -> None:
        _load(target)(context)

    return notify


def _load(target: str) -> Callable[[Any], Any]:
    module, separator, name = target.partition(":")
    if not separator or not module or not name:
        raise ValueError(f"LAKE_FAILURE_NOTIFIER is `{target}`; write it as `package.module:name`")
    found = getattr(import_module(module), name)
    return found() if isinstance(found, type) else found
