# shellcheck shell=bash
# Sourced by every script here: where things are, which engine is used, how to say so.
#
# It keeps to bash 3.2, which is what macOS ships: no associative arrays, no mapfile.

# What is set here is used by the scripts that source it.
# shellcheck disable=SC2034

set -euo pipefail

checkout="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
lake_dir="$checkout/.lake"

# --- words -----------------------------------------------------------------------------------

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\033[1m' green=$'\033[32m' yellow=$'\033[33m' red=$'\033[31m' plain=$'\033[0m'
else
  bold='' green='' yellow='' red='' plain=''
fi

# A step of the script, for the person who watches. Everything goes to stderr: stdout
# belongs to what a script answers (a path, exports, figures).
say() { printf '%s\n' "${bold}==>${plain} $*" >&2; }
note() { printf '%s\n' "    $*" >&2; }
warn() { printf '%s\n' "${yellow}warning:${plain} $*" >&2; }

# `fail "what went wrong" "what to do next"`
fail() {
  printf '%s\n' "${red}error:${plain} $1" >&2
  [ $# -lt 2 ] || printf '\n%s\n' "hint: $2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- places ----------------------------------------------------------------------------------

# Everything that is fetched or built once per machine, outside the checkout.
cache_dir() {
  printf '%s\n' "${LAKE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lakehouse}"
}

# Cargo's build folder: what was given, else one shared by all checkouts where somebody made
# it, else the usual one. Cargo reads a relative path from where it is started, so it is made absolute.
target_dir() {
  local dir="${CARGO_TARGET_DIR:-}"
  if [ -z "$dir" ]; then
    if [ -d "$HOME/.cache/lakehouse-target" ]; then
      dir="$HOME/.cache/lakehouse-target"
    else
      dir="$checkout/target"
    fi
  fi
  case "$dir" in
    /*) printf '%s\n' "$dir" ;;
    *) printf '%s\n' "$checkout/$dir" ;;
  esac
}

# linux-x86_64, linux-arm64, macos-arm64, … as the engine's cache folder is called.
platform() {
  local system machine
  case "$(uname -s)" in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) system="$(uname -s | tr '[:upper:]' '[:lower:]')" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) machine="$(uname -m)" ;;
  esac
  printf '%s\n' "$system-$machine"
}

sha256_of() {
  if have sha256sum; then
    sha256sum "$1" | cut -d ' ' -f 1
  else
    shasum -a 256 "$1" | cut -d ' ' -f 1
  fi
}

# The versions that Airflow runs on as well.
find_python() {
  local candidate
  for candidate in python3.12 python3.11 python3.10 python3; do
    if have "$candidate" &&
      "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# --- the engine ------------------------------------------------------------------------------

# DuckDB's own published shared library, in the artifact that its Java driver ships in.
engine_version=2.0.0.1
engine_jar_sha256=6cb8b0e0fc51b2e45aead2d2c1e1fd09dd10267db2966e69aaab0de67319f826
# What the crate `duckdb` in Cargo.toml is made for; a library of another version is refused.
engine_library_version=v2.0.0

# The library's name on this platform, as the linker looks for it.
engine_link_name() {
  case "$(platform)" in
    macos-*) echo libduckdb.dylib ;;
    *) echo libduckdb.so ;;
  esac
}

# The entry of the artifact for this platform, and the SHA-256 of what is in it. The entry's
# name is also the library's own name (SONAME, install name), by which the loader asks for it.
engine_entry() {
  case "$(platform)" in
    linux-x86_64) echo libduckdb_java.so_linux_amd64 ;;
    linux-arm64) echo libduckdb_java.so_linux_arm64 ;;
    macos-arm64) echo libduckdb_java.so_macos_arm64 ;;
  esac
}
engine_entry_sha256() {
  case "$(platform)" in
    linux-x86_64) echo 001983f177ea4e6e4e19a58e77417411d0c2924d0cbbd01f3e901a9f3d2f37c7 ;;
    linux-arm64) echo 3b69506543e9d64fffb80402cdab8c9d6e527003909e5dfa15b0f00a144d45df ;;
    macos-arm64) echo 62ece55e67c3a0375cd44a20c072387dd94e557a4faebf52bcb6ced0f686f420 ;;
  esac
}

engine_cache_dir() { printf '%s\n' "$(cache_dir)/engine-$engine_version-$(platform)"; }

engine_is_cached() {
  local dir
  dir="$(engine_cache_dir)"
  [ -n "$(engine_entry)" ] && [ -s "$dir/$(engine_link_name)" ] && [ -s "$dir/$(engine_entry)" ]
}

# The published library is linked against glibc; a musl system (Alpine) compiles its own.
engine_is_published_here() {
  [ -n "$(engine_entry)" ] || return 1
  [ "$(uname -s)" != Linux ] || ! ldd --version 2>&1 | grep -qi musl
}

can_unzip() { have python3 || have unzip || have jar; }

# Where the engine comes from: given, cached, maven or source. The same question has the same
# answer in every script, so that one `make` never builds against two engines.
engine_choice() {
  case "${ENGINE:-}" in
    source) echo source && return ;;
    '' | shared) ;;
    *) fail "ENGINE is \`${ENGINE}\`" "leave it out, or set it to \`shared\` or \`source\`" ;;
  esac
  if [ -n "${DUCKDB_LIB_DIR:-}" ]; then
    echo given
  elif engine_is_cached; then
    echo cached
  elif engine_is_published_here && have mvn && can_unzip; then
    echo maven
  elif [ "${ENGINE:-}" = shared ]; then
    fail "ENGINE=shared, but there is no shared library to be had here" \
      "install Maven (Debian: apt-get install maven; Homebrew: brew install maven), or set DUCKDB_LIB_DIR to a folder with $(engine_link_name) $engine_library_version"
  else
    echo source
  fi
}

# Sets what cargo and the executables need. Called by everything that builds or runs.
export_environment() {
  CARGO_TARGET_DIR="$(target_dir)"
  export CARGO_TARGET_DIR
  case "$(engine_choice)" in
    source) unset DUCKDB_LIB_DIR ;;
    given) export DUCKDB_LIB_DIR ;;
    *) DUCKDB_LIB_DIR="$(engine_cache_dir)" && export DUCKDB_LIB_DIR ;;
  esac
  export LAKE_BIN_DIR="$CARGO_TARGET_DIR/release"
  export LAKE_PIPELINES_DIR="${LAKE_PIPELINES_DIR:-$checkout/pipelines}"
}

# --- servers ---------------------------------------------------------------------------------

# `random_hex 16` prints 16 random bytes as 32 hex characters.
random_hex() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# A port on loopback that nobody listens on. Somebody may take it before the server does, so
# callers look whether their server lives and ask again.
free_port() {
  local port tries
  for tries in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    port=$((20000 + (RANDOM * 32768 + RANDOM + tries) % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  fail "no free port found between 20000 and 32000 on 127.0.0.1"
}

# `wait_for_port PORT PID SECONDS`: true once somebody answers, false when the process ended
# or the time is over.
wait_for_port() {
  local tenths=$(($3 * 10))
  while [ "$tenths" -gt 0 ]; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
      kill -0 "$2" 2>/dev/null
      return
    fi
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
    tenths=$((tenths - 1))
  done
  return 1
}

# `stop_group PID`: ends a process that was started in its own group (`set -m`), and its
# children, by id. Asks first, insists after ten seconds.
stop_group() {
  local pid="$1" tenths=100
  kill -TERM -- "-$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null && [ "$tenths" -gt 0 ]; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -KILL -- "-$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# When a process was started: tells it from a later one with the same number.
process_start() { LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_' || true; }

# `record_process FILE PID NAME`: so that another script, days later, can end it and nothing else.
record_process() { printf '%s %s %s\n' "$2" "$(process_start "$2")" "$3" >>"$1"; }

# `is_running PID START`: whether that very process still is.
is_running() { [ -n "$2" ] && [ "$(process_start "$1")" = "$2" ]; }

# `stop_recorded FILE`: ends the process groups that FILE names and what they had started. Asks
# first, insists after 25 seconds. What is in a session of its own, as Airflow's tasks are, a
# signal to a group does not reach: it is ended by its own number.
stop_recorded() {
  local pid began name children tenths=250 alive
  [ -s "$1" ] || return 0
  children="$(mktemp)"
  while read -r pid began name; do
    if is_running "$pid" "$began"; then
      descendants "$pid" >>"$children"
      kill -TERM -- "-$pid" 2>/dev/null || true
    fi
  done <"$1"
  while [ "$tenths" -gt 0 ]; do
    alive=''
    while read -r pid began name; do
      ! is_running "$pid" "$began" || alive="$alive $name"
    done <"$1"
    [ -n "$alive" ] || break
    sleep 0.2
    tenths=$((tenths - 2))
  done
  while read -r pid began name; do
    ! is_running "$pid" "$began" || kill -KILL -- "-$pid" 2>/dev/null || true
  done <"$1"
  while read -r pid began; do
    ! is_running "$pid" "$began" || kill -TERM "$pid" 2>/dev/null || true
  done <"$children"
  tenths=30
  while read -r pid began; do
    while is_running "$pid" "$began" && [ "$tenths" -gt 0 ]; do
      sleep 0.1
      tenths=$((tenths - 1))
    done
    ! is_running "$pid" "$began" || kill -KILL "$pid" 2>/dev/null || true
  done <"$children"
  rm -f "$children" "$1"
}

# The children of a process, their children and so on, with the times of their start.
descendants() {
  local tree wanted next pid parent
  tree="$(ps -A -o pid= -o ppid=)"
  wanted=" $1 "
  next=yes
  while [ -n "$next" ]; do
    next=''
    while read -r pid parent; do
      case "$wanted" in
        *" $pid "*) ;;
        *" $parent "*) wanted="$wanted$pid " next=yes ;;
      esac
    done <<<"$tree"
  done
  for pid in $wanted; do
    [ "$pid" = "$1" ] || printf '%s %s\n' "$pid" "$(process_start "$pid")"
  done
}
