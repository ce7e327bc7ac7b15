"""Parses DAG files as Airflow's processor does: each in a child of its own, forked from a process
that has loaded Airflow, and that may do nothing but parse.

usage: parse_probe.py FILE...

Prints one JSON object a line, for one file after the other: what the parse cost, what was found,
what was tried that no parse may do, and how often `lake describe` was called, which is the one
process that a parse may start. What may not be done fails, as it would where there is neither
network nor database. The CPU time is that of the parse and of the processes that it started.
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
described: list[list[str]] = []


def refuse(what: str) -> Any:
    tried.append(what)
    raise RuntimeError(f"no DAG may do this while it is parsed: {what}")


def is_description(arguments: tuple[Any, ...]) -> bool:
    executable, words, _, environment = arguments
    return (
        os.path.basename(str(executable)) == "lake"
        and list(words[1:3]) == ["describe", "--json"]
        and environment is not None
        and set(environment) == {"LAKE_PIPELINES_DIR"}
    )


def cpu_secs() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and is_description(arguments):
        described.append(list(arguments[1]))
        return
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
    cpu, wall = cpu_secs(), time.perf_counter()
    bag = DagBag(path, **ARGUMENTS)
    cpu, wall = cpu_secs() - cpu, time.perf_counter() - wall
    json.dump(
        {
            "cpu_ms": round(cpu * 1000, 1),
            "wall_ms": round(wall * 1000, 1),
            "dags": sorted(bag.dags),
            "errors": list(bag.import_errors.values()),
            "tried": tried,
            "described": described,
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
