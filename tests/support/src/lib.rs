//! What tests and benches need beside the crate itself: real Redis servers, a proxy that makes faults,
//! an HTTP client, origins and servers on sockets, and a load. It does not depend on the crate: the
//! unit tests in `src/` would otherwise see a second copy of its types.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

pub mod app;
pub mod client;
pub mod fault;
pub mod load;
pub mod log;
pub mod origin;
pub mod proxy;
pub mod redis;
pub mod server;
pub mod wait;
