"""What cannot run is skipped loudly, and in CI it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SKIPPING = """
import pytest

@pytest.mark.skipif(True, reason="SKIPPED: no server")
def test_before(): pass

def test_meanwhile(): pytest.skip("SKIPPED: no data")
"""


@pytest.mark.parametrize(
    ("ci", "summary", "code"), [("true", "1 failed, 1 error", 1), ("", "2 skipped", 0)]
)
def test_a_skip_is_a_failure_in_ci(tmp_path: Path, ci: str, summary: str, code: int) -> None:
    (tmp_path / "conftest.py").symlink_to(CONFTEST)
    (tmp_path / "test_it.py").write_text(SKIPPING, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-c", "/dev/null", "-rfEs", "."],
        cwd=tmp_path,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.splitlines()[-1].startswith(summary), ended.stdout
    assert ended.returncode == code
    assert "SKIPPED: no server" in ended.stdout and "SKIPPED: no data" in ended.stdout
