#!/usr/bin/env bash
# Prints the path of a Python that has scripts/requirements.txt installed: an environment in
# the cache, made once per Python version and set of requirements. Fails when it cannot be had.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

requirements="$checkout/scripts/requirements.txt"
python="$(find_python)" || fail "no Python 3.10 to 3.12 was found" \
  "Debian: apt-get install python3 python3-venv; Homebrew: brew install python@3.12"
version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
environment="$(cache_dir)/python-$version-$(sha256_of "$requirements" | cut -c 1-12)"

if [ ! -f "$environment/complete" ]; then
  say "Making the Python environment of tests and benchmarks"
  rm -rf "$environment"
  mkdir -p "$(cache_dir)"
  "$python" -m venv "$environment" >&2 ||
    fail "no virtual environment could be made with $python" "Debian: apt-get install python3-venv"
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2 ||
    fail "the packages of scripts/requirements.txt could not be installed" "pip needs a package index: check its settings (index, proxy)"
  touch "$environment/complete"
fi
printf '%s\n' "$environment/bin/python"
