"""Where things are."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
DAGS = CHECKOUT / "dags"
