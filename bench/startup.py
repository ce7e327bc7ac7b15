"""From start to exit of `--version`: what every task pays before it begins."""

import json
import os
import shutil
import subprocess
import tempfile
import time

import lake

RUNS = 40
# Milliseconds. Bronze and cleanup link no engine.
TARGETS = [
    ("lake-bronze", 15),
    ("lake-cleanup", 15),
    ("lake-silver", 40),
    ("lake-check", 40),
    ("lake-gold", 40),
    ("lake", 40),
]


def by_hyperfine(program: str) -> float:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [
                "hyperfine", "--shell=none", "--warmup=3", f"--runs={RUNS}", "--style=none",
                f"--export-json={file.name}", f"{program} --version",
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return json.load(file)["results"][0]["median"]


def by_hand(program: str) -> float:
    times = []
    for _ in range(RUNS + 3):
        started = time.perf_counter()
        pid = os.posix_spawn(
            program, [program, "--version"], os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )  # fmt: skip
        _, status = os.waitpid(pid, 0)
        times.append(time.perf_counter() - started)
        if status != 0:
            raise SystemExit(f"error: `{program} --version` failed")
    return lake.median(times[3:])


def run() -> None:
    hyperfine = shutil.which("hyperfine") is not None
    lake.heading(f"Start to exit of --version (median of {RUNS}, {'hyperfine' if hyperfine else 'our timer'})")
    for name, target_ms in TARGETS:
        measure = by_hyperfine if hyperfine else by_hand
        milliseconds = measure(str(lake.BIN / name)) * 1000
        lake.line(name, f"{milliseconds:.1f} ms", f"≤ {target_ms} ms", milliseconds <= target_ms)
