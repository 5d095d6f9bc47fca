//! The integration tests: one binary, a module per capability, support beside them.

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
mod auth_keys;
mod cache_key;
mod clock_steps;
mod coalescing;
mod coalescing_http;
mod coalescing_limits;
mod config;
mod conformance;
mod credentials;
mod custom_store;
mod fleet_coalescing;
mod floors;
mod held_requests;
mod http;
mod interleavings;
mod memory_use;
mod middleware_order;
mod nested_caches;
mod paths;
mod product_server;
mod purge;
mod purge_race;
mod purge_reach;
mod query_method;
mod redis;
mod redis_bandwidth;
mod redis_faults;
mod redis_outage;
mod redis_topologies;
mod response_headers;
mod soak;
mod soft_purge;
mod source;
mod stale_if_error;
mod stale_while_revalidate;
mod stats;
mod store_commands;
mod stored_bodies;
mod storing;
mod support;
mod tiered;
mod timeouts;
mod unsafe_requests;
mod validation;
mod validation_and_purge;
