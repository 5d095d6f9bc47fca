//! Stored responses served as they are: fresh, or stale and refreshed in the background.

use std::{rc::Rc, sync::Arc};

use actix_web::{dev::ServiceRequest, http::Method};
use tokio::sync::oneshot;

use super::{
    decide::Servable,
    state::{BackgroundRefresh, CacheRequest, StaleEntry, Step},
};
use crate::{
    clock::Stopwatch,
    engine::{background_refresh::RunningRefresh, flight::PublicationCount},
    entry::Entry,
    middleware::{
        respond,
        worker::{Worker, place},
    },
    semantics::verdict::{Reason, Verdict},
};

/// Serves the stored response. `published` is how many responses had been published before it was
/// looked up.
pub(super) fn respond<B>(
    worker: &Rc<Worker>,
    mut request: CacheRequest,
    servable: &Servable<'_>,
    watch: Option<Stopwatch>,
    published: PublicationCount,
) -> Step<B> {
    let Servable { entry, stored, age, verdict, refreshes } = *servable;
    let mut res = worker.respond(&request.client_view(), stored, age);
    if let Some(leader) = request.leader.take() {
        leader.look_again();
    }
    request.report().with_saved(stored.terms().took).write(worker, &mut res, verdict);
    if let Some(watch) = watch {
        let keyed = &request.admitted.keyed;
        worker.counters.hit_took(place(keyed.rule), &keyed.key, watch.elapsed());
    }
    let CacheRequest { req, admitted, .. } = request;
    if refreshes && let Some(refresh) = begin_refresh(worker, &req, entry) {
        let (gone, response_gone) = oneshot::channel();
        let stale = StaleEntry { entry: Arc::clone(entry), age, if_error: false };
        let request = req.request().clone();
        let keyed = admitted.keyed;
        let refresh =
            BackgroundRefresh { request, keyed, stale, refresh, published, response_gone };
        let res = res.map_body(|_, body| body.holding(gone));
        return Step::RespondAndRefresh(req.into_response(res), Box::new(refresh));
    }
    Step::Respond(req.into_response(res))
}

/// The refresh in the background, where there is to be one and none is running. Only a GET can be
/// sent to the handler again.
fn begin_refresh(worker: &Worker, req: &ServiceRequest, entry: &Entry) -> Option<RunningRefresh> {
    let is_repeatable = matches!(*req.method(), Method::GET | Method::HEAD);
    if !is_repeatable || !worker.may_refresh(req.request()) {
        return None;
    }
    let pause = worker.plan.failure_backoff;
    worker.engine.background_refreshes().begin(&entry.key, pause)
}

/// Nothing is stored that answers a request which wants nothing else (RFC 9111 s.5.2.1.7).
pub(super) fn respond_only_if_cached<B>(worker: &Rc<Worker>, request: CacheRequest) -> Step<B> {
    let mut res = respond::only_if_cached();
    request.report().write(worker, &mut res, Verdict::Refused(Reason::OnlyIfCached));
    Step::Respond(request.req.into_response(res))
}
