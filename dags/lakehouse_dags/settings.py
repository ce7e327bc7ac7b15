"""Settings that DAGs take from the environment of Airflow's components when they are parsed."""

from __future__ import annotations

import os
from dataclasses import dataclass


class SettingError(Exception):
    """A variable with a value that means nothing; the text names it."""


@dataclass(frozen=True)
class Settings:
    """How many days run at once, and how a task is tried again."""

    max_active_runs: int
    retries: int
    retry_delay_secs: int
    failure_notifier: str | None
    janitor_cron: str
    janitor_older_than: str


def read() -> Settings:
    """The settings, as documented in docs/airflow.md."""
    return Settings(
        max_active_runs=_number("LAKE_MAX_ACTIVE_RUNS", 4, least=1),
        retries=_number("LAKE_RETRIES", 3, least=0),
        retry_delay_secs=_number("LAKE_RETRY_DELAY_SECS", 60, least=0),
        failure_notifier=os.environ.get("LAKE_FAILURE_NOTIFIER") or None,
        janitor_cron=os.environ.get("LAKE_JANITOR_CRON") or "45 * * * *",
        janitor_older_than=os.environ.get("LAKE_JANITOR_OLDER_THAN") or "2d",
    )


def _number(name: str, default: int, least: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise SettingError(f"{name} is `{text}`; it must be a whole number, at least {least}")
    return int(text)
