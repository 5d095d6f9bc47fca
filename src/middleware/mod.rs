//! The cache as an actix middleware: the way of a request through it.

mod asked;
pub(crate) mod body;
pub(crate) mod extract;
pub(crate) mod future;
pub(crate) mod group_fields;
mod passage;
mod respond;
pub(crate) mod service;
mod transform;
mod worker;
