"""From trigger to published gold: the sample day under a real Airflow, and what of it was Airflow's.

A run is triggered through the REST API, as the UI does it. It ends when the task `gold` has ended;
what the four stages say of themselves in their run reports (process start to exit) is work, the
rest is Airflow's: queueing, starting a Python per task, handing over from task to task.
"""

import datetime
import json
import os
import subprocess
import time
import urllib.request

import lake

DATE = "2025-11-01"
ROWS = 10_000
RUNS = 7
STAGES = ("bronze", "silver", "check", "gold")
TIMEOUT_SECS = 300


class Airflow:
    """The REST API of the local Airflow."""

    def __init__(self, home) -> None:
        self.address = (home / "address").read_text().strip()
        password = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())["admin"]
        self.token = ""
        self.token = self.ask("/auth/token", {"username": "admin", "password": password})["access_token"]

    def ask(self, path: str, body=None, method: str | None = None) -> dict:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)


def moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def one_run(airflow: Airflow) -> tuple[float, float]:
    """Seconds from trigger to published gold, and seconds that the stages took of them."""
    begun = time.time()
    run = airflow.ask("/api/v2/dags/sales/dagRuns", {"logical_date": None, "conf": {"date": DATE}})
    run_id = run["dag_run_id"]
    while True:
        state = airflow.ask(f"/api/v2/dags/sales/dagRuns/{run_id}")["state"]
        if state == "success":
            break
        if state == "failed" or time.time() - begun > TIMEOUT_SECS:
            raise SystemExit(f"error: the run {run_id} is {state}")
        time.sleep(0.5)
    tasks = airflow.ask(f"/api/v2/dags/sales/dagRuns/{run_id}/taskInstances")["task_instances"]
    ended = next(moment(task["end_date"]) for task in tasks if task["task_id"] == "gold")
    reports = lake.BENCH / "s3" / "staging" / "_reports" / "sales" / DATE / run_id
    # Gold runs twice, partitions and snapshots: the trigger waits for the first alone.
    names = [f"{stage}-partition" if stage == "gold" else stage for stage in STAGES]
    work = sum(json.loads((reports / f"{name}.json").read_text())["duration_secs"] for name in names)
    return ended - begun, work


def run() -> None:
    lake.heading(f"From trigger to published gold, {ROWS:,} rows, Airflow 3.3.2 on SQLite (medians of {RUNS})")
    source = lake.sales_day(DATE, ROWS, 0.03)
    stack = [str(lake.ROOT / "scripts" / "airflow-stack.sh")]
    folder = lake.BENCH / "work" / "airflow-stack"
    folder.mkdir(parents=True)
    subprocess.run([*stack, "start", str(folder)], check=True, env=os.environ | {"LAKE_SALES_DIR": str(source)})
    try:
        airflow = Airflow(folder / "airflow")
        airflow.ask("/api/v2/dags/sales", {"is_paused": False}, "PATCH")
        one_run(airflow)  # the first also runs what the schedule owes, and warms what can be warm
        time.sleep(5)
        measured = [one_run(airflow) for _ in range(RUNS)]
    finally:
        subprocess.run([*stack, "stop", str(folder)], check=True)
    total = lake.median([total for total, _ in measured])
    work = lake.median([work for _, work in measured])
    share = lake.median([(total - work) / total for total, work in measured])
    lake.line("trigger to published gold", f"{total:.2f} s")
    lake.line("of it the four stages", f"{work:.2f} s")
    lake.line("of it Airflow", f"{total - work:.2f} s", f"{share:.0%}")
    without = lake.median([lake.lake("run", "sales", "--from", DATE, LAKE_SALES_DIR=str(source)) for _ in range(RUNS)])
    lake.line("the same day by `lake run`, without Airflow", f"{without:.2f} s")
