//! Request headers are reduced to few values, as settings say, before the request is keyed: what is keyed
//! and what the handler reads is always the same.

use actix_web::dev::ServiceRequest;

use super::conditions::change;
use crate::middleware::worker::Worker;

/// Reduces the headers of a request. `false` where it cannot be changed, as a middleware outside of the
/// cache holds it: its handler would read what is not keyed.
pub(crate) fn normalise(worker: &Worker, req: &mut ServiceRequest) -> bool {
    let normalisers = worker.plan.normalisers();
    let changes = normalisers.changes(req.headers());
    let is_normalised = changes.is_empty()
        || change(worker, req, |headers| changes.iter().for_each(|change| change.apply(headers)));
    if is_normalised {
        normalisers.mark(req.request());
    }
    is_normalised
}
