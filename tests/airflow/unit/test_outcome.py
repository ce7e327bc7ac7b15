"""Exit codes, as docs/exit-codes.md lists them."""

from __future__ import annotations

import re

import pytest
from lakehouse_dags.outcome import Verdict, meaning, verdict
from places import CHECKOUT


@pytest.mark.parametrize("code", [75, 130, 137, 143, -2, -9, -15])
def test_transient_failures_and_kills_are_tried_again(code: int) -> None:
    assert verdict(code) is Verdict.RETRY


@pytest.mark.parametrize("code", [1, 2, 70, 3, 101, 126, 127, 134, 139, -6, -11, 255])
def test_all_else_fails_at_once(code: int) -> None:
    assert verdict(code) is Verdict.FAIL
    assert meaning(code)


def test_done_and_nothing() -> None:
    assert verdict(0) is Verdict.DONE
    assert verdict(99) is Verdict.SKIP


def test_the_documentation_says_the_same() -> None:
    words = {"retries": Verdict.RETRY, "skips": Verdict.SKIP, "fails at once": Verdict.FAIL}
    text = (CHECKOUT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \|.*\| ([a-z ]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 8
    for codes, action in rows:
        for code in codes.split(","):
            assert verdict(int(code)) is words.get(action, Verdict.DONE), (code, action)


def test_kills_are_named() -> None:
    assert meaning(137) == meaning(-9) == "killed by signal 9"
