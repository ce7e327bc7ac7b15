"""A day is an island: the same day costs the same with a month and with a year beside it.

The day is 2011-11-29 of `online_retail`. Beside it are the real days before it, where
LAKE_ONLINE_RETAIL_DIR points; elsewhere copies of the day itself under other dates.
"""

import datetime
import os
import pathlib
import shutil

import lake

DAY = datetime.date(2011, 11, 29)
HISTORIES = {"month": datetime.date(2011, 10, 30), "year": datetime.date(2010, 12, 1)}
RUNS = 5
COUNTED = ("objects_read", "bytes_read", "listings")


def source() -> pathlib.Path:
    given = os.environ.get("LAKE_ONLINE_RETAIL_DIR")
    if given:
        return pathlib.Path(given)
    lake.note("LAKE_ONLINE_RETAIL_DIR is not set: the history is made of copies of the day")
    folder = lake.BENCH / "work" / "online-retail"
    folder.mkdir(parents=True)
    fixture = lake.ROOT / "tests" / "fixtures" / "online-retail" / f"{DAY}.csv"
    date = HISTORIES["year"]
    while date <= DAY:
        shutil.copyfile(fixture, folder / f"{date}.csv")
        date += datetime.timedelta(days=1)
    return folder


def measure(environment: dict[str, str]) -> dict[str, dict]:
    """Each stage of the day, several times; figures of the last run, its time the median."""
    reports: dict[str, list[dict]] = {}
    for number in range(RUNS):
        for name, stage, arguments in [
            ("bronze", "bronze", ()),
            ("silver", "silver", ()),
            ("check", "check", ()),
            ("gold, partitions", "gold", ("--materialised", "partition")),
            ("gold, snapshot", "gold", ("--materialised", "snapshot")),
            ("cleanup", "cleanup", ()),
        ]:
            report = lake.stage(stage, "online_retail", str(DAY), f"history-{number}", *arguments, **environment)
            reports.setdefault(name, []).append(report)
    return {
        name: {figure: several[-1].get(figure, 0) for figure in COUNTED}
        | {"secs": lake.median([report["wall_secs"] for report in several])}
        for name, several in reports.items()
    }


def run() -> None:
    lake.heading(f"{DAY} of online_retail, with a month and with a year beside it (medians of {RUNS})")
    folder = source()
    measured = {}
    for history, first in HISTORIES.items():
        environment = {"LAKE_ONLINE_RETAIL_DIR": str(folder)} | {
            f"LAKE_{place.upper()}_URL": f"s3://history-{history}/{place}"
            for place in ("bronze", "staging", "silver", "quarantine", "gold")
        }
        secs = lake.lake("run", "online_retail", "--from", str(first), "--to", str(DAY), **environment)
        lake.note(f"{history}: {(DAY - first).days + 1} days made in {secs:.1f} s")
        measured[history] = measure(environment)
    for name, month in measured["month"].items():
        year = measured["year"][name]
        lake.line(f"{name}: time", f"{month['secs']:.2f} → {year['secs']:.2f} s")
        if name == "gold, snapshot":
            for figure in COUNTED:
                lake.line(f"{name}: {figure}", f"{month[figure]:,} → {year[figure]:,}")
            continue
        same = all(month[figure] == year[figure] for figure in COUNTED[:2])
        shown = f"{month['objects_read']} / {year['objects_read']}"
        lake.line(f"{name}: objects read", shown, "the same", same)
        lake.line(f"{name}: bytes read", f"{month['bytes_read']:,} / {year['bytes_read']:,}")
