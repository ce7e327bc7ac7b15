#!/usr/bin/env bash
# The container files for real, without Docker: builds the image and runs both stacks with Docker
# Compose over Podman, on stand-ins for the base images (Debian's packages, this machine's own
# toolchain and MinIO). It types what docs/docker.md says and looks at what comes of it.
#
# usage: run.sh [local] [celery]    both without arguments
#
# Needs Linux, root, and Debian's podman, buildah, runc, netavark, aardvark-dns, iptables and debootstrap;
# where something is missing it says so and skips. LAKE_REQUIRE_CONTAINERS=true makes that a failure.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
[ $# -gt 0 ] || set -- local celery
for name in "$@"; do
  case "$name" in
    local | celery) ;;
    *) fail "there is no stack \`$name\`" "local, celery" ;;
  esac
done

skip() { # why
  [ "${LAKE_REQUIRE_CONTAINERS:-}" != true ] || fail "$1"
  warn "SKIPPED: the container files: $1"
  printf '0 passed, 0 failed, 1 skipped\n'
  exit 0
}
[ "$(uname -s)" = Linux ] || skip "they are tried on Linux only"
[ "$(id -u)" = 0 ] || skip "root is needed"
packages="podman buildah runc netavark aardvark-dns iptables debootstrap"
for tool in podman buildah runc iptables debootstrap; do
  have "$tool" || skip "$tool is not installed (Debian: apt-get install $packages)"
done
have rustc || skip "the Rust toolchain is not installed"
have go || "$checkout/tests/scripts/minio.sh" cached >/dev/null || skip "Go is needed, for MinIO and Compose"
compose_executable="$("$checkout/tests/scripts/compose.sh" build)"
minio="$("$checkout/tests/scripts/minio.sh" build)"

# --- Podman of its own: settings, storage, networks, build caches -------------------------------

folder="${LAKE_CONTAINERS_DIR:-$(cache_dir)/containers}"
mkdir -p "$folder"/{storage,networks,tmp,machine/apt,machine/certificates}
work="$(mktemp -d)"
began=$SECONDS
cat >"$folder/containers.conf" <<CONF
[containers]
# Podman's own defaults are refused where limits may not be raised (no CAP_SYS_RESOURCE).
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=10000:10000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "$folder/networks"
CONF
cat >"$folder/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "$folder/run"
CONF
export CONTAINERS_CONF="$folder/containers.conf" CONTAINERS_STORAGE_CONF="$folder/storage.conf" TMPDIR="$folder/tmp"
podman info >"$work/podman.log" 2>&1 || { cat "$work/podman.log" >&2 && skip "podman does not start"; }

# --- stand-ins for the base images ---------------------------------------------------------------

if ! podman image exists localhost/lake-bookworm; then
  say "Making a Debian 12 with debootstrap"
  debootstrap --variant=minbase bookworm "$work/bookworm" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log" >&2 && fail "debootstrap failed"; }
  tar -C "$work/bookworm" -c . | podman import - localhost/lake-bookworm >/dev/null
  rm -rf "$work/bookworm"
