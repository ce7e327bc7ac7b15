"""A table of PostgreSQL to bronze beside psql's own COPY of the same columns to a file."""

import os
import pathlib
import shutil
import subprocess
import time
import urllib.parse
from datetime import datetime, timedelta, timezone

import lake

ROWS = int(os.environ.get("LAKE_BENCH_EXTRACT_ROWS") or 5_000_000)
ROUNDS = 3
COLUMNS = "id, key, at, name, note, amount, flag, data"
TABLE = f"""
create unlogged table events as select n as id, md5(n::text)::uuid as key,
  timestamptz '2025-01-01+00' + n * interval '1 second' as at, 'name ' || n as name,
  repeat(md5(n::text), 1 + n % 2) as note, (n % 100000)::numeric(12,2) / 100 as amount,
  n % 3 = 0 as flag, jsonb_build_object('n', n, 'of', 'bench') as data
from generate_series(1, {ROWS}) n;
vacuum analyze events;
"""
PIPELINE = """\
name: extracted
sources: {bench_pg: {postgres: {}}}
datasets:
  events: {contract: events.odcs.yaml, from: {source: bench_pg, table: events}, take: whole%s}
"""
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: events
version: 1.0.0
status: active
schema:
  - name: events
    logicalType: object
    customProperties: [{property: delivery, vendor: lakehouse, value: snapshot}]
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
"""


def run() -> None:
    lake.heading(f"Extract: {ROWS:,} rows of PostgreSQL, beside psql's COPY to a file (median of {ROUNDS})")
    script = lake.ROOT / "scripts" / "postgres.sh"
    psql = shutil.which("psql")
    if psql is None:
        lake.skip("extract", "there is no psql")
        return
    if subprocess.run([script, "bin"], stdout=subprocess.DEVNULL).returncode != 0:
        lake.skip("extract", "there is no PostgreSQL")
        return
    # PostgreSQL's own user must reach it.
    folder = pathlib.Path("/tmp") / f"lake-bench-postgres-{os.getpid()}"
    subprocess.run([script, "start", folder], check=True, stdout=subprocess.DEVNULL)
    try:
        text = (folder / "environment").read_text()
        _measure(psql, text.split("LAKE_POSTGRES_URL=", 1)[1].strip())
    finally:
        subprocess.run([script, "stop", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _measure(psql: str, url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    # A password in the arguments would be in every list of processes.
    bare = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()
    environment = {**os.environ, "PGPASSWORD": urllib.parse.unquote(parts.password or "")}

    def ask(statement: str) -> None:
        words = [psql, "-q", bare, "-c", statement]
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)

    for statement in filter(None, map(str.strip, TABLE.split(";"))):
        ask(statement)
    pipelines = lake.BENCH / "work" / "extract-pipelines"
    folder = pipelines / "extracted"
    folder.mkdir(parents=True)
    more = "".join(f"      - {{name: {name}, logicalType: string}}\n" for name in COLUMNS.split(", ")[1:])
    (folder / "events.odcs.yaml").write_text(CONTRACT + more)
    copied = lake.BENCH / "work" / "copied.csv"
    # The last day that is over.
    date = f"{datetime.now(timezone.utc) - timedelta(days=1):%Y-%m-%d}"
    by_psql, ways = [], {1: [], 2: [], "zstd": []}
    resident = 0
    for number in range(ROUNDS):
        started = time.perf_counter()
        copy = f"\\copy (select {COLUMNS} from events) to '{copied}' with (format csv, header)"
        ask(copy)
        by_psql.append(time.perf_counter() - started)
        size = copied.stat().st_size
        copied.unlink()
        for way, secs in ways.items():
            (folder / "pipeline.yaml").write_text(PIPELINE % (", compression: zstd" if way == "zstd" else ""))
            connections = 1 if way == 1 else 2
            # A place of its own each time: what is there already is not sent again.
            report = lake.stage(
                "extract", "extracted", date, f"bench-{number}-{way}",
                LAKE_PIPELINES_DIR=str(pipelines),
                LAKE_BRONZE_URL=f"s3://bronze/extract-{number}-{way}",
                LAKE_CONNECTION_BENCH_PG=f"{url}?sslmode=disable&connections={connections}",
            )  # fmt: skip
            if report["datasets"]["events"]["rows"] != ROWS:
                raise SystemExit(f"error: {report}")
            secs.append(report["wall_secs"])
            resident = max(resident, report["peak_resident_bytes"])
    base = lake.median(by_psql)
    lake.line(f"psql, {size / 1e6:,.0f} MB", f"{base:.1f} s")
    one, two, zstd = (lake.median(ways[way]) for way in (1, 2, "zstd"))
    lake.line("lake-extract, one connection", f"{one:.1f} s, {base / one:.2f} x", "≥ 0.9 x", base / one >= 0.9)
    lake.line("two connections", f"{two:.1f} s, {base / two:.2f} x", "> one", two < one)
    lake.line("two connections, zstd", f"{zstd:.1f} s, {base / zstd:.2f} x")
    lake.line("resident", f"{resident / lake.MEBIBYTE:.0f} MiB", "≤ 64 MiB", resident <= 64 * lake.MEBIBYTE)
    times = {}
    for order in ("", "order by id", "order by key"):
        started = time.perf_counter()
        copy = f"\\copy (select {COLUMNS} from events {order}) to '{os.devnull}' with (format csv)"
        ask(copy)
        times[order] = time.perf_counter() - started
    lake.note(
        "what an order costs in the server: "
        + ", ".join(f"{order or 'none'} {secs:.1f} s" for order, secs in times.items())
    )
