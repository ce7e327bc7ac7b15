#!/usr/bin/env bash
# The tests of Airflow: each suite ends with pytest's own summary line, which scripts/run-tests.sh
# adds up. A suite that cannot run says so in a line of the same form; with CI=true it fails.
#
# usage: run.sh [SUITE...]    dags: the DAGs and the command line, on both majors (no server)
#                             real: a real Airflow with a real store
#                             without one: all of them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

here="$checkout/tests/airflow"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failures=0

missing() { # what, why
  if [ "${CI:-}" = true ]; then
    echo "1 failed in 0.00s"
    failures=$((failures + 1))
    warn "FAILED: $1: $2 (with CI=true nothing may be skipped)"
  else
    echo "1 skipped in 0.00s"
    warn "SKIPPED: $1: $2"
  fi
}

# `suite VERSION FOLDER…`: pytest in the environment of that Airflow, over folders of this one.
suite() {
  local version="$1" environment folders=() folder
  shift
  for folder in "$@"; do
    [ ! -d "$here/$folder" ] || folders+=("$here/$folder")
  done
  if ! environment="$("$checkout/scripts/airflow-env.sh" "$version")"; then
    missing "tests of Airflow $version ($*)" "its environment could not be made (see above)"
    return
  fi
  say "Airflow $version: $*"
  mkdir -p "$work/$version"
  # Bytecode stays out of the checkout, and so does pytest's cache.
  AIRFLOW_HOME="$work/$version" AIRFLOW__CORE__DAGS_FOLDER="$checkout/dags" \
    AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__UNIT_TEST_MODE=False \
    "$environment/bin/python" -B -m pytest -p no:cacheprovider --rootdir "$here" -c /dev/null \
    --basetemp "$work/$version-tmp" --quiet --disable-warnings --show-capture=no --tb=short -rfEs \
    --durations=12 --durations-min=5 \
    "${folders[@]}" || failures=$((failures + 1))
}

[ $# -gt 0 ] || set -- dags real
for name in "$@"; do
  case "$name" in
    dags)
      suite 3.3.2 unit cli integrity
      suite 2.11.2 unit cli integrity
      ;;
    real)
      suite 3.3.2 real
      ;;
    *) fail "there is no suite \`$name\`" "dags or real" ;;
  esac
done
[ "$failures" -eq 0 ]
