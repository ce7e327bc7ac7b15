"""Memory and threads, divided among the days in flight."""

from __future__ import annotations

import pytest
from lakehouse_dags import budget

GIB = 1 << 30


@pytest.mark.parametrize(
    ("limit", "runs", "share"),
    [
        (None, 4, GIB),
        (None, 8, GIB // 2),
        ("8GiB", 4, 2 * GIB),
        ("8 gib", 2, 4 * GIB),
        ("1000MB", 2, 500_000_000),
        ("1073741824", 2, GIB // 2),
        ("2g", 1, 2_000_000_000),
        # Never less than a stage can work with.
        ("512MiB", 4, 256 << 20),
    ],
)
def test_memory_is_divided(limit: str | None, runs: int, share: int) -> None:
    environment = {"LAKE_MEMORY_LIMIT": limit} if limit else {}
    assert budget.memory_bytes(environment, runs) == share


@pytest.mark.parametrize("limit", ["lots", "-1GiB", "1.5GiB", "GiB", "1 PiB"])
def test_a_limit_that_is_no_size(limit: str) -> None:
    with pytest.raises(budget.BudgetError, match="LAKE_MEMORY_LIMIT"):
        budget.memory_bytes({"LAKE_MEMORY_LIMIT": limit}, 4)


def test_threads_are_divided_in_backfills_alone() -> None:
    environment = {"LAKE_THREADS": "8"}
    assert budget.threads(environment, 4, shared=True) == 2
    assert budget.threads(environment, 4, shared=False) == 8
    assert budget.threads({"LAKE_THREADS": "2"}, 4, shared=True) == 1
    assert budget.threads({}, 1, shared=True) == budget.cores() >= 1


@pytest.mark.parametrize("text", ["0", "many", "-2", "1.5", "²"])
def test_a_number_of_threads_that_is_none(text: str) -> None:
    with pytest.raises(budget.BudgetError, match="LAKE_THREADS"):
        budget.threads({"LAKE_THREADS": text}, 4, shared=False)
