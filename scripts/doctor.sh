#!/usr/bin/env bash
# Says what this machine has and lacks, with the package that brings each lack. What the two
# commands cannot do without is an error; the rest is a warning. It takes a moment, so `make
# demo` and `make test` ask it first instead of failing after ten minutes of building.
#
# usage: doctor.sh [--quiet]    only what is lacking

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

quiet=no
[ "${1:-}" != --quiet ] || quiet=yes
errors=0 warnings=0

# The person's question is answered on stdout; as a step of something else it goes to stderr.
[ "$quiet" = no ] || exec 1>&2

line() { printf '%s%-6s%s %-14s %s\n' "$1" "$2" "$plain" "$3" "$4"; }
ok() { [ "$quiet" = yes ] || line "$green" ok "$1" "$2"; }
hint() { printf '%-6s %-14s   %s\n' '' '' "$1"; }
lacks() { # what, why it is needed, how to get it
  errors=$((errors + 1))
  line "$red" lacks "$1" "$2"
  hint "$3"
}
could() { # what, what goes without it, how to get it
  warnings=$((warnings + 1))
  [ "$quiet" = yes ] && return
  line "$yellow" warn "$1" "$2"
  hint "$3"
}

# `at_least 1.94 1.95.0`: is the second version the first or newer (two numbers count)?
at_least() {
  local want_major="${1%%.*}" want_minor="${1#*.}" major minor
  major="${2%%.*}"
  minor="${2#*.}"
  minor="${minor%%[!0-9]*}"
  [ "$major" -gt "$want_major" ] || { [ "$major" -eq "$want_major" ] && [ "$minor" -ge "$want_minor" ]; }
}

free_gib() { # of the nearest folder that exists
  local dir="$1"
  while [ ! -d "$dir" ]; do dir="$(dirname "$dir")"; done
  df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1048576) }'
}

# --- the machine -----------------------------------------------------------------------------

cores="$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo '?')"
memory='?'
if [ -r /proc/meminfo ]; then
  memory="$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
elif have sysctl; then
  memory="$(($(sysctl -n hw.memsize) / 1073741824)) GiB"
fi
ok machine "$(uname -srm), $cores cores, $memory memory"

# --- what the build needs --------------------------------------------------------------------

if compiler="$(command -v cc || command -v gcc || command -v clang)"; then
  ok 'C compiler' "$("$compiler" --version 2>/dev/null | head -n 1)"
else
  lacks 'C compiler' 'some dependencies compile C, and Rust links with it' \
    'Debian: apt-get install build-essential    Homebrew: xcode-select --install'
fi

if compiler="$(command -v c++ || command -v g++ || command -v clang++)"; then
  ok 'C++ compiler' "$("$compiler" --version 2>/dev/null | head -n 1)"
else
  lacks 'C++ compiler' "a few lines between Rust and the engine are C++ (and the engine, where it is compiled)" \
    'Debian: apt-get install build-essential    Homebrew: xcode-select --install'
fi

rust_wanted="$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$checkout/Cargo.toml")"
rust_hint='rustup (its site: rustup.rs) then: rustup toolchain install stable    Homebrew: brew install rust'
if have rustc && have cargo; then
  rust_found="$(rustc --version | cut -d ' ' -f 2)"
  if at_least "$rust_wanted" "$rust_found"; then
    ok Rust "$rust_found (needs $rust_wanted or newer)"
  else
    lacks Rust "found $rust_found, needs $rust_wanted or newer" 'rustup update stable    Homebrew: brew upgrade rust'
  fi
else
  lacks Rust "needs rustc and cargo, $rust_wanted or newer" "$rust_hint"
fi

# --- the engine ------------------------------------------------------------------------------

maven_hint='Debian: apt-get install maven    Homebrew: brew install maven'
if choice="$(engine_choice 2>/dev/null)"; then
  case "$choice" in
    given)
      if [ -f "$DUCKDB_LIB_DIR/$(engine_link_name)" ]; then
        ok engine "DUCKDB_LIB_DIR: $DUCKDB_LIB_DIR"
      else
        lacks engine "DUCKDB_LIB_DIR is $DUCKDB_LIB_DIR, without a $(engine_link_name)" \
          'point it at the folder of DuckDB'"'"'s shared library, or leave it out'
      fi
      ;;
    cached) ok engine "shared, from the cache: $(engine_cache_dir)" ;;
    maven) ok engine "shared; make engine fetches it with Maven (80 MB)" ;;
    source)
      if [ "${ENGINE:-}" = source ]; then
        ok engine 'compiled from source, as asked: about 25 minutes on two cores'
      else
        could engine 'compiled from source: about 25 minutes on two cores' \
          "the published library takes a minute, with Maven: $maven_hint"
      fi
      ;;
  esac
