#!/usr/bin/env bash
# From a clone to gold, through Airflow: builds, starts the embedded S3 server and a local Airflow,
# makes three sample days with dirty rows among them, lets Airflow's scheduler run the pipeline
# `sales` over them, shows the results, and stops what it started. The data stays under
# .lake/demo; running it again replays the same days.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/local-s3.sh
. "$checkout/scripts/local-s3.sh"
# shellcheck source=scripts/sample-days.sh
. "$checkout/scripts/sample-days.sh"

demo="$lake_dir/demo"
stack="$checkout/scripts/airflow-stack.sh"

export_environment
export LAKE_PIPELINES_DIR="$checkout/pipelines"
use_default_places

started=$SECONDS
build_and_get_airflow "${sample_packages[@]}"
build_secs=$((SECONDS - started))

store_pid='' airflow_started=''
stop() {
  [ -z "$airflow_started" ] || "$stack" stop "$demo"
  [ -z "$store_pid" ] || stop_group "$store_pid"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$demo"
say "Starting the embedded S3 server"
start_local_s3 "$demo" "LAKE_SALES_DIR=$demo/source"
note "$AWS_ENDPOINT_URL, data in ${demo#"$checkout"/}/s3"

say "Starting Airflow"
started=$SECONDS
# Each demo has an Airflow of its own, without earlier runs.
[ ! -d "$demo/airflow" ] || { "$stack" stop "$demo" && rm -rf "$demo/airflow"; }
airflow_started=yes
"$stack" start "$demo"
start_secs=$((SECONDS - started))

make_sample_days "$LAKE_SALES_DIR" "$demo"

say "airflow dags backfill --unpause -s $sample_first -e $sample_last sales"
started=$SECONDS
# shellcheck disable=SC2016 # for the inner shell
"$BASH" -c '. "$1" && shift && exec airflow "$@"' "$BASH" "$demo/airflow/environment" \
  dags backfill --unpause -s "$sample_first" -e "$sample_last" sales >&2 ||
  fail "the run failed" "what the stages said: ${demo#"$checkout"/}/airflow/logs/dag_id=sales"
run_secs=$((SECONDS - started))

say "The results"
# Its table is for people and goes to standard output.
"$LAKE_BIN_DIR/lake" show sales --from "$sample_first" --to "$sample_last" --rows 24

say "Stopping Airflow and the store"
stop
airflow_started='' store_pid=''

shown="${demo#"$checkout"/}"
cat <<END

Built in $build_secs s, started Airflow in $start_secs s, ran in $run_secs s. Everything is stopped, and kept:
  $shown/source                          the source files, one folder a day
  $shown/s3/bronze/sales/…               the same files, byte for byte, with a manifest
  $shown/s3/silver/sales/…               typed, deduplicated rows, one Parquet file a day
  $shown/s3/quarantine/sales/…           rows that broke the contract, with every reason
  $shown/s3/gold/sales/…                 the marts
  $shown/airflow/logs/…                  what each task said

The buckets are folders of ordinary files, so any Parquet reader opens them directly:
  duckdb -c "SELECT * FROM read_parquet('$shown/s3/gold/sales/daily_revenue/**/*.parquet') ORDER BY ALL"
  python3 -c "import pandas; print(pandas.read_parquet('$shown/s3/gold/sales/daily_revenue/year=2025/month=11/day=01/data.parquet'))"
To click through it: make up.
More of this: docs/guide/read-the-results.md. Run a day again: docs/guide/replay-a-day.md.
END
