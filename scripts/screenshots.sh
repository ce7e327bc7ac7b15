#!/usr/bin/env bash
# Retakes the pictures of docs/screenshots: starts what `make up` starts, runs the sample days of
# both pipelines, and photographs Airflow's pages in a headless Chromium. Needs Chromium (Debian:
# apt-get install chromium) and, in scripts/requirements-screenshots.txt, what drives it.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

chromium="$(command -v chromium || command -v chromium-browser || command -v google-chrome)" ||
  fail "no Chromium was found" "Debian: apt-get install chromium"
python="$(find_python)" || fail "no Python 3.10 to 3.12 was found"
requirements="$checkout/scripts/requirements-screenshots.txt"
environment="$(cache_dir)/screenshots-$(sha256_of "$requirements" | cut -c 1-12)"
if [ ! -f "$environment/complete" ]; then
  "$python" -m venv "$environment" >&2
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
  touch "$environment/complete"
fi

up="$lake_dir/up"
"$checkout/scripts/up.sh" >&2
trap '"$checkout/scripts/down.sh" >&2' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
backfill() { # pipeline, first, last
  # shellcheck disable=SC2016 # for the inner shell
  "$BASH" -c '. "$1" && shift && exec airflow dags backfill --unpause "$@"' "$BASH" \
    "$up/airflow/environment" -s "$2" -e "$3" "$1" >&2
}
backfill sales 2025-11-01 2025-11-03
backfill online_retail 2011-08-11 2011-08-12
backfill online_retail 2011-11-29 2011-11-29
"$environment/bin/python" "$checkout/scripts/screenshots.py" "$(cat "$up/airflow/address")" \
  "$up/airflow/simple_auth_manager_passwords.json.generated" "$checkout/docs/screenshots" "$chromium"
