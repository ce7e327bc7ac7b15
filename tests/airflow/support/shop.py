"""A sound pipeline's folder, for tests that change something in it."""

from __future__ import annotations

from pathlib import Path

SOUND = """\
name: shop
description: A shop.
owner: retail
tags: [a, "no"]
schedule: {cron: "0 3 * * *", timezone: Asia/Tokyo, start: 2025-01-01}
environment: [SHOP_DIR]
datasets:
  orders:
    contract: contracts/orders.odcs.yaml
    from: "${SHOP_DIR}"
    files: "*"
    format: {json: lines}
marts:
  daily: {reads: {silver.orders: day}, grain: [a]}
  rolling: {reads: {gold.daily: all}, grain: [a], materialised: snapshot}
"""
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: %(dataset)s
    logicalType: object
    properties:
      - {name: a, logicalType: string}
"""
PSEUDONYMISED = """\
      - name: client
        logicalType: string
        classification: personal
        customProperties:
          - property: pseudonymise
            vendor: lakehouse
            value: {algorithm: hmac-sha-256, length: 32}
"""


def write(folder: Path, text: str = SOUND, more_columns: str = "") -> Path:
    """A pipeline's folder."""
    for part in ("contracts", "marts"):
        (folder / part).mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    for dataset in ("orders", "returns"):
        contract = CONTRACT % {"dataset": dataset} + more_columns
        (folder / "contracts" / f"{dataset}.odcs.yaml").write_text(contract, encoding="utf-8")
    for mart, table in (("daily", "silver.orders"), ("rolling", "gold.daily")):
        (folder / "marts" / f"{mart}.sql").write_text(f"SELECT a FROM {table}\n", encoding="utf-8")
    return folder


# The same with a second dataset that comes from a database.
WITH_A_TABLE = SOUND.replace(
    "datasets:\n",
    """sources: {shop_pg: {postgres: {}}}
datasets:
  returns:
    contract: contracts/returns.odcs.yaml
    from: {source: shop_pg, table: public.returns}
    take: {day: a}
""",
    1,
)
