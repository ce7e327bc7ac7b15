"""The machine's memory and threads, divided among the days that may be in flight at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

# Four days at once with what a stage takes by itself, 1 GiB.
DEFAULT_MEMORY_BYTES = 4 << 30
# Less makes a stage slower than the division is worth.
LEAST_MEMORY_BYTES = 256 << 20

_SIZE = re.compile(r"\s*(\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_UNITS = {
    "": 1,
    "b": 1,
    **{unit: 1000**power for power, unit in enumerate(("kb", "mb", "gb", "tb"), 1)},
    **{unit: 1000**power for power, unit in enumerate("kmgt", 1)},
    **{unit: 1024**power for power, unit in enumerate(("kib", "mib", "gib", "tib"), 1)},
}


class BudgetError(Exception):
    """A budget that means nothing; the text names the variable."""


def memory_bytes(environment: Mapping[str, str], runs_at_once: int) -> int:
    """The memory of one task: its share of `LAKE_MEMORY_LIMIT`."""
    text = environment.get("LAKE_MEMORY_LIMIT") or str(DEFAULT_MEMORY_BYTES)
    match = _SIZE.fullmatch(text)
    if not match or match[2].lower() not in _UNITS:
        raise BudgetError(f"LAKE_MEMORY_LIMIT is `{text}`, not a size such as 4GiB")
    budget = int(match[1]) * _UNITS[match[2].lower()]
    return max(LEAST_MEMORY_BYTES, budget // runs_at_once)


def threads(environment: Mapping[str, str], runs_at_once: int, *, shared: bool) -> int:
    """The threads of one task: all of `LAKE_THREADS`, or its share where many days run at once."""
    text = environment.get("LAKE_THREADS") or str(cores())
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise BudgetError(f"LAKE_THREADS is `{text}`, not a number of threads")
    return max(1, int(text) // runs_at_once) if shared else int(text)


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
