#!/usr/bin/env bash
# A first `make demo`: a fresh clone, an empty cargo cache, an empty build folder, an empty
# Maven repository, an empty cache of the project. Prints the wall time and where it went.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

python="$(find_python)" || fail "no Python 3.10 to 3.12 was found"
[ -z "$(git -C "$checkout" status --porcelain)" ] ||
  warn "what is not committed is not measured: the clone has commits only"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
git clone --quiet "$checkout" "$work/clone"
mkdir -p "$work/cargo"
# Where crates come from stays as configured; what was downloaded does not.
for name in config.toml config; do
  [ ! -f "${CARGO_HOME:-$HOME/.cargo}/$name" ] || cp "${CARGO_HOME:-$HOME/.cargo}/$name" "$work/cargo/"
done

say "A first make demo, in $work"
"$python" -B "$checkout/bench/timed.py" env -u DUCKDB_LIB_DIR -u ENGINE \
  CARGO_HOME="$work/cargo" CARGO_TARGET_DIR="$work/target" LAKE_CACHE_DIR="$work/cache" \
  MAVEN_OPTS="${MAVEN_OPTS:-} -Dmaven.repo.local=$work/m2" \
  make -C "$work/clone" demo
du -sh "$work/cargo" "$work/target" "$work/cache" | sed "s|$work/|  |" >&2
