//! What one worker keeps for all its requests.

use std::{fmt, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ServiceResponse,
    http::header::{HeaderMap, HeaderValue},
};

use super::{
    body::CacheBody,
    held_routes::HeldRoutes,
    hints::HandlerHints,
    members::Members,
    refresh::template::Templates,
    respond::{self, ClientView, Source},
    seconds::BySeconds,
};
use crate::{
    config::{key_rules::Keyed, paths::RuleNumber, plan::Plan, policies::NamedPolicy},
    engine::{
        Engine, handle::CacheHandle, jitter, lookup::Lookup, stats::WorkerCounters,
        worker_cache::WorkerCache,
    },
    entry::{StoredResponse, Timestamp},
    semantics::{
        fields::RequestView,
        verdict::{Reason, Verdict},
    },
};

/// The place of a rule among the counters.
pub(super) fn place(rule: Option<RuleNumber>) -> Option<usize> {
    rule.map(RuleNumber::place)
}

pub(crate) struct Worker {
    pub(super) plan: Plan,
    pub(super) engine: Arc<Engine>,
    handle: CacheHandle,
    /// `Cache-Status` of hits, by the freshness that remains.
    pub(super) hits: BySeconds,
    /// `Cache-Status` of requests that went to the handler.
    pub(super) members: Members,
    ages: BySeconds,
    dates: BySeconds,
    /// The entries that it uses most.
    pub(super) cache: WorkerCache,
    /// Routes whose requests cannot be changed.
    pub(super) held: HeldRoutes,
    /// Requests that have ended, to run refreshes with.
    pub(super) templates: Templates,
    /// What it counts of its requests.
    pub(super) counters: Rc<WorkerCounters>,
}

impl Worker {
    pub(super) fn new(plan: Plan, engine: Arc<Engine>) -> Self {
        let handle = CacheHandle::new(Arc::clone(&engine));
        let counters = Rc::new(engine.counters().worker_counters(plan.rule_patterns()));
        Self {
            plan,
            engine,
            handle,
            hits: BySeconds::default(),
            members: Members::default(),
            ages: BySeconds::default(),
            dates: BySeconds::default(),
            cache: WorkerCache::default(),
            held: HeldRoutes::default(),
            templates: Templates::default(),
            counters,
        }
    }

    /// Counts what became of a request; every request is counted once.
    pub(super) fn count(&self, rule: Option<RuleNumber>, verdict: &Verdict) {
        self.counters.count(place(rule), verdict);
    }

    /// Keeps a request that was not answered from the store as an example for the reason, if one is wanted.
    pub(super) fn take_example(&self, req: &HttpRequest, verdict: &Verdict) {
        if let Some(reason) = self.engine.examples().wants(verdict) {
            let url = req.uri().path_and_query().map_or("/", |url| url.as_str());
            self.engine.keep_example(reason, req.method().as_str(), url);
        }
    }

    /// The named policy that a handler has chosen. An error where there is none of this name.
    pub(super) fn chosen_policy(
        &self,
        hints: &HandlerHints,
    ) -> Result<Option<&NamedPolicy>, Reason> {
        let Some(name) = &hints.policy else { return Ok(None) };
        self.plan.policy(name).map(Some).ok_or_else(|| {
            self.engine.chose_unknown_policy(name);
            Reason::UnknownPolicy
        })
    }

    /// The handle that handlers extract.
    pub(super) fn handle(&self) -> &CacheHandle {
        &self.handle
    }

    /// Whether both caches admit and key requests by the same rules.
    pub(super) fn has_rules_of(&self, other: &Self) -> bool {
        self.plan.rules_id == other.plan.rules_id
    }

    /// What a request with this key is looked up by.
    pub(super) fn lookup<'a>(
        &'a self,
        keyed: &'a Keyed,
        view: RequestView<'a, HeaderMap>,
    ) -> Lookup<'a> {
        self.plan.lookup(keyed, view)
    }

    /// The stored response as a response to this request.
    pub(super) fn respond<B>(
        &self,
        client: &ClientView<'_>,
        stored: &StoredResponse,
        age: Duration,
    ) -> HttpResponse<CacheBody<B>> {
        self.respond_from(client, &Source::stored(stored, &self.plan.stripped_headers), age)
    }

    /// The same of a response that may be remembered.
    pub(super) fn respond_from<B>(
        &self,
        client: &ClientView<'_>,
        source: &Source<'_>,
        age: Duration,
    ) -> HttpResponse<CacheBody<B>> {
        let age = self.ages.get(age, || Some(age.as_secs().into()));
        let mut res = respond::from_stored(client, source, age);
        if let Some(settings) = self.plan.client(client.rule, source.terms.policy) {
            settings.write(&mut res, source.terms.response_time, client.personal);
        }
        let downstream = self.plan.downstream(client.rule);
        downstream.report(&mut res, client.req.fields, source.may_allow_origin);
        res
    }

    /// The `Date` of a response that came at this time without one (RFC 9110 s.6.6.1). It has to be
    /// stored, or each reuse would be dated anew.
    pub(super) fn date(&self, received: Timestamp) -> Option<HeaderValue> {
        let seconds = Duration::from_secs(received.as_millis().div_euclid(1000).unsigned_abs());
        self.dates.get(seconds, || HeaderValue::try_from(received.to_http_date()).ok())
    }

    /// Whether a response that is fresh for another `left` is to be refreshed already.
    pub(super) fn is_early(&self, stored: &StoredResponse, left: Duration) -> bool {
        let factor = self.plan.handlers().early_refresh;
        factor > 0.0
            && jitter::is_early_refresh_due(left, stored.terms().took, factor, fastrand::f64())
    }

    /// Whether a request of this route can be sent to the handler after its response.
    pub(super) fn may_refresh(&self, req: &HttpRequest) -> bool {
        self.plan.handlers().background_refresh && self.held.allow_refresh(req)
    }

    /// Removes the headers of a response that are for this cache and not for clients.
    pub(super) fn strip<B>(&self, res: &mut ServiceResponse<B>) {
        let stripped = &self.plan.stripped_headers;
        // mostly there are few headers, and none of these
        if res.headers().keys().any(|name| stripped.contains(name)) {
            for name in stripped {
                res.headers_mut().remove(name);
            }
        }
    }

    /// Writes into the response, for caches downstream, what keys depend on.
    pub(super) fn report_downstream<B>(
        &self,
        rule: Option<RuleNumber>,
        res: &mut ServiceResponse<B>,
    ) {
        // of actix's two halves of a response, one is borrowed while the other is changed
        let req = res.request().clone();
        self.plan.downstream(rule).report(res.response_mut(), req.headers(), true);
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("plan", &self.plan).finish_non_exhaustive()
    }
}
