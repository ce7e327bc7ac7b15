"""Takes the pictures of docs/screenshots from a running Airflow (`make up`), in a real browser.

usage: screenshots.py ADDRESS PASSWORD_FILE FOLDER CHROMIUM
"""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

# A browser in a container has no sandbox, and on a machine without a network it must not ask for one.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONGEST_WAIT_MILLISECS = 120_000
# The UI draws its graphs after its data has come, and says nowhere when it has.
DRAWING_MILLISECS = 6_000


class Api:
    """The REST API, for what a picture needs to know."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        login = json.dumps({"username": "admin", "password": password}).encode()
        self.token = self._ask("/auth/token", login)["access_token"]

    def get(self, path: str) -> dict:
        return self._ask(path, None)

    def _ask(self, path: str, body: bytes | None) -> dict:
        headers = {"Content-Type": "application/json"}
        if body is None:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.address + path, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def newest_run(self, dag: str, kind: str) -> str:
        """The id of the newest run of a kind that has ended well."""
        query = "order_by=-run_after&limit=100&state=success"
        runs = self.get(f"/api/v2/dags/{dag}/dagRuns?{query}")["dag_runs"]
        return next(run["dag_run_id"] for run in runs if run["run_type"] == kind)

    def asset(self, name: str) -> int:
        assets = self.get("/api/v2/assets?limit=200")["assets"]
        return next(asset["id"] for asset in assets if asset["name"] == name)


def log_in(page: Page, address: str, password: str) -> None:
    page.goto(address, timeout=LONGEST_WAIT_MILLISECS)
    page.wait_for_selector("input[name=username]", timeout=LONGEST_WAIT_MILLISECS)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Dags", timeout=LONGEST_WAIT_MILLISECS)


def main() -> None:
    address, password_file, folder, chromium = sys.argv[1:]
    password = json.loads(Path(password_file).read_text())["admin"]
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    api = Api(address, password)
    run = urllib.parse.quote(api.newest_run("online_retail", "backfill"))
    asset = api.asset("gold/online_retail/customer_rfm")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 810})
        log_in(page, address, password)

        def take(name: str) -> None:
            page.wait_for_timeout(DRAWING_MILLISECS)
            page.screenshot(path=target / f"{name}.png")
            print(target / f"{name}.png")

        def go(path: str) -> None:
            page.goto(address + path, timeout=LONGEST_WAIT_MILLISECS)

        go("/dags")
        take("dags")
        go("/dags/online_retail")
        take("grid")
        go(f"/dags/online_retail/runs/{run}")
        take("run")
        go(f"/dags/online_retail/runs/{run}/tasks/check")
        take("log")
        go(f"/dags/online_retail/runs/{run}")
        # One of the buttons over the grid draws the graph instead, and is remembered.
        page.get_by_role("button", name="Graph").or_(page.get_by_label("Graph")).first.click()
        take("graph")
        go(f"/assets/{asset}")
        page.get_by_text("Task Dependencies").click()
        page.wait_for_timeout(DRAWING_MILLISECS)
        page.locator(".react-flow__controls-fitview").click()
        take("assets")
        go("/dags/sales")
        page.wait_for_timeout(DRAWING_MILLISECS)
        page.get_by_role("button", name="Trigger").first.click()
        take("form")
        browser.close()


if __name__ == "__main__":
    main()
