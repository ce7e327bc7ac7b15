"""What the container files promise, as far as it can be known without a container engine.

Docker Compose itself reads both files (built from its Go module by compose.sh); the rest is read
here: that everything copied is there, that versions agree with what the rest of the project
pins, that nothing has a default password, that every path used exists in the installed layout.
"""

from __future__ import annotations

import ast
import base64
import fnmatch
import importlib.machinery
import importlib.util
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
DOCKERFILE = CHECKOUT / "docker/airflow/Dockerfile"
ENTRYPOINT = CHECKOUT / "docker/airflow/entrypoint"
HEALTHCHECK = CHECKOUT / "docker/airflow/healthcheck"
EXTRAS = CHECKOUT / "docker/airflow/extras"
COMPOSE_FILE = CHECKOUT / "docker-compose.yml"
CELERY_FILE = CHECKOUT / "docker-compose.celery.yml"
VALUES = CHECKOUT / "docker/kubernetes/values.yaml"
MAKE_ENV = CHECKOUT / "scripts/make-env.sh"

PREFIX = "/opt/lakehouse"
GIB = 1 << 30
MIB = 1 << 20
# What Airflow itself needs beside the stages, where tasks run.
AIRFLOW_BESIDE_TASKS = 2 * GIB
AIRFLOW_BESIDE_ONE_TASK = 512 * MIB
# Services that do one thing and end: what waits for them looks at how they ended.
ONE_SHOT = {"init", "sample"}
# Names whose values nobody may know beforehand.
SECRET = re.compile(r"PASSWORD(?!S_FILE)|SECRET|_KEY$|_LOGIN$|ROOT_USER")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def in_script(path: str, name: str) -> str:
    """The value of a shell variable that a script sets on a line of its own."""
    match = re.search(rf"^{name}=(\S+)$", read(CHECKOUT / path), re.MULTILINE)
    assert match, f"{path} does not set {name}"
    return match[1]


def size_bytes(text: str) -> int:
    """`2GiB`, `1536m`, `1536Mi` or a plain number, as Compose and Kubernetes write them."""
    match = re.fullmatch(r"(\d+)\s*([kmg]?)(?:i?b?)", text.strip(), re.IGNORECASE)
    assert match, f"not a size: {text}"
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()]


def skip_or_fail(test: unittest.TestCase, why: str) -> None:
    """Said loudly, and a failure where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        test.fail(why)
    print(f"SKIPPED: {test.id()}: {why}", file=sys.stderr)
    test.skipTest(why)


# --- the Dockerfile ---------------------------------------------------------------------------


@dataclass
class Stage:
    """One FROM and what follows it."""

    image: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, keyword: str) -> list[str]:
        return [argument for word, argument in self.instructions if word == keyword]


KEYWORDS = {
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "FROM",
    "RUN",
    "SHELL",
    "USER",
    "WORKDIR",
}


def dockerfile() -> tuple[dict[str, str], list[Stage]]:
    """Arguments before the first stage with their defaults, and the stages."""
    lines = [line for line in read(DOCKERFILE).splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    defaults: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(str.strip, text.splitlines()):
        word, _, argument = line.strip().partition(" ")
        assert word in KEYWORDS, f"not an instruction that is expected here: {line}"
        if word == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", argument)
            assert match, f"a stage without a name: {line}"
            stages.append(Stage(match[1], match[2]))
        elif not stages:
            assert word == "ARG", f"before the first FROM: {line}"
            name, _, value = argument.partition("=")
            defaults[name] = value
        else:
            stages[-1].instructions.append((word, argument.strip()))
    return defaults, stages


def copies(stage: Stage) -> Iterator[tuple[str | None, list[str], str]]:
    """Of each COPY: the stage it copies from, its sources, its destination."""
    for argument in stage.arguments("COPY"):
        words = shlex.split(argument)
        source_stage = None
        while words[0].startswith("--"):
            option, _, value = words.pop(0)[2:].partition("=")
            assert option == "from", f"an option that this test does not know: {argument}"
            source_stage = value
        yield source_stage, words[:-1], words[-1]


def environment_of(stage: Stage) -> dict[str, str]:
    return {
        name: value
        for argument in stage.arguments("ENV")
        for name, _, value in (word.partition("=") for word in shlex.split(argument))
    }


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the build: the last pattern that names it, or a
    folder above it, decides."""
    out = False
    for line in read(CHECKOUT / ".dockerignore").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keep = pattern.startswith("!")
        pattern = pattern.lstrip("!")
        anywhere = pattern.startswith("**/")
        pattern = pattern.removeprefix("**/")
        parts = path.split("/")
        heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        candidates = parts if anywhere else heads
        depth = pattern.count("/")
        if any(
            fnmatch.fnmatchcase(candidate, pattern)
            for candidate in candidates
            if anywhere or candidate.count("/") == depth
        ):
            out = not keep
    return out


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


