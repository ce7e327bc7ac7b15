"""Stages that are small scripts: they write down how they were started, and end as told. The real
`lake` is beside them, since DAGs are made of what it describes."""

from __future__ import annotations

import shutil
from pathlib import Path

from places import bin_dir

NAMES = ("bronze", "extract", "silver", "check", "gold", "load", "cleanup")

# `/proc/<pid>/environ` is what the stage was started with, before its own shell added anything.
_SCRIPT = """\
#!/bin/bash
here="$(/usr/bin/dirname "$0")"
stage="$(/usr/bin/basename "$0")"
count="$(/bin/ls "$here/seen" | /usr/bin/wc -l)"
seen="$here/seen/$(printf %03d "$count")-${stage#lake-}"
/bin/mkdir "$seen"
/bin/cat "/proc/$$/environ" >"$seen/environment"
/bin/cat "/proc/$$/cmdline" >"$seen/command"
/usr/bin/readlink "/proc/$$/fd/0" >"$seen/stdin"
printf '%s\\0' "$@" >"$seen/arguments"
echo "{\\"stage\\":\\"${stage#lake-}\\"}"
wish="$here/wishes/${stage#lake-}"
[ -f "$wish" ] || exit 0
# One wish a line, for one start after the other; the last one stays.
read -r now <"$wish"
[ "$(/usr/bin/wc -l <"$wish")" -le 1 ] || /bin/sed -i 1d "$wish"
case "$now" in
  kill-*) kill "-${now#kill-}" $$ && /bin/sleep 10 ;;
  *) exit "$now" ;;
esac
"""


class Start:
    """One start of a stage."""

    def __init__(self, folder: Path) -> None:
        self.stage = folder.name.split("-", 1)[1]
        self.arguments = _texts(folder / "arguments")
        self.command = _texts(folder / "command")
        self.environment = dict(
            text.split("=", 1) for text in _texts(folder / "environment") if "=" in text
        )
        self.stdin = (folder / "stdin").read_text().strip()

    def value_of(self, option: str) -> str:
        """What follows an option."""
        return self.arguments[self.arguments.index(option) + 1]


class Stages:
    """A folder with all stages."""

    def __init__(self, folder: Path) -> None:
        self.bin_dir = folder / "bin"
        (self.bin_dir / "wishes").mkdir(parents=True)
        (self.bin_dir / "seen").mkdir()
        (self.bin_dir / "lake").symlink_to(bin_dir() / "lake")
        for name in NAMES:
            script = self.bin_dir / f"lake-{name}"
            script.write_text(_SCRIPT, encoding="utf-8")
            script.chmod(0o755)

    def wish(self, stage: str, *ends: str | int) -> None:
        """How the next starts of a stage end: an exit code, or `kill-9`."""
        text = "".join(f"{end}\n" for end in ends)
        (self.bin_dir / "wishes" / stage).write_text(text, encoding="utf-8")

    def starts(self) -> list[Start]:
        """The starts so far, in order."""
        return [Start(folder) for folder in sorted((self.bin_dir / "seen").iterdir())]

    def forget(self) -> None:
        """Begins anew."""
        for part in ("wishes", "seen"):
            shutil.rmtree(self.bin_dir / part)
            (self.bin_dir / part).mkdir()


def _texts(path: Path) -> list[str]:
    return path.read_bytes().decode().split("\0")[:-1]
