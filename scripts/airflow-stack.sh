#!/usr/bin/env bash
# A whole Airflow on this machine: metadata database, API server with its UI, scheduler, DAG
# processor and triggerer, each started by itself, all on 127.0.0.1, everything in one folder.
#
# usage: airflow-stack.sh start FOLDER [NAME=VALUE...]   NAME=VALUE: more settings for its processes;
#                                  LAKE_AIRFLOW_PORT in the environment: the port, else a free one
#        airflow-stack.sh stop FOLDER
#
# `start` takes the store's address and credentials, the key of pseudonyms, LAKE_* and what
# pipelines declare from its own environment; credentials reach Airflow as connections and in no
# other form. What is not set there is expected as a connection in Airflow's database. It writes,
# below FOLDER/airflow:
#   environment     for a shell: `. FOLDER/airflow/environment`, then `airflow` is that Airflow (0600)
#   address         of the UI and the REST API
#   processes       one line a component: process group, time of its start, name
#   logs/, airflow.db, *.log and the generated password, as Airflow names them
#
# Airflow 3.3 has servers for logs that listen on every interface, and no setting that says where
# (`serve_logs/core.py` has `host=""`). They serve other machines only: here every component reads
# the files themselves, so they are not started (`--skip-serve-logs`).

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What of the caller's environment the components see as it is.
kept_variables() {
  compgen -e | grep -E '^(LAKE_.*|HOME|USER|LOGNAME|PATH|LANG|LC_.*|TMPDIR|TZ|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|AWS_CA_BUNDLE|PYTHONDONTWRITEBYTECODE)$' |
    grep -vE '^(LAKE_PSEUDONYM_KEY|LAKE_CACHE_DIR|LAKE_TEST_.*)$'
}

# What pipelines read besides, as their pipeline.yaml says it, in either form of a YAML list.
declared_variables() {
  awk '
    /^environment:/ { listed = 1; sub(/^environment:/, "") }
    /^[^ \t#-]/ && !/^\[/ { listed = 0 }
    listed { sub(/#.*/, ""); gsub(/[^A-Z0-9_]+/, "\n"); print }
  ' "$LAKE_PIPELINES_DIR"/*/pipeline.yaml 2>/dev/null | grep -E '^[A-Z_][A-Z0-9_]*$' | sort -u || true
}

# The text is a JSON string without characters that JSON would want escaped: hex, names, URLs.
connection_of_store() {
  local text
  [ -n "${AWS_ACCESS_KEY_ID:-}" ] || return 0
  for text in "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "${AWS_ENDPOINT_URL:-}" "${AWS_SESSION_TOKEN:-}"; do
    case "$text" in
      *[\"\\]*) fail 'a credential or address of the store has a " or \ in it' ;;
    esac
  done
  printf '{"conn_type": "aws", "login": "%s", "password": "%s", "extra": {' \
    "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
  [ -z "${AWS_ENDPOINT_URL:-}" ] || printf '"endpoint_url": "%s", ' "$AWS_ENDPOINT_URL"
  [ -z "${AWS_SESSION_TOKEN:-}" ] || printf '"aws_session_token": "%s", ' "$AWS_SESSION_TOKEN"
  printf '"region_name": "%s"}}' "${AWS_REGION:-us-east-1}"
}

# Writes the environment of the components and of whoever types `airflow` for them.
write_environment() { # port, further NAME=VALUE…
  local port="$1" variable secrets="$home/secrets" before fernet_key='' jwt_secret='' secret_key=''
  shift
  before="$(umask)"
  umask 077
  # Kept from one start to the next: sessions stay valid, and so does the password.
  if [ ! -f "$secrets" ]; then
    {
      printf 'fernet_key=%s\n' "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
      printf 'jwt_secret=%s\nsecret_key=%s\n' "$(random_hex 32)" "$(random_hex 32)"
    } >"$secrets"
  fi
  [ -f "$home/simple_auth_manager_passwords.json.generated" ] ||
    printf '{"admin": "%s"}\n' "$(random_hex 8)" >"$home/simple_auth_manager_passwords.json.generated"
  # shellcheck source=/dev/null
  . "$secrets"
  {
    echo "# Made by scripts/airflow-stack.sh; for your shell: . $home/environment"
    for variable in $(kept_variables) $(declared_variables); do
      case "$variable" in
        PATH) printf 'export PATH=%q\n' "$checkout/docker/airflow/cli:$airflow/bin:$PATH" ;;
        AIRFLOW_*) ;;
        *) [ -z "${!variable:-}" ] || printf 'export %s=%q\n' "$variable" "${!variable}" ;;
      esac
    done
    # Nothing of the machine's own configuration, no telemetry, no DNS for the own name, and no
    # more processes than two cores have work for.
    for variable in \
      "AIRFLOW_HOME=$home" \
      "AIRFLOW__CORE__DAGS_FOLDER=$checkout/dags" \
      AIRFLOW__CORE__LOAD_EXAMPLES=False \
      AIRFLOW__CORE__EXECUTOR=LocalExecutor \
      AIRFLOW__CORE__PARALLELISM=8 \
      AIRFLOW__CORE__HOSTNAME_CALLABLE=socket.gethostname \
      "AIRFLOW__CORE__FERNET_KEY=$fernet_key" \
      "AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://127.0.0.1:$port/execution/" \
      "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///$home/airflow.db?timeout=60" \
      AIRFLOW__API__HOST=127.0.0.1 \
      "AIRFLOW__API__PORT=$port" \
      "AIRFLOW__API__BASE_URL=http://127.0.0.1:$port" \
      AIRFLOW__API__WORKERS=1 \
      "AIRFLOW__API__SECRET_KEY=$secret_key" \
      "AIRFLOW__API_AUTH__JWT_SECRET=$jwt_secret" \
      AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES=1 \
      AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.5 \
      AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
      "${AWS_ACCESS_KEY_ID:+AIRFLOW_CONN_MINIO_DEFAULT=$(connection_of_store)}" \
      "${LAKE_PSEUDONYM_KEY:+AIRFLOW_CONN_LAKE_PSEUDONYM={\"conn_type\": \"generic\", \"password\": \"$LAKE_PSEUDONYM_KEY\"\}}" \
      LAKE_S3_PATH_STYLE="${LAKE_S3_PATH_STYLE:-}" \
      "$@"; do
      case "$variable" in
        '' | *=) ;;
        *) printf 'export %s=%q\n' "${variable%%=*}" "${variable#*=}" ;;
      esac
    done
  } >"$home/environment.new"
  mv -f "$home/environment.new" "$home/environment"
  umask "$before"
}

