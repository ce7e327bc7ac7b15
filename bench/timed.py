"""Runs a command, passes its output on, and says how long each of its steps took.

A step begins with a line `==> …`, as the scripts print them; building is divided into what cargo
downloads and what it compiles.
"""

import re
import subprocess
import sys
import time

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def main() -> int:
    started = time.perf_counter()
    steps = [("before the first step", started)]
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    compiling = False
    for text in process.stdout:
        sys.stdout.write(text)
        sys.stdout.flush()
        text = ESCAPES.sub("", text).strip()
        if text.startswith("==> "):
            steps.append((text[4:], time.perf_counter()))
        elif text.startswith("Compiling ") and not compiling:
            compiling = True
            steps.append(("… of which compiling", time.perf_counter()))
    code = process.wait()
    ended = time.perf_counter()
    print(f"\n{'step':<72} {'s':>7}")
    for (name, begun), (_, next_begun) in zip(steps, steps[1:] + [("", ended)]):
        print(f"{name[:72]:<72} {next_begun - begun:>7.1f}")
    print(f"{'all of it':<72} {ended - started:>7.1f}")
    return code


if __name__ == "__main__":
    sys.exit(main())
