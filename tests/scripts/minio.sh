#!/usr/bin/env bash
# A real MinIO server for the tests: built from its Go module once per version, kept outside
# the checkout, started on a free loopback port with credentials made for the occasion.
#
# usage: minio.sh cached        prints the executable's path, fails when it is not built
#        minio.sh build         builds it if need be (4 to 5 minutes), prints its path
#        minio.sh start FOLDER  starts it on FOLDER/data, prints the path of a file to source
#                               (0600) with its address and credentials
#        minio.sh stop FOLDER   stops what `start` started there

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

# The module's last version. Release tags and commit hashes are refused by `go install`.
version=v0.0.0-20260212201848-7aac2a2c5b7c
folder="$(cache_dir)/minio-$version"
executable="$folder/minio"

usage() { fail "$1" "$(sed -n '5,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}")"; }

cached() {
  [ -x "$executable" ] || return 1
  printf '%s\n' "$executable"
}

build() {
  cached && return
  have go || fail "Go is needed to build MinIO" "Debian: apt-get install golang-go; Homebrew: brew install go (1.24 or newer)"
  say "Building MinIO $version (4 to 5 minutes, once)"
  mkdir -p "$folder"
  local work
  work="$(mktemp -d "$folder/.build.XXXXXX")"
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  GOBIN="$work" GOFLAGS='' go install -trimpath -ldflags '-s -w' "github.com/minio/minio@$version" >&2 ||
    fail "MinIO could not be built" "Go 1.24 or newer and a module proxy are needed; without MinIO its tests are skipped"
  mv "$work/minio" "$executable"
  cached
}

start() {
  local root="$1" port pid tries
  build >/dev/null
  mkdir -p "$root/data"
  root="$(cd "$root" && pwd)"
  [ ! -f "$root/minio.pid" ] || ! kill -0 "$(cat "$root/minio.pid")" 2>/dev/null ||
    fail "a MinIO server of \`$root\` is running already (process $(cat "$root/minio.pid"))" "stop it: $0 stop $root"
  umask 077
  MINIO_ROOT_USER="test-$(random_hex 6)"
  MINIO_ROOT_PASSWORD="$(random_hex 20)"
  export MINIO_ROOT_USER MINIO_ROOT_PASSWORD MINIO_BROWSER=off
  for tries in 1 2 3 4 5; do
    port="$(free_port)"
    # `set -m` gives the server a process group of its own.
    set -m
    "$executable" server "$root/data" --address "127.0.0.1:$port" --quiet >"$root/minio.log" 2>&1 </dev/null &
    pid=$!
    set +m
    if wait_for_port "$port" "$pid" 30; then
      echo "$pid" >"$root/minio.pid"
      {
        echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$port"
        echo "export AWS_ACCESS_KEY_ID=$MINIO_ROOT_USER"
        echo "export AWS_SECRET_ACCESS_KEY=$MINIO_ROOT_PASSWORD"
        echo "export AWS_REGION=us-east-1"
        echo "export LAKE_S3_PATH_STYLE=true"
      } >"$root/environment"
      printf '%s\n' "$root/environment"
      return
    fi
    stop_group "$pid"
    warn "MinIO did not start on port $port (attempt $tries)"
  done
  fail "MinIO does not start" "its log: $root/minio.log"
}

stop() {
  local pid
  [ -f "$1/minio.pid" ] || fail "no MinIO server was started in \`$1\`"
  pid="$(cat "$1/minio.pid")"
  # The number may be another process's by now: only one that runs our executable is ended.
  case "$(ps -o command= -p "$pid" 2>/dev/null)" in
    "$executable "*) stop_group "$pid" ;;
  esac
  rm -f "$1/minio.pid" "$1/environment"
}

case "${1:-}" in
  cached) cached ;;
  build) build ;;
  start) [ -n "${2:-}" ] || usage "start needs a folder" && start "$2" ;;
  stop) [ -n "${2:-}" ] || usage "stop needs a folder" && stop "$2" ;;
  *) usage "what shall I do?" ;;
esac
