"""`make up` and `make down`: left running, kept, and nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import places
from .airflow import call


def script(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [places.CHECKOUT / "scripts" / name],
        env=places.machine() | {"LAKE_UP_DIR": str(folder), "LAKE_DEMO_ROWS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "up"
    yield made
    script("down.sh", made)


def recorded(folder: Path) -> list[int]:
    """The processes that `make down` will end."""
    files = (folder / "processes", folder / "airflow" / "processes")
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [int(line.split()[0]) for line in lines]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_up_stays_until_down(folder: Path) -> None:
    said = script("up.sh", folder).stdout
    address = re.search(r"^Airflow: +(http://127\.0\.0\.1:\d+)$", said, re.MULTILINE)
    password = re.search(r"^ +password +(\S+)$", said, re.MULTILINE)
    assert address and password, said
    # Nobody gets in without the password that was printed.
    login = {"username": "admin", "password": password[1]}
    token = call(f"{address[1]}/auth/token", login)["access_token"]
    known = call(f"{address[1]}/api/v2/dags", token=token)["dags"]
    assert {"sales", "online_retail", "lakehouse_janitor"} <= {dag["dag_id"] for dag in known}
    with pytest.raises(Exception, match="401"):
        call(f"{address[1]}/auth/token", login | {"password": "admin"})
    with pytest.raises(Exception, match="401"):
        call(f"{address[1]}/api/v2/dags")
    passwords = "airflow/simple_auth_manager_passwords.json.generated"
    for secret in ("environment", "airflow/environment", "airflow/secrets", passwords):
        assert (folder / secret).stat().st_mode & 0o077 == 0, secret

    processes = recorded(folder)
    assert len(processes) == 5
    assert all(is_there(pid) for pid in processes)
    # A second time it only says where it is.
    assert f"password  {password[1]}" in script("up.sh", folder).stdout
    assert recorded(folder) == processes

    script("down.sh", folder)
    assert not any(is_there(pid) for pid in processes)
    assert (folder / "source").is_dir() and (folder / "airflow" / "airflow.db").is_file()