fi
# What a build takes from this machine, read-only under /machine.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do [ ! -f "$file" ] || cp "$file" "$folder/machine/apt/"; done
for file in /usr/local/share/ca-certificates/*.crt; do [ ! -f "$file" ] || cp "$file" "$folder/machine/certificates/"; done
cp -f "$minio" "$folder/machine/minio"
toolchain="$(cd "$checkout" && rustc --print sysroot)"
say "Building the stand-ins"
for part in rust python postgres store broker; do
  nice podman build --quiet --network host --layers --target "$part" -t "localhost/lake-$part" \
    -v "$folder/machine:/machine:ro" -v "$toolchain:/toolchain:ro" "$here/stand-ins" >"$work/$part.log" 2>&1 ||
    { tail -n 20 "$work/$part.log" >&2 && fail "the stand-in for $part was not built"; }
done
podman run --rm localhost/lake-python true >"$work/podman.log" 2>&1 ||
  { cat "$work/podman.log" >&2 && skip "podman cannot start a container here"; }

# --- the daemon's stand-in, and who runs the health checks ---------------------------------------

# A path of a socket has at most 107 bytes.
export DOCKER_HOST="unix://$work/podman.sock"
set -m
nice podman system service --time=0 "$DOCKER_HOST" >"$work/service.log" 2>&1 &
service=$!
nice python3 -B "$here/health-checks.py" lakehouse-test- >"$work/health.log" 2>&1 &
health=$!
set +m
"$checkout/scripts/make-env.sh" "$work/env" 2>/dev/null
airflow_port="$(free_port)"
cat >>"$work/env" <<ENV
LAKE_RUST_IMAGE=localhost/lake-rust
LAKE_PYTHON_IMAGE=localhost/lake-python
LAKE_POSTGRES_IMAGE=localhost/lake-postgres
LAKE_STORE_IMAGE=localhost/lake-store
LAKE_BROKER_IMAGE=localhost/lake-broker
LAKE_AIRFLOW_IMAGE=localhost/lakehouse-airflow-test:0.1.0
AIRFLOW_PORT=$airflow_port
LAKE_STORE_PORT=$(free_port)
LAKE_STORE_CONSOLE_PORT=$(free_port)
ENV
value() { sed -n "s/^$1=//p" "$work/env" | head -n 1; }
files=()
# Nothing may wait for ever. No BuildKit, which would be fetched: Compose asks Podman to build.
# </dev/null, or `exec` takes this script's own input.
compose() {
  COMPOSE_PROGRESS=quiet DOCKER_BUILDKIT=0 timeout "${within:-300}" nice "$compose_executable" \
    -p lakehouse-test --project-directory "$checkout" --env-file "$work/env" "${files[@]}" "$@" </dev/null
}
clean_up() {
  compose --profile '*' down --volumes --timeout 5 >/dev/null 2>&1 || true
  stop_group "$health"
  stop_group "$service"
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

passed=0 failed=0
expect() { # what, command…
  local what="$1" begun=$SECONDS
  shift
  if "$@" >"$work/out" 2>&1; then
    passed=$((passed + 1))
    note "ok   $what ($((SECONDS - begun)) s)"
    return
  fi
  failed=$((failed + 1))
  warn "FAILED $what: $*"
  tail -n 25 "$work/out" >&2
  last_failed=yes
}
# Without it the rest means nothing.
need() { # what, command…
  last_failed=''
  expect "$@"
  [ -z "$last_failed" ] || { sum_up && exit 1; }
}
sum_up() {
  note "all of it: $((SECONDS - began)) s"
  printf '%s passed, %s failed\n' "$passed" "$failed"
}

# --- what is asked -------------------------------------------------------------------------------

container() { printf 'lakehouse-test-%s-%s\n' "$1" "${2:-1}"; }
containers() { podman ps --all --format '{{.Names}}' --filter 'name=^lakehouse-test-'; }
status_of() { curl --silent --output /dev/null --write-out '%{http_code}' --max-time 20 "$@"; }
login() { # password, HTTP status
  [ "$(status_of --json "{\"username\":\"admin\",\"password\":\"$1\"}" "http://127.0.0.1:$airflow_port/auth/token")" = "$2" ]
}
page() { [ "$(status_of "http://127.0.0.1:$airflow_port/")" = 200 ]; }

# The three sample days, to the row: date and outcome, then rows read, published, quarantined and duplicate.
gold() {
  compose run --rm --no-deps lake show sales --from 2025-11-01 --to 2025-11-03 >"$work/gold" || return 1
  cat "$work/gold"
  grep -Eq '^2025-11-01 +published +10000 +9718 +230 +52\b' "$work/gold" &&
    grep -Eq '^2025-11-03 +published +10000 +9734 ' "$work/gold"
}

# Nobody's user, no capability, no way to new privileges.
is_nobody() { # service, user's number
  podman exec "$(container "$1")" sh -c "[ \"\$(id -u)\" = $2 ] &&
    grep -q '^CapEff:.0*\$' /proc/1/status && grep -q '^NoNewPrivs:.1' /proc/1/status"
}
only_loopback_listens() {
  local port
  for port in "$airflow_port" "$(value LAKE_STORE_PORT)" "$(value LAKE_STORE_CONSOLE_PORT)"; do
    ss -Hltn "sport = :$port" | awk '{ print $4 }' | grep -q . || return 1
    ! ss -Hltn "sport = :$port" | awk '{ print $4 }' | grep -v '^127\.0\.0\.1:' || return 1
  done
}
workspace_is_empty() {
  local found
  found="$(podman exec "$(container "$1")" ls -A /var/lib/lakehouse/work)" && [ -z "$found" ]
}

secrets() { sed -n 's/^[A-Z0-9_]*\(PASSWORD\|SECRET\|KEY\)=//p' "$work/env"; }
no_secret_in_logs() {
  secrets >"$work/secrets"
  [ "$(wc -l <"$work/secrets")" -ge 7 ] || return 1
  compose --profile '*' logs --no-color >"$work/logs" 2>&1 && [ -s "$work/logs" ] && ! grep -F -f "$work/secrets" "$work/logs"
}
# Airflow keeps the logs of tasks in a volume of its own.
no_secret_in_task_logs() { # service
  podman exec "$(container "$1")" sh -c 'find /opt/airflow/logs -name "*.log" -exec cat {} +' >"$work/task-logs" || return 1
  [ "$(grep -c 'lake-' "$work/task-logs")" -ge 9 ] && ! grep -F -f "$work/secrets" "$work/task-logs"
}
# In `inspect` a container shows the environment that Compose gave it and nothing else may: no
# command line, no label, no health check, no image, no layer.
no_secret_in_inspect() { # the service that runs tasks
  local name image images
  [ "$(containers | wc -l)" -ge 6 ] || return 1
  for name in $(containers); do
    podman inspect "$name" | python3 -c '
import json, sys
for container in json.load(sys.stdin):
    container["Config"].pop("Env", None)
    container["Config"].pop("CreateCommand", None)
    print(json.dumps(container))' >"$work/inspected"
    ! grep -F -f "$work/secrets" "$work/inspected" || return 1
    # The store credentials and the key of pseudonyms are where they are used.
    case "$name" in
      *-store-* | *-"$1"-*) ;;
      *)
        ! podman inspect --format '{{json .Config.Env}}' "$name" | grep -F -e "$(value LAKE_S3_PASSWORD)" -e "$(value LAKE_PSEUDONYM_SECRET)" || return 1
        ;;
    esac
  done
  images="$(podman images --format '{{.Repository}}:{{.Tag}}' | grep lakehouse-airflow-test)" || return 1
  for image in $images; do
    ! { podman inspect "$image" && podman history --no-trunc "$image"; } | grep -F -f "$work/secrets" || return 1
  done
}

# A process killed outright, as the kernel does where memory is short: the restart policy brings it
# back, and it is healthy.
comes_back() { # service
  local before after pid seconds=120
  pid="$(podman inspect --format '{{.State.Pid}}' "$(container "$1")")"
  before="$(podman inspect --format '{{.State.StartedAt}}' "$(container "$1")")"
  kill -KILL "$pid"
  while [ "$seconds" -gt 0 ]; do
    after="$(podman inspect --format '{{.State.StartedAt}} {{.State.Health.Status}}' "$(container "$1")" 2>/dev/null || true)"
    case "$after" in
      "$before"*) ;;
      *' healthy') return ;;
    esac
    sleep 1
    seconds=$((seconds - 1))
  done
  podman ps --all --filter "name=$(container "$1")"
  return 1
}
both_workers_worked() {
  local worker
  for worker in 1 2; do
    podman logs "$(container worker "$worker")" 2>&1 | grep -q ' received' || return 1
  done
}
stops_when_asked() { # service
  podman stop --time 10 "$(container "$1")" && [ "$(podman inspect --format '{{.State.ExitCode}}' "$(container "$1")")" = 0 ]
}
nothing_left() { [ -z "$(containers)$(podman volume ls --quiet --filter name=lakehouse-test)" ]; }

stack() { # name, service that runs tasks, arguments of `up`…
  local name="$1" tasks="$2"
  shift 2
  say "$name"
  within=3000 need "$name: the image is built" compose build
  need "$name: up, everything is healthy" compose up --detach --wait --no-build "$@"
  # Podman calls a network's id by its name, so Compose takes what runs for outdated: --no-deps.
  expect "$name: sample" compose run --rm --no-deps sample
  expect "$name: unpause" compose exec -T "$tasks" airflow dags unpause sales
  expect "$name: backfill" compose exec -T "$tasks" airflow dags backfill -s 2025-11-01 -e 2025-11-03 sales
  expect "$name: gold is read back" gold
  expect "$name: the page of the UI" page
  expect "$name: login" login "$(value AIRFLOW_ADMIN_PASSWORD)" 201
  expect "$name: a wrong password" login wrong 401
  expect "$name: only loopback listens" only_loopback_listens
  expect "$name: $tasks has no right beyond what it needs" is_nobody "$tasks" 50000
  expect "$name: nothing is left in the workspace" workspace_is_empty "$tasks"
  expect "$name: no secret in a service's log" no_secret_in_logs
  expect "$name: no secret in a task's log" no_secret_in_task_logs "$tasks"
  expect "$name: no secret in inspect or in the image" no_secret_in_inspect "$tasks"
}
for name in "$@"; do
  case "$name" in
    local)
      files=(-f "$checkout/docker-compose.yml")
      stack local scheduler
      expect "local: a killed scheduler comes back" comes_back scheduler
      expect "local: and runs a day" compose exec -T scheduler airflow dags backfill -s 2025-11-02 -e 2025-11-02 --reset-dagruns -y sales
      expect "local: down" compose down
      expect "local: up again" compose up --detach --wait --no-build
      expect "local: the data is still there" gold
      ;;
    celery)
      files=(-f "$checkout/docker-compose.yml" -f "$checkout/docker-compose.celery.yml")
      stack celery worker --scale worker=2
      expect "celery: both workers had tasks" both_workers_worked
      expect "celery: the broker has no right beyond what it needs" is_nobody broker 999
      expect "celery: the broker ends when it is asked to" stops_when_asked broker
      ;;
  esac
  expect "$name: down --volumes" compose --profile '*' down --volumes
  expect "$name: nothing is left" nothing_left
done
note "image: $(podman images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep lakehouse-airflow-test: | tr '\n' ' ')"
sum_up
[ "$failed" = 0 ]
