"""The splitter of the published workbook writes the form of the committed fixtures.

Run by `make test`; by hand with any Python that has openpyxl: python3 <this file>.
"""

import csv
import datetime
import importlib.util
import pathlib
import tempfile
import unittest

import openpyxl

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "online-retail"

spec = importlib.util.spec_from_file_location(
    "split_online_retail", ROOT / "scripts" / "split-online-retail.py"
)
splitter = importlib.util.module_from_spec(spec)
spec.loader.exec_module(splitter)


def number_or_text(field: str):
    """As the workbook holds it: codes of digits alone are numbers."""
    return int(field) if field.isdigit() else field or None


def workbook_of(days) -> openpyxl.Workbook:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append(splitter.HEADER)
    for day in days:
        with (FIXTURES / f"{day}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                sheet.append(
                    [
                        number_or_text(row["InvoiceNo"]),
                        number_or_text(row["StockCode"]),
                        row["Description"] or None,
                        int(row["Quantity"]),
                        datetime.datetime.fromisoformat(row["InvoiceDate"]),
                        float(row["UnitPrice"]),
                        # Spreadsheets do not tell 17850 from 17850.0.
                        int(float(row["CustomerID"])) if row["CustomerID"] else None,
                        row["Country"],
                    ]
                )
    return workbook


class Split(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def split(self, workbook) -> dict[str, int]:
        path = self.folder / "workbook.xlsx"
        workbook.save(path)
        sheet = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0]
        rows = sheet.iter_rows(max_col=8, values_only=True)
        return splitter.split(rows, self.folder / "days")

    def test_real_days_come_back_byte_for_byte(self):
        days = ["2011-08-11", "2011-08-12", "2011-11-29"]
        self.assertEqual(
            self.split(workbook_of(days)),
            {"2011-08-11": 1984, "2011-08-12": 1122, "2011-11-29": 4313},
        )
        for day in days:
            self.assertEqual(
                (self.folder / "days" / f"{day}.csv").read_bytes(),
                (FIXTURES / f"{day}.csv").read_bytes(),
                day,
            )

    def test_times_are_rounded_to_the_second(self):
        moment = datetime.datetime(2011, 1, 4, 9, 59, 59, 999_987)
        self.assertEqual(
            splitter.record([1, "A", "x", 1, moment, 2, None, "EIRE"])[4], "2011-01-04 10:00:00"
        )

    def test_another_workbook_is_refused(self):
        workbook = openpyxl.Workbook()
        workbook.active.append(["Invoice", "StockCode"])
        with self.assertRaisesRegex(ValueError, "is this the right workbook"):
            self.split(workbook)

    def test_a_bad_row_is_named(self):
        workbook = workbook_of([])
        workbook.active.append([1, "A", "x", 1, "yesterday", 2.0, None, "EIRE"])
        with self.assertRaisesRegex(ValueError, "row 2: InvoiceDate is 'yesterday'"):
            self.split(workbook)


if __name__ == "__main__":
    unittest.main()
