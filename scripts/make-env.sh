#!/usr/bin/env bash
# Writes the .env that docker-compose.yml needs: every password and key made at random, readable
# by its owner alone. An .env that is there is left as it is, because its keys open what was
# stored with them.
#
# usage: make-env.sh [FILE]    the default is .env in the checkout

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

file="${1:-$checkout/.env}"
shown="${file#"$checkout"/}"
if [ -e "$file" ] || [ -L "$file" ]; then
  fail "$shown is there already, and it stays as it is" \
    "its keys open Airflow's database, the store and old pseudonyms; to start over: docker compose down --volumes, remove $shown, make env"
fi

# Fernet's form of a key: 32 bytes in URL-safe base64.
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

umask 077
new="$(mktemp "$file.XXXXXX")"
trap 'rm -f "$new"' EXIT
cat >"$new" <<ENV
# Made by \`make env\`. It holds every password of the stack: keep it to yourself, and keep it as
# long as the volumes, for what is stored can be opened with these keys only.

# --- the store -------------------------------------------------------------------------------
# Its login and password are those of the connection minio_default as well.
LAKE_S3_LOGIN=lake-$(random_hex 6)
LAKE_S3_PASSWORD=$(random_hex 20)
# The store that comes with the stack. For another one leave this empty, put its login above and
# say where it is (docs/docker.md).
COMPOSE_PROFILES=store
#LAKE_S3_ENDPOINT=https://s3.example.com
#LAKE_S3_REGION=us-east-1
#LAKE_CREATE_BUCKETS=false

# --- pseudonyms ------------------------------------------------------------------------------
# The key of the connection lake_pseudonym. Another key gives other pseudonyms.
LAKE_PSEUDONYM_SECRET=$(random_hex 32)

# --- Airflow ---------------------------------------------------------------------------------
# The UI's user is \`admin\`.
AIRFLOW_ADMIN_PASSWORD=$(random_hex 12)
AIRFLOW_DATABASE_PASSWORD=$(random_hex 20)
AIRFLOW_FERNET_KEY=$(fernet_key)
AIRFLOW_API_SECRET_KEY=$(random_hex 32)
AIRFLOW_JWT_SECRET=$(random_hex 64)
# For docker-compose.celery.yml.
LAKE_BROKER_PASSWORD=$(random_hex 20)

# --- what may be changed ---------------------------------------------------------------------
#AIRFLOW_PORT=8080
#LAKE_STORE_PORT=9000
#LAKE_STORE_CONSOLE_PORT=9001
#LAKE_SOURCES=./sources
#LAKE_MAX_ACTIVE_RUNS=4
#LAKE_THREADS=2
# What the stages share, and what the service that runs them may use: 2 GiB more.
#LAKE_MEMORY_LIMIT=2GiB
#LAKE_TASKS_MEMORY=4g
ENV
# A link fails where a file is, so two at once cannot overwrite each other's keys.
ln "$new" "$file" 2>/dev/null || fail "$shown was made by somebody else just now" "it stays as it is"
say "Wrote $shown"
note "docker compose up, then http://127.0.0.1:8080; the user is admin, the password AIRFLOW_ADMIN_PASSWORD in $shown"
