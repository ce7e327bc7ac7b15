#!/usr/bin/env bash
# cargo, with the engine and the build folder that `make` uses: `scripts/cargo.sh test -p lake`.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# -gt 0 ] || fail "which cargo command?" "for example: scripts/cargo.sh test --release -p lakehouse-contract"
export_environment
cd "$checkout"
command="$1"
shift
if [ "$(engine_choice)" = source ]; then
  case "$command" in
    build | test | check | clippy | run | doc | bench)
      exec cargo "$command" --features lakehouse-engine/bundled "$@"
      ;;
  esac
fi
exec cargo "$command" "$@"
