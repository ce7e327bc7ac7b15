# shellcheck shell=bash
# Sourced by scripts that need a store: starts the embedded S3 server on a free loopback port.

# `start_local_s3 FOLDER [NAME=VALUE…]`: the server keeps its data in FOLDER/s3 and its log in
# FOLDER/local-s3.log. Exports what clients need, and the given variables, and writes both to
# FOLDER/environment (0600), credentials made at random the first time. Sets `store_pid`; end
# it with `stop_group`.
start_local_s3() {
  local folder="$1" port='' tenths=150 variable
  shift
  mkdir -p "$folder/s3"
  folder="$(cd "$folder" && pwd)"
  rm -f "$folder/port"

  # What an earlier run made is kept: pseudonyms stay the same, and so do the bytes of a replay.
  if [ -f "$folder/environment" ]; then
    # shellcheck source=/dev/null
    . "$folder/environment"
  fi
  AWS_ACCESS_KEY_ID="${local_s3_login:-lake-$(random_hex 6)}"
  AWS_SECRET_ACCESS_KEY="${local_s3_password:-$(random_hex 20)}"
  LAKE_PSEUDONYM_KEY="${local_pseudonym_key:-$(random_hex 32)}"
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY LAKE_PSEUDONYM_KEY

  # `set -m` gives the server a process group of its own: Ctrl-C ends the script, and the
  # script's trap ends the server.
  set -m
  "$(target_dir)/release/lake-local-s3" --data-dir "$folder/s3" --address 127.0.0.1:0 \
    --port-file "$folder/port" </dev/null >"$folder/local-s3.log" 2>&1 &
  store_pid=$!
  set +m
  while [ ! -s "$folder/port" ]; do
    if [ "$tenths" -eq 0 ] || ! kill -0 "$store_pid" 2>/dev/null; then
      cat "$folder/local-s3.log" >&2
      fail "the embedded S3 server did not start" "its log: $folder/local-s3.log"
    fi
    sleep 0.1
    tenths=$((tenths - 1))
  done
  port="$(cat "$folder/port")"
  export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_REGION=us-east-1
  export LAKE_S3_PATH_STYLE=true LAKE_CREATE_BUCKETS=true
  unset AWS_ENDPOINT_URL_S3 AWS_SESSION_TOKEN AWS_PROFILE

  for variable in "$@"; do
    export "${variable?}"
  done
  local before
  before="$(umask)"
  umask 077
  {
    echo "# Made by a script of this project; for your shell: . $folder/environment"
    printf 'export AWS_ENDPOINT_URL=%q AWS_REGION=%q\n' "$AWS_ENDPOINT_URL" "$AWS_REGION"
    printf 'export LAKE_S3_PATH_STYLE=true LAKE_CREATE_BUCKETS=true\n'
    printf 'local_s3_login=%q local_s3_password=%q local_pseudonym_key=%q\n' \
      "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$LAKE_PSEUDONYM_KEY"
    # shellcheck disable=SC2016 # expanded by whoever sources the file
    printf 'export AWS_ACCESS_KEY_ID="$local_s3_login" AWS_SECRET_ACCESS_KEY="$local_s3_password" LAKE_PSEUDONYM_KEY="$local_pseudonym_key"\n'
    for variable in "$@"; do
      printf 'export %q\n' "$variable"
    done
  } >"$folder/environment.new"
  mv -f "$folder/environment.new" "$folder/environment"
  umask "$before"
}

# The five places under their own names, whatever the caller's shell has set.
use_default_places() {
  unset LAKE_BRONZE_URL LAKE_STAGING_URL LAKE_SILVER_URL LAKE_QUARANTINE_URL LAKE_GOLD_URL
}
