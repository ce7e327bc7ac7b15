#!/usr/bin/env python3
"""Compares a lake that holds the real year of `online_retail` with what is known about it.

usage: check-real-year.py FOLDER    the data folder of the embedded S3 server

It reads the published files with DuckDB's own Python package, not with the project's code, so
it would see what an independent reader sees. Exit 1 when a figure differs.
"""

import glob
import json
import sys
from decimal import Decimal

import duckdb

# Counted over the published data set by itself; see docs/guide/real-year.md.
EXPECTED_ROWS = {
    "rows_read": 541_909,
    "rows_quarantined": 2,
    "rows_duplicate": 5_268,
    "rows_published": 536_639,
}


def quality_counts(lake: str) -> dict[str, int]:
    """The sums over the quality reports that the published partitions name."""
    totals = dict.fromkeys(EXPECTED_ROWS, 0)
    for report in glob.glob(f"{lake}/quarantine/online_retail/transactions/year=*/month=*/day=*/*.json"):
        with open(report, encoding="utf-8") as file:
            counts = json.load(file)["counts"]
        for name in totals:
            totals[name] += counts[name]
    return totals


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    lake = sys.argv[1]
    silver = f"{lake}/silver/online_retail/transactions"
    files = "year=*/month=*/day=*/data.parquet"
    connection = duckdb.connect()

    def one(sql: str):
        return connection.execute(sql).fetchone()

    counts = quality_counts(lake)
    measured = [(name, counts[name], expected) for name, expected in EXPECTED_ROWS.items()]
    rows, money = one(f"select count(*), sum(quantity * unit_price) from read_parquet('{silver}/{files}', hive_partitioning = false)")
    measured += [
        ("rows in silver", rows, 536_639),
        ("sum of quantity × unit_price", money, Decimal("9748131.074")),
    ]
    day = f"{silver}/year=2011/month=11/day=29/data.parquet"
    rows, money = one(f"select count(*), sum(quantity * unit_price) from read_parquet('{day}', hive_partitioning = false)")
    measured += [("2011-11-29: rows", rows, 4_238), ("2011-11-29: money", money, Decimal("72008.090"))]
    rfm = f"{lake}/gold/online_retail/customer_rfm/year=2011/month=12/day=09/data.parquet"
    customers = one(f"select count(*) from read_parquet('{rfm}', hive_partitioning = false)")[0]
    best = one(
        f"select frequency, monetary from read_parquet('{rfm}', hive_partitioning = false) where customer_id = '14646'"
    )
    measured += [
        ("customer_rfm on 2011-12-09: customers", customers, 4_339),
        ("customer 14646: invoices", best and best[0], 74),
        ("customer 14646: money", best and best[1], Decimal("280206.02")),
    ]

    wrong = 0
    for name, found, expected in measured:
        right = found == expected
        wrong += not right
        shown = f"{found:,}" if found is not None else "nothing"
        print(f"{'ok   ' if right else 'WRONG'}  {name:<40} {shown:>18}" + ("" if right else f"  expected {expected:,}"))
    if wrong:
        print(f"error: {wrong} of {len(measured)} totals are wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
