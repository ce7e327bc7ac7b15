"""Airflow 2.11's web server: its form and its REST API, as a browser and a script use them."""

from __future__ import annotations

import base64
import html
import http.cookiejar
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

USER = "admin"


class Web:
    """A web server with one user; stopped by `stop`."""

    def __init__(self, airflow: Path, environment: dict[str, str], run: Callable[..., str]) -> None:
        self._password = secrets.token_hex(12)
        person = ("--firstname", "A", "--lastname", "B", "--email", "a@example.org")
        login = ("--username", USER, "--password", self._password)
        run("users", "create", "--role", "Admin", *login, *person)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._log = Path(environment["AIRFLOW_HOME"]) / "webserver.log"
        self._process = subprocess.Popen(
            [airflow, "webserver", "--hostname", "127.0.0.1", "--port", str(port), "--workers", "1"],
            env=environment
            | {"AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth"},
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # Loopback is never behind a proxy, whatever the environment says.
        self._browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )
        try:
            self._wait()
            self._post("/login/", {"username": USER, "password": self._password})
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends it and its workers, by their own group."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def by_form(self, dag: str, run_id: str, **filled_in: Any) -> str:
        """Opens the form, fills in some of it, and sends it with whatever it had filled in itself;
        the run's id."""
        page = self._get(f"/dags/{dag}/trigger")
        conf = json.loads(_found(r'<textarea[^>]*name="conf"[^>]*>(.*?)</textarea>', page))
        assert set(filled_in) <= set(conf), conf
        self._post(
            f"/dags/{dag}/trigger",
            {
                "conf": json.dumps(conf | filled_in),
                "execution_date": _value_of("execution_date", page),
                "run_id": run_id,
            },
            page,
        )
        return run_id

    def by_rest(self, dag: str, logical_date: str | None = None, **conf: Any) -> str:
        """Starts a run by the REST API; its id."""
        body = {"conf": conf} | ({"logical_date": logical_date} if logical_date else {})
        login = base64.b64encode(f"{USER}:{self._password}".encode()).decode()
        request = urllib.request.Request(
            f"{self._url}/api/v1/dags/{dag}/dagRuns",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Basic {login}"},
        )
        return json.loads(self._open(request))["dag_run_id"]

    def _get(self, path: str) -> str:
        return self._open(urllib.request.Request(self._url + path))

    def _post(self, path: str, fields: dict[str, str], page: str = "") -> str:
        token = _value_of("csrf_token", page or self._get(path))
        data = urllib.parse.urlencode({"csrf_token": token, **fields}).encode()
        return self._open(urllib.request.Request(self._url + path, data))

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self._browser.open(request, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise AssertionError(f"{request.full_url}: {error.code}: {text[-2000:]}") from None

    def _wait(self) -> None:
        end = time.monotonic() + 120
        while True:
            try:
                self._get("/health")
                return
            except (OSError, AssertionError):
                log = self._log.read_text(errors="replace")[-3000:]
                assert self._process.poll() is None, log
                assert time.monotonic() < end, log
                time.sleep(0.3)


def _found(pattern: str, page: str) -> str:
    found = re.search(pattern, page, re.DOTALL)
    assert found, f"{pattern} is not in {page[:2000]}"
    return html.unescape(found[1])


def _value_of(name: str, page: str) -> str:
    field = _found(rf'(<input[^>]*name="{name}"[^>]*>)', page)
    return _found(r'value="([^"]*)"', field)
