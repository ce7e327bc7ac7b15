#!/usr/bin/env bash
# The scripts keep what they promise. Prints `ok …` or `not ok …` for each promise.
# Needs built executables (`make build`); fetches nothing.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
bad=0

promise() { # what, function
  local status
  # Not as a condition: there `set -e` would do nothing, and the first lapse go unseen.
  set +e
  (
    set -e
    "$2"
  ) >"$work/output" 2>&1
  status=$?
  set -e
  if [ "$status" -eq 0 ]; then
    echo "ok $1"
  else
    bad=$((bad + 1))
    echo "not ok $1"
    sed 's/^/    /' "$work/output"
  fi
}

# `fails_with CODE TEXT command…`: it ends with that code and says that text.
fails_with() {
  local code="$1" text="$2" found=0
  shift 2
  "$@" >"$work/said" 2>&1 || found=$?
  cat "$work/said"
  [ "$found" -eq "$code" ] || { echo "exit $found, not $code" && return 1; }
  grep -qF "$text" "$work/said" || { echo "does not say: $text" && return 1; }
}

# A PATH with the basics alone, to play a machine that lacks the rest.
basics() {
  local tool
  mkdir -p "$work/bin"
  for tool in bash sh env cat cut head sed awk grep tr df dirname basename uname getconf ldd mktemp rm mkdir od wc; do
    have "$tool" && ln -sf "$(command -v "$tool")" "$work/bin/$tool"
  done
  true
}

