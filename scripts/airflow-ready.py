"""Waits until a local Airflow works: its four components are healthy, and every pipeline's DAG
is known. Ends with 1 when a component has ended, or when the time is over.

usage: airflow-ready.py URL AIRFLOW_HOME
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECS = 180
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def call(url: str, body: object = None, token: str = "") -> dict:
    """One request of the REST API; its JSON answer."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    # Loopback is never behind a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)


def lacking(url: str, home: Path, pipelines: set[str]) -> str:
    """What is not ready yet, in words; nothing when everything is."""
    health = call(f"{url}/api/v2/monitor/health")
    sick = [name for name in COMPONENTS if (health.get(name) or {}).get("status") != "healthy"]
    if sick:
        return f"not healthy: {', '.join(sick)}"
    passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
    login = {"username": "admin", "password": passwords["admin"]}
    token = call(f"{url}/auth/token", login)["access_token"]
    known = {dag["dag_id"] for dag in call(f"{url}/api/v2/dags?limit=100", token=token)["dags"]}
    if pipelines - known:
        errors = call(f"{url}/api/v2/importErrors", token=token)["import_errors"]
        if errors:
            for error in errors:
                print(f"{error['filename']}: {error['stack_trace']}", file=sys.stderr)
            raise SystemExit("error: a DAG file has errors, see above")
        return f"no DAG yet: {', '.join(sorted(pipelines - known))}"
    return ""


def dead(home: Path) -> list[str]:
    """Components that have ended."""
    ended = []
    for line in (home / "processes").read_text().splitlines():
        pid, name = line.split()[0], line.split()[-1]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            ended.append(name)
    return ended


def main() -> int:
    url, home = sys.argv[1], Path(sys.argv[2])
    folders = Path(os.environ["LAKE_PIPELINES_DIR"]).glob("*/pipeline.yaml")
    pipelines = {file.parent.name for file in folders}
    end = time.monotonic() + TIMEOUT_SECS
    state = "no answer"
    while time.monotonic() < end:
        if ended := dead(home):
            print(f"error: ended at once: {', '.join(ended)}", file=sys.stderr)
            return 1
        try:
            state = lacking(url, home, pipelines)
        except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
            state = str(error)
        if not state:
            return 0
        time.sleep(0.3)
    print(f"error: not ready after {TIMEOUT_SECS} s: {state}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
