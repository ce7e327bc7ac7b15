"""Loaded by every process of a local Airflow (scripts/airflow-stack.sh), whose metadata is SQLite.

Airflow opens savepoints before it has written anything in a transaction, looks something up, and
then writes. SQLite takes the savepoint for the beginning of a reading transaction, and when another
process has written in between, it refuses the write at once, however long its timeout is: "database
is locked". Measured: `airflow backfill create` beside a working scheduler, whose half-made backfill
then keeps others waiting for two minutes. So a savepoint takes the right to write first, and waits
for it as any write does.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine


@event.listens_for(Engine, "savepoint")
def begin_writing(connection: Connection, _name: Any) -> None:
    """Begins a writing transaction where none has begun."""
    if connection.dialect.name != "sqlite":
        return
    if not connection.connection.driver_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
