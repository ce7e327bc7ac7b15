"""Somebody who is told of failures: the test names this module in LAKE_FAILURE_NOTIFIER."""

from __future__ import annotations

from typing import Any

told: list[str] = []


def tell(context: Any) -> None:
    told.append(context["run_id"])
