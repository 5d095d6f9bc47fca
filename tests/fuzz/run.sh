#!/usr/bin/env bash
# Fuzzes each target for some seconds (60), beginning with its corpus. Needs a nightly toolchain and `cargo fuzz`.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-60}
for target in $(cargo +nightly fuzz list --fuzz-dir tests/fuzz); do
  echo "== $target"
  found=$(mktemp -d) # what is found is kept out of the corpus, which is for people
  cargo +nightly fuzz run --fuzz-dir tests/fuzz "$target" "$found" "tests/fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -verbosity=0 -print_final_stats=1
  rm -rf "$found"
done
