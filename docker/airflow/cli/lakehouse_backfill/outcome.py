"""How the command ends: exit codes, and the error that carries one."""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
TIMED_OUT = 75


class Stop(Exception):
    """Ends the command with a message, a hint what to do, and an exit code."""

    def __init__(self, message: str, hint: str = "", code: int = USAGE) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
