#!/usr/bin/env bash
# A PostgreSQL server for tests and demos: the machine's, else one from Maven; on a free loopback
# port, in a folder of its own, with a password made for the occasion. PostgreSQL refuses to run as
# root: there it runs as nobody.
#
# usage: postgres.sh bin           prints the folder of initdb and postgres, fetches them if need be
#        postgres.sh start FOLDER  starts a server on FOLDER, prints the path of a file to source
#                                  (0600) with LAKE_POSTGRES_URL
#        postgres.sh stop FOLDER   stops what `start` started there

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=17.6.0
nobody=65534

usage() { fail "$1" "$(sed -n '6,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}")"; }

artifact() {
  case "$(platform)" in
    linux-x86_64) echo linux-amd64 ;;
    linux-arm64) echo linux-arm64v8 ;;
    macos-x86_64) echo darwin-amd64 ;;
    macos-arm64) echo darwin-arm64v8 ;;
    *) return 1 ;;
  esac
}

has_server() { [ -x "$1/initdb" ] && [ -x "$1/postgres" ]; }

# The machine's own, the newest first.
machine_bin() {
  local folder
  # shellcheck disable=SC2012 # names that are versions, sorted as such
  for folder in "${LAKE_POSTGRES_BIN_DIR:-}" \
    $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin 2>/dev/null | sort -rV) \
    "$(pg_config --bindir 2>/dev/null || true)"; do
    if [ -n "$folder" ] && has_server "$folder"; then
      printf '%s\n' "$folder"
      return
    fi
  done
  return 1
}

bin() {
  local folder jar name work
  machine_bin && return
  name="$(artifact)" || fail "there is no PostgreSQL for $(platform) in Maven" "install PostgreSQL 13 or newer, or set LAKE_POSTGRES_BIN_DIR"
  folder="$(cache_dir)/postgres-$version-$(platform)"
  if ! has_server "$folder/bin"; then
    have mvn || fail "there is no PostgreSQL, and no Maven to fetch one" "Debian: apt-get install postgresql; Homebrew: brew install postgresql@17"
    say "Fetching PostgreSQL $version (14 MB, once)"
    mvn -q dependency:get -Dtransitive=false \
      -Dartifact="io.zonky.test.postgres:embedded-postgres-binaries-$name:$version" >&2 ||
      fail "PostgreSQL could not be fetched" "a Maven repository is needed, or PostgreSQL of the machine's own"
    jar="${MAVEN_REPO:-$HOME/.m2/repository}/io/zonky/test/postgres/embedded-postgres-binaries-$name/$version/embedded-postgres-binaries-$name-$version.jar"
    mkdir -p "$folder"
    work="$(mktemp -d "$folder/.fetch.XXXXXX")"
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$jar" "$work" ||
      fail "the archive of PostgreSQL cannot be read: $jar" "python3 is needed"
    tar -xJf "$work"/*.txz -C "$folder" || fail "the archive of PostgreSQL cannot be unpacked" "tar with xz is needed"
    rm -rf "$work"
    chmod -R a+rX "$folder"
  fi
  printf '%s\n' "$folder/bin"
}

# Before a command: it runs as a user that is not root, with nothing of this shell's.
if [ "$(id -u)" = 0 ]; then
  as_user=(setpriv "--reuid=$nobody" "--regid=$nobody" --clear-groups env -i "PATH=$PATH" HOME=/ LC_ALL=C.UTF-8)
else
  as_user=(env -i "PATH=$PATH" "HOME=$HOME" LC_ALL=C.UTF-8)
fi

start() {
  local root="$1" folder port pid tries password
  folder="$(bin)"
  # Where root's cache is not for others to read, nobody gets a copy.
  if [ "$(id -u)" = 0 ] && ! "${as_user[@]}" test -x "$folder/postgres"; then
    mkdir -p "$root"
    cp -R "$(dirname "$folder")" "$root/server"
    folder="$root/server/bin"
  fi
  mkdir -p "$root"
  root="$(cd "$root" && pwd)"
  [ ! -f "$root/postgres.pid" ] || ! kill -0 "$(cat "$root/postgres.pid")" 2>/dev/null ||
    fail "a PostgreSQL server of \`$root\` is running already (process $(cat "$root/postgres.pid"))" "stop it: $0 stop $root"
  umask 077
  password="$(random_hex 20)"
  printf '%s\n' "$password" >"$root/password"
  [ "$(id -u)" != 0 ] || chown -R "$nobody:$nobody" "$root"
  if [ ! -f "$root/data/PG_VERSION" ]; then
    "${as_user[@]}" "$folder/initdb" -D "$root/data" -U postgres --auth=scram-sha-256 --pwfile="$root/password" \
      -E UTF8 --locale=C.UTF-8 --no-sync >"$root/initdb.log" 2>&1 ||
      fail "initdb failed" "its log: $root/initdb.log"
  else
    # What is there from before gets a new password.
    printf "ALTER USER postgres PASSWORD '%s'\n" "$password" |
      "${as_user[@]}" "$folder/postgres" --single -D "$root/data" postgres >"$root/initdb.log" 2>&1 ||
      fail "the password cannot be set" "its log: $root/initdb.log"
  fi
  for tries in 1 2 3 4 5; do
    port="$(free_port)"
    set -m
    "${as_user[@]}" "$folder/postgres" -D "$root/data" -p "$port" -c listen_addresses=127.0.0.1 \
      -c "unix_socket_directories=$root" -c fsync=off -c full_page_writes=off -c max_connections=60 \
      -c shared_buffers=64MB -c logging_collector=off >"$root/postgres.log" 2>&1 </dev/null &
    pid=$!
    set +m
    if wait_for_port "$port" "$pid" 60; then
      echo "$pid" >"$root/postgres.pid"
      rm -f "$root/password"
      echo "export LAKE_POSTGRES_URL=postgresql://postgres:$password@127.0.0.1:$port/postgres" >"$root/environment"
      printf '%s\n' "$root/environment"
      return
    fi
    stop_group "$pid"
    warn "PostgreSQL did not start on port $port (attempt $tries)"
  done
  fail "PostgreSQL does not start" "its log: $root/postgres.log"
}

stop() {
  local pid tenths=100
  [ -f "$1/postgres.pid" ] || fail "no PostgreSQL server was started in \`$1\`"
  pid="$(cat "$1/postgres.pid")"
  # The number may be another process's by now: only one on this folder is ended.
  case "$(ps -o command= -p "$pid" 2>/dev/null)" in
    *"$1/data"*)
      # SIGINT ends the sessions and then the server.
      kill -INT "$pid" 2>/dev/null || true
      while kill -0 "$pid" 2>/dev/null && [ "$tenths" -gt 0 ]; do
        sleep 0.1
        tenths=$((tenths - 1))
      done
      kill -QUIT "$pid" 2>/dev/null || true
      ;;
  esac
  rm -f "$1/postgres.pid" "$1/environment"
}

case "${1:-}" in
  bin) bin ;;
  start) [ -n "${2:-}" ] || usage "start needs a folder" && start "$2" ;;
  stop) [ -n "${2:-}" ] || usage "stop needs a folder" && stop "$2" ;;
  *) usage "what shall I do?" ;;
esac
