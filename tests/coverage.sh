#!/usr/bin/env bash
# Which lines the unit and integration tests run, with the examples that they start. Needs cargo-llvm-cov,
# cargo-nextest and the component llvm-tools. Arguments are those of `cargo llvm-cov report`, such as `--html`.
set -euo pipefail
cd "$(dirname "$0")/.."

# of its own, as everything is compiled with counters
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/coverage}"
export CARGO_PROFILE_DEV_DEBUG=0
# shellcheck disable=SC2046,SC1090
source <(cargo llvm-cov show-env --sh)
cargo llvm-cov clean --workspace
cargo build --all-features --examples
cargo nextest run --all-features --lib --test it --no-fail-fast
cargo llvm-cov report --ignore-filename-regex '/(tests|examples|benches)/|tests\.rs$' "${@:---summary-only}"
