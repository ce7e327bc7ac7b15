"""The command as a whole, with a metadata database that says what a test wants."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lakehouse_backfill import main, metadata, snapshots, waiting
from lakehouse_backfill.outcome import Stop

RUN = subprocess.run
DAYS = ("-s", "2025-11-01", "-e", "2025-11-03")


def answer_commands(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Answers Airflow's own commands; pipelines are described by the real executable."""

    def run(words: list[str], **how: Any) -> subprocess.CompletedProcess[Any]:
        return RUN(words, **how) if "describe" in words else answer(words, **how)

    monkeypatch.setattr(subprocess, "run", run)


class Airflow:
    """An Airflow 3 whose runs end as they are told, at the second look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paused: bool | None = False
        self.before: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.others = 0
        self.created: list[list[str]] = []
        self.looks = 0
        self.never_ends = False
        self.rebuilt: list[str] = []
        monkeypatch.setattr(metadata, "major", lambda: 3)
        monkeypatch.setattr(metadata, "is_paused", lambda _: self.paused)
        monkeypatch.setattr(metadata, "unpause", lambda _: setattr(self, "paused", False))
        monkeypatch.setattr(metadata, "states", self.states)
        monkeypatch.setattr(metadata, "backfill_is_running", self.other_is_running)
        monkeypatch.setattr(metadata, "scheduler_is_alive", lambda: True)
        monkeypatch.setattr(waiting, "POLL_SECS", 0.01)
        answer_commands(monkeypatch, self.create)
        monkeypatch.setattr(snapshots, "rebuild_stale", lambda name, *_: self.rebuilt.append(name))

    def other_is_running(self, _: str) -> bool:
        self.others -= 1
        return self.others >= 0

    def create(self, words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.created.append(words)
        return subprocess.CompletedProcess(words, 0, stdout="")

    def states(self, _: str, moments: Iterable[datetime]) -> dict[datetime, str]:
        found = {}
        for moment in moments:
            day = str(moment.date())
            if self.created and self.before.get(day, "failed") == "failed":
                self.looks += 1
                ended = self.looks > 3 and not self.never_ends
                found[moment] = self.ends.get(day, "success") if ended else "running"
            elif day in self.before:
                found[moment] = self.before[day]
        return found


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch, pipelines: Path) -> Airflow:
    return Airflow(monkeypatch)


def test_three_days_run(airflow: Airflow, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run("airflow", [*DAYS, "plain"]) == 0
    (words,) = airflow.created
    assert words[words.index("--from-date") + 1] == "2025-11-01T00:00:00+00:00"
    assert words[words.index("--to-date") + 1] == "2025-11-03T00:00:00+00:00"
    said = capsys.readouterr().out
    assert "0 of 3 done, 3 running" in said
    assert "2025-11-02 success" in said
    assert "3 of 3 done" in said
    assert airflow.rebuilt == []


def test_the_last_day_is_not_left_out_where_the_tick_is_late(airflow: Airflow) -> None:
    assert main.run("airflow", [*DAYS, "late"]) == 0
    (words,) = airflow.created
    assert words[words.index("--from-date") + 1] == "2025-10-31T18:00:00+00:00"
    assert words[words.index("--to-date") + 1] == "2025-11-02T18:00:00+00:00"


def test_snapshots_are_rebuilt_at_the_end_where_there_are_any(airflow: Airflow) -> None:
    assert main.run("airflow", [*DAYS, "late"]) == 0
    assert airflow.rebuilt == ["late"]


def test_a_day_that_fails_fails_the_command(airflow: Airflow) -> None:
    airflow.ends = {"2025-11-02": "failed"}
    assert main.run("airflow", [*DAYS, "plain"]) == 1


def test_a_day_that_failed_before_fails_the_command(airflow: Airflow) -> None:
    airflow.before = {f"2025-11-0{n}": "success" for n in (1, 3)} | {"2025-11-02": "failed"}
    assert main.run("airflow", [*DAYS, "plain"]) == 1
    assert airflow.created == []
    assert main.run("airflow", [*DAYS, "plain", "--rerun-failed-tasks"]) == 0
    assert "failed" in airflow.created[0]


def test_days_that_ran_before_are_left(airflow: Airflow) -> None:
    airflow.before = {f"2025-11-0{n}": "success" for n in (1, 2, 3)}
    # Nothing is started, so nothing has to be waited for either.
    airflow.others = 1000
    assert main.run("airflow", [*DAYS, "plain"]) == 0
    assert airflow.created == []


def test_a_paused_dag_is_refused_or_unpaused(airflow: Airflow) -> None:
    airflow.paused = True
    with pytest.raises(Stop) as error:
        main.run("airflow", [*DAYS, "plain"])
    assert error.value.code == 2
    assert "--unpause" in error.value.hint
    assert airflow.created == []
    assert main.run("airflow", [*DAYS, "plain", "--unpause"]) == 0
    assert airflow.paused is False


def test_another_backfill_is_waited_for(
    airflow: Airflow, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.others = 3
    assert main.run("airflow", [*DAYS, "plain"]) == 0
    assert capsys.readouterr().out.count("waiting for a backfill") == 1


def test_somebody_who_was_quicker_is_waited_for(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(1, "airflow.models.backfill.AlreadyRunningBackfill: Another"), (0, "")]

    def create(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        code, text = answers.pop(0)
        if code == 0:
            airflow.created.append(words)
        return subprocess.CompletedProcess(words, code, stdout=text)

    answer_commands(monkeypatch, create)
    assert main.run("airflow", [*DAYS, "plain"]) == 0
    assert answers == []


@pytest.mark.parametrize("where", ["other backfill", "days"])
def test_a_timeout_ends_with_75(
    airflow: Airflow, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting.Deadline, "left_secs", lambda _: 0.0)
    if where == "days":
        airflow.never_ends = True
    else:
        airflow.others = 1000
    with pytest.raises(Stop) as error:
        main.run("airflow", [*DAYS, "late", "--timeout-secs", "5"])
    assert error.value.code == 75
    assert bool(airflow.created) == (where == "days")
    assert airflow.rebuilt == []


def test_a_dry_run_touches_nothing(airflow: Airflow, capsys: pytest.CaptureFixture[str]) -> None:
    airflow.paused = True
    airflow.before = {"2025-11-02": "failed"}
    assert main.run("airflow", [*DAYS, "late", "--dry-run"]) == 0
    assert airflow.created == []
    assert airflow.rebuilt == []
    assert "2025-11-01 will run" in capsys.readouterr().out


def test_days_that_have_not_closed_are_not_run(airflow: Airflow) -> None:
    with pytest.raises(Stop) as error:
        main.run("airflow", ["-s", "2999-01-01", "plain"])
    assert error.value.code == 2


def test_what_is_no_pipeline_is_refused(airflow: Airflow) -> None:
    with pytest.raises(Stop, match="no pipeline `other`"):
        main.run("airflow", [*DAYS, "other"])


def test_a_dag_that_airflow_does_not_know_is_refused(airflow: Airflow) -> None:
    airflow.paused = None
    with pytest.raises(Stop, match="does not know"):
        main.run("airflow", [*DAYS, "plain"])


def test_a_run_that_airflow_did_not_make_is_an_error(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "states", lambda *_: {})
    with pytest.raises(Stop, match="made no run for 2025-11-01, 2025-11-02, 2025-11-03"):
        main.run("airflow", [*DAYS, "plain"])


def test_what_airflow_refuses_is_an_error(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def create(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 1, stdout="InvalidBackfillConf: no\n")

    answer_commands(monkeypatch, create)
    with pytest.raises(Stop) as error:
        main.run("airflow", [*DAYS, "plain"])
    assert error.value.code == 1
    assert "InvalidBackfillConf" in capsys.readouterr().err
