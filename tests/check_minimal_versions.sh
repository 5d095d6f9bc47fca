#!/usr/bin/env bash
# The versions of direct dependencies that Cargo.toml names at least are enough. Needs a nightly toolchain, for
# `-Z direct-minimal-versions` alone: the code is checked by the default one.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy"
# dev-dependencies have floors of their own, which no user has to keep
sed -i '/^\[dev-dependencies\]/,/^\[\[bench\]\]/{/^\[\[bench\]\]/!d}' Cargo.toml
sed -i 's/^members = .*/members = []/' Cargo.toml
rm -rf benches examples tests
sed -i '/^\[\[bench\]\]/,/^$/d' Cargo.toml
cargo +nightly update -Z direct-minimal-versions --quiet
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$OLDPWD/target/minimal_versions}" cargo check --all-features --lib
