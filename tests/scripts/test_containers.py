"""The image, as far as it can be known without a container engine: that everything copied is there,
that versions agree with what the rest of the project pins, that every path used exists in the
installed layout, that the entrypoint and the health check do what they say.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import yaml
from container_files import (
    CELERY_FILE,
    CHECKOUT,
    COMPOSE_FILE,
    DOCKERFILE,
    ENTRYPOINT,
    EXTRAS,
    HEALTHCHECK,
    PREFIX,
    VALUES,
    copies,
    dockerfile,
    environment_of,
    ignored,
    in_script,
    project_version,
    read,
    requirements,
    skip_or_fail,
)


class TheImage(unittest.TestCase):
    def setUp(self) -> None:
        self.defaults, self.stages = dockerfile()
        self.by_name = {stage.name: stage for stage in self.stages}
        self.runtime = self.stages[-1]

    def test_stages_are_named_and_their_bases_are_build_arguments(self) -> None:
        self.assertEqual(list(self.by_name), ["builder", "python-environment", "runtime"])
        for stage in self.stages:
            match = re.fullmatch(r"\$\{(\w+)\}", stage.image)
            self.assertTrue(match, f"{stage.name}: {stage.image}")
            self.assertRegex(self.defaults[match[1]], r"^[\w./-]+:\d+\.\d+\.\d+-[\w-]+$")
            for source_stage, _, _ in copies(stage):
                if source_stage:
                    names = list(self.by_name)
                    self.assertLess(names.index(source_stage), names.index(stage.name))

    def test_what_is_copied_is_there_and_reaches_the_build(self) -> None:
        found = 0
        for stage in self.stages:
            for source_stage, sources, _ in copies(stage):
                for source in [] if source_stage else sources:
                    found += 1
                    self.assertTrue((CHECKOUT / source).exists(), f"{source} is not there")
                    self.assertFalse(ignored(source), f".dockerignore keeps {source} out")
        self.assertGreater(found, 10)

    def test_files_below_what_is_copied_reach_the_build(self) -> None:
        tracked = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        if tracked.returncode != 0:
            skip_or_fail(self, "not a git checkout")
        sources = [
            source
            for stage in self.stages
            for source_stage, some, _ in copies(stage)
            for source in ([] if source_stage else some)
        ]
        for path in tracked.stdout.splitlines():
            if any(path == source or path.startswith(source + "/") for source in sources):
                self.assertFalse(ignored(path), path)

    def test_the_build_sees_no_secret_and_no_data(self) -> None:
        for path in (
            ".env",
            "crates/store/.env",
            "docker/airflow/.env",
            ".git/config",
            ".lake/demo/environment",
            "target/release/lake",
            "docs/README.md",
            "docker/kubernetes/values.yaml",
            "dags/__pycache__/lakehouse.cpython-311.pyc",
            "tests/fixtures",
        ):
            self.assertTrue(ignored(path), path)

    def test_all_of_the_workspace_is_copied(self) -> None:
        """Cargo refuses a workspace with a member missing."""
        members = re.search(r"^members = (\[.*\])$", read(CHECKOUT / "Cargo.toml"), re.MULTILINE)
        assert members
        copied = {source for _, sources, _ in copies(self.by_name["builder"]) for source in sources}
        for member in ast.literal_eval(members[1]):
            folder = member.removesuffix("/*")
            self.assertTrue(
                folder in copied or {f"{folder}/Cargo.toml", f"{folder}/src"} <= copied, member
            )
        self.assertLessEqual({"Cargo.toml", "Cargo.lock", ".cargo", "Makefile", "scripts"}, copied)

    def test_it_is_built_with_the_commands_that_people_use(self) -> None:
        commands = self.by_name["builder"].arguments("RUN")
        self.assertRegex(commands[-1], rf"make install PREFIX={PREFIX}$")
        self.assertRegex(read(CHECKOUT / "Makefile"), r"(?m)^install: build ##")
        for command in commands:
            for own in ("cargo build", "cargo install", "curl", "wget", "mvn ", "git clone"):
                self.assertNotIn(own, command)

    def test_the_builder_has_what_the_doctor_asks_for(self) -> None:
        installed = self.by_name["builder"].arguments("RUN")[0].split()
        for package in ("g++", "gcc", "make", "maven", "python3"):
            self.assertIn(package, installed)

    def test_the_engine_is_pinned_in_one_place(self) -> None:
        for name in ("engine_version", "engine_jar_sha256"):
            value = in_script("scripts/lib.sh", name)
            for path in (DOCKERFILE, COMPOSE_FILE, CELERY_FILE):
                self.assertNotIn(value, read(path))
        library = read(CHECKOUT / "scripts/lib.sh")
        self.assertRegex(library, r"linux-x86_64\) echo [0-9a-f]{64}")
        self.assertRegex(library, r"linux-arm64\) echo [0-9a-f]{64}")
        # With ENGINE=shared a build that cannot have it fails, instead of compiling for an hour.
        self.assertIn("ENGINE=shared make install", self.by_name["builder"].arguments("RUN")[-1])

    def test_rust_is_new_enough(self) -> None:
        wanted = re.search(
            r'^rust-version = "(\d+)\.(\d+)"', read(CHECKOUT / "Cargo.toml"), re.MULTILINE
        )
        found = re.search(r":(\d+)\.(\d+)\.", self.defaults["RUST_IMAGE"])
        assert wanted and found
        self.assertGreaterEqual(tuple(map(int, found.groups())), tuple(map(int, wanted.groups())))

    def test_builder_and_runtime_are_of_one_debian(self) -> None:
        releases = {image.rsplit("-", 1)[1] for image in self.defaults.values()}
        self.assertEqual(len(releases), 1, self.defaults)

    def test_airflow_and_python_are_those_of_the_pinned_set(self) -> None:
        self.assertRegex(self.defaults["PYTHON_IMAGE"], r":3\.11\.")
        environment = self.by_name["python-environment"]
        copied = [source for _, sources, _ in copies(environment) for source in sources]
        self.assertIn("docker/airflow/requirements-3.3.2.txt", copied)
        pins = requirements(CHECKOUT / "docker/airflow/requirements-3.3.2.txt")
        self.assertEqual(pins["apache-airflow"], "3.3.2")

    def test_uv_is_that_of_the_tests(self) -> None:
        self.assertIn(
            f"UV_VERSION={in_script('scripts/airflow-env.sh', 'uv_version')}",
            self.by_name["python-environment"].arguments("ARG"),
        )

    def test_bytecode_is_compiled(self) -> None:
        commands = [run for stage in self.stages for run in stage.arguments("RUN")]
        self.assertTrue(any("-m compileall" in run and "/lib" in run for run in commands))
        self.assertTrue(any("-m compileall" in run and f"{PREFIX}/dags" in run for run in commands))

    def test_it_does_not_run_as_root(self) -> None:
        self.assertEqual(self.runtime.arguments("USER"), ["50000:0"])
        last = [word for word, _ in self.runtime.instructions if word in ("RUN", "COPY", "USER")][
            -1
        ]
        self.assertEqual(last, "USER")

    def test_signals_reach_the_service(self) -> None:
        entry = json.loads(self.runtime.arguments("ENTRYPOINT")[0])
        self.assertEqual(entry, ["/usr/bin/tini", "--", "/entrypoint"])
        self.assertIsInstance(json.loads(self.runtime.arguments("CMD")[0]), list)
        self.assertIn("tini", self.runtime.arguments("RUN")[0])

    def test_the_wrapper_is_the_first_airflow_on_the_path(self) -> None:
        folders = environment_of(self.runtime)["PATH"].split(":")
        destinations = {sources[0]: to for _, sources, to in copies(self.runtime)}
        self.assertEqual(folders[0], destinations["docker/airflow/cli"])
        self.assertEqual(folders[1], destinations["/opt/airflow-environment"] + "/bin")
        wrapper = CHECKOUT / "docker/airflow/cli/airflow"
        self.assertTrue(os.access(wrapper, os.X_OK), f"{wrapper} is not executable")

    def test_version_is_that_of_the_project(self) -> None:
        version = project_version()
        self.assertIn(f"lakehouse-airflow:{version} ", read(DOCKERFILE))
        for path in (COMPOSE_FILE, CELERY_FILE):
            self.assertEqual(set(re.findall(r"lakehouse-airflow:([\d.]+)", read(path))), {version})
        self.assertEqual(
            yaml.safe_load(read(VALUES))["images"]["airflow"]["tag"], f"{version}-kubernetes"
        )


class Extras(unittest.TestCase):
    """What executors and the database need beyond the pinned set."""

    def test_they_add_to_the_pinned_set_and_contradict_neither_it_nor_each_other(self) -> None:
        together = dict(requirements(CHECKOUT / "docker/airflow/requirements-3.3.2.txt"))
        files = sorted(EXTRAS.glob("*.txt"))
        self.assertEqual([file.stem for file in files], ["celery", "fab", "kubernetes", "postgres"])
        pinned = set(together)
        for file in files:
            pins = requirements(file)
            self.assertTrue(pins, file.name)
            self.assertFalse(pinned & set(pins), f"{file.name} repeats what is pinned")
            for package, version in pins.items():
                self.assertEqual(
                    together.setdefault(package, version), version, f"{file.name}: {package}"
                )

    def test_celery_is_one_that_airflows_provider_can_import(self) -> None:
        """Celery 5.7 installs beside provider 3.26, but the executor cannot be imported then."""
        pins = requirements(EXTRAS / "celery.txt")
        if pins["apache-airflow-providers-celery"] == "3.26.0":
            self.assertLess(tuple(map(int, pins["celery"].split(".")[:2])), (5, 7))

    def test_every_extra_that_is_named_is_there(self) -> None:
        named: list[str] = []
        for path in (
            DOCKERFILE,
            COMPOSE_FILE,
            CELERY_FILE,
            VALUES,
            CHECKOUT / "docs/kubernetes.md",
        ):
            for match in re.finditer(r"EXTRAS[=:]\s*(\"[a-z ]+\"|[a-z]+(?: [a-z]+)*)", read(path)):
                named += match[1].strip('"').split()
        self.assertLessEqual(set(named), {file.stem for file in EXTRAS.glob("*.txt")})
        self.assertLessEqual({"postgres", "celery", "kubernetes", "fab"}, set(named))


class Entrypoint(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        fake = self.folder / "airflow"
        fake.write_text(
            '#!/bin/sh\necho "pid $$"\nfor a in "$@"; do echo "argument $a"; done\nenv\n'
        )
        fake.chmod(0o755)

    def run_it(self, *arguments: str, **variables: str) -> tuple[subprocess.Popen[str], str, str]:
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", **variables}
        process = subprocess.Popen(
            [ENTRYPOINT, *arguments],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = process.communicate(timeout=60)
        return process, out, err

    def test_a_service_becomes_airflow_itself(self) -> None:
        for arguments, expected in (
            (["init"], ["db", "migrate"]),
            (["api-server"], ["api-server"]),
            (["scheduler"], ["scheduler"]),
            (["dag-processor"], ["dag-processor"]),
            (["triggerer"], ["triggerer"]),
            (["worker"], ["celery", "worker"]),
            (["worker", "--queues", "a b"], ["celery", "worker", "--queues", "a b"]),
            (["airflow", "dags", "list"], ["dags", "list"]),
        ):
            process, out, _ = self.run_it(*arguments)
            self.assertEqual(process.returncode, 0)
            self.assertEqual(re.findall(r"(?m)^argument (.*)$", out), expected)
            # The same process: nothing stands between it and the signals of tini.
            self.assertIn(f"pid {process.pid}\n", out)

    def test_another_command_is_run_as_it_is(self) -> None:
        """Airflow's Helm chart starts `bash -c …` and `python -m …`."""
        process, out, _ = self.run_it("sh", "-c", "echo $0-$1; exit 7", "a", "b c")
        self.assertEqual((process.returncode, out), (7, "a-b c\n"))

    def test_without_a_word_it_says_which_there_are(self) -> None:
        process, _, err = self.run_it()
        self.assertEqual(process.returncode, 2)
        self.assertIn("hint: init, api-server", err)

    def test_the_password_goes_into_a_file_and_no_further(self) -> None:
        file = self.folder / "passwords.json"
        secret = 'pass"word\\ with $everything'
        _, out, err = self.run_it(
            "api-server",
            AIRFLOW_ADMIN_PASSWORD=secret,
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(file),
        )
        self.assertEqual(json.loads(read(file)), {"admin": secret})
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertNotIn('pass"word', out + err)
        self.assertNotIn("AIRFLOW_ADMIN_PASSWORD", out)

    def test_sample_days_lie_where_sales_looks_for_them(self) -> None:
        bin_dir = os.environ.get("LAKE_BIN_DIR", "")
        if not os.access(f"{bin_dir}/lake-generate", os.X_OK):
            skip_or_fail(self, "the executables are not built (make build)")
        process, _, err = self.run_it(
            "sample",
            "2025-11-01",
            LAKE_BIN_DIR=bin_dir,
            LAKE_SAMPLE_ROWS="50",
            LAKE_SALES_DIR=str(self.folder / "sales"),
        )
        self.assertEqual(process.returncode, 0, err)
        self.assertTrue(list((self.folder / "sales/2025-11-01").glob("sales-*.jsonl")))


