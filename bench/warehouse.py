"""A day's load into a DuckDB file of two years, beside copying that file and beside building it anew.

Two days of sales are published, one row a sale. The first is loaded, and its rows are repeated
under 729 earlier run dates, so that the file has the size of two years; then the second is loaded,
again and again from the same file. `cp` and the bare engine take turns with it.
"""

import datetime
import os
import pathlib
import shutil
import subprocess
import sys
import time

import duckdb

import lake

ROWS = 10_000
DAYS = ("2025-11-01", "2025-11-02")
YEARS_OF_DAYS = 730
RUNS = 5
TARGET_RATIO = 1.5
# What a load costs however small the file is: starting, asking the store, fetching the day.
TARGET_REST_SECS = 1.0

ANEW = """
import sys, time
import duckdb
source, target, threads = sys.argv[1:]
connection = duckdb.connect(config={"threads": threads})
connection.execute("SET enable_progress_bar = false")
connection.execute(f"ATTACH '{source}' AS source (READ_ONLY)")
started = time.perf_counter()
connection.execute(f"ATTACH '{target}' AS target (STORAGE_VERSION 'v1.4.0')")
connection.execute("CREATE TABLE target.sales AS SELECT * FROM source.sales")
connection.execute("CHECKPOINT target")
connection.execute("DETACH target")
print(time.perf_counter() - started)
"""


def pipeline(folder: pathlib.Path) -> None:
    """The pipeline `sales` with a mart of one row a sale, and a warehouse."""
    shutil.copytree(lake.ROOT / "pipelines" / "sales", folder / "sales")
    (folder / "sales" / "marts" / "lines.sql").write_text("select * from silver.transactions\n")
    file = folder / "sales" / "pipeline.yaml"
    text = file.read_text().rstrip("\n")
    mart = "  lines: {reads: {silver.transactions: day}, grain: [transaction_id]}"
    warehouse = """warehouses:
  bench:
    duckdb: {path: "${LAKE_WAREHOUSE_DIR}/bench.duckdb"}
    tables:
      sales: {from: gold.lines, load: day}"""
    file.write_text(f"{text}\n{mart}\n{warehouse}\n")


def two_years(file: pathlib.Path) -> int:
    """Repeats the rows of the one day in the file under earlier run dates; the number of rows."""
    first = datetime.date.fromisoformat(DAYS[0])
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("CREATE TEMP TABLE day AS FROM sales")
        for days in range(1, YEARS_OF_DAYS):
            date = first - datetime.timedelta(days=days)
            connection.execute(f"INSERT INTO sales SELECT * REPLACE (DATE '{date}' AS run_date) FROM day")
            connection.execute(f"INSERT INTO lake_loads SELECT * REPLACE (DATE '{date}' AS run_date) FROM lake_loads WHERE run_date = DATE '{first}'")
        return connection.execute("SELECT count(*) FROM sales").fetchone()[0]


def copy(source: pathlib.Path, target: pathlib.Path) -> float:
    """What copying the file costs, until the disk has it."""
    started = time.perf_counter()
    subprocess.run(["cp", "--reflink=auto", str(source), str(target)], check=True)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    secs = time.perf_counter() - started
    target.unlink()
    return secs


def anew(source: pathlib.Path, target: pathlib.Path) -> float:
    """What writing its rows into a new file costs the bare engine."""
    result = subprocess.run(
        [sys.executable, "-c", ANEW, str(source), str(target), str(lake.THREADS)], check=True, stdout=subprocess.PIPE
    )
    target.unlink()
    return float(result.stdout)


def run() -> None:
    lake.heading(f"A day's load into a warehouse of two years (medians of {RUNS})")
    work = lake.BENCH / "work" / "warehouse"
    folder, pipelines = work / "files", work / "pipelines"
    folder.mkdir(parents=True)
    pipelines.mkdir()
    pipeline(pipelines)
    source = work / "sales"
    for date in DAYS:
        subprocess.run(
            [str(lake.BIN / "lake-generate"), "sales", "--date", date, "--rows", str(ROWS), "--output", str(source)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    environment = {
        "LAKE_PIPELINES_DIR": str(pipelines),
        "LAKE_SALES_DIR": str(source),
        "LAKE_WAREHOUSE_DIR": str(folder),
        "LAKE_PSEUDONYM_KEY": "a key for measurements, and for nothing else",
    } | {
        f"LAKE_{place.upper()}_URL": f"s3://bench-warehouse/{place}"
        for place in ("bronze", "staging", "silver", "quarantine", "gold")
    }
    file, old = folder / "bench.duckdb", work / "two-years.duckdb"
    lake.lake("run", "sales", "--from", DAYS[0], **environment)
    rows = two_years(file)
    file.rename(old)
    for stage in ("bronze", "silver", "check", "gold"):
        lake.stage(stage, "sales", DAYS[1], "warehouse", **environment)
    size = old.stat().st_size
    lake.note(f"the file: {rows:,} rows of {YEARS_OF_DAYS} days, {size / lake.MEBIBYTE:,.0f} MiB; the day: {ROWS:,} rows")
    copies, builds, dry, reports = [], [], [], []
    for number in range(RUNS):
        copies.append(copy(old, folder / "copy"))
        if number < 2:
            builds.append(anew(old, work / "anew.duckdb"))
        shutil.copyfile(old, file)
        dry.append(lake.stage("load", "sales", DAYS[1], f"dry-{number}", "--dry-run", **environment)["wall_secs"])
        reports.append(lake.stage("load", "sales", DAYS[1], f"load-{number}", **environment))
        file.unlink()
    copied, loaded = lake.median(copies), lake.median([report["wall_secs"] for report in reports])
    allowed = TARGET_RATIO * copied + TARGET_REST_SECS
    lake.line("copying the file, to the disk", f"{copied:.2f} s")
    lake.line("a dry run: what a load costs beside the file", f"{lake.median(dry):.2f} s")
    lake.line("loading the day", f"{loaded:.2f} s", f"≤ {allowed:.2f} s", loaded <= allowed)
    lake.line("writing all rows into a new file, bare engine", f"{lake.median(builds):.2f} s")
    phases = list(reports[-1]["phases"])
    shown = ", ".join(f"{phase} {lake.median([report['phases'].get(phase, 0.0) for report in reports]):.2f}" for phase in phases)
    lake.note(f"phases of the load: {shown}; copied by {reports[-1]['warehouses']['bench']['copied_by']}")
    lake.note(f"most memory: {max(report['peak_resident_bytes'] for report in reports) / lake.MEBIBYTE:,.0f} MiB")
