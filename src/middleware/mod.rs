//! The cache as an actix middleware: the way of a request through it.

pub(crate) mod body;
pub(crate) mod extract;
mod finish;
pub(crate) mod future;
pub(crate) mod respond;
pub(crate) mod service;
mod transform;
mod worker;
