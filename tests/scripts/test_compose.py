"""The Compose files and their .env. Docker Compose itself reads them, built from its Go module by
compose.sh; what it makes of them is held against what docs/docker.md promises.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
from functools import cache
from pathlib import Path

import yaml
from container_files import (
    AIRFLOW_BESIDE_TASKS,
    CELERY_FILE,
    CHECKOUT,
    COMPOSE_FILE,
    DOCKERFILE,
    ENTRYPOINT,
    MAKE_ENV,
    MIB,
    ONE_SHOT,
    PREFIX,
    SECRET,
    VALUES,
    dockerfile,
    environment_of,
    read,
    size_bytes,
    skip_or_fail,
)


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
            # They go into an address, into JSON and through Compose, which read other signs.
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


@cache
def compose_executable() -> tuple[str | None, str]:
    """Where Docker Compose is, or why it is not."""
    script = CHECKOUT / "tests/scripts/compose.sh"
    command = "build" if shutil.which("go") else "cached"
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
            "lake",
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
                    if name not in ("store", "lake"):
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
        self.assertFalse({"sample", "lake"} & set(said.stdout.split()))

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
                if name == "lake":
                    # Its words are the command's own, not the entrypoint's.
                    self.assertEqual(service["entrypoint"][-1], f"{PREFIX}/bin/lake")
                    continue
                self.assertEqual(service["command"], [name])
                self.assertIn(name, words)
                if name not in ONE_SHOT:
                    self.assertEqual(
                        service["healthcheck"]["test"], ["CMD", f"{PREFIX}/healthcheck", name]
                    )

    def test_the_broker_is_the_process_that_gets_the_signals(self) -> None:
        broker = self.celery()["broker"]
        self.assertRegex(broker["user"], r"^[1-9]\d*:[1-9]\d*$")
        self.assertEqual(broker["cap_drop"], ["ALL"])
        script = broker["command"][-1]
        # In a pipe, `exec` replaces a subshell and the shell stays process 1.
        self.assertTrue(script.startswith("exec valkey-server - <<"), script)
        self.assertNotIn("|", script)

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


if __name__ == "__main__":
    unittest.main()
