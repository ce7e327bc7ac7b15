"""The pipelines that the tests run, their sources, and what should come of them."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

from . import places
from .store import Store

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: items
version: 1.0.0
status: active
schema:
  - name: items
    logicalType: object
    properties:
      - {name: kind, logicalType: string, required: true}
      - {name: number, logicalType: integer, required: true}
      - {name: amount, logicalType: integer, required: true}
"""
MART = """\
select run_date() as date, kind, cast(sum(amount) as bigint) as amount, count(*) as items
from silver.items
group by kind
"""
PIPELINE = """\
name: {name}
schedule: {{cron: "{cron}", timezone: {zone}, start: 2025-01-01}}
environment: [LAKE_{upper}_DIR]
datasets:
  items:
    contract: contracts/items.odcs.yaml
    from: "${{LAKE_{upper}_DIR}}"
    files: "{{date:%Y-%m-%d}}.{extension}"
    format: {format}
    whenMissing: {missing}
marts:
  totals: {{reads: {{silver.items: day}}, grain: [kind]}}
"""
LAYERS = ("silver", "quarantine", "gold")


def days(first: str, last: str) -> list[str]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [str(begin + timedelta(days=n)) for n in range((end - begin).days + 1)]


class World:
    """Four pipelines: `sales` as it is shipped, with pseudonyms; `shop`, which is `online_retail`
    under another name, with snapshots; `month` with many small days; `strict`, which ticks at
    03:00 in Tokyo and fails where a day has no file."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.pipelines = folder / "pipelines"
        self.pseudonym_key = f"canary-key-{secrets.token_hex(20)}"
        self._references = 0
        shipped = places.CHECKOUT / "pipelines"
        shutil.copytree(shipped / "sales", self.pipelines / "sales")
        shutil.copytree(shipped / "online_retail", self.pipelines / "shop")
        _replace(self.pipelines / "shop" / "pipeline.yaml", "name: online_retail", "name: shop")
        _replace(
            self.pipelines / "shop" / "pipeline.yaml", "LAKE_ONLINE_RETAIL_DIR", "LAKE_SHOP_DIR"
        )
        self._write_pipeline("month", "0 0 * * *", "UTC", "csv", "skip")
        self._write_pipeline("strict", "0 3 * * *", "Asia/Tokyo", "json", "fail")
        for name in ("sales", "shop", "month", "strict"):
            self.source(name).mkdir(parents=True)

    def _write_pipeline(
        self, name: str, cron: str, zone: str, extension: str, missing: str
    ) -> None:
        folder = self.pipelines / name
        for part in ("contracts", "marts"):
            (folder / part).mkdir(parents=True)
        form = "{csv: {delimiter: ','}}" if extension == "csv" else "{json: array}"
        text = PIPELINE.format(
            name=name,
            upper=name.upper(),
            cron=cron,
            zone=zone,
            extension=extension,
            format=form,
            missing=missing,
        )
        (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
        (folder / "contracts" / "items.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
        (folder / "marts" / "totals.sql").write_text(MART, encoding="utf-8")

    def source(self, pipeline: str) -> Path:
        return self.folder / "sources" / pipeline

    @property
    def variables(self) -> dict[str, str]:
        """What Airflow's components and `lake` get."""
        return {
            **self.store.variables,
            "LAKE_PSEUDONYM_KEY": self.pseudonym_key,
            "LAKE_BIN_DIR": str(places.bin_dir()),
            "LAKE_PIPELINES_DIR": str(self.pipelines),
            "LAKE_WORKSPACE_DIR": str(self.folder / "workspace"),
            # A machine of two cores, and no test that waits a minute for a second try.
            "LAKE_MEMORY_LIMIT": "2GiB",
            "LAKE_RETRY_DELAY_SECS": "1",
            **{
                f"LAKE_{name.upper()}_DIR": str(self.source(name))
                for name in ("sales", "shop", "month", "strict")
            },
        }

    def connections(self) -> list[dict[str, str]]:
        """What Airflow has to know, as its API takes it."""
        extra = {
            "endpoint_url": self.store.variables["AWS_ENDPOINT_URL"],
            "region_name": "us-east-1",
        }
        return [
            {
                "connection_id": "minio_default",
                "conn_type": "aws",
                "login": self.store.login,
                "password": self.store.secret,
                "extra": json.dumps(extra),
            },
            {
                "connection_id": "lake_pseudonym",
                "conn_type": "generic",
                "password": self.pseudonym_key,
            },
        ]

    # --- sources ---------------------------------------------------------------------------

    def make_sales(self, day: str, rows: int = 200) -> None:
        subprocess.run(
            [
                places.bin_dir() / "lake-generate",
                "sales",
                "--date",
                day,
                "--rows",
                str(rows),
                "--corrupt-rate",
                "0.02",
                "--seed",
                day.replace("-", ""),
                "--output",
                self.source("sales"),
            ],
            env=places.machine(),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def make_shop(self, day: str) -> None:
        """Customers that come back, so that a snapshot depends on the days before it."""
        number = date.fromisoformat(day).toordinal()
        lines = [
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
        ]
        for item in range(6):
            customer = 100 + (number * 3 + item) % 9
            lines.append(
                f"{number}{item},2{item},THING {item},{1 + item},{day} 10:0{item}:00,"
                f"{1 + number % 7}.25,{customer}.0,France"
            )
        (self.source("shop") / f"{day}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def make_month(self, day: str, rows: int = 50) -> int:
        """A small day; the sum of its amounts."""
        number = date.fromisoformat(day).toordinal()
        amounts = [(number * 31 + row * 7) % 1000 for row in range(rows)]
        lines = ["kind,number,amount"]
        lines += [
            f"{'odd' if row % 2 else 'even'},{row},{amount}" for row, amount in enumerate(amounts)
        ]
        (self.source("month") / f"{day}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return sum(amounts)

    def make_strict(self, day: str, rows: int = 5) -> None:
        """With no rows it is the `[]` that a source delivers which has lost its data."""
        records = [{"kind": "a", "number": row, "amount": row} for row in range(rows)]
        (self.source("strict") / f"{day}.json").write_text(json.dumps(records), encoding="utf-8")

    # --- what should come of them ----------------------------------------------------------

    def lake(self, *words: str, **variables: str) -> None:
        subprocess.run(
            [places.bin_dir() / "lake", *words],
            env=places.machine() | self.variables | {"LAKE_LOG": "error"} | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def published(self, pipeline: str, *of_days: str) -> dict[str, str]:
        """What readers see of a pipeline's days: SHA-256 by object."""
        found = {
            f"{layer}/{key}": digest
            for layer in LAYERS
            for key, digest in self.store.contents(layer, f"{pipeline}/").items()
        }
        return _only(found, of_days)

    def reference(self, pipeline: str, *of_days: str) -> dict[str, str]:
        """The same, of a serial run without Airflow in a place of its own."""
        self._references += 1
        prefix = f"reference-{self._references}"
        places_of_its_own = {
            f"LAKE_{layer.upper()}_URL": f"s3://{prefix}/{layer}"
            for layer in ("bronze", "staging", *LAYERS)
        }
        self.lake(
            "run",
            pipeline,
            "--from",
            of_days[0],
            "--to",
            of_days[-1],
            "--jobs",
            "1",
            **places_of_its_own,
        )
        found = {
            f"{layer}/{key}": digest
            for layer in LAYERS
            for key, digest in self.store.contents(prefix, f"{layer}/{pipeline}/").items()
        }
        return _only(found, of_days)


def partition(day: str) -> str:
    return "year={}/month={}/day={}".format(*day.split("-"))


def is_of(key: str, day: str) -> bool:
    """Whether an object is of a day: by its partition, or by the date in its name."""
    return partition(day) in key or f"_{day.replace('-', '')}T" in key


def _only(found: dict[str, str], of_days: tuple[str, ...]) -> dict[str, str]:
    return {
        key: digest
        for key, digest in found.items()
        if "/refused/" not in key and any(is_of(key, day) for day in of_days)
    }


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
