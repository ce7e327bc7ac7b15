#!/usr/bin/env bash
# What must be clean before a change goes in. Warnings of the workspace are errors here.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cargo_deny_version=0.20.2
cargo_deny_root="$(cache_dir)/tools/cargo-deny-$cargo_deny_version"
cargo_deny="$cargo_deny_root/bin/cargo-deny"

if [ ! -x "$cargo_deny" ]; then
  say "Building cargo-deny $cargo_deny_version (some minutes, once per machine)"
  mkdir -p "$cargo_deny_root"
  # Built in a folder of its own: it shares no settings with the project.
  (cd "$cargo_deny_root" && env -u RUSTFLAGS CARGO_TARGET_DIR="$cargo_deny_root/build" \
    cargo install --quiet --locked --root "$cargo_deny_root" --version "$cargo_deny_version" cargo-deny)
  rm -rf "$cargo_deny_root/build"
fi

cd "$checkout"
say "cargo fmt --check"
cargo fmt --all --check
# The profile of everything else, so that build scripts and macros are not built twice.
say "cargo clippy"
scripts/cargo.sh clippy --release --workspace --all-targets -- -D warnings
say "cargo deny"
"$cargo_deny" --log-level warn check bans licenses sources

if have shellcheck; then
  say "shellcheck"
  git ls-files -co --exclude-standard | while IFS= read -r file; do
    if [ -f "$file" ] && head -n 1 "$file" | grep -Eq '^#!.*(bash|/sh)|^# shellcheck shell='; then
      printf '%s\0' "$file"
    fi
  done | xargs -0 shellcheck -x
else
  warn "shellcheck is not installed: the shell scripts were not checked (Debian, Homebrew: package shellcheck)"
fi
say "Clean"
