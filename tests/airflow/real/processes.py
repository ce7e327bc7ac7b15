"""Looking at the machine's processes: for a stage at work, and for secrets in arguments."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SIGTERM_PENDING = 1 << (signal.SIGTERM - 1)


HAS_PROC = Path("/proc/self/cmdline").exists()


def command_lines() -> Iterator[tuple[int, bytes]]:
    """Every process and its arguments."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                yield int(entry.name), Path(entry.path, "cmdline").read_bytes()
            except OSError:
                continue


def catch(stage: str, run_id: str, timeout_secs: float = 90) -> int:
    """Halts a stage of a run as soon as it is seen; its process id."""
    if not HAS_PROC:
        pytest.skip("SKIPPED: catching a stage at work needs /proc")
    end = time.monotonic() + timeout_secs
    while time.monotonic() < end:
        for pid, line in command_lines():
            words = line.split(b"\0")
            if words[0].endswith(f"/lake-{stage}".encode()) and run_id.encode() in words:
                os.kill(pid, signal.SIGSTOP)
                return pid
        time.sleep(0.005)
    raise AssertionError(f"lake-{stage} of {run_id} was not seen in {timeout_secs} s")


def wait_for(what: str, condition: Callable[[], bool], timeout_secs: float = 60) -> None:
    end = time.monotonic() + timeout_secs
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {timeout_secs} s"
        time.sleep(0.1)


def has_pending_sigterm(pid: int) -> bool:
    """Whether somebody has asked a halted process to end."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("SigPnd", "ShdPnd") and int(value, 16) & SIGTERM_PENDING:
            return True
    return False


class Watch:
    """Reads all processes' arguments again and again and notes those with something to find."""

    EVERY_SECS = 0.1

    def __init__(self, find: Callable[[bytes], list[str]]) -> None:
        self._find = find
        self._ended = threading.Event()
        self.found: dict[str, set[str]] = {}
        self.looks = 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        if HAS_PROC:
            self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(self.EVERY_SECS):
            for _, line in command_lines():
                for name in self._find(line):
                    words = [word.decode(errors="replace")[:60] for word in line.split(b"\0")[:2]]
                    self.found.setdefault(name, set()).add(" ".join(words))
            self.looks += 1

    def stop(self) -> None:
        self._ended.set()
        if HAS_PROC:
            self._thread.join(5)
