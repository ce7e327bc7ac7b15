#!/usr/bin/env bash
# Docker Compose v2 for the tests of the container files: built from its Go module once per
# version, kept outside the checkout. It needs no container engine to read a project.
#
# usage: compose.sh cached    prints the executable's path, fails when it is not built
#        compose.sh build     builds it if need be (1 to 2 minutes), prints its path

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

version=v2.40.3
folder="$(cache_dir)/compose-$version"
executable="$folder/docker-compose"

cached() {
  [ -x "$executable" ] || return 1
  printf '%s\n' "$executable"
}

build() {
  cached && return
  have go || fail "Go is needed to build Docker Compose" "Debian: apt-get install golang-go; Homebrew: brew install go (1.24.9 or newer)"
  say "Building Docker Compose $version (1 to 2 minutes, once)"
  mkdir -p "$folder"
  local work
  work="$(mktemp -d "$folder/.build.XXXXXX")"
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  # `go install …@version` refuses a module whose go.mod has `exclude`, so it is built from within
  # a module of its own that asks for nothing else.
  (
    cd "$work"
    export GOFLAGS=-mod=mod
    go mod init lakehouse.test/compose
    go get "github.com/docker/compose/v2/cmd@$version"
    nice -n 10 go build -trimpath \
      -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$version" \
      -o docker-compose github.com/docker/compose/v2/cmd
  ) >&2 || fail "Docker Compose could not be built" "Go 1.24.9 or newer and a module proxy are needed"
  mv "$work/docker-compose" "$executable"
  cached
}

case "${1:-}" in
  cached) cached ;;
  build) build ;;
  *) fail "what shall I do?" "$(sed -n '5,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}")" ;;
esac
