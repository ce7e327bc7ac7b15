"""The command line of `airflow dags backfill`."""

from __future__ import annotations

import pytest
from lakehouse_backfill import arguments
from lakehouse_backfill.arguments import Request


def error_of(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    with pytest.raises(SystemExit) as end:
        arguments.parse(given)
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-s A -e B sales", Request("sales", "A", "B")),
        ("--start-date A --end-date B sales", Request("sales", "A", "B")),
        ("sales -s A", Request("sales", "A", "A")),
        ("sales -e B", Request("sales", "B", "B")),
        ("-s A sales --rerun-failed-tasks", Request("sales", "A", "A", reprocess="failed")),
        ("-s A sales --reset-dagruns -y", Request("sales", "A", "A", reprocess="completed")),
        ("-s A sales --yes", Request("sales", "A", "A")),
        ("-s A sales -n", Request("sales", "A", "A", dry_run=True)),
        ("-s A sales --dry-run", Request("sales", "A", "A", dry_run=True)),
        ("-s A sales -B", Request("sales", "A", "A", backwards=True)),
        ("-s A sales --run-backwards", Request("sales", "A", "A", backwards=True)),
        ("-s A sales --max-active-runs 6", Request("sales", "A", "A", max_active_runs=6)),
        ("-s A sales --unpause", Request("sales", "A", "A", unpause=True)),
        ("-s A sales --timeout-secs 60", Request("sales", "A", "A", timeout_secs=60)),
        ('-s A sales -c {"prune":true}', Request("sales", "A", "A", conf='{"prune":true}')),
        ('-s A sales --conf {"prune":true}', Request("sales", "A", "A", conf='{"prune":true}')),
    ],
)
def test_what_is_taken(given: str, expected: Request) -> None:
    assert arguments.parse(given.split()) == expected


@pytest.mark.parametrize(
    ("flag", "advice"), [(flag, advice) for flags, advice in arguments.REFUSED for flag in flags]
)
@pytest.mark.parametrize("form", ["{flag}", "{flag}=x", "{flag} x"])
def test_other_flags_of_the_old_command_are_refused_by_name(
    flag: str, advice: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = error_of(capsys, *form.format(flag=flag).split(), "-s", "2025-01-01", "sales")
    assert flag in error
    assert advice in error


def test_every_flag_of_the_old_command_is_either_taken_or_refused() -> None:
    known = set(arguments.parser()._option_string_actions)
    # `airflow dags backfill --help` of 2.11.2
    old = """-h --help -t --task-regex -s --start-date -e --end-date -m --mark-success -l --local
        -x --donot-pickle -y --yes --continue-on-failures --disable-retry -i --ignore-dependencies
        -I --ignore-first-depends-on-past -S --subdir --pool --delay-on-limit -n --dry-run
        -v --verbose -c --conf --reset-dagruns --rerun-failed-tasks -B --run-backwards
        --treat-dag-as-regex --treat-dag-id-as-regex"""
    assert set(old.split()) <= known


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("sales", "neither -s nor -e"),
        ("-s A", "DAG"),
        ("-s A sales --reset-dagruns --rerun-failed-tasks", "not allowed with"),
        ("-s A sales --max-active-runs 0", "above 0"),
        ("-s A sales --timeout-secs soon", "above 0"),
        ("-s A sales --conf {", "not JSON"),
        ("-s A sales --conf []", "not a JSON object"),
        # It would be every run's date.
        ('-s A sales --conf {"date":"2025-01-01"}', "`date`"),
        ("-s A sales --unknown", "--unknown"),
        # No abbreviations: `--re` could be either.
        ("-s A sales --reset", "--reset"),
    ],
)
def test_what_is_wrong(given: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in error_of(capsys, *given.split())


def test_the_help_says_what_there_is_and_what_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        arguments.parse(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for word in ("--timeout-secs", "--unpause", "exit codes", "75", *arguments.REFUSED[0][0]):
        assert word in text
