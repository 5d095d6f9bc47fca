#!/usr/bin/env bash
# Mutants of the lower floors, which do no I/O: `semantics`, `key` and `purge_log`. They are tried in a
# crate of these floors alone, which compiles in two seconds where the whole takes half a minute. Needs
# cargo-mutants, and with `-j2` about an hour on two cores. Arguments are those of `cargo mutants`, such as
# `-f 'src/key/**'`.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/src"
cp Cargo.lock "$copy"
floors=(clock counting entry key purge purge_log semantics)
for floor in "${floors[@]}"; do
  find src -maxdepth 1 \( -name "$floor" -o -name "$floor.rs" \) -exec cp -r {} "$copy/src" \;
  echo "mod $floor;"
done >"$copy/src/lib.rs"
# without the crate itself, its tests and benches, which need the other floors
sed -e '/^\[\[bench\]\]/,/^$/d' -e '/path = "/d' -e '/^members = /d' -e '/^exclude = /d' \
  Cargo.toml >"$copy/Cargo.toml"

out=$PWD/target
cd "$copy"
export PROPTEST_CASES=64 CARGO_PROFILE_DEV_DEBUG=0
[ $# -gt 0 ] || set -- -f 'src/semantics/**' -f 'src/key/**' -f 'src/purge_log/**'
cargo mutants --all-features --cap-lints=true --baseline=skip --timeout 25 -C=--lib -o "$out" "$@"