class HealthCheck(unittest.TestCase):
    """Against answers as Airflow 3.3 gives them."""

    def setUp(self) -> None:
        loader = importlib.machinery.SourceFileLoader("healthcheck", str(HEALTHCHECK))
        spec = importlib.util.spec_from_loader("healthcheck", loader)
        assert spec
        self.script = importlib.util.module_from_spec(spec)
        loader.exec_module(self.script)
        self.answers: dict[str, tuple[int, object]] = {}
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802, the name is the library's
                status, body = answers.get(self.path, (404, {}))
                self.send_response(status)
                self.end_headers()
                if body is not None:
                    self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        address = f"http://127.0.0.1:{server.server_port}"
        self.script.API_SERVER = address
        self.script.SCHEDULER = address + "/health"
        os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = address + "/execution/"
        self.addCleanup(os.environ.pop, "AIRFLOW__CORE__EXECUTION_API_SERVER_URL")

    def check(self, service: str) -> int:
        with contextlib.redirect_stderr(io.StringIO()):
            return self.script.main([service])

    def test_it_says_what_airflow_says(self) -> None:
        parts = {
            "metadatabase": "api-server",
            "dag_processor": "dag-processor",
            "triggerer": "triggerer",
        }
        for state, expected in (("healthy", 0), ("unhealthy", 1), (None, 1)):
            self.answers["/api/v2/monitor/health"] = (
                200,
                {part: {"status": state} for part in parts},
            )
            for service in parts.values():
                self.assertEqual(self.check(service), expected, f"{service}, {state}")

    def test_the_scheduler_answers_with_a_status_alone(self) -> None:
        for status, expected in ((200, 0), (503, 1), (404, 1)):
            self.answers["/health"] = status, None
            self.assertEqual(self.check("scheduler"), expected, status)
        self.script.SCHEDULER = "http://127.0.0.1:1/health"
        self.assertEqual(self.check("scheduler"), 1)

    def test_nonsense_is_not_well(self) -> None:
        for body in ([], None, {}, {"triggerer": None}, {"triggerer": "healthy"}):
            self.answers["/api/v2/monitor/health"] = 200, body
            self.assertEqual(self.check("triggerer"), 1, body)

    def test_an_unknown_service_is_a_mistake(self) -> None:
        self.assertEqual(self.check("webserver"), 2)

    def test_it_needs_no_package(self) -> None:
        tree = ast.parse(read(HEALTHCHECK))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            for name in names:
                self.assertIn(name.split(".")[0], sys.stdlib_module_names | {"__future__"})


