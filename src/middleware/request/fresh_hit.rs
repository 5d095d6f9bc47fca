//! Fresh hits, the way of most requests: nothing is waited for, and nothing is prepared that only other
//! requests need.

use std::{rc::Rc, sync::Arc};

use actix_web::{HttpResponse, dev::ServiceRequest};

use super::state::{CacheRequest, RequestFacts};
use crate::{
    config::paths::{Refusal, RuleNumber},
    engine::{
        flight::PublicationCount,
        lookup::{FoundNow, PlainEntry},
    },
    entry::Entry,
    key::{CacheKey, KeyParts},
    middleware::{
        body::CacheBody,
        respond::Source,
        worker::{Worker, place},
    },
    semantics::{
        reuse::Reuse,
        verdict::{Reason, Verdict},
    },
};

/// What came of a request without special headers.
pub(crate) enum Plain<B> {
    /// It has its response.
    Hit(HttpResponse<CacheBody<B>>),
    /// The store had nothing for it when this many responses had been published.
    Absent(PublicationCount),
    /// It has to be looked at more closely.
    Unknown,
}

/// Answers a request that has no special headers from what this worker remembers, or from memory. An
/// error where the path alone keeps the request out of the cache.
pub(crate) fn plain<B>(worker: &Rc<Worker>, req: &ServiceRequest) -> Result<Plain<B>, Refusal> {
    let rule = worker.plan.decide_path(req.request())?;
    if !worker.engine.store().is_local() {
        return Ok(Plain::Unknown);
    }
    let Some((key, conditional)) = worker.plan.plain_key(req.request()) else {
        return Ok(Plain::Unknown);
    };
    if !worker.engine.is_usual() {
        return unusual(worker, rule);
    }
    let watch = worker.counters.sample_hit(place(rule));
    let request = RequestFacts::plain(req, conditional, rule).timed(watch);
    if let Some(res) = remembered(worker, &request, &key) {
        return Ok(Plain::Hit(res));
    }
    // before the store is asked, so that what is stored meanwhile is noticed
    let published = worker.engine.flights().publication_count(&key);
    Ok(match worker.engine.get_plain(&key) {
        PlainEntry::Found(entry) => {
            found(worker, &request, &entry).map_or(Plain::Unknown, Plain::Hit)
        }
        PlainEntry::Nothing => Plain::Absent(published),
        PlainEntry::Unknown => Plain::Unknown,
    })
}

/// The cache is disabled, or wants more of a request than to answer it.
#[cold]
fn unusual<B>(worker: &Worker, rule: Option<RuleNumber>) -> Result<Plain<B>, Refusal> {
    let refused = Refusal { why: Reason::Disabled, rule };
    if worker.engine.is_enabled() { Ok(Plain::Unknown) } else { Err(refused) }
}

/// The response to a request whose entry is in memory, if it is a fresh one.
fn found<B>(
    worker: &Rc<Worker>,
    request: &RequestFacts<'_>,
    entry: &Arc<Entry>,
) -> Option<HttpResponse<CacheBody<B>>> {
    let source = Source::stored(entry.response()?, &worker.plan.stripped_headers);
    let reuse = reuse(worker, request, &source);
    let res = respond(worker, request, &source, reuse, &entry.key)?;
    worker.cache.found(&worker.engine, entry, &worker.plan.stripped_headers);
    Some(res)
}

fn reuse(worker: &Worker, request: &RequestFacts<'_>, source: &Source<'_>) -> Reuse {
    let policy = &worker.plan.default_rule().policy;
    worker.engine.reuse_now(&request.view(), &source.terms, request.uncovered, policy)
}

fn remembered<B>(
    worker: &Rc<Worker>,
    request: &RequestFacts<'_>,
    key: &KeyParts<'_>,
) -> Option<HttpResponse<CacheBody<B>>> {
    let entry = worker.cache.get(&worker.engine, key)?;
    let source = Source::remembered(&entry)?;
    respond(worker, request, &source, reuse(worker, request, &source), &entry.entry().key)
}

/// The response to a request that the store can answer at once, with nothing else to do. Else the
/// request remembers whether the store has anything for it.
pub(crate) fn stored<B>(
    worker: &Rc<Worker>,
    request: &mut CacheRequest,
) -> Option<HttpResponse<CacheBody<B>>> {
    if request.absent_at.is_some() || !worker.engine.store().is_local() {
        return None;
    }
    let watch = worker.counters.sample_hit(place(request.admitted.keyed.rule));
    let key = &request.admitted.keyed.key;
    if let Some(res) = remembered(worker, &request.facts().timed(watch), &KeyParts::of(key)) {
        return Some(res);
    }
    // before the store is asked, so that what is stored meanwhile is noticed
    let published = worker.engine.flights().publication_count(&KeyParts::of(key));
    let (entry, reuse) = match worker.engine.look_up_now(&request.lookup(worker)) {
        FoundNow::Selected(entry, reuse) => (entry, reuse),
        FoundNow::Nothing => {
            request.absent_at = Some(published);
            return None;
        }
        FoundNow::Unknown => return None,
    };
    let source = Source::stored(entry.response()?, &worker.plan.stripped_headers);
    let res = respond(worker, &request.facts().timed(watch), &source, reuse, key)?;
    worker.cache.found(&worker.engine, &entry, &worker.plan.stripped_headers);
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
    let mut res = worker.respond_from(&request.client_view(), source, age);
    request.report(key).with_saved(source.terms.took).write(
        worker,
        &mut res,
        Verdict::Hit { left },
    );
    if let Some(watch) = request.watch {
        worker.counters.hit_took(place(request.rule), key, watch.elapsed());
    }
    Some(res)
}
