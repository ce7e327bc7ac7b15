#!/usr/bin/env bash
# Measures what bench/README.md lists, side by side in one run, and prints a table.
#
# usage: bench/run.sh [startup] [silver] [memory] [long-rows] [history] [extract] [warehouse] [airflow]
#        without any: all (long-rows is a part of memory)

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/local-s3.sh
. "$checkout/scripts/local-s3.sh"

python="$("$checkout/scripts/python.sh")"
export_environment
export LAKE_PIPELINES_DIR="$checkout/pipelines"
use_default_places
"$checkout/scripts/cargo.sh" build --release --workspace --bins

bench="$lake_dir/bench"
store_pid=''
stop() {
  [ -z "$store_pid" ] || stop_group "$store_pid"
  # Gigabytes of copies; the generated sources are kept, they are the same every time.
  rm -rf "$bench/s3" "$bench/work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

rm -rf "$bench/s3" "$bench/work"
mkdir -p "$bench/work" "$bench/source"
start_local_s3 "$bench"
export LAKE_BENCH_DIR="$bench" LAKE_LOG=warn LAKE_LOG_FORMAT=text
export LAKE_WORKSPACE_DIR="$bench/work/workspaces"
mkdir -p "$LAKE_WORKSPACE_DIR"
if [ "$#" -eq 0 ]; then
  set -- startup silver memory history extract warehouse airflow
fi
"$python" -B "$checkout/bench/measure.py" "$@"
