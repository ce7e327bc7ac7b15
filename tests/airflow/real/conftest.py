"""One store and one Airflow for all tests here: started once, stopped whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .airflow import Airflow
from .needles import Needles
from .processes import Watch
from .store import Store
from .world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("airflow")
    store = Store(folder / "store")
    print(f"store: {store.name}")
    try:
        yield World(folder, store)
    finally:
        store.stop()


@pytest.fixture(scope="session")
def needles(world: World) -> Needles:
    """What must be found nowhere, and the login, which Airflow may show."""
    return Needles(
        {
            "S3 secret": world.store.secret,
            "pseudonym key": world.pseudonym_key,
            "S3 login": world.store.login,
        }
    )


@pytest.fixture(scope="session")
def watch(needles: Needles) -> Iterator[Watch]:
    """Reads every process's arguments as long as the tests last."""
    made = Watch(needles.within)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def airflow(
    world: World, watch: Watch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    world.lake("validate")
    # As a person does it in the UI: the connections are made through the API, and kept in the
    # database. (Airflow 2 gets them by its environment, as do `make demo` and `make up`.)
    variables = {
        name: value
        for name, value in world.variables.items()
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LAKE_PSEUDONYM_KEY")
    }
    made = Airflow(tmp_path_factory.mktemp("stack"), variables)
    try:
        for connection in world.connections():
            made.call("POST", "/api/v2/connections", connection)
        yield made
    finally:
        made.stop()
