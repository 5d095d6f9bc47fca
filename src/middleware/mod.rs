//! The cache as an actix middleware: the way of a request through it.

pub(crate) mod body;
pub(crate) mod cached;
pub(crate) mod context;
mod error;
mod explain;
pub(crate) mod extract;
pub(crate) mod future;
mod held_routes;
mod hints;
mod members;
mod recorder;
mod refresh;
mod report;
mod request;
mod request_body;
mod respond;
mod seconds;
pub(crate) mod service;
mod span;
mod transform;
pub(crate) mod typed_headers;
pub(crate) mod verdict;
mod worker;
