//! The integration tests: one binary, a module per capability, what they share in `support`.
//!
//! # The tests of this crate
//!
//! | what | where | how |
//! | --- | --- | --- |
//! | everything | | `tests/run.sh`; with formatting, lints, docs and packaging: `.ci/run` |
//! | unit tests: one file, from inside | beside the code, see below | `cargo test --lib` |
//! | the Redis store against real servers, from inside | `src/store/redis/tests/` | as above |
//! | integration tests: the public API, over services and sockets | here | `cargo test --test it` |
//! | conformance to the RFCs, as a client and an origin see it | [`conformance`] | `… --test it conformance` |
//! | the example applications as processes | [`product_server`], `conformance::process` | `cargo build --examples` first |
//! | random load for a while | [`soak`], [`purge_race`] | `SOAK_SECONDS=600 … --test it soak` |
//! | the cache's page in Chromium | `tests/browser/` | `cargo test --test browser` |
//! | rules of the source | [`floors`] | `… --test it floors` |
//! | `panic = "abort"`, the stated Rust version | `tests/panic_abort/`, `tests/check_*.sh` | `.ci/run` |
//! | measurements | `benches/` | `cargo bench --bench hit` |
//!
//! Servers, the proxy that makes faults, the HTTP client and the load are the crate `tests/support`, which
//! benches and unit tests use as well. It does not know the crate under test; helpers that do, such as
//! `Origin`, `send` and `settle`, are in `tests/it/support`.
//!
//! Unit tests of up to 80 lines are a `mod tests` at the foot of their file; longer ones are a file of
//! their own, `tests.rs` in the folder of the module. The name of a test states the behaviour:
//! `burst_calls_handler_once`. A test waits for a signal or a condition (`settle`, `until`) and does not
//! sleep until something has probably happened.

#![allow(unreachable_pub, reason = "nothing of a test binary is reachable")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod accept_encoding;
mod admin;
mod admin_openapi;
mod admin_page;
mod allocations;
mod auth_keys;
mod cache_key;
mod cache_post;
mod clock_steps;
mod coalescing;
mod coalescing_http;
mod coalescing_limits;
mod combinations;
mod config;
mod conformance;
mod credentials;
mod custom_store;
mod entries;
mod entries_redis;
mod events;
mod examples;
mod explain;
mod explain_redis;
mod fleet;
mod fleet_coalescing;
mod floors;
mod guide;
mod handler_policy;
mod held_requests;
mod http;
mod interleavings;
mod max_handlers;
mod memory_use;
mod metrics;
mod middleware_order;
mod nested_caches;
mod normalised_headers;
mod paths;
mod precompress;
mod product_server;
mod public_api;
mod purge;
mod purge_hooks;
mod purge_race;
mod purge_reach;
mod query_method;
mod redis;
mod redis_bandwidth;
mod redis_faults;
mod redis_outage;
mod redis_topologies;
mod refresh;
mod remembered_entries;
mod response_headers;
mod settings;
mod shared_pages;
mod soak;
mod soft_purge;
mod source;
mod stale_if_error;
mod stale_while_revalidate;
mod stats;
mod stats_by_rule;
mod stats_of_redis;
mod store_commands;
mod stored_bodies;
mod storing;
mod support;
mod ticker;
mod tiered;
mod timeouts;
mod tracing_spans;
mod unsafe_requests;
mod validation;
mod validation_and_purge;
mod validators;
mod verdict;
mod versions;
