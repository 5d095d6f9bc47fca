#!/usr/bin/env bash
# The stated rust-version is true: no dependency of the crate itself asks for a newer compiler, and
# clippy's `incompatible_msrv` has found nothing newer in our own code.
set -euo pipefail
cd "$(dirname "$0")/.."

stated=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
cargo tree --all-features --edges normal,build --prefix none --format '{p}' | sort -u \
  | sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1 \2/p' >"${TMPDIR:-/tmp}/arc-dependencies"
cargo metadata --all-features --format-version 1 | python3 -c '
import json, sys
stated, wanted = sys.argv[1], {tuple(line.split()) for line in open(sys.argv[2])}
number = lambda version: tuple(int(part) for part in version.split("."))
newer = [
    "%s %s needs %s" % (package["name"], package["version"], package["rust_version"])
    for package in json.load(sys.stdin)["packages"]
    if (package["name"], package["version"]) in wanted
    and package["rust_version"]
    and number(package["rust_version"])[:2] > number(stated)[:2]
]
print("\n".join(newer) or "rust-version %s holds for every dependency" % stated)
sys.exit(bool(newer))
' "$stated" "${TMPDIR:-/tmp}/arc-dependencies"
