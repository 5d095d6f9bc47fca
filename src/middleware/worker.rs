//! What one worker keeps for all its requests.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{
    body::CacheBody,
    conditions::HeldRoutes,
    passage::{Inside, Passage},
    respond,
    seconds::BySeconds,
};
use crate::{
    config::plan::Plan,
    engine::{Engine, chance, handle::CacheHandle},
    entry::StoredResponse,
    key::CacheKey,
    semantics::{
        cache_status,
        fields::RequestView,
        verdict::{Reason, Verdict},
    },
};

/// The name of this cache in `Cache-Status`.
const NAME: &str = "actix-response-cache";
static CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
static X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// A request, as far as the form of its answer depends on it.
pub(super) struct Asking<'a> {
    pub(super) req: RequestView<'a, HeaderMap>,
    /// Its path as the router matches it.
    pub(super) routed: &'a str,
    /// Whether it may carry conditions or ranges.
    pub(super) conditional: bool,
    /// Whether no cache behind this one may share the answer.
    pub(super) personal: bool,
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(super) plan: Plan,
    pub(super) engine: Arc<Engine>,
    handle: CacheHandle,
    hits: BySeconds,
    ages: BySeconds,
    /// Routes whose requests cannot be changed.
    pub(super) held: HeldRoutes,
}

impl Worker {
    pub(super) fn new(plan: Plan, engine: Arc<Engine>) -> Self {
        let handle = CacheHandle::new(Arc::clone(&engine));
        let (hits, ages, held) =
            (BySeconds::default(), BySeconds::default(), HeldRoutes::default());
        Self { plan, engine, handle, hits, ages, held }
    }

    /// Opens the passage of a request that goes to the handler.
    pub(super) fn open(
        &self,
        req: &ServiceRequest,
        cached: bool,
        outer: Option<&Passage>,
    ) -> Passage {
        Passage::open(req, self.handle.clone(), self.plan.rules_id, cached, outer)
    }

    /// How many caches outside have other rules.
    pub(super) fn nested(&self, outer: Option<&Passage>) -> u8 {
        Passage::nested(outer, self.plan.rules_id)
    }

    /// Whether a clone outside looks for the same keys.
    pub(super) fn shares_keys(&self, outer: &Passage) -> bool {
        outer.shares_keys(&self.handle, self.plan.rules_id)
    }

    /// Tells what became of a request. Among clones, the outermost counts it; among all caches of
    /// this crate, the outermost writes it into the response. If the request has come to a cache
    /// inside, what is told is what that one did.
    pub(super) fn tell<B>(
        &self,
        res: &mut HttpResponse<B>,
        verdict: Verdict,
        outer: Option<&Passage>,
        inside: Option<Inside>,
        key: Option<&CacheKey>,
    ) {
        let verdict = self.without_empty_promise(verdict);
        let told = inside.map_or(verdict, |inside| inside.verdict);
        let is_clone = outer.is_some_and(|outer| self.is_clone_of(outer));
        if !is_clone {
            let by_clone = inside.is_some_and(|inside| inside.is_clone);
            self.engine.counters().verdict(if by_clone { &told } else { &verdict });
        }
        match outer {
            Some(outer) => outer.tell(Inside { verdict: told, is_clone }),
            None => self.write(res, told, key),
        }
    }

    /// The verdict, without saying of a response that it is stored while the store takes none.
    fn without_empty_promise(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Forwarded { why, status, stored: Ok(()), collapsed: false }
                if !self.engine.expects_to_store() =>
            {
                let stored = Err(Reason::StoreFailed);
                Verdict::Forwarded { why, status, stored, collapsed: false }
            }
            verdict => verdict,
        }
    }

    /// The stored response as an answer to this request.
    pub(super) fn answer<B>(
        &self,
        asking: &Asking<'_>,
        stored: &StoredResponse,
        age: Duration,
    ) -> HttpResponse<CacheBody<B>> {
        let age = self.ages.get(age, || Some(age.as_secs().into()));
        let Asking { ref req, routed, conditional, personal } = *asking;
        let mut res = respond::from_stored(req, stored, age, conditional, &self.plan.stripped);
        if let Some(client) = self.plan.client(routed) {
            client.tell(&mut res, stored.terms.response_time, personal);
        }
        self.plan.downstream.report(&mut res, req.fields);
        res
    }

    /// Whether a response that is fresh for another `left` is to be refreshed already.
    pub(super) fn is_early(&self, stored: &StoredResponse, left: Duration) -> bool {
        let factor = self.plan.filling.refresh_early;
        factor > 0.0 && chance::is_due(left, stored.terms.took, factor, fastrand::f64())
    }

    /// Whether a request of this route can be sent to the handler behind its answer.
    pub(super) fn may_refresh(&self, req: &HttpRequest) -> bool {
        self.plan.filling.background_refresh && self.held.allow_refresh(req)
    }

    /// Whether the passage is one through a clone of this cache.
    pub(super) fn is_clone_of(&self, passage: &Passage) -> bool {
        passage.handle().is_clone_of(&self.handle)
    }

    /// Strips what a response says to this cache and to nobody else.
    pub(super) fn strip<B>(&self, res: &mut ServiceResponse<B>) {
        for name in &self.plan.stripped {
            res.headers_mut().remove(name);
        }
    }

    /// Tells of a request whose handler failed without a response.
    pub(super) fn failed(&self, outer: Option<&Passage>, verdict: Verdict) {
        if !outer.is_some_and(|outer| self.is_clone_of(outer)) {
            self.engine.counters().verdict(&verdict);
        }
    }

    fn write<B>(&self, res: &mut HttpResponse<B>, verdict: Verdict, key: Option<&CacheKey>) {
        if self.plan.cache_status {
            let key = key.filter(|_| self.plan.status_key).map(CacheKey::url);
            let member = || cache_status::member(&verdict, NAME, key.as_deref(), true);
            let member = match verdict {
                Verdict::Hit { left } if key.is_none() => self.hits.get(left, member),
                _ => member(),
            };
            if let Some(member) = member {
                res.headers_mut().append(CACHE_STATUS.clone(), member);
            }
        }
        if self.plan.x_cache {
            res.headers_mut().insert(X_CACHE.clone(), HeaderValue::from_static(verdict.word()));
        }
    }
}
