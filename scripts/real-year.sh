#!/usr/bin/env bash
# The real year: 305 days of `online_retail` through every stage, from an empty store to gold,
# and the totals compared with what is known about the data.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/local-s3.sh
. "$checkout/scripts/local-s3.sh"

[ -n "${LAKE_ONLINE_RETAIL_DIR:-}" ] ||
  fail "LAKE_ONLINE_RETAIL_DIR is not set" "how to make the folder of the real year: docs/guide/real-year.md"
LAKE_ONLINE_RETAIL_DIR="$(cd "$LAKE_ONLINE_RETAIL_DIR" 2>/dev/null && pwd)" ||
  fail "LAKE_ONLINE_RETAIL_DIR is not a folder" "how to make it: docs/guide/real-year.md"
export LAKE_ONLINE_RETAIL_DIR
days="$(find "$LAKE_ONLINE_RETAIL_DIR" -name '20??-??-??.csv' | wc -l | tr -d ' ')"
[ "$days" -eq 305 ] ||
  fail "$LAKE_ONLINE_RETAIL_DIR has $days files, the real year 305" "docs/guide/real-year.md says how to make it"
python="$("$checkout/scripts/python.sh")"

export_environment
export LAKE_PIPELINES_DIR="$checkout/pipelines"
use_default_places
"$checkout/scripts/cargo.sh" build --release --workspace --bins

year="$lake_dir/real-year"
store_pid=''
stop() { [ -z "$store_pid" ] || stop_group "$store_pid"; }
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# From an empty store, so that the time is that of the whole year.
rm -rf "$year"
mkdir -p "$year"
start_local_s3 "$year"

say "lake run online_retail --from 2010-12-01 --to 2011-12-09"
export LAKE_LOG="${LAKE_LOG:-warn}" LAKE_LOG_FORMAT="${LAKE_LOG_FORMAT:-text}"
started="$("$python" -c 'import time; print(time.time())')"
code=0
"$LAKE_BIN_DIR/lake" run online_retail --from 2010-12-01 --to 2011-12-09 >"$year/run-report.json" || code=$?
[ "$code" -eq 0 ] || fail "the run failed (exit $code)" "what the stages said is above; the run report: $year/run-report.json"
elapsed="$("$python" -c 'import sys, time; print(f"{time.time() - float(sys.argv[1]):.1f}")' "$started")"

say "Checking the totals"
"$python" "$checkout/scripts/check-real-year.py" "$year/s3"
printf '\n305 days in %s s on %s cores; the lake is in %s\n' "$elapsed" \
  "$(getconf _NPROCESSORS_ONLN)" "${year#"$checkout"/}/s3"
