"""Where things are, as the tests were started."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
DAGS = CHECKOUT / "dags"
_GIVEN = os.environ.get("LAKE_BIN_DIR")


@cache
def bin_dir() -> Path:
    """The folder of the executables: as given, else where the scripts build them."""
    if _GIVEN:
        return Path(_GIVEN)
    said = subprocess.run(
        ["bash", "-c", '. scripts/lib.sh && echo "$(target_dir)/release"'],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(said.stdout.strip())
