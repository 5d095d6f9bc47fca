#!/usr/bin/env bash
# Instructions for one request of each kind, counted by callgrind, the building of the request left
# out: the difference between 1,200 and 200 requests. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-$(cargo bench --all-features --bench instructions --no-run --message-format=json 2>/dev/null |
  grep -o '"executable":"[^"]*instructions-[^"]*"' | tail -1 | cut -d'"' -f4)}

count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" "$1" "$2" "$client" 2>&1 |
    sed -n 's/.*Collected : //p'
}

each() { echo $((($(count "$1" 1200) - $(count "$1" 200)) / 1000)); }

for client in plain browser; do
  none=$(each none)
  for kind in bare least hit hit_untagged hit_rules hit_metrics spread miss bypass redis_get redis_hit tiered_hit; do
    printf '%-8s %-11s %8d\n' "$client" "$kind" $(($(each "$kind") - none))
  done
done
