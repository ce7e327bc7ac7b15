"""Warehouse files are read by the releases of DuckDB that people have, also while a load replaces
the file that they have open.

Run by `make test`; by hand: LAKE_BIN_DIR=… python3 <this file>, after `make build`. Each release is
its Python package in an environment of its own, kept in the cache; a release that cannot be had is
skipped, and with CI=true is a failure.
"""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LAKE_BIN_DIR", ROOT / "target" / "release"))
RELEASES = ("1.4.5", "1.5.6", "2.0.1")
DAYS = ("2025-11-01", "2025-11-02")
TABLES = ("global_user_activity_per_day", "global_notif_impact_per_day", "lake_loads")

# Answers each line of its input: `open` opens the file anew, anything else is a question.
READER = """
import json, sys
import duckdb
path, connection = sys.argv[1], None
for line in sys.stdin:
    if line.strip() == "open":
        if connection is not None:
            connection.close()
        connection = duckdb.connect(path, read_only=True)
        answer = duckdb.__version__
    else:
        answer = [[str(value) for value in row] for row in connection.execute(line).fetchall()]
    print(json.dumps(answer), flush=True)
"""


def cache() -> pathlib.Path:
    given = os.environ.get("LAKE_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(given) if given else pathlib.Path(base) / "lakehouse"


def python_with(release: str) -> pathlib.Path | None:
    """A Python that has this release of DuckDB; none where it cannot be had."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache() / f"duckdb-{release}-python-{version}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        for command in (
            [sys.executable, "-m", "venv", "--clear", folder],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"duckdb=={release}"],
        ):
            made = subprocess.run(command, capture_output=True, text=True)
            if made.returncode != 0:
                print(made.stderr, file=sys.stderr)
                return None
        (folder / "complete").touch()
    return python


class Reader:
    """A process that has a warehouse open."""

    def __init__(self, python: pathlib.Path, file: pathlib.Path):
        self.process = subprocess.Popen(
            [python, "-c", READER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, question: str):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"the reader ended at `{question}`")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Warehouse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        base = pathlib.Path(cls.folder.name)
        port_file = base / "port"
        login, password = f"lake-{secrets.token_hex(6)}", secrets.token_hex(20)
        cls.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(base),
            "AWS_ACCESS_KEY_ID": login,
            "AWS_SECRET_ACCESS_KEY": password,
            "AWS_REGION": "us-east-1",
            "LAKE_CREATE_BUCKETS": "true",
            "LAKE_PIPELINES_DIR": str(ROOT / "pipelines"),
            "LAKE_WORKSPACE_DIR": str(base / "workspaces"),
            "LAKE_WAREHOUSE_DIR": str(base / "warehouse"),
            "LAKE_COMMUNITY_DIR": str(base / "source"),
            "LAKE_PSEUDONYM_KEY": secrets.token_hex(32),
            "LAKE_LOG": "warn",
        }
        (base / "warehouse").mkdir()
        cls.file = base / "warehouse" / "analytics.duckdb"
        server = subprocess.Popen(
            [BIN / "lake-local-s3", "--data-dir", base / "s3", "--address", "127.0.0.1:0", "--port-file", port_file],
            env=cls.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.terminate)
        for _ in range(300):
            if port_file.exists() and port_file.read_text():
                break
            time.sleep(0.1)
        cls.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port_file.read_text().strip()}"
        cls.run_executable(
            "lake-generate", "community", "--date", DAYS[0], "--days", "2", "--users", "1000", "--output", base / "source"
        )
        # Both days through gold; the first is in the warehouse.
        cls.run_executable("lake", "run", "community", "--from", DAYS[0], "--to", DAYS[1])
        cls.file.unlink()

    @classmethod
    def run_executable(cls, name: str, *arguments):
        result = subprocess.run([BIN / name, *arguments], env=cls.environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise AssertionError(f"{name} {arguments} ended with {result.returncode}\n{result.stderr}")

    def load(self, day: str):
        self.run_executable("lake-load", "--pipeline", "community", "--date", day)

    def test_releases_read_the_file_and_keep_the_old_one_through_a_load(self):
        answers = {}
        for release in RELEASES:
            with self.subTest(release):
                python = python_with(release)
                if python is None:
                    if os.environ.get("CI") == "true":
                        self.fail(f"DuckDB {release} could not be installed")
                    self.skipTest(f"DuckDB {release} could not be installed: is there a package index?")
                self.file.unlink(missing_ok=True)
                self.load(DAYS[0])
                reader = Reader(python, self.file)
                self.addCleanup(reader.close)
                self.assertEqual(reader.ask("open"), release)
                days = f"SELECT run_date, count(*) FROM {TABLES[0]} GROUP BY ALL ORDER BY ALL"
                old = reader.ask(days)
                self.assertEqual([day for day, _ in old], [DAYS[0]])
                self.load(DAYS[1])
                self.assertEqual(reader.ask(days), old)
                reader.ask("open")
                new = reader.ask(days)
                self.assertEqual([day for day, _ in new], list(DAYS))
                self.assertEqual(new[0], old[0])
                answers[release] = [reader.ask(f"FROM {table} ORDER BY ALL") for table in TABLES]
                self.assertEqual(reader.ask(f"SELECT typeof(user_id) FROM {TABLES[0]} LIMIT 1"), [["UUID"]])
                comment = reader.ask("SELECT comment FROM duckdb_columns() WHERE column_name = 'total_spend_time'")
                self.assertIn("seconds", comment[0][0])
        for release, answer in answers.items():
            self.assertTrue(answer == next(iter(answers.values())), f"{release} reads something else")
        self.assertEqual([path.name for path in self.file.parent.iterdir()], [self.file.name])


if __name__ == "__main__":
    unittest.main()
