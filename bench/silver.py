"""Silver's whole contract beside the bare engine's unchecked conversion of the same file.

Runs take turns (bare, clean, dirty, bare, …), so that a machine that slows down slows all of
them. Both sides get the same threads and memory limit. "Without transfers" is the stage's whole
wall time, process start included, less the two phases in which it talks to the store: `fetch`
(download, and decompression, of which there is none here) and `stage` (upload).
"""

import subprocess
import sys

import lake

DATE = "2025-11-01"
ROWS = 2_200_000  # some 500 MB
RUNS = 5
TARGET_RATIO = 0.6

BARE = """
import sys, time
import duckdb
source, output, threads, memory_limit, spill = sys.argv[1:]
connection = duckdb.connect(config={"threads": threads, "memory_limit": memory_limit, "temp_directory": spill})
connection.execute("SET enable_progress_bar = false")
started = time.perf_counter()
connection.execute(f"COPY (SELECT * FROM read_json('{source}')) TO '{output}' (FORMAT parquet, COMPRESSION zstd)")
print(time.perf_counter() - started)
"""


def bare(file, memory_limit: str) -> float:
    """The engine alone, in a process of its own; only the statement is timed."""
    output = lake.BENCH / "work" / "bare.parquet"
    result = subprocess.run(
        [sys.executable, "-c", BARE, str(file), str(output), str(lake.THREADS), memory_limit, str(lake.BENCH / "work")],
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    output.unlink()
    return float(result.stdout)


def without_transfers(report: dict) -> float:
    phases = report["phases"]
    return report["wall_secs"] - phases.get("fetch", 0.0) - phases.get("stage", 0.0)


def show_phases(name: str, reports: list[dict]) -> None:
    names = list(dict.fromkeys(phase for report in reports for phase in report["phases"]))
    shown = ", ".join(
        f"{phase} {lake.median([report['phases'].get(phase, 0.0) for report in reports]):.2f}" for phase in names
    )
    lake.note(f"{name}, phases in s: {shown}")


def compare(memory_limit: str, runs: int, judged: bool) -> None:
    folders = {"clean": lake.sales_day(DATE, ROWS, 0.0), "3 % dirty": lake.sales_day(DATE, ROWS, 0.03)}
    file = folders["clean"] / DATE / "sales-001.jsonl"
    size = file.stat().st_size
    lake.heading(
        f"Silver, {size / 1e6:.0f} MB of JSON Lines, {lake.THREADS} threads, {memory_limit} (medians of {runs})"
    )
    bare(file, memory_limit)  # the file is in the page cache from here on, for everybody

    bare_secs: list[float] = []
    reports: dict[str, list[dict]] = {name: [] for name in folders}
    for number in range(runs):
        bare_secs.append(bare(file, memory_limit))
        for name, folder in folders.items():
            environment = {
                "LAKE_SALES_DIR": str(folder),
                "LAKE_THREADS": str(lake.THREADS),
                "LAKE_MEMORY_LIMIT": memory_limit,
                # Each variant has a lake of its own in the same store.
                "LAKE_BRONZE_URL": f"s3://bench-bronze/{name[:1]}",
                "LAKE_STAGING_URL": f"s3://bench-staging/{name[:1]}",
            }
            run_id = f"bench-{memory_limit}-{number}"
            if not reports[name]:
                lake.stage("bronze", "sales", DATE, run_id, **environment)
            reports[name].append(lake.stage("silver", "sales", DATE, run_id, **environment))
            lake.stage("cleanup", "sales", DATE, run_id, **environment)

    base = lake.median(bare_secs)
    lake.line("bare COPY, unchecked", f"{base:.2f} s", f"{size / 1e6 / base:.0f} MB/s")
    for name in folders:
        secs = lake.median([without_transfers(report) for report in reports[name]])
        ratio = base / secs
        target, good = (f"≥ {TARGET_RATIO} ×", ratio >= TARGET_RATIO) if judged and name == "clean" else ("", None)
        lake.line(f"silver, {name}, without transfers", f"{secs:.2f} s", f"{size / 1e6 / secs:.0f} MB/s")
        lake.line(f"silver, {name}, speed of the bare engine's", f"{ratio:.2f} ×", target, good)
    for name in folders:
        secs = lake.median([report["wall_secs"] for report in reports[name]])
        lake.line(f"silver, {name}, from S3 to S3", f"{secs:.2f} s", f"{base / secs:.2f} ×")
    for name in folders:
        show_phases(name, reports[name])
        peak = max(report["peak_resident_bytes"] for report in reports[name]) / lake.MEBIBYTE
        lake.note(f"{name}, peak resident memory: {peak:.0f} MiB")


def run() -> None:
    compare("1GiB", RUNS, judged=True)
    compare("4GiB", 3, judged=False)
