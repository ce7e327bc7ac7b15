"""Runs the measurements named on the command line; started by bench/run.sh.

Exit 1 when a target was missed: each figure with a target says so on its line.
"""

import os
import platform
import sys

import airflow
import extract
import history
import lake
import memory
import silver
import startup
import warehouse

PARTS = {
    "startup": startup.run,
    "silver": silver.run,
    "memory": memory.run,
    # A part of `memory` by itself.
    "long-rows": memory.long_rows,
    "history": history.run,
    "extract": extract.run,
    "warehouse": warehouse.run,
    "airflow": airflow.run,
}


def main() -> int:
    unknown = [name for name in sys.argv[1:] if name not in PARTS]
    if unknown or len(sys.argv) == 1:
        print(f"error: unknown part {unknown}\n\nhint: one or more of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    print(f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in sys.argv[1:]:
        PARTS[name]()
    print()
    if lake.skipped:
        print(f"skipped: {', '.join(lake.skipped)}")
    if lake.failures:
        print(f"missed: {', '.join(lake.failures)}")
        return 1
    print("every target was met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
