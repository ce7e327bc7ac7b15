"""Finding secrets in whatever may have kept them: text, databases, Parquet; raw or base64."""

from __future__ import annotations

import base64
import contextlib
import gzip
import sqlite3
import subprocess
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path

from . import places

# Everything that a Parquet file says, decoded by a library that is not ours.
_PARQUET = """
import sys, duckdb
for name in sys.stdin.read().splitlines():
    print("\\0" + name)
    quoted = "'" + name.replace("'", "''") + "'"
    for query in (f"select * from read_parquet({quoted}, hive_partitioning=false)",
                  f"select decode(key), decode(value) from parquet_kv_metadata({quoted})",
                  f"select * from parquet_metadata({quoted})"):
        for row in duckdb.sql(query).fetchall():
            print(*row, sep="\\t")
"""


class Needles:
    """Named secrets, in every form in which they are looked for."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self._forms = {name: _forms(value) for name, value in secrets.items()}

    def within(self, content: bytes) -> list[str]:
        """The names of those that are in some bytes."""
        return [
            name for name, forms in self._forms.items() if any(form in content for form in forms)
        ]

    def within_files(self, folder: Path, *but: str) -> dict[str, set[str]]:
        """The names of those that are in files below a folder, and the files' paths in it."""
        found: dict[str, set[str]] = {}
        parquet = []
        for file in sorted(
            path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
        ):
            where = str(file.relative_to(folder))
            if where in but:
                continue
            for content in _contents(file):
                for name in self.within(content):
                    found.setdefault(name, set()).add(where)
            if file.suffix == ".parquet":
                parquet.append(file)
        for file, text in _decoded(parquet):
            for name in self.within(text.encode()):
                found.setdefault(name, set()).add(str(file.relative_to(folder)))
        return found


def _forms(value: str) -> list[bytes]:
    raw = value.encode()
    forms = [raw, raw.hex().encode(), urllib.parse.quote(value, safe="").encode()]
    # Base64 of a text that has it in the middle: three ways, by what stands before it. What its
    # neighbours decide is cut off at both ends.
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + raw)
            begin = -(-before * 8 // 6)
            end = (before + len(raw)) * 8 // 6
            forms.append(text[begin:end])
    return forms


def _contents(file: Path) -> Iterator[bytes]:
    """A file as it is, and what is packed into it."""
    content = file.read_bytes()
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:15] == b"SQLite format 3":
        yield from _cells(file)


def _cells(file: Path) -> Iterator[bytes]:
    """Every value of every table: a page ends where it ends, in the middle of a long value too."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        tables = [
            row[0]
            for row in database.execute("select name from sqlite_master where type = 'table'")
        ]
        for table in tables:
            for row in database.execute(f'select * from "{table}"'):
                for cell in row:
                    if isinstance(cell, bytes):
                        yield cell
                        with contextlib.suppress(zlib.error):
                            yield zlib.decompress(cell)
                    elif isinstance(cell, str):
                        yield cell.encode()


def tables_with(needles: Needles, file: Path) -> dict[str, set[str]]:
    """The names of those that are in a database, and the columns that hold them."""
    found: dict[str, set[str]] = {}
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        tables = [
            row[0]
            for row in database.execute("select name from sqlite_master where type = 'table'")
        ]
        for table in tables:
            cursor = database.execute(f'select * from "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                for column, cell in zip(columns, row, strict=True):
                    content = cell if isinstance(cell, bytes) else str(cell).encode()
                    for name in needles.within(content):
                        found.setdefault(name, set()).add(f"{table}.{column}")
    return found


def _decoded(files: list[Path]) -> Iterator[tuple[Path, str]]:
    if not files:
        return
    text = subprocess.run(
        [places.tools_python(), "-c", _PARQUET],
        input="\n".join(map(str, files)),
        env=places.machine(),
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout
    for part in text.split("\0")[1:]:
        name, _, content = part.partition("\n")
        yield Path(name), content
