#!/usr/bin/env bash
# The embedded S3 server over the demo's data, in the foreground, until Ctrl-C: for `lake`,
# for readers that speak S3, for looking around.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/local-s3.sh
. "$checkout/scripts/local-s3.sh"

demo="$lake_dir/demo"
store_pid=''
stop() { [ -z "$store_pid" ] || stop_group "$store_pid"; }
trap stop EXIT
trap 'exit 0' INT TERM

start_local_s3 "$demo" "LAKE_SALES_DIR=$demo/source"
say "The embedded S3 server listens on $AWS_ENDPOINT_URL, data in $demo/s3"
note "in another shell:"
# shellcheck disable=SC2016 # for that shell
note '  eval "$(make -s print-environment)"'
note "  . ${demo#"$checkout"/}/environment"
note "  lake show sales --from 2025-11-01 --to 2025-11-03"
note "Ctrl-C stops it."
wait "$store_pid"
