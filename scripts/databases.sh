#!/usr/bin/env bash
# `make databases`: a PostgreSQL server to try sources with, until Ctrl-C. Its data stay in
# LAKE_DATABASES_DIR, by default a folder for temporary files. Prints what to set.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

postgres="$checkout/scripts/postgres.sh"
# PostgreSQL's own user must reach it, and a checkout in somebody's home may be theirs alone.
folder="${LAKE_DATABASES_DIR:-${TMPDIR:-/tmp}/lake-databases-$(id -u)}"
mkdir -p "$folder"
chmod 700 "$folder"

environment="$("$postgres" start "$folder")"
trap '"$postgres" stop "$folder"; exit 0' INT TERM
# shellcheck source=/dev/null
. "$environment"

say "PostgreSQL is running; its data are in $folder"
note "a shell in it:   psql '$LAKE_POSTGRES_URL'"
note "as a source:     export LAKE_CONNECTION_<NAME>='$LAKE_POSTGRES_URL'"
note "Ctrl-C stops it; the data stay"
while kill -0 "$(cat "$folder/postgres.pid")" 2>/dev/null; do
  sleep 1
done
fail "PostgreSQL has ended" "its log: $folder/postgres.log"
