"""Shared by all tests under this folder: what they import can be found."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE / "support", HERE.parents[1] / "dags"):
    sys.path.insert(0, str(folder))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

# Whoever is started in the background of a script ignores Ctrl-C, and so would every stage here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.CallInfo, None]:
    """With CI=true nothing may be skipped: there it is a failure, for whatever reason."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: with CI=true nothing may be skipped ({report.longrepr})"
