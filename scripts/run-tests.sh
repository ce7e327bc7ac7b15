#!/usr/bin/env bash
# Everything that can be tested here, against real servers, and one line at the end:
# `N passed, N failed, N skipped`. What cannot run is skipped loudly, with the reason; with
# CI=true a missing server is a failure, because there nothing may be skipped unnoticed.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

passed=0 failed=0 skipped=0
logs="$lake_dir/test"
rm -rf "$logs"
mkdir -p "$logs"

# The tests make their own world: nothing of this shell's lake or cloud reaches them.
for name in $(compgen -e | grep -E '^(AWS|LAKE)_' || true); do
  case "$name" in
    LAKE_CACHE_DIR | LAKE_ONLINE_RETAIL_DIR | LAKE_TEST_*) ;;
    *) unset "$name" ;;
  esac
done
CARGO_TARGET_DIR="$(target_dir)"
export CARGO_TARGET_DIR
cargo="$checkout/scripts/cargo.sh"

skip() { # what, why
  skipped=$((skipped + 1))
  warn "SKIPPED: $1: $2"
  printf '%s: %s\n' "$1" "$2" >>"$logs/skipped"
}

# --- what the tests can use ------------------------------------------------------------------

minio="$checkout/tests/scripts/minio.sh"
if [ -z "${LAKE_TEST_MINIO_BIN:-}" ]; then
  if LAKE_TEST_MINIO_BIN="$("$minio" cached)" ||
    { have go && LAKE_TEST_MINIO_BIN="$("$minio" build)"; }; then
    export LAKE_TEST_MINIO_BIN
  else
    unset LAKE_TEST_MINIO_BIN
    [ "${CI:-}" != true ] || fail "no MinIO server for the tests" "CI=true needs Go 1.24 or newer, to build it"
    skip "tests against a MinIO server" "it could not be built; needs Go 1.24 or newer"
  fi
fi
if [ -n "${LAKE_ONLINE_RETAIL_DIR:-}" ]; then
  LAKE_ONLINE_RETAIL_DIR="$(cd "$LAKE_ONLINE_RETAIL_DIR" && pwd)"
  export LAKE_ONLINE_RETAIL_DIR
else
  unset LAKE_ONLINE_RETAIL_DIR
  skip "the real year of online_retail" "LAKE_ONLINE_RETAIL_DIR is not set (docs/guide/real-year.md)"
fi
# --- cargo -----------------------------------------------------------------------------------

step() { # what, log, command…
  local what="$1" log="$logs/$2" begun=$SECONDS status=0
  shift 2
  say "$what"
  "$@" 2>&1 | tee "$log" >&2 || status=$?
  note "$what: $((SECONDS - begun)) s"
  return "$status"
}

# Adds up what the matching lines say: cargo's `test result: ok. 3 passed; 0 failed; 1 ignored`,
# pytest's `1 failed, 218 passed, 2 skipped in 6.13s`. A suite that dies without one is a failure
# of its own.
count() { # log, status, pattern of awk
  local sums
  sums="$(awk -v pattern="$3" '$0 ~ pattern {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) p += $(i - 1)
        if ($i ~ /^(failed|errors?)([,;]|$)/) f += $(i - 1)
        if ($i ~ /^(ignored|skipped)/) s += $(i - 1)
      }
    } END { print p + 0, f + 0, s + 0 }' "$logs/$1")"
  # shellcheck disable=SC2086 # three numbers
  set -- "$2" $sums
  passed=$((passed + $2))
  failed=$((failed + $3))
  skipped=$((skipped + $4))
  if [ "$1" -ne 0 ] && [ "$3" -eq 0 ]; then
    failed=$((failed + 1))
  fi
}
of_cargo='^test result: '
of_pytest='^(=+ )?[0-9]+ [a-z]+(, [0-9]+ [a-z]+)* in [0-9.]+s'