else
  lacks engine "ENGINE=${ENGINE:-} cannot be had here" "leave ENGINE out, or: $maven_hint"
fi

# --- room ------------------------------------------------------------------------------------

target="$(target_dir)"
cache="$(cache_dir)"
target_gib="$(free_gib "$target")"
needed_gib=6
[ ! -d "$target/release" ] || needed_gib=2
if [ "$target_gib" -ge "$needed_gib" ]; then
  ok 'build folder' "$target ($target_gib GiB free)"
else
  lacks 'build folder' "$target has $target_gib GiB free, a build needs $needed_gib" \
    'free some, or set CARGO_TARGET_DIR to another disk'
fi
cache_gib="$(free_gib "$cache")"
if [ "$cache_gib" -ge 1 ]; then
  ok cache "$cache ($cache_gib GiB free)"
else
  lacks cache "$cache has less than 1 GiB free" 'free some, or set LAKE_CACHE_DIR to another disk'
fi

python_hint='Debian: apt-get install python3 python3-venv    Homebrew: brew install python@3.12'
python="$(find_python || true)"
if [ -n "$python" ]; then
  ok Python "$("$python" --version 2>&1 | cut -d ' ' -f 2) ($python)"
elif have python3; then
  lacks Python "found $(python3 --version 2>&1 | cut -d ' ' -f 2); Airflow runs on 3.10 to 3.12" "$python_hint"
else
  lacks Python 'not found: Airflow runs on 3.10 to 3.12' "$python_hint"
fi

# --- what tests and guides can use -----------------------------------------------------------

if have mvn && have java; then
  ok Maven "$(command -v mvn)"
elif [ "${choice:-}" = cached ] || [ "${choice:-}" = given ]; then
  could Maven 'not found; needed only when the engine is not in the cache' "$maven_hint"
else
  could Maven 'not found (with Java): the published engine cannot be fetched' "$maven_hint"
fi

go_hint='Debian: apt-get install golang-go (1.24 or newer)    Homebrew: brew install go'
if "$checkout/tests/scripts/minio.sh" cached >/dev/null 2>&1; then
  ok Go 'MinIO, the real store of the tests, is built already'
elif have go; then
  go_found="$(go env GOVERSION 2>/dev/null)"
  go_found="${go_found#go}"
  if at_least 1.24 "${go_found:-0.0}"; then
    ok Go "$go_found (builds MinIO, the real store of the tests)"
  else
    could Go "found ${go_found:-an unknown version}, MinIO needs 1.24: tests against it are skipped" "$go_hint"
  fi
else
  could Go 'not found: tests against a MinIO server are skipped' "$go_hint"
fi

# Servers take free ports on loopback; no port is fixed. Some sandboxes forbid even that.
if [ -n "$python" ]; then
  if port="$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1])' 2>/dev/null)"; then
    ok ports "servers take a free port on 127.0.0.1 (now for example $port)"
  else
    lacks ports 'no server can listen on 127.0.0.1' 'allow it: the embedded S3 server and the tests need loopback'
  fi
else
  ok ports 'servers take a free port on 127.0.0.1'
fi

if [ -n "${LAKE_ONLINE_RETAIL_DIR:-}" ]; then
  if [ -f "$LAKE_ONLINE_RETAIL_DIR/2010-12-01.csv" ]; then
    ok 'real year' "$LAKE_ONLINE_RETAIL_DIR"
  else
    could 'real year' "LAKE_ONLINE_RETAIL_DIR is $LAKE_ONLINE_RETAIL_DIR, without 2010-12-01.csv" 'how to make it: docs/guide/real-year.md'
  fi
else
  could 'real year' 'LAKE_ONLINE_RETAIL_DIR is not set: only the three days in tests/fixtures are tested' \
    'how to make the folder: docs/guide/real-year.md'
fi

# --- verdict ---------------------------------------------------------------------------------

if [ "$errors" -gt 0 ]; then
  printf '\n%s\n' "${red}error:${plain} $errors needed thing(s) lacking"
  exit 1
fi
if [ "$quiet" = no ]; then
  [ "$warnings" -eq 0 ] || printf '\n%s\n' "$warnings thing(s) could be better; make demo works without them"
fi
