"""Airflow's own names, from where each major has them; nothing else here knows which it is."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    Asset,
    Param,
    get_parsing_context,
)
from airflow.providers.standard.operators.bash import BashOperator

try:
    from airflow.sdk import CronDataIntervalTimetable

    AIRFLOW_3 = True
except ImportError:
    from airflow.timetables.interval import CronDataIntervalTimetable

    AIRFLOW_3 = False

# Waits grow twofold; Airflow 2 knows no other factor and wants a truth value.
EXPONENTIAL: Any = 2.0 if AIRFLOW_3 else True

__all__ = [
    "AIRFLOW_3",
    "DAG",
    "EXPONENTIAL",
    "AirflowException",
    "AirflowFailException",
    "AirflowSkipException",
    "Asset",
    "BashOperator",
    "CronDataIntervalTimetable",
    "Param",
    "get_parsing_context",
]
