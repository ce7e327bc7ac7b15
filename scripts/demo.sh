#!/usr/bin/env bash
# From a clone to gold: builds, starts the embedded S3 server, makes three sample days with
# dirty rows among them, runs the pipeline `sales` over them, shows what came of it, and stops
# what it started. The data stays under .lake/demo; running it again replays the same days.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/local-s3.sh
. "$checkout/scripts/local-s3.sh"

first=2025-11-01 last=2025-11-03
dates="2025-11-01 2025-11-02 2025-11-03"
rows="${LAKE_DEMO_ROWS:-10000}"
demo="$lake_dir/demo"

export_environment
export LAKE_PIPELINES_DIR="$checkout/pipelines"
use_default_places

started=$SECONDS
say "Building the executables (a first build takes some minutes; later ones seconds)"
"$checkout/scripts/cargo.sh" build --release --workspace --bins
build_secs=$((SECONDS - started))

store_pid=''
stop() { [ -z "$store_pid" ] || stop_group "$store_pid"; }
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$demo"
say "Starting the embedded S3 server"
start_local_s3 "$demo" "LAKE_SALES_DIR=$demo/source"
note "$AWS_ENDPOINT_URL, data in $demo/s3"

say "Making three days of sample sales, $rows rows each, 3 % of them with a flaw"
seed=1
for date in $dates; do
  "$LAKE_BIN_DIR/lake-generate" sales --date "$date" --rows "$rows" --corrupt-rate 0.03 \
    --seed "$seed" --output "$LAKE_SALES_DIR" >"$demo/generate-$date.log" 2>&1 ||
    { cat "$demo/generate-$date.log" >&2 && fail "the sample day $date was not made"; }
  seed=$((seed + 1))
done

say "lake run sales --from $first --to $last"
started=$SECONDS
export LAKE_LOG="${LAKE_LOG:-warn}" LAKE_LOG_FORMAT="${LAKE_LOG_FORMAT:-text}"
"$LAKE_BIN_DIR/lake" run sales --from "$first" --to "$last" >"$demo/run-report.json" ||
  fail "the run failed" "what the stages said is above; the run report: $demo/run-report.json"
run_secs=$((SECONDS - started))

say "What came of it"
# Its table is for people and goes to stderr, its run report to stdout; here only people look.
"$LAKE_BIN_DIR/lake" show sales --from "$first" --to "$last" --rows 24

shown="${demo#"$checkout"/}"
cat <<EOF

Built in $build_secs s, ran in $run_secs s. The server is stopped; everything is kept:
  $shown/source                          the source files, one folder a day
  $shown/s3/bronze/sales/…               the same files, byte for byte, with a manifest
  $shown/s3/silver/sales/…               typed, deduplicated rows, one Parquet file a day
  $shown/s3/quarantine/sales/…           rows that broke the contract, with every reason
  $shown/s3/gold/sales/…                 the marts
  $shown/run-report.json                 the run report

The buckets are folders of ordinary files, so any Parquet reader opens them as they lie:
  duckdb -c "SELECT * FROM read_parquet('$shown/s3/gold/sales/daily_revenue/**/*.parquet') ORDER BY ALL"
  python3 -c "import pandas; print(pandas.read_parquet('$shown/s3/gold/sales/daily_revenue/year=2025/month=11/day=01/data.parquet'))"
More of this: docs/guide/read-the-results.md. Run a day again: docs/guide/replay-a-day.md.
EOF
