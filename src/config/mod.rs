//! What a user sets: plain values with their defaults, and what is compiled from them.

mod all_settings;
pub(crate) mod auth;
pub(crate) mod cache;
mod cache_settings;
pub(crate) mod client;
mod cookies;
#[cfg(any(fuzzing, test))]
pub(crate) use cookies::fuzz as fuzz_cookies;
mod credential_headers;
pub(crate) mod downstream;
pub(crate) mod error;
mod functions;
mod headers;
pub(crate) mod key_rules;
pub(crate) mod normalisers;
pub(crate) mod paths;
mod pattern;
pub(crate) mod plan;
pub(crate) mod policies;
mod query_rules;
pub(crate) mod resolved_rule;
pub(crate) mod rule;
pub(crate) mod settings;
mod shared;
mod target;
mod uncovered;
mod warnings;
