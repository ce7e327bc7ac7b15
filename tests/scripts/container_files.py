"""What the tests of the container files share: where the files are, and how they are read."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import sys
import unittest
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
ONE_SHOT = {"init", "lake", "sample"}
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
