"""From start to exit of `--version`, which every task pays before it begins, and of `lake describe`,
which every parse of the DAGs pays."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time

import lake

RUNS = 40
# Milliseconds. Bronze and cleanup link no engine.
TARGETS = [
    ("lake-bronze", ["--version"], 15),
    ("lake-cleanup", ["--version"], 15),
    ("lake-silver", ["--version"], 40),
    ("lake-check", ["--version"], 40),
    ("lake-gold", ["--version"], 40),
    ("lake-load", ["--version"], 40),
    ("lake", ["--version"], 40),
    ("lake", ["describe", "--json"], 20),
]


def by_hyperfine(words: list[str]) -> float:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [
                "hyperfine", "--shell=none", "--warmup=3", f"--runs={RUNS}", "--style=none",
                f"--export-json={file.name}", shlex.join(words),
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return json.load(file)["results"][0]["median"]


def by_hand(words: list[str]) -> float:
    times = []
    for _ in range(RUNS + 3):
        started = time.perf_counter()
        pid = os.posix_spawn(
            words[0], words, os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )  # fmt: skip
        _, status = os.waitpid(pid, 0)
        times.append(time.perf_counter() - started)
        if status != 0:
            raise SystemExit(f"error: `{shlex.join(words)}` failed")
    return lake.median(times[3:])


def run() -> None:
    hyperfine = shutil.which("hyperfine") is not None
    lake.heading(f"Start to exit (median of {RUNS}, {'hyperfine' if hyperfine else 'our timer'})")
    os.environ["LAKE_PIPELINES_DIR"] = str(lake.ROOT / "pipelines")
    for name, arguments, target_ms in TARGETS:
        measure = by_hyperfine if hyperfine else by_hand
        milliseconds = measure([str(lake.BIN / name), *arguments]) * 1000
        lake.line(f"{name} {' '.join(arguments)}", f"{milliseconds:.1f} ms", f"≤ {target_ms} ms", milliseconds <= target_ms)
