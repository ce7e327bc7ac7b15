"""What all measurements share: running stages, their reports, medians, tables."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BENCH = pathlib.Path(os.environ.get("LAKE_BENCH_DIR", ROOT / ".lake" / "bench"))
BIN = pathlib.Path(os.environ.get("LAKE_BIN_DIR", ROOT / "target" / "release"))
THREADS = int(os.environ.get("LAKE_THREADS") or os.cpu_count() or 1)

MEBIBYTE = 1024 * 1024

failures: list[str] = []
skipped: list[str] = []


def heading(text: str) -> None:
    """A part of the output."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def line(name: str, value: str, target: str = "", good: bool | None = None) -> None:
    """One figure; with a target it is also judged, and counted when it fails."""
    verdict = "" if good is None else ("ok" if good else "MISSED")
    if good is False:
        failures.append(name)
    print(f"  {name:<58} {value:>16}  {target:<18} {verdict}".rstrip(), flush=True)


def note(text: str) -> None:
    """A remark below figures."""
    print(f"  {text}", flush=True)


def skip(what: str, why: str) -> None:
    """Something that cannot be measured here is said, not left out."""
    skipped.append(what)
    print(f"  SKIPPED: {what}: {why}", flush=True)


def median(values) -> float:
    """Of several runs; one outlier of a busy machine does not count."""
    return statistics.median(values)


def stage(name: str, pipeline: str, date: str, run_id: str, *arguments: str, **environment: str) -> dict:
    """Runs one stage and answers its run report, with `wall_secs` measured from outside."""
    command = [
        str(BIN / f"lake-{name}"),
        "--pipeline", pipeline, "--date", date, "--run-id", run_id,
        *arguments,
    ]  # fmt: skip
    started = time.perf_counter()
    process = subprocess.run(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    wall_secs = time.perf_counter() - started
    lines = process.stdout.decode().strip().splitlines()
    report = json.loads(lines[-1]) if lines else {}
    if process.returncode != 0:
        print(json.dumps(report.get("error"), indent=2), file=sys.stderr)
        raise SystemExit(f"error: `{' '.join(command)}` ended with exit {process.returncode}")
    report["wall_secs"] = wall_secs
    return report


def lake(*arguments: str, **environment: str) -> float:
    """Runs `lake …`; answers its wall time."""
    started = time.perf_counter()
    process = subprocess.run(
        [str(BIN / "lake"), *arguments],
        env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    if process.returncode != 0:
        sys.stderr.buffer.write(process.stderr)
        raise SystemExit(f"error: `lake {' '.join(arguments)}` ended with exit {process.returncode}")
    return time.perf_counter() - started


def sales_day(date: str, rows: int, corrupt_rate: float) -> pathlib.Path:
    """A generated day in one file; made once, since the same arguments give the same bytes."""
    folder = BENCH / "source" / f"sales-{rows}-{corrupt_rate}"
    file = folder / date / "sales-001.jsonl"
    if not file.exists():
        partial = folder.with_name(folder.name + ".partial")
        subprocess.run(
            [
                str(BIN / "lake-generate"), "sales", "--date", date, "--rows", str(rows), "--files", "1",
                "--corrupt-rate", str(corrupt_rate), "--seed", "1", "--output", str(partial),
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        partial.rename(folder)
    return folder
