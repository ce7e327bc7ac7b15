#!/usr/bin/env bash
# Stops what `make up` started, by the process groups that it recorded, and nothing else.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

up="${LAKE_UP_DIR:-$lake_dir/up}"
if [ ! -s "$up/processes" ] && [ ! -s "$up/airflow/processes" ]; then
  say "Nothing is running"
  exit 0
fi
say "Stopping Airflow and the store"
[ ! -d "$up/airflow" ] || "$checkout/scripts/airflow-stack.sh" stop "$up"
stop_recorded "$up/processes"
note "the data is kept in ${up#"$checkout"/}; make up continues with it"
