#!/usr/bin/env bash
# Starts the embedded S3 server and a local Airflow and leaves them running, for a person to click
# in: prints the UI's address and the generated password. Everything is kept under .lake/up, from
# one `make up` to the next; `make down` stops it.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/local-s3.sh
. "$checkout/scripts/local-s3.sh"
# shellcheck source=scripts/sample-days.sh
. "$checkout/scripts/sample-days.sh"

up="${LAKE_UP_DIR:-$lake_dir/up}"
stack="$checkout/scripts/airflow-stack.sh"
shown="${up#"$checkout"/}"

print_access() {
  local password
  password="$(sed -n 's/.*"admin": "\([^"]*\)".*/\1/p' "$up/airflow/simple_auth_manager_passwords.json.generated")"
  cat <<END

Airflow:  $(cat "$up/airflow/address")
  user      admin
  password  $password
Store:    $AWS_ENDPOINT_URL (embedded; its data: $shown/s3)

The sample days $sample_first to $sample_last wait under $shown/source. In the UI: unpause \`sales\`,
Trigger, and give a date. Or in a shell:
  . $shown/airflow/environment
  airflow dags backfill --unpause -s $sample_first -e $sample_last sales
\`online_retail\` has real days, such as 2011-11-29.
make down stops both; the data stays.
END
}

# A process of an earlier `make up` that is still there.
still_running() {
  local pid began name
  [ -s "$1" ] || return 1
  while read -r pid began name; do
    is_running "$pid" "$began" || { note "$name has ended" && return 1; }
  done <"$1"
}

export_environment
export LAKE_PIPELINES_DIR="${LAKE_PIPELINES_DIR:-$checkout/pipelines}"
use_default_places
# Without the whole year, its three days that are kept here.
export LAKE_ONLINE_RETAIL_DIR="${LAKE_ONLINE_RETAIL_DIR:-$checkout/tests/fixtures/online-retail}"

if still_running "$up/processes" && still_running "$up/airflow/processes"; then
  # shellcheck source=/dev/null
  . "$up/environment"
  say "Already running"
  print_access
  exit 0
fi
"$stack" stop "$up"
stop_recorded "$up/processes"

build_and_get_airflow --workspace

trap '"$stack" stop "$up"; stop_recorded "$up/processes"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$up"
say "Starting the embedded S3 server"
start_local_s3 "$up" "LAKE_SALES_DIR=$up/source"
record_process "$up/processes" "$store_pid" store
[ -d "$up/source/$sample_last" ] || make_sample_days "$up/source" "$up"

say "Starting Airflow"
# The usual port where it is free, so that a bookmark works again.
if [ -z "${LAKE_AIRFLOW_PORT:-}" ] && ! (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
  export LAKE_AIRFLOW_PORT=8080
fi
"$stack" start "$up"
trap - EXIT INT TERM
print_access
