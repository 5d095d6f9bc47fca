//! The integration tests: one binary, a module per capability, support beside them.

#![allow(unreachable_pub, reason = "nothing of a test binary is reachable")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod admin;
mod auth;
mod client;
mod clocks;
mod codings;
mod config;
mod conformance;
mod credentials;
mod crowd;
mod crowd_limits;
mod custom_store;
mod faults;
mod fleet;
mod floors;
mod held_requests;
mod http;
mod interleavings;
mod keys;
mod memory;
mod nesting;
mod no_needless_work;
mod order;
mod outage;
mod paths;
mod product_server;
mod purge;
mod purge_race;
mod purge_spellings;
mod query;
mod redis;
mod redis_ways;
mod renewal;
mod slow;
mod soak;
mod soft_purge;
mod stale;
mod stampede;
mod stats;
mod storing;
mod support;
mod thin_line;
mod tiered;
mod validation;
mod writers;
