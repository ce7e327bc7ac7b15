"""Resident memory: bronze's is constant, silver's and gold's stay within their limit."""

import os
import shutil

import lake
import silver

ALLOWANCE_MIB = 150
BRONZE_LIMIT_MIB = 64
BRONZE_DIFFERENCE_MIB = 5
LIMITS_MIB = [256, 512, 1024]
# Days that spill most of what they hold: rows, and a limit.
SPILLING = [(10_000_000, 256), (20_000_000, 1024)]


def peak_mib(report: dict) -> float:
    return report["peak_resident_bytes"] / lake.MEBIBYTE


def large_day(gigabytes: int):
    """A day of four files that together have so many gigabytes. Bronze does not look inside."""
    folder = lake.BENCH / "work" / f"bronze-{gigabytes}"
    day = folder / silver.DATE
    day.mkdir(parents=True)
    block = os.urandom(8 * lake.MEBIBYTE)
    for number in range(1, 5):
        with (day / f"sales-{number:03}.jsonl").open("wb") as file:
            size = 0
            while size < gigabytes * 1_000_000_000 // 4:
                # Another beginning each time, so that no two parts are alike.
                file.write(size.to_bytes(8, "little"))
                file.write(block)
                size += 8 + len(block)
    return folder


def bronze() -> None:
    lake.heading("Bronze, peak resident memory (from the run reports)")
    peaks = {}
    for gigabytes in (1, 8):
        needed = (2 * gigabytes + 2) * 1_000_000_000
        free = shutil.disk_usage(lake.BENCH).free
        if free < needed:
            lake.skip(f"bronze at {gigabytes} GB", f"needs {needed / 1e9:.0f} GB free, has {free / 1e9:.0f}")
            return
        folder = large_day(gigabytes)
        report = lake.stage(
            "bronze", "sales", silver.DATE, "bench",
            LAKE_SALES_DIR=str(folder), LAKE_BRONZE_URL=f"s3://bench-large-{gigabytes}",
        )  # fmt: skip
        peaks[gigabytes] = peak_mib(report)
        lake.line(
            f"{gigabytes} GB in four files, {gigabytes * 1000 / report['wall_secs']:.0f} MB/s",
            f"{peaks[gigabytes]:.1f} MiB", f"≤ {BRONZE_LIMIT_MIB} MiB", peaks[gigabytes] <= BRONZE_LIMIT_MIB,
        )  # fmt: skip
        shutil.rmtree(folder)
    difference = abs(peaks[8] - peaks[1])
    lake.line(
        "difference", f"{difference:.1f} MiB", f"≤ {BRONZE_DIFFERENCE_MIB} MiB", difference <= BRONZE_DIFFERENCE_MIB
    )


def limits(rows: int, limits_mib: list[int]) -> None:
    needed = rows * 1000
    free = shutil.disk_usage(lake.BENCH).free
    if free < needed:
        lake.skip(f"silver of {rows} rows", f"needs {needed / 1e9:.0f} GB free, has {free / 1e9:.0f}")
        return
    folder = lake.sales_day(silver.DATE, rows, 0.03)
    size = (folder / silver.DATE / "sales-001.jsonl").stat().st_size
    lake.heading(f"Silver and gold on {size / 1e6:.0f} MB, peak resident memory")
    for limit_mib in limits_mib:
        environment = {
            "LAKE_SALES_DIR": str(folder),
            "LAKE_MEMORY_LIMIT": f"{limit_mib}MiB",
            "LAKE_THREADS": str(lake.THREADS),
        }
        run_id = f"limit-{rows}-{limit_mib}"
        lake.stage("bronze", "sales", silver.DATE, run_id, **environment)
        reports = {}
        for name in ("silver", "check", "gold"):
            reports[name] = lake.stage(name, "sales", silver.DATE, run_id, **environment)
        lake.stage("cleanup", "sales", silver.DATE, run_id, **environment)
        for name, report in reports.items():
            peak = peak_mib(report)
            allowed = limit_mib + ALLOWANCE_MIB
            lake.line(
                f"{name}, LAKE_MEMORY_LIMIT={limit_mib}MiB, {report['wall_secs']:.1f} s",
                f"{peak:.0f} MiB", f"≤ {allowed} MiB", peak <= allowed,
            )  # fmt: skip


def run() -> None:
    bronze()
    limits(silver.ROWS, LIMITS_MIB)
    for rows, limit_mib in SPILLING:
        limits(rows, [limit_mib])
