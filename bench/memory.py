"""Resident memory: bronze's is constant, silver's and gold's stay within their limit."""

import json
import os
import pathlib
import shutil

import lake
import silver

ALLOWANCE_MIB = 150
BRONZE_LIMIT_MIB = 64
BRONZE_DIFFERENCE_MIB = 5
LIMITS_MIB = [256, 512, 1024]
# Days that spill most of what they hold: rows, and a limit.
SPILLING = [(10_000_000, 256), (20_000_000, 1024)]


# Rows of so many bytes, three times the limit in all, with these limits and threads.
LONG_ROW_BYTES = [200, 4_000, 50_000]
LONG_ROW_LIMITS_MIB = [256, 512]
LONG_ROW_THREADS = [2, 16]

PIPELINE = """name: long_rows
description: Rows of any length.
owner: bench
schedule: {cron: "0 0 * * *", timezone: UTC, start: 2025-01-01}
environment: [LONG_ROWS_DIR]
datasets:
  rows:
    contract: contracts/rows.odcs.yaml
    from: "${LONG_ROWS_DIR}"
    files: "{date:%Y-%m-%d}.jsonl"
    format: {json: lines}
    whenMissing: fail
"""
CONTRACT = """apiVersion: v3.2.0
kind: DataContract
id: long-rows
version: 1.0.0
status: active
schema:
  - name: rows
    logicalType: object
    customProperties:
      - {property: dedupe, vendor: lakehouse, value: {by: row}}
    properties:
      - {name: note, logicalType: string, required: true}
      - {name: id, logicalType: integer, required: true}
"""


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


def long_rows_day(row_bytes: int, total_bytes: int) -> pathlib.Path:
    """A day of rows of so many bytes, in no order; notes share most of what they say."""
    folder = lake.BENCH / "work" / f"long-rows-{row_bytes}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = total_bytes // row_bytes
    words = "the same words at the beginning of each note " * (row_bytes // 45 + 1)
    with (folder / f"{silver.DATE}.jsonl").open("w") as file:
        for row in range(rows):
            number = row * 7919 % rows
            note = words[: max(row_bytes - 40, 20)] + str(number)
            file.write(json.dumps({"note": note, "id": number}) + "\n")
    return folder


def long_rows() -> None:
    """Sorted and deduplicated by whole rows, which is the worst case."""
    lake.heading("Silver on rows of any length, three times its limit, peak resident memory")
    pipelines = lake.BENCH / "work" / "long-rows-pipelines"
    contracts = pipelines / "long_rows" / "contracts"
    contracts.mkdir(parents=True, exist_ok=True)
    (pipelines / "long_rows" / "pipeline.yaml").write_text(PIPELINE)
    (contracts / "rows.odcs.yaml").write_text(CONTRACT)
    for row_bytes in LONG_ROW_BYTES:
        for limit_mib in LONG_ROW_LIMITS_MIB:
            folder = long_rows_day(row_bytes, 3 * limit_mib * lake.MEBIBYTE)
            digests = set()
            for threads in LONG_ROW_THREADS:
                environment = {
                    "LAKE_PIPELINES_DIR": str(pipelines),
                    "LONG_ROWS_DIR": str(folder),
                    "LAKE_MEMORY_LIMIT": f"{limit_mib}MiB",
                    "LAKE_THREADS": str(threads),
                    "LAKE_BRONZE_URL": f"s3://bench-long-rows/{row_bytes}-{limit_mib}",
                }
                run_id = f"long-{row_bytes}-{limit_mib}-{threads}"
                lake.stage("bronze", "long_rows", silver.DATE, run_id, **environment)
                report = lake.stage("silver", "long_rows", silver.DATE, run_id, **environment)
                lake.stage("cleanup", "long_rows", silver.DATE, run_id, **environment)
                outputs = report["datasets"]["rows"]["outputs"]
                digests.update(one["sha256"] for one in outputs if one["address"].endswith("/data.parquet"))
                peak, allowed = peak_mib(report), limit_mib + ALLOWANCE_MIB
                lake.line(
                    f"rows of {row_bytes} B, {limit_mib} MiB, {threads} threads, {report['wall_secs']:.1f} s",
                    f"{peak:.0f} MiB", f"≤ {allowed} MiB", peak <= allowed,
                )  # fmt: skip
            lake.line(
                f"rows of {row_bytes} B, {limit_mib} MiB: files that differ by threads",
                str(len(digests) - 1), "0", len(digests) == 1,
            )  # fmt: skip
            shutil.rmtree(folder)


def run() -> None:
    bronze()
    long_rows()
    limits(silver.ROWS, LIMITS_MIB)
    for rows, limit_mib in SPILLING:
        limits(rows, [limit_mib])
