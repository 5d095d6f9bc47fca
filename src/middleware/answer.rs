//! Answers from the store: a stored response as it is, a stale one instead of the handler's, or the
//! news that there is none.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, dev::ServiceRequest, http::Method};
use tokio::sync::oneshot;

use super::{
    body::CacheBody,
    refresh::Stale,
    respond,
    serve_stale::{StaleFallback, serve_stale},
    step::{Looking, Missed, Step},
    validate::Kept,
    worker::Worker,
};
use crate::{
    clock::Stopwatch,
    config::keying::Keyed,
    engine::refresh::Refresh,
    entry::{Entry, StoredResponse},
    semantics::{
        reuse::Reuse,
        verdict::{Reason, StaleCause, Verdict},
    },
};

/// The answer to a request that the store can answer at once, with nothing else to be done.
pub(super) fn hit<B>(worker: &Worker, looking: &Looking) -> Option<HttpResponse<CacheBody<B>>> {
    let watch = worker.engine.counters().sample_hit();
    let Keyed { key, uncovered, .. } = &looking.admitted.keyed;
    let policy = &worker.plan.whole().policy;
    let (entry, reuse) = worker.engine.look_up_near(key, &looking.view(), *uncovered, policy)?;
    let Reuse::Fresh { age, left } = reuse else { return None };
    let stored = entry.response()?;
    if looking.has_preconditions() || worker.is_early(stored, left) {
        return None;
    }
    let mut res = worker.answer(&looking.asking(), stored, age);
    worker.tell(&mut res, Verdict::Hit { left }, looking.outer.as_ref(), None, Some(key));
    if let Some(watch) = watch {
        worker.engine.counters().hit_took(watch.elapsed());
    }
    Some(res)
}

/// A stored response that is served as it is.
pub(super) struct Served<'e> {
    entry: &'e Arc<Entry>,
    stored: &'e StoredResponse,
    age: Duration,
    verdict: Verdict,
    /// Whether it is to be refreshed behind the answer.
    refreshes: bool,
}

/// The stored response where it is served as it is. Where it cannot be refreshed behind the answer,
/// a stale one is not: it would get ever older.
pub(super) fn served<'e>(
    worker: &Worker,
    req: &HttpRequest,
    entry: &'e Arc<Entry>,
    reuse: &Reuse,
) -> Option<Served<'e>> {
    let stored = entry.response()?;
    let (age, verdict, refreshes) = match *reuse {
        Reuse::Fresh { age, left } => (age, Verdict::Hit { left }, worker.is_early(stored, left)),
        Reuse::MaxStale { age } => (age, stale(stored, age), false),
        Reuse::WhileRevalidate { age } if worker.may_refresh(req) => {
            (age, stale(stored, age), true)
        }
        _ => return None,
    };
    Some(Served { entry, stored, age, verdict, refreshes })
}

fn stale(stored: &StoredResponse, age: Duration) -> Verdict {
    Verdict::Stale { past: age.saturating_sub(stored.terms.lifetime) }
}

pub(super) fn answer<B>(
    worker: &Worker,
    looking: Looking,
    served: &Served<'_>,
    watch: Option<Stopwatch>,
    published: u64,
) -> Step<B> {
    let Served { entry, stored, age, verdict, refreshes } = *served;
    let mut res = worker.answer(&looking.asking(), stored, age);
    let Looking { req, admitted, outer, lead, .. } = looking;
    if let Some(lead) = lead {
        lead.look_again();
    }
    worker.tell(&mut res, verdict, outer.as_ref(), None, Some(&admitted.keyed.key));
    if let Some(watch) = watch {
        worker.engine.counters().hit_took(watch.elapsed());
    }
    if refreshes && let Some(refresh) = refresh(worker, &req, entry) {
        let kept = Kept { entry: Arc::clone(entry), age, if_error: false };
        let request = req.request().clone();
        let stale = Stale { request, keyed: admitted.keyed, kept, refresh, published };
        let (gone, answered) = oneshot::channel();
        let res = res.map_body(|_, body| body.telling(gone));
        return Step::Refresh(req.into_response(res), Box::new(stale), answered);
    }
    Step::Answer(req.into_response(res))
}

/// The refresh behind the answer, where there is to be one and none is running. Only what a GET asks
/// for can be asked again.
fn refresh(worker: &Worker, req: &ServiceRequest, entry: &Entry) -> Option<Refresh> {
    let is_repeatable = matches!(*req.method(), Method::GET | Method::HEAD);
    if !is_repeatable || !worker.may_refresh(req.request()) {
        return None;
    }
    let pause = worker.plan.filling.failure_pause;
    worker.engine.refreshes().begin(&entry.key, pause)
}

/// Nothing is stored that answers a request which wants nothing else (RFC 9111 s.5.2.1.7).
pub(super) fn only_stored<B>(worker: &Worker, looking: Looking) -> Step<B> {
    let Looking { req, admitted, outer, .. } = looking;
    let mut res = respond::only_if_cached();
    let verdict = Verdict::Refused(Reason::OnlyIfCached);
    worker.tell(&mut res, verdict, outer.as_ref(), None, Some(&admitted.keyed.key));
    Step::Answer(req.into_response(res))
}

/// The stale response, without asking the handler.
pub(super) fn answer_stale<B>(
    worker: &Worker,
    looking: Looking,
    missed: &Missed,
    cause: StaleCause,
) -> Step<B> {
    let kept = missed.kept.as_ref();
    let stored = kept.and_then(|kept| Some((kept, kept.entry.response()?)));
    let Some((kept, stored)) = stored else { return only_stored(worker, looking) };
    let fallback = StaleFallback {
        request: looking.asking(),
        stored,
        age: kept.age,
        outer: looking.outer.as_ref(),
        inside: None,
        key: Some(&looking.admitted.keyed.key),
    };
    let res = serve_stale(worker, &fallback, cause);
    let Looking { req, lead, .. } = looking;
    if let Some(lead) = lead {
        lead.release();
    }
    Step::Answer(req.into_response(res))
}
