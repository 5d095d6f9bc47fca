//! Refreshes that are asked for, as a worker runs them: with a request of a client that has ended.

mod job;
mod keep;
pub(super) mod template;

pub(super) use keep::KeptRequest;