class Layout(unittest.TestCase):
    """`make install` as the image's build does it, with what is built already, and the COPYs."""

    root: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.root = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def setUp(self) -> None:
        if not os.access(os.path.join(os.environ.get("LAKE_BIN_DIR", ""), "lake"), os.X_OK):
            skip_or_fail(self, "the executables are not built (make build)")
        if (self.root / "opt").exists():
            return
        installed = subprocess.run(
            [CHECKOUT / "scripts/install.sh"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PREFIX": PREFIX, "DESTDIR": str(self.root)},
        )
        self.assertEqual(installed.returncode, 0, installed.stderr)
        runtime = dockerfile()[1][-1]
        for source_stage, sources, destination in copies(runtime):
            if source_stage is None:
                target = self.root / destination.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                source = CHECKOUT / sources[0]
                if source.is_dir():
                    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy2(source, target)
        # The folders that the image makes.
        for command in runtime.arguments("RUN"):
            for made in re.findall(r"install -d (.*)$", command):
                for word in shlex.split(made):
                    if word.startswith("/"):
                        (self.root / word.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def test_every_path_that_is_used_is_there(self) -> None:
        text = read(COMPOSE_FILE) + read(CELERY_FILE) + read(VALUES) + read(ENTRYPOINT)
        runtime = dockerfile()[1][-1]
        used = set(
            re.findall(
                r"(?<![\w/.])(?:/opt/lakehouse|/var/lib/lakehouse|/data/sources|/entrypoint)[\w./-]*",
                text,
            )
        )
        used |= {
            folder
            for value in environment_of(runtime).values()
            for folder in value.split(":")
            if folder.startswith((PREFIX, "/data", "/var/lib/lakehouse"))
        }
        used |= set(re.findall(rf"{PREFIX}/[\w./-]+", " ".join(runtime.arguments("RUN"))))
        self.assertGreater(len(used), 8)
        for path in sorted(used):
            self.assertTrue((self.root / path.lstrip("/")).exists(), path)

    def test_what_a_pipeline_declares_is_set(self) -> None:
        variables = environment_of(dockerfile()[1][-1])
        for file in (CHECKOUT / "pipelines").glob("*/pipeline.yaml"):
            for name in yaml.safe_load(read(file)).get("environment", []):
                self.assertIn(name, variables, file.parent.name)
                self.assertTrue((self.root / variables[name].lstrip("/")).is_dir(), variables[name])

    def test_pipelines_and_dags_are_in_it(self) -> None:
        variables = environment_of(dockerfile()[1][-1])
        pipelines = self.root / variables["LAKE_PIPELINES_DIR"].lstrip("/")
        self.assertEqual(
            {file.parent.name for file in pipelines.glob("*/pipeline.yaml")},
            {file.parent.name for file in (CHECKOUT / "pipelines").glob("*/pipeline.yaml")},
        )
        dags = self.root / variables["AIRFLOW__CORE__DAGS_FOLDER"].lstrip("/")
        self.assertTrue((dags / "lakehouse.py").is_file())

    def test_the_engine_is_found_where_it_was_put(self) -> None:
        executable = self.root / PREFIX.lstrip("/") / "bin/lake-silver"
        said = subprocess.run(
            [executable, "--version"], env={}, capture_output=True, text=True, check=False
        )
        self.assertEqual(said.returncode, 0, said.stderr)


if __name__ == "__main__":
    unittest.main()
