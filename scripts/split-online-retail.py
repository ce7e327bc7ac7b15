#!/usr/bin/env python3
"""Splits the published workbook "Online Retail" into one CSV file per trading day.

usage: split-online-retail.py "Online Retail.xlsx" FOLDER

The workbook is Daqing Chen, Online Retail, UCI Machine Learning Repository, 2015,
doi:10.24432/C5BW33, CC BY 4.0. It needs openpyxl (`pip install openpyxl`). The files keep the
workbook's columns, its order of rows and its dirt; see docs/guide/real-year.md.
"""

import csv
import datetime
import pathlib
import sys

HEADER = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]


def seconds(moment: datetime.datetime) -> datetime.datetime:
    """Workbooks hold times as fractions of a day, so they may be off by microseconds."""
    return (moment + datetime.timedelta(microseconds=500_000)).replace(microsecond=0)


def text(value) -> str:
    """Cells that look like numbers are numbers in the workbook: 20713 is a stock code."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def record(cells) -> list[str]:
    """One row of the workbook as the fields of its CSV record."""
    invoice, stock, description, quantity, moment, price, customer, country = cells
    if not isinstance(moment, datetime.datetime):
        raise ValueError(f"InvoiceDate is {moment!r}, not a date")
    return [
        text(invoice),
        text(stock),
        text(description),
        str(int(quantity)),
        seconds(moment).strftime("%Y-%m-%d %H:%M:%S"),
        repr(float(price)),
        "" if customer is None else repr(float(customer)),
        text(country),
    ]


def split(rows, folder: pathlib.Path) -> dict[str, int]:
    """Writes the files; answers how many rows each got. `rows` begins with the header."""
    rows = iter(rows)
    header = [text(cell) for cell in next(rows, ())]
    if header != HEADER:
        raise ValueError(f"the first row is {header}, not {HEADER}: is this the right workbook?")
    days: dict[str, list[list[str]]] = {}
    for number, cells in enumerate(rows, start=2):
        if all(cell is None for cell in cells):
            continue
        try:
            fields = record(cells)
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {number}: {error}") from error
        days.setdefault(fields[4][:10], []).append(fields)

    folder.mkdir(parents=True, exist_ok=True)
    for day, records in days.items():
        # Written aside and renamed: a file that is there is whole.
        partial = folder / f".{day}.csv.partial"
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(records)
        partial.replace(folder / f"{day}.csv")
    return {day: len(records) for day, records in days.items()}


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        import openpyxl
    except ImportError:
        print("error: openpyxl is not installed\n\nhint: pip install openpyxl", file=sys.stderr)
        return 2
    try:
        workbook = openpyxl.load_workbook(sys.argv[1], read_only=True, data_only=True)
        sheet = workbook.worksheets[0]
        rows = sheet.iter_rows(max_col=len(HEADER), values_only=True)
        counts = split(rows, pathlib.Path(sys.argv[2]))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(counts)} files, {sum(counts.values()):,} rows in {sys.argv[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
