//! The one place where a stale stored response is served instead of the handler's: because the
//! handler failed, is slow, or failed a short while ago and is left alone.

use std::time::Duration;

use actix_web::HttpResponse;

use super::{
    body::CacheBody,
    passage::{Inside, Passage},
    worker::{Asking, Worker},
};
use crate::{
    entry::StoredResponse,
    key::CacheKey,
    semantics::verdict::{StaleCause, Verdict},
};

/// A stale stored response, and the request that it answers.
pub(super) struct StaleFallback<'a> {
    pub(super) request: Asking<'a>,
    pub(super) stored: &'a StoredResponse,
    pub(super) age: Duration,
    pub(super) outer: Option<&'a Passage>,
    pub(super) inside: Option<Inside>,
    pub(super) key: Option<&'a CacheKey>,
}

/// The stale response as an answer to the request; counted, logged, and reported for its `cause`.
pub(super) fn serve_stale<B>(
    worker: &Worker,
    fallback: &StaleFallback<'_>,
    cause: StaleCause,
) -> HttpResponse<CacheBody<B>> {
    let StaleFallback { ref request, stored, age, outer, inside, key } = *fallback;
    let past = age.saturating_sub(stored.terms.lifetime);
    worker.engine.serves_stale(cause, past);
    let mut res = worker.answer(request, stored, age);
    worker.tell(&mut res, Verdict::StaleFallback { past, cause }, outer, inside, key);
    res
}