# `exec_in_environment COMMAND…`: in that environment and no other, in place of this shell.
exec_in_environment() {
  # shellcheck disable=SC2016 # for the inner shell
  exec env -i "$BASH" -c '. "$1" && shift && exec "$@"' "$BASH" "$home/environment" "$@"
}
with_environment() { (exec_in_environment "$@"); }

start_component() { # name, command…
  local name="$1"
  shift
  # `set -m` gives each its own process group, which is what `stop` ends.
  set -m
  exec_in_environment "$airflow/bin/airflow" "$@" </dev/null >"$home/$name.log" 2>&1 &
  record_process "$home/processes" "$!" "$name"
  set +m
}

start() {
  local port begun=$SECONDS
  [ -n "${LAKE_BIN_DIR:-}" ] || fail "LAKE_BIN_DIR is not set" "source scripts/lib.sh and call export_environment"
  airflow="$("$checkout/scripts/airflow-env.sh" 3.3.2)"
  mkdir -p "$home/config"
  cp "$checkout/scripts/airflow_local_settings.py" "$home/config/"
  stop
  port="${LAKE_AIRFLOW_PORT:-$(free_port)}"
  write_environment "$port" "$@"
  trap 'stop' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  note "preparing Airflow's database"
  with_environment "$airflow/bin/airflow" db migrate </dev/null >"$home/db-migrate.log" 2>&1 ||
    { tail -n 20 "$home/db-migrate.log" >&2 && fail "Airflow's database could not be made" "its log: $home/db-migrate.log"; }
  # Readers and the writer of a database in WAL mode do not wait for each other.
  "$airflow/bin/python" -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("PRAGMA journal_mode=WAL")' "$home/airflow.db"

  note "starting its API server, scheduler, DAG processor and triggerer"
  start_component api-server api-server
  start_component scheduler scheduler --skip-serve-logs
  start_component dag-processor dag-processor
  start_component triggerer triggerer --skip-serve-logs
  if ! with_environment "$airflow/bin/python" -B "$checkout/scripts/airflow-ready.py" \
    "http://127.0.0.1:$port" "$home"; then
    tail -n 8 "$home"/{api-server,scheduler,dag-processor,triggerer}.log >&2
    fail "Airflow did not start" "its logs: $home/*.log"
  fi
  printf 'http://127.0.0.1:%s\n' "$port" >"$home/address"
  trap - EXIT INT TERM
  note "Airflow is ready at http://127.0.0.1:$port after $((SECONDS - begun)) s"
}

stop() {
  stop_recorded "$home/processes"
  rm -f "$home/address"
}

[ $# -ge 2 ] || fail "usage: airflow-stack.sh start|stop FOLDER [NAME=VALUE...]"
command="$1"
mkdir -p "$2"
home="$(cd "$2" && pwd)/airflow"
shift 2
case "$command" in
  start) start "$@" ;;
  stop) stop ;;
  *) fail "there is no command \`$command\`" "start or stop" ;;
esac