def project_version() -> str:
    match = re.search(r'^version = "([\d.]+)"', read(CHECKOUT / "Cargo.toml"), re.MULTILINE)
    assert match
    return match[1]


def requirements(path: Path) -> dict[str, str]:
    """Each package with the one version that is pinned."""
    pins: dict[str, str] = {}
    for line in read(path).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([\w.+!-]+)(\s*;.*)?", line.strip())
        assert match, f"{path.name}: not pinned: {line}"
        pins[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return pins


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


# --- .env -------------------------------------------------------------------------------------


def made_env(folder: Path) -> Path:
    file = folder / ".env"
    subprocess.run([MAKE_ENV, file], check=True, capture_output=True)
    return file


def values_of(file: Path) -> dict[str, str]:
    return dict(
        line.split("=", 1) for line in read(file).splitlines() if line and not line.startswith("#")
    )


class MakeEnv(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_it_is_its_owners_alone(self) -> None:
        file = made_env(self.folder)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual([entry.name for entry in self.folder.iterdir()], [".env"])

    def test_it_has_what_compose_asks_for(self) -> None:
        asked = {
            name
            for path in (COMPOSE_FILE, CELERY_FILE)
            for name in re.findall(r"\$\{(\w+):\?", read(path))
        }
        self.assertGreater(len(asked), 7)
        self.assertLessEqual(asked, set(values_of(made_env(self.folder))))

    def test_everything_in_it_that_matters_is_random(self) -> None:
        first = values_of(made_env(self.folder))
        (self.folder / ".env").unlink()
        second = values_of(made_env(self.folder))
        for name in first:
            if SECRET.search(name):
                self.assertNotEqual(first[name], second[name], name)
        secrets = [value for name, value in first.items() if SECRET.search(name)]
        self.assertEqual(len(secrets), len(set(secrets)), "two things share a secret")
        for name, value in first.items():
            if SECRET.search(name) and name != "LAKE_S3_LOGIN":
                self.assertGreaterEqual(len(value), 24, name)

    def test_keys_are_of_the_kind_that_is_needed(self) -> None:
        values = values_of(made_env(self.folder))
        self.assertEqual(len(base64.urlsafe_b64decode(values["AIRFLOW_FERNET_KEY"])), 32)
        self.assertGreaterEqual(len(values["AIRFLOW_JWT_SECRET"]), 64)
        self.assertGreaterEqual(len(values["LAKE_PSEUDONYM_SECRET"]), 32)
        for name, value in values.items():
            # They go into an address, into JSON and through Compose: nothing that any of them reads.
            self.assertRegex(value, r"^[\w=-]+$", name)

    def test_it_refuses_to_overwrite_and_says_nothing_secret(self) -> None:
        file = made_env(self.folder)
        before = read(file)
        again = subprocess.run([MAKE_ENV, file], capture_output=True, text=True, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("it stays as it is", again.stderr)
        self.assertEqual(read(file), before)
        file.unlink()
        made = subprocess.run([MAKE_ENV, file], capture_output=True, text=True, check=True)
        for name, value in values_of(file).items():
            if SECRET.search(name):
                self.assertNotIn(value, made.stdout + made.stderr, name)

    def test_a_link_is_not_followed(self) -> None:
        (self.folder / ".env").symlink_to(self.folder / "elsewhere")
        made = subprocess.run([MAKE_ENV, self.folder / ".env"], capture_output=True, check=False)
        self.assertEqual(made.returncode, 1)
        self.assertFalse((self.folder / "elsewhere").exists())

    def test_git_never_takes_it(self) -> None:
        self.assertIn(".env", read(CHECKOUT / ".gitignore").splitlines())
        self.assertRegex(read(CHECKOUT / "Makefile"), r"(?m)^env:.*\n\t@scripts/make-env\.sh$")


# --- Compose ----------------------------------------------------------------------------------


@cache
def compose_executable() -> tuple[str | None, str]:
    """Where Docker Compose is, or why it is not."""
    script = CHECKOUT / "tests/scripts/compose.sh"
    if not shutil.which("go"):
        command = "cached"
    else:
        command = "build"
    made = subprocess.run([script, command], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode == 0:
        return made.stdout.strip(), ""
    return None, "Docker Compose could not be built; needs Go 1.24.9 or newer"


def compose(
    test: unittest.TestCase, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    executable, why = compose_executable()
    if executable is None:
        skip_or_fail(test, why)
    assert executable
    # Nothing of this shell: what is tested are the files and the .env.
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(
        [executable, "--project-directory", str(CHECKOUT), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )


class ComposeCase(unittest.TestCase):
    """With an .env made by `make env`."""

    folder: Path
    env: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp())
        cls.env = made_env(cls.folder)

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(cls.folder)

    def config(self, *files: Path, profiles: str = "*", **variables: str) -> dict[str, dict]:
        arguments = [word for file in files for word in ("-f", str(file))]
        said = compose(
            self,
            "--env-file",
            str(self.env),
            *arguments,
            "--profile",
            profiles,
            "config",
            "--format",
            "json",
            **variables,
        )
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertNotIn("warn", said.stderr.lower(), said.stderr)
        return json.loads(said.stdout)["services"]

    def base(self) -> dict[str, dict]:
        return self.config(COMPOSE_FILE)

    def celery(self) -> dict[str, dict]:
        return self.config(COMPOSE_FILE, CELERY_FILE)


class Compose(ComposeCase):
    def test_without_env_it_says_what_to_do(self) -> None:
        for files in ([COMPOSE_FILE], [COMPOSE_FILE, CELERY_FILE]):
            arguments = [word for file in files for word in ("-f", str(file))]
            said = compose(self, "--env-file", os.devnull, *arguments, "config")
            self.assertNotEqual(said.returncode, 0)
            self.assertIn("run make env first", said.stderr)
            self.assertEqual(said.stdout, "")

    def test_the_services_are_these(self) -> None:
        common = {
            "store",
            "postgres",
            "init",
            "api-server",
            "scheduler",
            "dag-processor",
            "triggerer",
            "sample",
        }
        self.assertEqual(set(self.base()), common)
        self.assertEqual(set(self.celery()), common | {"broker", "worker"})

    def test_ports_are_published_on_loopback_only(self) -> None:
        published = 0
        for services in (self.base(), self.celery()):
            for name, service in services.items():
                self.assertNotEqual(service.get("network_mode"), "host", name)
                for port in service.get("ports", []):
                    published += 1
                    self.assertEqual(port.get("host_ip"), "127.0.0.1", name)
        self.assertEqual(published, 6)

    def test_every_service_has_a_health_check_and_limits(self) -> None:
        for services in (self.base(), self.celery()):
            for name, service in services.items():
                limits = service["deploy"]["resources"]["limits"]
                self.assertGreater(float(limits["cpus"]), 0, name)
                self.assertGreater(int(limits["memory"]), 128 * MIB, name)
                if name in ONE_SHOT:
                    self.assertEqual(service["restart"], "no", name)
                else:
                    self.assertEqual(service["restart"], "unless-stopped", name)
                    self.assertIn(service["healthcheck"]["test"][0], ("CMD", "CMD-SHELL"), name)
                self.assertIn("no-new-privileges:true", service["security_opt"], name)
                self.assertNotIn("privileged", service, name)
                self.assertEqual(service["logging"]["options"]["max-size"], "10m", name)

    def test_images_are_pinned_and_ours_is_never_fetched(self) -> None:
        for services in (self.base(), self.celery()):
            builders = [name for name, service in services.items() if "build" in service]
            self.assertEqual(builders, ["init"])
            for name, service in services.items():
                self.assertRegex(service["image"], r":[^:]*\d", name)
                self.assertNotIn("latest", service["image"], name)
                if "lakehouse-airflow" in service["image"]:
                    self.assertEqual(service["image"], services["init"]["image"], name)
                    self.assertEqual(service["pull_policy"], "never", name)
                    self.assertEqual(service["cap_drop"], ["ALL"], name)

    def test_the_build_is_given_what_the_dockerfile_takes(self) -> None:
        defaults, stages = dockerfile()
        for services, extras in ((self.base(), "postgres"), (self.celery(), "postgres celery")):
            build = services["init"]["build"]
            self.assertEqual(Path(build["context"]), CHECKOUT)
            self.assertEqual(CHECKOUT / build["dockerfile"], DOCKERFILE)
            arguments = dict(build["args"])
            self.assertEqual(arguments.pop("EXTRAS"), extras)
            self.assertEqual(arguments, defaults)
        declared = {
            argument.partition("=")[0] for stage in stages for argument in stage.arguments("ARG")
        }
        self.assertIn("EXTRAS", declared)

    def test_what_runs_tasks_has_the_connections_and_nothing_else_has(self) -> None:
        for services, runner in ((self.base(), "scheduler"), (self.celery(), "worker")):
            values = values_of(self.env)
            for name, service in services.items():
                environment = service.get("environment") or {}
                given = {key for key, value in environment.items() if value is not None}
                connections = {key for key in given if key.startswith("AIRFLOW_CONN_")}
                text = json.dumps(environment)
                if name == runner:
                    self.assertEqual(
                        connections, {"AIRFLOW_CONN_MINIO_DEFAULT", "AIRFLOW_CONN_LAKE_PSEUDONYM"}
                    )
                else:
                    self.assertEqual(connections, set(), name)
                    self.assertNotIn(values["LAKE_PSEUDONYM_SECRET"], text, name)
                    if name != "store":
                        self.assertNotIn(values["LAKE_S3_PASSWORD"], text, name)
                if name != "api-server":
                    self.assertNotIn(values["AIRFLOW_ADMIN_PASSWORD"], text, name)

    def test_connections_are_what_the_dags_expect(self) -> None:
        values = values_of(self.env)
        environment = self.base()["scheduler"]["environment"]
        self.assertEqual(
            json.loads(environment["AIRFLOW_CONN_MINIO_DEFAULT"]),
            {
                "conn_type": "aws",
                "login": values["LAKE_S3_LOGIN"],
                "password": values["LAKE_S3_PASSWORD"],
                "extra": {"endpoint_url": "http://store:9000", "region_name": "us-east-1"},
            },
        )
        self.assertEqual(
            json.loads(environment["AIRFLOW_CONN_LAKE_PSEUDONYM"]),
            {"conn_type": "generic", "password": values["LAKE_PSEUDONYM_SECRET"]},
        )

    def test_another_store_takes_the_place_of_ours(self) -> None:
        services = self.config(
            COMPOSE_FILE,
            profiles="none",
            COMPOSE_PROFILES="",
            LAKE_S3_ENDPOINT="https://s3.example.com",
            LAKE_S3_REGION="eu-central-1",
            LAKE_CREATE_BUCKETS="false",
        )
        self.assertNotIn("store", services)
        scheduler = services["scheduler"]
        self.assertNotIn(
            "store",
            [name for name, wait in scheduler["depends_on"].items() if wait.get("required", True)],
        )
        extra = json.loads(scheduler["environment"]["AIRFLOW_CONN_MINIO_DEFAULT"])["extra"]
        self.assertEqual(
            extra, {"endpoint_url": "https://s3.example.com", "region_name": "eu-central-1"}
        )
        self.assertEqual(scheduler["environment"]["LAKE_CREATE_BUCKETS"], "false")

    def test_by_default_our_store_is_started(self) -> None:
        said = compose(
            self, "--env-file", str(self.env), "-f", str(COMPOSE_FILE), "config", "--services"
        )
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("store", said.stdout.split())
        self.assertNotIn("sample", said.stdout.split())

    def test_executors(self) -> None:
        for services, executor in (
            (self.base(), "LocalExecutor"),
            (self.celery(), "CeleryExecutor"),
        ):
            for name, service in services.items():
                environment = service.get("environment") or {}
                if "AIRFLOW__CORE__EXECUTOR" in environment:
                    self.assertEqual(environment["AIRFLOW__CORE__EXECUTOR"], executor, name)

    def test_memory_of_the_stages_fits_where_they_run(self) -> None:
        for services, runner in ((self.base(), "scheduler"), (self.celery(), "worker")):
            service = services[runner]
            environment = service["environment"]
            limit = int(service["deploy"]["resources"]["limits"]["memory"])
            self.assertGreaterEqual(
                limit, size_bytes(environment["LAKE_MEMORY_LIMIT"]) + AIRFLOW_BESIDE_TASKS
            )
            at_once = (
                environment.get("AIRFLOW__CELERY__WORKER_CONCURRENCY")
                or environment["AIRFLOW__CORE__PARALLELISM"]
            )
            self.assertEqual(at_once, environment["LAKE_MAX_ACTIVE_RUNS"])

    def test_components_agree_on_the_lake_and_on_their_keys(self) -> None:
        for services in (self.base(), self.celery()):
            components = [
                service["environment"]
                for name, service in services.items()
                if name
                in ("init", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
            ]
            for name in (
                "LAKE_MAX_ACTIVE_RUNS",
                "LAKE_MEMORY_LIMIT",
                "AIRFLOW__CORE__FERNET_KEY",
                "AIRFLOW__API__SECRET_KEY",
                "AIRFLOW__API_AUTH__JWT_SECRET",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            ):
                self.assertEqual(len({environment[name] for environment in components}), 1, name)

    def test_names_in_addresses_are_services(self) -> None:
        for services in (self.base(), self.celery()):
            for name, service in services.items():
                for value in (service.get("environment") or {}).values():
                    for host in re.findall(r"//(?:[^@/\s\"]*@)?([\w.-]+):\d+", value or ""):
                        self.assertTrue(host in services or host == "127.0.0.1", f"{name}: {host}")

    def test_commands_are_known_to_the_entrypoint_and_the_health_check(self) -> None:
        words = set(
            re.findall(
                r"[a-z][a-z-]+", " ".join(re.findall(r"(?m)^  ([a-z| -]+)\)", read(ENTRYPOINT)))
            )
        )
        for services in (self.base(), self.celery()):
            for name, service in services.items():
                if "lakehouse-airflow" not in service["image"]:
                    continue
                self.assertEqual(service["command"], [name])
                self.assertIn(name, words)
                if name not in ONE_SHOT:
                    self.assertEqual(
                        service["healthcheck"]["test"], ["CMD", f"{PREFIX}/healthcheck", name]
                    )

    def test_what_may_be_changed_is_used(self) -> None:
        """Every setting that .env offers, in comments too, is one that a Compose file reads."""
        used = read(COMPOSE_FILE) + read(CELERY_FILE)
        for name in re.findall(r"(?m)^#?([A-Z][A-Z0-9_]+)=", read(self.env)):
            if name != "COMPOSE_PROFILES":
                self.assertIn("${" + name + ":", used, name)


class NoDefaultPassword(unittest.TestCase):
    """By the text of the files, for what Compose would have filled in already."""

    def test_secrets_come_from_outside(self) -> None:
        for path in (COMPOSE_FILE, CELERY_FILE):
            for name, rest in re.findall(r"\$\{(\w+)([^}]*)\}", read(path)):
                if SECRET.search(name):
                    self.assertEqual(rest, ":?run make env first", f"{path.name}: {name}")
            for number, line in enumerate(read(path).splitlines(), 1):
                match = re.match(r"\s*([A-Z][A-Z0-9_]+): (.+)$", line)
                if match and SECRET.search(match[1]):
                    self.assertRegex(match[2], r"^\$\{\w+:\?|^!reset", f"{path.name}:{number}")

    def test_nothing_is_baked_into_the_image(self) -> None:
        _, stages = dockerfile()
        for stage in stages:
            for name, value in environment_of(stage).items():
                self.assertFalse(SECRET.search(name), f"{stage.name}: {name}={value}")
            for argument in stage.arguments("ARG"):
                self.assertFalse(SECRET.search(argument.partition("=")[0]), argument)

    def test_values_for_kubernetes_name_secrets_and_hold_none(self) -> None:
        text = read(VALUES)
        self.assertNotRegex(text, r"(?i)(password|secretKey|fernetKey|jwtSecret|apiSecretKey): *\S")
        values = yaml.safe_load(text)
        self.assertEqual(
            {
                values["data"]["metadataSecretName"],
                values["fernetKeySecretName"],
                values["apiSecretKeySecretName"],
                values["jwtSecretName"],
            },
            {"lakehouse-airflow"},
        )


# --- the entrypoint ---------------------------------------------------------------------------


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
        standard_error, sys.stderr = sys.stderr, open(os.devnull, "w", encoding="utf-8")
        try:
            return self.script.main([service])
        finally:
            sys.stderr.close()
            sys.stderr = standard_error

    def test_it_says_what_airflow_says(self) -> None:
        parts = {
            "metadatabase": "api-server",
            "dag_processor": "dag-processor",
            "triggerer": "triggerer",
        }
        for state, expected in (("healthy", 0), ("unhealthy", 1), (None, 1)):
            self.answers["/api/v2/monitor/health"] = 200, {part: {"status": state} for part in parts}
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


# --- the layout -------------------------------------------------------------------------------


class Layout(ComposeCase):
    """`make install` as the image's build does it, with what is built already, and the COPYs."""

    root: Path

    def setUp(self) -> None:
        if not os.access(os.path.join(os.environ.get("LAKE_BIN_DIR", ""), "lake"), os.X_OK):
            skip_or_fail(self, "the executables are not built (make build)")
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
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


# --- Kubernetes -------------------------------------------------------------------------------


class Kubernetes(unittest.TestCase):
    def setUp(self) -> None:
        self.values = yaml.safe_load(read(VALUES))
        self.worker = self.values["workers"]["kubernetes"]
        self.settings = {entry["name"]: entry["value"] for entry in self.values["env"]}

    def test_airflow_is_that_of_the_image(self) -> None:
        pins = requirements(CHECKOUT / "docker/airflow/requirements-3.3.2.txt")
        self.assertEqual(self.values["airflowVersion"], pins["apache-airflow"])
        self.assertEqual(self.values["executor"], "KubernetesExecutor")
        images = self.values["images"]
        self.assertEqual(images["pod_template"], images["airflow"])

    def test_a_pod_has_the_memory_of_its_task(self) -> None:
        share = size_bytes(self.settings["LAKE_MEMORY_LIMIT"]) // int(
            self.settings["LAKE_MAX_ACTIVE_RUNS"]
        )
        resources = self.worker["resources"]
        self.assertEqual(size_bytes(resources["limits"]["memory"]), share + AIRFLOW_BESIDE_ONE_TASK)
        # A pod that asks for less than it uses is the first to be put out.
        self.assertEqual(resources["requests"]["memory"], resources["limits"]["memory"])
        self.assertEqual(resources["limits"]["cpu"], self.settings["LAKE_THREADS"])

    def test_the_workspace_is_a_folder_of_the_pod_with_a_limit(self) -> None:
        workspace = environment_of(dockerfile()[1][-1])["LAKE_WORKSPACE_DIR"]
        mounts = {mount["mountPath"]: mount["name"] for mount in self.worker["extraVolumeMounts"]}
        volumes = {volume["name"]: volume for volume in self.worker["extraVolumes"]}
        self.assertEqual(set(mounts.values()), set(volumes))
        self.assertRegex(volumes[mounts[workspace]]["emptyDir"]["sizeLimit"], r"^\d+Gi$")

    def test_connections_are_those_of_the_dags(self) -> None:
        names = {entry["name"] for entry in self.worker["env"]}
        self.assertEqual(names, {"AIRFLOW_CONN_MINIO_DEFAULT", "AIRFLOW_CONN_LAKE_PSEUDONYM"})
        for entry in self.worker["env"]:
            self.assertIn("secretKeyRef", entry["valueFrom"])

    def test_settings_are_those_that_the_stages_and_dags_know(self) -> None:
        known = read(CHECKOUT / "docs/environment.md") + "`LAKE_MAX_ACTIVE_RUNS`"
        for name in self.settings:
            self.assertIn(f"`{name}`", known)

    def test_user_and_group_are_the_images(self) -> None:
        user = dockerfile()[1][-1].arguments("USER")[0]
        pod = self.values["securityContexts"]["pod"]
        self.assertEqual(user, f"{pod['runAsUser']}:{pod['runAsGroup']}")
        self.assertEqual(user, f"{self.values['uid']}:{self.values['gid']}")
        self.assertTrue(pod["runAsNonRoot"])

    def test_nothing_needs_what_only_airflows_own_image_has(self) -> None:
        for component in ("scheduler", "dagProcessor", "triggerer"):
            self.assertFalse(self.values[component]["logGroomerSidecar"]["enabled"], component)
        self.assertFalse(self.values["createUserJob"]["enabled"])

    def test_yaml_in_the_guide_parses_and_its_secrets_are_those_of_the_values(self) -> None:
        guide = read(CHECKOUT / "docs/kubernetes.md")
        for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL):
            self.assertTrue(list(yaml.safe_load_all(block)))
        for name in ("lakehouse-airflow", "lakehouse-connections", "lakehouse-sources"):
            self.assertIn(name, guide)
        for key in (
            "connection",
            "fernet-key",
            "api-secret-key",
            "jwt-secret",
            "minio_default",
            "lake_pseudonym",
        ):
            self.assertIn(f"--from-literal={key}=", guide)


if __name__ == "__main__":
    unittest.main()
