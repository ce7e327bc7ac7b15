#!/usr/bin/env bash
# Installs under PREFIX: bin/ the executables, lib/ the engine (where they look for it,
# relative to themselves), share/lakehouse/pipelines. The result can be moved as a whole.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ -n "${PREFIX:-}" ] || fail "PREFIX is not set" "for example: make install PREFIX=/opt/lakehouse"
root="${DESTDIR:-}$PREFIX"
built="$(target_dir)"

mkdir -p "$root/bin" "$root/lib" "$root/share/lakehouse"

# The executables are those of the workspace: each package `lake` or `lake-…` has one.
count=0
for manifest in "$checkout"/crates/*/Cargo.toml; do
  name="$(sed -n 's/^name = "\(lake\(-[a-z0-9-]*\)\{0,1\}\)"$/\1/p' "$manifest" | head -n 1)"
  [ -n "$name" ] || continue
  [ -x "$built/release/$name" ] || fail "$built/release/$name was not built" "make build"
  # Renamed into place: an executable that is running cannot be written to.
  install -m 755 "$built/release/$name" "$root/bin/.$name.new"
  mv -f "$root/bin/.$name.new" "$root/bin/$name"
  count=$((count + 1))
done

if [ "$(engine_choice)" != source ]; then
  # One file; its other names are links to it.
  first=''
  for library in "$built"/lib/libduckdb*; do
    name="$(basename "$library")"
    if [ -z "$first" ]; then
      cp -L "$library" "$root/lib/.$name.new"
      mv -f "$root/lib/.$name.new" "$root/lib/$name"
      first="$name"
    elif cmp -s "$library" "$root/lib/$first"; then
      ln -sfn "$first" "$root/lib/$name"
    else
      cp -L "$library" "$root/lib/$name"
    fi
  done
  [ -n "$first" ] || fail "no engine in $built/lib" "make engine"
fi

rm -rf "$root/share/lakehouse/pipelines"
cp -R "$checkout/pipelines" "$root/share/lakehouse/pipelines"
cp "$checkout/LICENSE" "$root/share/lakehouse/LICENSE"

# Proof rather than hope: the installed executables start, without this environment's help.
for program in "$root"/bin/lake*; do
  env -i PATH=/usr/bin:/bin "$program" --version >/dev/null ||
    fail "$program does not start" "is the engine's library in $root/lib?"
done
say "$count executables in $root/bin"
note "export PATH=\"$PREFIX/bin:\$PATH\" LAKE_PIPELINES_DIR=\"$PREFIX/share/lakehouse/pipelines\""
