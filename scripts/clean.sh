#!/usr/bin/env bash
# Removes what `make` made inside this checkout. What is outside is shared with other
# checkouts: it is named, not removed.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What `make up` started has its data in there.
[ ! -s "$lake_dir/up/processes" ] || "$checkout/scripts/down.sh"
for dir in "$lake_dir" "$checkout/target"; do
  if [ -d "$dir" ]; then
    say "Removing $dir"
    rm -rf "$dir"
  fi
done
for dir in "$(target_dir)" "$(cache_dir)"; do
  [ ! -d "$dir" ] || note "left alone: $dir ($(du -sh "$dir" 2>/dev/null | cut -f 1))"
done
