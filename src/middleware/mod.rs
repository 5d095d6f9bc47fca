//! The cache as an actix middleware: the way of a request through it.

mod answer;
mod asked;
pub(crate) mod body;
mod conditions;
mod detached;
mod error;
pub(crate) mod extract;
mod follow;
pub(crate) mod future;
pub(crate) mod group_fields;
mod partial;
mod passage;
mod query;
mod question;
mod refresh;
mod respond;
mod seconds;
mod serve_stale;
pub(crate) mod service;
mod step;
mod store;
mod transform;
mod unanswered;
mod validate;
mod worker;

/// Whether a cache outside has admitted the request to be stored.
#[cfg(feature = "admin")]
pub(crate) fn is_in_cached_scope(req: &actix_web::dev::ServiceRequest) -> bool {
    passage::Passage::outer(req).is_some_and(|passage| passage.is_cached())
}
