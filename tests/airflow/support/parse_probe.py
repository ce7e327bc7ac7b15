"""Parses DAG files as Airflow's processor does: each in a child of its own, forked from a process
that has loaded Airflow, and that may do nothing but parse.

usage: parse_probe.py FILE...

Prints one JSON object a line, for one file after the other: what the parse cost, what was found,
and what was tried that no parse may do. Such a try fails, as it would where there is neither
network nor database.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

try:
    from airflow.dag_processing.dagbag import DagBag

    ARGUMENTS: dict[str, Any] = {}
except ImportError:
    from airflow.models.dagbag import DagBag

    ARGUMENTS = {"include_examples": False}
import airflow.dag_processing.processor  # noqa: F401 (what the processor has loaded, it has loaded)
from airflow.providers.common.compat.sdk import BaseHook, Connection, Variable

tried: list[str] = []


def refuse(what: str) -> Any:
    tried.append(what)
    raise RuntimeError(f"no DAG may do this while it is parsed: {what}")


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "sqlite3.connect"):
        refuse(event)
    if event in ("subprocess.Popen", "os.system", "os.fork", "os.posix_spawn"):
        refuse(event)


def parse(path: str) -> None:
    sys.path.insert(0, os.path.dirname(path))
    loaded = set(sys.modules)
    sys.addaudithook(watch)
    for owner, name in (
        (BaseHook, "get_connection"),
        (BaseHook, "get_hook"),
        (Connection, "get"),
        (Connection, "get_connection_from_secrets"),
        (Variable, "get"),
        (Variable, "get_variable_from_secrets"),
    ):
        if hasattr(owner, name):
            what = f"{owner.__name__}.{name}"
            setattr(owner, name, lambda *_args, _what=what, **_kwargs: refuse(_what))
    cpu, wall = time.process_time(), time.perf_counter()
    bag = DagBag(path, **ARGUMENTS)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    json.dump(
        {
            "cpu_ms": round(cpu * 1000, 1),
            "wall_ms": round(wall * 1000, 1),
            "dags": sorted(bag.dags),
            "errors": list(bag.import_errors.values()),
            "tried": tried,
            "modules": sorted({name.split(".")[0] for name in set(sys.modules) - loaded}),
        },
        sys.stdout,
    )
    print(flush=True)


def main(paths: list[str]) -> int:
    for path in paths:
        child = os.fork()
        if child == 0:
            try:
                parse(path)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        os.waitpid(child, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
