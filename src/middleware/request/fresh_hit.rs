//! Fresh hits, the way of most requests: nothing is waited for, and nothing is prepared that only other
//! requests need.

use std::rc::Rc;

use actix_web::{HttpResponse, dev::ServiceRequest};

use super::state::{CacheRequest, RequestFacts};
use crate::{
    engine::lookup::FoundNow,
    key::{CacheKey, KeyParts},
    middleware::{body::CacheBody, respond::Source, worker::Worker},
    semantics::{
        reuse::Reuse,
        verdict::{Reason, Verdict},
    },
};

/// The response to a request without special headers, for which the worker remembers a fresh one. An
/// error where the path alone keeps the request out of the cache.
pub(crate) fn plain<B>(
    worker: &Rc<Worker>,
    req: &ServiceRequest,
) -> Result<Option<HttpResponse<CacheBody<B>>>, Reason> {
    worker.plan.decide_path(req.request())?;
    if !worker.engine.store().is_local() {
        return Ok(None);
    }
    let Some((key, conditional)) = worker.plan.plain_key(req.request()) else { return Ok(None) };
    if !worker.engine.is_enabled() {
        return Err(Reason::Disabled);
    }
    Ok(remembered(worker, &RequestFacts::plain(req, conditional), &key))
}

fn remembered<B>(
    worker: &Rc<Worker>,
    request: &RequestFacts<'_>,
    key: &KeyParts<'_>,
) -> Option<HttpResponse<CacheBody<B>>> {
    let front = worker.front.get(&worker.engine, key)?;
    let source = Source::remembered(&front)?;
    let (uncovered, policy) = (request.uncovered, &worker.plan.default_rule().policy);
    let reuse = worker.engine.reuse_now(&request.view(), &source.stored.terms, uncovered, policy);
    respond(worker, request, &source, reuse, &front.entry().key)
}

/// The response to a request that the store can answer at once, with nothing else to do. Else the
/// request remembers whether the store has anything for it.
pub(crate) fn stored<B>(
    worker: &Rc<Worker>,
    request: &mut CacheRequest,
) -> Option<HttpResponse<CacheBody<B>>> {
    if !worker.engine.store().is_local() {
        return None;
    }
    let key = &request.admitted.keyed.key;
    if let Some(res) = remembered(worker, &request.facts(), &KeyParts::of(key)) {
        return Some(res);
    }
    // before the store is asked, so that what is stored meanwhile is noticed
    let published = worker.engine.flights().publication_count(key);
    let (entry, reuse) = match worker.engine.look_up_now(&request.lookup(worker)) {
        FoundNow::Selected(entry, reuse) => (entry, reuse),
        FoundNow::Nothing => {
            request.absent_at = Some(published);
            return None;
        }
        FoundNow::Unknown => return None,
    };
    let source = Source::stored(entry.response()?, &worker.plan.stripped_headers);
    let res = respond(worker, &request.facts(), &source, reuse, key)?;
    worker.front.found(&worker.engine, &entry, &worker.plan.stripped_headers);
    Some(res)
}

fn respond<B>(
    worker: &Rc<Worker>,
    request: &RequestFacts<'_>,
    source: &Source<'_>,
    reuse: Reuse,
    key: &CacheKey,
) -> Option<HttpResponse<CacheBody<B>>> {
    let Reuse::Fresh { age, left } = reuse else { return None };
    if request.has_preconditions() || worker.is_early(source.stored, left) {
        return None;
    }
    let watch = worker.engine.counters().sample_hit();
    let mut res = worker.respond_from(&request.client_view(), source, age);
    request.report(key).write(worker, &mut res, Verdict::Hit { left });
    if let Some(watch) = watch {
        worker.engine.counters().hit_took(watch.elapsed());
    }
    Some(res)
}
