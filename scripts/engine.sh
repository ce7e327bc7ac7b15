#!/usr/bin/env bash
# Finds the engine's shared library and puts it where executables look for it.
#
# In this order: DUCKDB_LIB_DIR; the cache; DuckDB's own published library, brought by Maven,
# its SHA-256 pinned; else (or with ENGINE=source) nothing is fetched and the build compiles it.
# Executables look in `../lib` (and tests in `../../lib`) from where they are, so the library
# is linked into the build folder's `lib/`. Asks the network for nothing once it is cached.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

extract() { # jar, entry, folder
  if have python3; then
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])' "$@" && return
  fi
  if have unzip; then
    unzip -q -o "$1" "$2" -d "$3" && return
  fi
  (cd "$3" && jar xf "$1" "$2")
}

fetch_by_maven() {
  local cache entry fetched sum
  cache="$(engine_cache_dir)"
  entry="$(engine_entry)"
  mkdir -p "$(cache_dir)"
  # Beside its destination, so that the last step is a rename: a library in the cache is a whole one.
  work="$(mktemp -d "$(cache_dir)/.engine.XXXXXX")"
  trap 'rm -rf "$work"' EXIT

  say "Fetching the engine (DuckDB's published library, 80 MB) with Maven"
  mvn --batch-mode --quiet -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="org.duckdb:duckdb_jdbc:$engine_version" -DoutputDirectory="$work" >&2 ||
    fail "Maven could not fetch org.duckdb:duckdb_jdbc:$engine_version" \
      "check Maven's settings (mirror, proxy), set DUCKDB_LIB_DIR to a folder with $(engine_link_name) $engine_library_version, or compile it: make ENGINE=source …"
  fetched="$work/duckdb_jdbc-$engine_version.jar"
  sum="$(sha256_of "$fetched")"
  [ "$sum" = "$engine_jar_sha256" ] ||
    fail "duckdb_jdbc-$engine_version.jar has SHA-256 $sum, not $engine_jar_sha256" \
      "the repository that Maven asked gave something else; do not use it"

  mkdir "$work/jar" "$work/engine"
  extract "$fetched" "$entry" "$work/jar"
  sum="$(sha256_of "$work/jar/$entry")"
  [ "$sum" = "$(engine_entry_sha256)" ] ||
    fail "$entry has SHA-256 $sum, not $(engine_entry_sha256)"
  mv "$work/jar/$entry" "$work/engine/$entry"
  # One file under two names: the linker asks for the first, the loader for the second.
  ln "$work/engine/$entry" "$work/engine/$(engine_link_name)"
  chmod 755 "$work/engine"

  if engine_is_cached; then
    note "another run was faster; using its copy"
  else
    rm -rf "$cache"
    mv "$work/engine" "$cache"
  fi
  rm -rf "$work"
  trap - EXIT
}

# A library of another version links and then misbehaves, so it is asked.
check_version() { # folder
  local library found
  library="$1/$(engine_link_name)"
  [ -f "$library" ] ||
    fail "DUCKDB_LIB_DIR is \`$1\`, but there is no $(engine_link_name) in it" \
      "point it at the folder of DuckDB's shared library, or leave it out"
  have python3 || return 0
  found="$(python3 - "$library" <<'PYTHON'
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.duckdb_library_version.restype = ctypes.c_char_p
print(library.duckdb_library_version().decode())
PYTHON
)" || fail "$library cannot be loaded" "it must be DuckDB's shared library for $(platform)"
  [ "$found" = "$engine_library_version" ] ||
    fail "$library is DuckDB $found; this project is made for $engine_library_version" \
      "leave DUCKDB_LIB_DIR out, or point it at a folder with DuckDB $engine_library_version"
}

link_into_build_folder() { # folder
  local lib file name
  lib="$(target_dir)/lib"
  mkdir -p "$lib"
  for file in "$1"/libduckdb*; do
    name="$(basename "$file")"
    case "$name" in *.a) continue ;; esac
    # Left alone when right: something may be running from it.
    [ "$(readlink "$lib/$name" 2>/dev/null)" = "$file" ] || ln -sfn "$file" "$lib/$name"
  done
  # The published library calls itself by the artifact's entry, and that is what the loader
  # asks for, whatever the file was renamed to.
  file="$1/$(engine_link_name)"
  name="$(engine_entry)"
  if [ -n "$name" ] && [ ! -e "$1/$name" ] && grep -aqF "$name" "$file"; then
    ln -sfn "$file" "$lib/$name"
  fi
}

choice="$(engine_choice)"
case "$choice" in
  source)
    cat >&2 <<EOF
${bold}==>${plain} The engine is compiled from source (feature \`bundled\`).
    That takes about 45 minutes of processor time, 25 minutes on two cores, once per build
    folder, and every executable that uses the engine grows by 67 MB.
    To avoid it, stop now and do one of these:
      - install Maven (Debian: apt-get install maven; Homebrew: brew install maven): the
        published library (80 MB) is then fetched, for Linux (glibc) on x86-64 and arm64 and
        for macOS on arm64;
      - set DUCKDB_LIB_DIR to a folder with $(engine_link_name), DuckDB $engine_library_version.
EOF
    exit 0
    ;;
  given)
    DUCKDB_LIB_DIR="$(cd "$DUCKDB_LIB_DIR" 2>/dev/null && pwd)" ||
      fail "DUCKDB_LIB_DIR is not a folder" "point it at the folder of DuckDB's shared library, or leave it out"
    folder="$DUCKDB_LIB_DIR"
    check_version "$folder"
    ;;
  maven)
    fetch_by_maven
    folder="$(engine_cache_dir)"
    check_version "$folder"
    ;;
  cached) folder="$(engine_cache_dir)" ;;
esac
link_into_build_folder "$folder"
say "Engine: DuckDB $engine_library_version, shared, from $folder"