finish() {
  if [ "$failed" -gt 0 ]; then
    warn "what failed:"
    grep -hE '^(test .* FAILED|not ok .*|FAILED .*|ERROR [a-z/_0-9]+\.py.*|(FAIL|ERROR): .*|error: test failed.*|error: could not compile.*)$' \
      "$logs"/*.log | sort -u | sed 's/^/    /' >&2 || true
    note "logs: ${logs#"$checkout"/}"
  fi
  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
}

# Tests that find their server or data missing say `SKIPPED …` and return; cargo counts them as
# passed. With CI=true the real year may be missing, a server may not.
count_skips() { # log
  local line count=0 lacking=0
  while IFS= read -r line; do
    count=$((count + 1))
    warn "$line"
    printf '%s\n' "$line" >>"$logs/skipped"
    case "$line" in
      *LAKE_ONLINE_RETAIL_DIR*) ;;
      *) lacking=$((lacking + 1)) ;;
    esac
  done < <(grep -oE 'SKIPPED[: ].*' "$logs/$1" || true)
  passed=$((passed - count))
  if [ "${CI:-}" = true ]; then
    failed=$((failed + lacking))
    count=$((count - lacking))
  fi
  skipped=$((skipped + count))
}

# One build for everything: executables and tests with the same features, so that no
# dependency is built twice. Of the examples, tests of the stages' frame start one.
if ! step "Building executables and tests" build.log "$cargo" build --release --workspace --bins --tests --examples; then
  failed=$((failed + 1))
  finish
  exit 1
fi

status=0
step "Tests of the crates" cargo-test.log "$cargo" test --release --workspace --no-fail-fast --tests \
  -- --show-output || status=$?
count cargo-test.log "$status" "$of_cargo"
count_skips cargo-test.log

# Documentation tests are built in temporary folders, where no relative path leads to the engine.
status=0
library_path="$CARGO_TARGET_DIR/lib"
step "Examples in the documentation" doc-test.log env \
  LD_LIBRARY_PATH="$library_path" DYLD_FALLBACK_LIBRARY_PATH="$library_path" \
  "$cargo" test --release --workspace --no-fail-fast --doc || status=$?
count doc-test.log "$status" "$of_cargo"

# --- the pipelines' own cases ----------------------------------------------------------------

for folder in "$checkout"/pipelines/*/; do
  pipeline="$(basename "$folder")"
  status=0
  step "lake test $pipeline" "lake-test-$pipeline.log" env LAKE_PIPELINES_DIR="$checkout/pipelines" \
    "$CARGO_TARGET_DIR/release/lake" test "$pipeline" || status=$?
  # Its own last words: `3 passed, 0 failed`.
  counts="$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/lake-test-$pipeline.log" | tail -n 1)"
  counts="${counts:-0 0}"
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
  if [ "$status" -ne 0 ] && [ "${counts#* }" -eq 0 ]; then
    failed=$((failed + 1))
  elif [ "$status" -eq 0 ] && [ "${counts% *}" -eq 0 ]; then
    skip "cases of the pipeline $pipeline" "it has none under tests/"
  fi
done

# --- tooling ---------------------------------------------------------------------------------

status=0
step "Tests of the scripts" tooling.log "$checkout/tests/scripts/test-tooling.sh" || status=$?
passed=$((passed + $(grep -c '^ok ' "$logs/tooling.log" || true)))
bad="$(grep -c '^not ok ' "$logs/tooling.log" || true)"
failed=$((failed + bad))
[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || failed=$((failed + 1))

if python="$("$checkout/scripts/python.sh")"; then
  for file in "$checkout"/tests/scripts/test_*.py; do
    name="$(basename "$file")"
    status=0
    step "$name" "$name.log" env LAKE_BIN_DIR="$CARGO_TARGET_DIR/release" "$python" -B "$file" || status=$?
    count="$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$logs/$name.log")"
    left_out="$(sed -n 's/^OK (.*skipped=\([0-9]*\).*)$/\1/p' "$logs/$name.log")"
    skipped=$((skipped + ${left_out:-0}))
    if [ "$status" -eq 0 ]; then
      passed=$((passed + ${count:-0} - ${left_out:-0}))
    else
      failed=$((failed + 1))
    fi
  done
else
  [ "${CI:-}" != true ] || failed=$((failed + 1))
  skip "tests of the Python scripts" "no Python environment (see above)"
fi

# --- Airflow ---------------------------------------------------------------------------------

status=0
step "Airflow" airflow.log env LAKE_BIN_DIR="$CARGO_TARGET_DIR/release" "$checkout/tests/airflow/run.sh" || status=$?
count airflow.log "$status" "$of_pytest"

finish
