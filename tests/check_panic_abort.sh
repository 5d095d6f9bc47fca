#!/usr/bin/env bash
# Builds and runs a program with `panic = "abort"`, with the dependencies that the tests have.
set -euo pipefail
cd "$(dirname "$0")/.."

cp Cargo.lock tests/panic_abort/Cargo.lock
cargo run --quiet --manifest-path tests/panic_abort/Cargo.toml --target-dir target/panic_abort