every_script_parses() {
  local file
  for file in "$checkout"/scripts/*.sh "$checkout"/scripts/print-environment "$checkout"/tests/scripts/*.sh \
    "$checkout"/bench/*.sh "$checkout"/.ci/run; do
    bash -n "$file"
  done
}

help_lists_every_target() {
  local target
  make -s -C "$checkout" help >"$work/help"
  for target in help doctor engine build demo test up down store integration-airflow lint bench real-year install minio clean print-environment; do
    grep -q "^  $target " "$work/help" || { echo "no $target" && return 1; }
  done
}

# `sleeper NAME`: a process in a group of its own, with a child in a session of its own, as tasks of
# Airflow have it. Its number is in the file NAME, its child's in NAME.child.
sleeper() {
  set -m
  python3 -c 'import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
with open(sys.argv[1], "w") as file: print(child.pid, file=file)
time.sleep(60)' "$work/$1.child" </dev/null >/dev/null 2>&1 &
  set +m
  echo $! >"$work/$1"
  local tenths=100
  until [ -s "$work/$1.child" ] || [ "$tenths" -eq 0 ]; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
}

what_was_recorded_is_ended_with_its_children() {
  have python3 || return 0
  sleeper group
  record_process "$work/recorded" "$(cat "$work/group")" sleeper
  stop_recorded "$work/recorded"
  ! kill -0 "$(cat "$work/group")" 2>/dev/null || return 1
  ! kill -0 "$(cat "$work/group.child")" 2>/dev/null || return 1
  [ ! -e "$work/recorded" ]
}

a_number_used_again_is_left_alone() {
  have python3 || return 0
  sleeper other
  # Recorded before the machine was started anew: another process had this number then.
  echo "$(cat "$work/other") Mon_Jan_1_00:00:00_2024 scheduler" >"$work/recorded"
  stop_recorded "$work/recorded"
  local status=0
  kill -0 "$(cat "$work/other")" || status=1
  kill -KILL "$(cat "$work/other")" "$(cat "$work/other.child")"
  return "$status"
}

doctor_names_the_lack() {
  basics
  local begun=$SECONDS
  fails_with 1 'apt-get install build-essential' env -i HOME="$work" PATH="$work/bin" bash "$checkout/scripts/doctor.sh" --quiet
  grep -q 'Rust .*needs rustc and cargo' "$work/said"
  [ $((SECONDS - begun)) -le 3 ]
}

doctor_refuses_a_wrong_engine_folder() {
  fails_with 1 'without a libduckdb' env DUCKDB_LIB_DIR="$work" bash "$checkout/scripts/doctor.sh"
}

engine_refuses_a_folder_without_it() {
  fails_with 1 'hint: point it at the folder' env DUCKDB_LIB_DIR="$work" CARGO_TARGET_DIR="$work/t" bash "$checkout/scripts/engine.sh"
}

engine_refuses_what_is_no_engine() {
  have python3 || return 0
  mkdir -p "$work/fake"
  echo 'not a library' >"$work/fake/$(engine_link_name)"
  fails_with 1 'cannot be loaded' env DUCKDB_LIB_DIR="$work/fake" CARGO_TARGET_DIR="$work/t" bash "$checkout/scripts/engine.sh"
}

source_build_is_announced() {
  fails_with 0 'To avoid it' env ENGINE=source CARGO_TARGET_DIR="$work/t" bash "$checkout/scripts/engine.sh"
  grep -q 'about 45 minutes' "$work/said"
}

choice_of_engine() { # environment…
  # shellcheck disable=SC2016 # for the inner shell
  env "$@" bash -c '. "$1"; engine_choice' - "$checkout/scripts/lib.sh"
}

without_maven_the_engine_is_compiled() {
  basics
  [ "$(choice_of_engine -i HOME="$work" PATH="$work/bin")" = source ]
}

an_unknown_engine_is_refused() {
  # shellcheck disable=SC2016 # the message has these quotes
  fails_with 1 'set it to `shared` or `source`' env ENGINE=sauce bash "$checkout/scripts/engine.sh"
}

half_an_engine_is_no_engine() {
  local cache
  cache="$work/cache/engine-$engine_version-$(platform)"
  mkdir -p "$cache"
  : >"$cache/$(engine_link_name)"
  [ "$(choice_of_engine LAKE_CACHE_DIR="$work/cache" DUCKDB_LIB_DIR=)" != cached ]
  echo whole | tee "$cache/$(engine_link_name)" >"$cache/$(engine_entry)"
  [ "$(choice_of_engine LAKE_CACHE_DIR="$work/cache" DUCKDB_LIB_DIR=)" = cached ]
}

environment_can_be_evaluated() {
  (
    eval "$(CARGO_TARGET_DIR='/tmp/a folder' make -s -C "$checkout" print-environment)"
    [ "$CARGO_TARGET_DIR" = '/tmp/a folder' ]
    [ "$LAKE_BIN_DIR" = '/tmp/a folder/release' ]
    [ -d "$LAKE_PIPELINES_DIR" ]
    case "$PATH" in '/tmp/a folder/release:'*) ;; *) exit 1 ;; esac
  )
}

# Once installed, moved as a whole and without this build's environment, the executables start
# and find the engine beside them, and the pipelines are there.
an_installation_can_be_moved() {
  PREFIX="$work/first" bash "$checkout/scripts/install.sh"
  mv "$work/first" "$work/second place"
  local program
  for program in "$work/second place/bin"/lake*; do
    env -i "$program" --version
  done
  env -i HOME="$work" LAKE_PIPELINES_DIR="$work/second place/share/lakehouse/pipelines" \
    "$work/second place/bin/lake" validate
}

links_in_the_documentation_lead_somewhere() {
  local file link found=0
  for file in $(git -C "$checkout" ls-files -co --exclude-standard '*.md'); do
    for link in $(grep -oE '\]\([^)# ]+' "$checkout/$file" | cut -c 3- || true); do
      case "$link" in
        http://* | https://* | mailto:*) ;;
        *) [ -e "$checkout/$(dirname "$file")/$link" ] || { echo "$file: $link" && found=1; } ;;
      esac
    done
  done
  [ "$found" -eq 0 ]
}

the_documentation_lists_every_page() {
  local file found=0
  for file in $(cd "$checkout/docs" && git ls-files '*.md' ':!README.md'); do
    grep -qF "($file)" "$checkout/docs/README.md" || { echo "not in docs/README.md: $file" && found=1; }
  done
  [ "$found" -eq 0 ]
}

no_secret_or_machine_path_is_committed() {
  local found=0
  git -C "$checkout" grep -nIE 'AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|/root/|/home/[a-z]+/' -- \
    . ':!tests/scripts/test-tooling.sh' && found=1
  [ "$found" -eq 0 ]
}

promise "every script parses" every_script_parses
promise "make help lists every target" help_lists_every_target
promise 'what make up recorded is ended, with what it had started' what_was_recorded_is_ended_with_its_children
promise 'a process number that somebody else has now is left alone' a_number_used_again_is_left_alone
promise "doctor names what is lacking, within seconds" doctor_names_the_lack
promise "doctor refuses a folder without the engine" doctor_refuses_a_wrong_engine_folder
promise "make engine refuses a folder without the engine" engine_refuses_a_folder_without_it
promise "make engine refuses a file that is no library" engine_refuses_what_is_no_engine
promise "make ENGINE=source says beforehand what it costs" source_build_is_announced
promise "without Maven the engine is compiled" without_maven_the_engine_is_compiled
promise "an unknown ENGINE is refused" an_unknown_engine_is_refused
promise "a cache folder that is not whole is not used" half_an_engine_is_no_engine
promise "print-environment can be evaluated" environment_can_be_evaluated
promise "an installation can be moved" an_installation_can_be_moved
promise "links in the documentation lead somewhere" links_in_the_documentation_lead_somewhere
promise "docs/README.md lists every page" the_documentation_lists_every_page
promise "no secret and no machine's path is committed" no_secret_or_machine_path_is_committed

[ "$bad" -eq 0 ]
