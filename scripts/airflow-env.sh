#!/usr/bin/env bash
# Prints the path of a virtual environment that has Airflow and what the tests of the DAGs need:
# one in the cache per Airflow version, Python version and set of requirements, made once.
# Airflow's own commands are in its `bin`. Fails when it cannot be had.
#
# usage: airflow-env.sh [3.3.2|2.11.2]    the default is 3.3.2

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Resolves and links 160 packages in seconds where pip takes minutes.
uv_version=0.13.8

airflow_version="${1:-3.3.2}"
test_requirements="$checkout/tests/airflow/requirements.txt"

python_hint="Debian: apt-get install python3 python3-venv; Homebrew: brew install python@3.12"
python="$(find_python)" || fail "no Python 3.10 to 3.12 was found; Airflow $airflow_version needs one" "$python_hint"
# A version manager's shim would look anew, in every folder, for which Python is meant.
python="$("$python" -c 'import sys; print(sys.executable)')"
python_version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"

# The newest providers have given up 3.10: it has a pinned set of its own, with the last before.
requirements="$checkout/docker/airflow/requirements-$airflow_version-python$python_version.txt"
[ -f "$requirements" ] || requirements="$checkout/docker/airflow/requirements-$airflow_version.txt"
[ -f "$requirements" ] || fail "there is no pinned set of packages for Airflow $airflow_version" \
  "docker/airflow/ has: $(cd "$checkout/docker/airflow" && echo requirements-*.txt)"

together="$(mktemp)"
trap 'rm -f "$together"' EXIT
cat "$requirements" "$test_requirements" >"$together"
fingerprint="$(sha256_of "$together" | cut -c 1-12)"
environment="$(cache_dir)/airflow-$airflow_version-python$python_version-$fingerprint"

# Two scripts may ask at once: each makes a folder of its own, and the first to finish wins.
make_uv() {
  local uv_environment making
  uv_environment="$(cache_dir)/uv-$uv_version-python$python_version"
  if [ ! -f "$uv_environment/complete" ]; then
    say "Getting uv $uv_version"
    making="$uv_environment.$$"
    rm -rf "$making"
    "$python" -m venv "$making" >&2 ||
      fail "no virtual environment could be made with $python" "Debian: apt-get install python3-venv"
    "$making/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version" >&2 ||
      fail "uv $uv_version could not be installed" "pip needs a package index: check its settings (index, proxy)"
    touch "$making/complete"
    mv "$making" "$uv_environment" 2>/dev/null || rm -rf "$making"
  fi
  printf '%s\n' "$uv_environment/bin/uv"
}

make_environment() {
  local uv
  uv="$(make_uv)"
  say "Making the environment of Airflow $airflow_version (about 350 MB, once)"
  # Scripts in it name its own path, so it is made where it stays; `complete` comes last.
  rm -rf "$environment"
  "$uv" venv --quiet --no-config --python "$python" "$environment" >&2 ||
    fail "no virtual environment could be made with $python" "Debian: apt-get install python3-venv"
  # Not `sync`: on a Python other than that of the pinned set, packages that stand in for its
  # standard library are added.
  VIRTUAL_ENV="$environment" "$uv" pip install --quiet -r "$requirements" -r "$test_requirements" >&2 ||
    fail "the packages of ${requirements#"$checkout"/} could not be installed" \
      "uv needs a package index: check UV_DEFAULT_INDEX and the proxy variables"
  # Where PYTHONDONTWRITEBYTECODE is set nothing else would write bytecode, and every `airflow`
  # would compile for three seconds before it starts. Some packages ship files for other Pythons.
  "$environment/bin/python" -m compileall -q -j 0 "$environment/lib" >/dev/null 2>&1 || true
  touch "$environment/complete"
}

if [ ! -f "$environment/complete" ]; then
  mkdir -p "$(cache_dir)"
  # `mkdir` either makes the folder or fails: the one lock that every system here has.
  lock="$environment.lock"
  waited_secs=0
  until mkdir "$lock" 2>/dev/null; do
    holder="$(cat "$lock/pid" 2>/dev/null || true)"
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      rm -rf "$lock"
      continue
    fi
    [ "$waited_secs" -lt 600 ] || fail "another process has been making $environment for ten minutes" \
      "if none is, remove $lock"
    [ "$waited_secs" -gt 0 ] || note "waiting for another process that makes it"
    sleep 1
    waited_secs=$((waited_secs + 1))
  done
  echo $$ >"$lock/pid"
  trap 'rm -rf "$lock"; rm -f "$together"' EXIT
  [ -f "$environment/complete" ] || make_environment
fi
printf '%s\n' "$environment"
