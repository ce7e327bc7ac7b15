"""A running Airflow 3: its components, its REST API and its command line."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from . import places

STACK = places.CHECKOUT / "scripts" / "airflow-stack.sh"
ENDED = ("success", "failed")


class Refused(Exception):
    """An answer of the API that is no success."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


def call(url: str, body: Any = None, token: str = "", method: str = "") -> Any:
    """One request of the REST API; its JSON answer."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method or None)
    # Loopback is never behind a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from None
    return json.loads(text) if text else None


class Airflow:
    """The stack of scripts/airflow-stack.sh in a folder of the tests."""

    def __init__(self, folder: Path, variables: dict[str, str], *settings: str) -> None:
        self.folder = folder
        self.home = folder / "airflow"
        self._variables = places.machine() | variables
        begun = time.monotonic()
        self._stack("start", *settings)
        self.started_in_secs = time.monotonic() - begun
        self.url = (self.home / "address").read_text().strip()
        passwords = json.loads(
            (self.home / "simple_auth_manager_passwords.json.generated").read_text()
        )
        self.password = passwords["admin"]
        self._token = ""
        answer = self.call("POST", "/auth/token", {"username": "admin", "password": self.password})
        self._token = answer["access_token"]

    def stop(self) -> None:
        self._stack("stop")

    def _stack(self, command: str, *settings: str) -> None:
        subprocess.run(
            [STACK, command, self.folder, *settings],
            env=self._variables,
            stdin=subprocess.DEVNULL,
            check=True,
        )

    # --- command line ----------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        """The literal command in a shell that has sourced the stack's environment."""
        return [
            "env",
            "-i",
            "bash",
            "-c",
            '. "$1" && shift && exec airflow "$@"',
            "bash",
            str(self.home / "environment"),
            *words,
        ]

    def run(self, *words: str, timeout_secs: float = 300) -> subprocess.CompletedProcess[str]:
        """Types `airflow …` and waits for it; its output is shown when a test fails."""
        ended = subprocess.run(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_secs,
            check=False,
        )
        print(f"airflow {' '.join(words)}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended

    # --- REST ------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return call(self.url + path, body, self._token, method)

    def unpause(self, dag: str) -> None:
        self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})

    def trigger(self, dag: str, logical_date: str | None = None, **conf: Any) -> str:
        """Starts a run as the UI's form does; its id."""
        body = {"logical_date": logical_date, "conf": conf}
        return self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"]

    def runs(self, dag: str) -> list[dict[str, Any]]:
        found = self.call("GET", f"/api/v2/dags/{dag}/dagRuns?limit=200&order_by=id")
        return found["dag_runs"]

    def run_of(self, dag: str, run_id: str) -> dict[str, Any]:
        return self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run_id)}")

    def tasks(self, dag: str, run_id: str) -> dict[str, dict[str, Any]]:
        """The tasks of a run, by their names."""
        path = f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run_id)}/taskInstances"
        return {task["task_id"]: task for task in self.call("GET", path)["task_instances"]}

    def states(self, dag: str, run_id: str) -> dict[str, str]:
        return {name: task["state"] for name, task in self.tasks(dag, run_id).items()}

    def set_state(self, dag: str, run_id: str, task: str, state: str) -> None:
        path = f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run_id)}/taskInstances/{task}"
        self.call("PATCH", path, {"new_state": state})

    def clear(self, dag: str, run_id: str, task: str) -> None:
        """A task and what follows it, as the UI's `Clear` does."""
        self.call(
            "POST",
            f"/api/v2/dags/{dag}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": run_id,
                "task_ids": [task],
                "include_downstream": True,
                "only_failed": False,
                "reset_dag_runs": True,
            },
        )

    def wait(self, dag: str, run_id: str, timeout_secs: float = 180) -> str:
        """The state in which a run ends."""
        end = time.monotonic() + timeout_secs
        while True:
            state = self.run_of(dag, run_id)["state"]
            if state in ENDED:
                return state
            assert time.monotonic() < end, f"{dag} {run_id} is {state}: {self.states(dag, run_id)}"
            time.sleep(0.3)

    def log_of(self, dag: str, run_id: str, task: str) -> str:
        """What a task wrote, all its attempts."""
        folder = self.home / "logs" / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}"
        return "\n".join(file.read_text() for file in sorted(folder.rglob("*.log")))
