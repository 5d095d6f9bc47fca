//! The data that travels with a request: what it is, what was found for it, and its next step.

use std::{sync::Arc, time::Duration};

use actix_router::Path;
use actix_web::{
    HttpRequest,
    dev::{ServiceRequest, ServiceResponse, Url},
    http::{Method, header::HeaderMap},
};
use tokio::sync::oneshot;

use super::handler_call::HandlerCall;
use crate::{
    clock::Stopwatch,
    config::{key_rules::Keyed, paths::RuleNumber, plan::Admitted},
    engine::{
        background_refresh::RunningRefresh,
        flight::{Follower, Leader, PublicationCount},
        lookup::Lookup,
    },
    entry::Entry,
    key::CacheKey,
    middleware::{
        body::CacheBody,
        context::RequestContext,
        report::{Report, VerdictHolder},
        respond::ClientView,
        worker::Worker,
    },
    semantics::{
        fields::RequestView, storing::UncoveredCredentials,
        validation::has_preconditions_for_origin, verdict::Forwarding,
    },
};

/// A request on its way through the cache.
#[derive(Debug)]
pub(crate) struct CacheRequest {
    pub(crate) req: ServiceRequest,
    pub(super) admitted: Admitted,
    /// The context of the cache outside, if there is one.
    pub(super) outer: Option<RequestContext>,
    /// How many responses had been published before the store was found to have nothing for it.
    pub(super) absent_at: Option<PublicationCount>,
    /// Runs since it was found not to be a fresh hit of this process's memory.
    pub(super) begun: Option<Stopwatch>,
    /// How often it has waited for another request of this process.
    pub(super) waits: u8,
    /// How often it has waited for another process.
    pub(super) remote_waits: u8,
    /// Set while it leads a flight.
    pub(super) leader: Option<Leader>,
}

impl CacheRequest {
    pub(crate) fn new(
        req: ServiceRequest,
        admitted: Admitted,
        outer: Option<RequestContext>,
    ) -> Self {
        Self {
            req,
            admitted,
            outer,
            absent_at: None,
            begun: None,
            waits: 0,
            remote_waits: 0,
            leader: None,
        }
    }

    /// The store had nothing for it when this many responses had been published, if that is known.
    pub(crate) fn absent_at(self, published: Option<PublicationCount>) -> Self {
        Self { absent_at: published, ..self }
    }

    pub(super) fn view(&self) -> RequestView<'_, HeaderMap> {
        RequestView { method: self.req.method(), fields: self.req.headers() }
    }

    pub(super) fn lookup<'a>(&'a self, worker: &'a Worker) -> Lookup<'a> {
        worker.lookup(&self.admitted.keyed, self.view())
    }

    pub(super) fn facts(&self) -> RequestFacts<'_> {
        RequestFacts::new(&self.req, &self.admitted, self.outer.as_ref())
    }

    pub(super) fn client_view(&self) -> ClientView<'_> {
        self.facts().client_view()
    }

    pub(super) fn report(&self) -> Report<'_> {
        let begun = self.begun;
        Report { begun, ..self.facts().report(&self.admitted.keyed.key) }
    }

    pub(super) fn has_preconditions(&self) -> bool {
        self.facts().has_preconditions()
    }
}

/// A request, as far as the response from the store depends on it.
#[derive(Clone, Copy)]
pub(crate) struct RequestFacts<'a> {
    pub(super) req: &'a ServiceRequest,
    outer: Option<&'a RequestContext>,
    conditional: bool,
    pub(super) uncovered: UncoveredCredentials,
    personal: bool,
    pub(super) rule: Option<RuleNumber>,
    /// Runs since before the look-up where this hit is timed.
    pub(super) watch: Option<Stopwatch>,
}

impl<'a> RequestFacts<'a> {
    pub(super) fn new(
        req: &'a ServiceRequest,
        admitted: &Admitted,
        outer: Option<&'a RequestContext>,
    ) -> Self {
        let Admitted { ref keyed, conditional, .. } = *admitted;
        let Keyed { uncovered, personal, rule, .. } = *keyed;
        Self { req, outer, conditional, uncovered, personal, rule, watch: None }
    }

    /// Those of a request that carries no credential, outside of which there is no cache.
    pub(super) fn plain(
        req: &'a ServiceRequest,
        conditional: bool,
        rule: Option<RuleNumber>,
    ) -> Self {
        let uncovered = UncoveredCredentials::default();
        Self { req, outer: None, conditional, uncovered, personal: false, rule, watch: None }
    }

    /// The same, timed by this watch.
    pub(super) fn timed(self, watch: Option<Stopwatch>) -> Self {
        Self { watch, ..self }
    }

    pub(super) fn view(&self) -> RequestView<'a, HeaderMap> {
        RequestView { method: self.req.method(), fields: self.req.headers() }
    }

    pub(super) fn client_view(&self) -> ClientView<'a> {
        ClientView {
            req: self.view(),
            rule: self.rule,
            conditional: self.conditional,
            personal: self.personal,
        }
    }

    /// Where the verdict is reported on the request, which was looked up by `key`.
    pub(super) fn report(&self, key: &'a CacheKey) -> Report<'a> {
        let verdict_holder = Some(VerdictHolder::Request(self.req.request()));
        Report {
            outer: self.outer,
            inner: None,
            verdict_holder,
            key: Some(key),
            rule: self.rule,
            saved: Duration::ZERO,
            begun: None,
            span: None,
        }
    }

    pub(super) fn has_preconditions(&self) -> bool {
        self.conditional && has_preconditions_for_origin(self.req.headers())
    }
}

/// Why a request cannot be served from the store, and the stored response where it still is of
/// use: to be validated, or served stale.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(super) why: Forwarding,
    pub(super) stale: Option<StaleEntry>,
}

/// A stored response that may not be served as it is.
#[derive(Debug)]
pub(crate) struct StaleEntry {
    pub(super) entry: Arc<Entry>,
    pub(super) age: Duration,
    /// Whether it may be served in place of a handler that fails (RFC 5861 s.4).
    pub(super) if_error: bool,
}

/// The client's request as it came: the one that the handler gets has the cache's own conditions.
#[derive(Debug)]
pub(super) struct OriginalRequest {
    method: Method,
    fields: HeaderMap,
    /// The path, and how far it was matched.
    pub(super) unrouted: Path<Url>,
    personal: bool,
    rule: Option<RuleNumber>,
}

impl OriginalRequest {
    pub(super) fn new(req: &ServiceRequest, call: &HandlerCall) -> Self {
        Self {
            method: req.method().clone(),
            fields: req.headers().clone(),
            unrouted: req.match_info().clone(),
            personal: call.is_personal(),
            rule: call.rule,
        }
    }

    pub(super) fn client_view(&self) -> ClientView<'_> {
        ClientView {
            req: RequestView { method: &self.method, fields: &self.fields },
            rule: self.rule,
            conditional: true,
            personal: self.personal,
        }
    }
}

/// A request that waits for the response to another one.
#[derive(Debug)]
pub(crate) struct WaitingRequest {
    pub(super) request: CacheRequest,
    pub(super) miss: Miss,
    pub(super) follower: Follower,
}

/// What a refresh in the background needs of the request that found the response stale.
#[derive(Debug)]
pub(crate) struct BackgroundRefresh {
    pub(super) request: HttpRequest,
    pub(super) keyed: Keyed,
    pub(super) stale: StaleEntry,
    pub(super) refresh: RunningRefresh,
    /// How many responses had been published before it was looked up.
    pub(super) published: PublicationCount,
    /// Closed when the response to the client is gone.
    pub(super) response_gone: oneshot::Receiver<()>,
}

/// The next step of a request.
pub(crate) enum Step<B> {
    /// It has its response.
    Respond(ServiceResponse<CacheBody<B>>),
    /// It has its response, and the stored one is refreshed in the background.
    // boxed, as a hit is moved as often as these are large
    RespondAndRefresh(ServiceResponse<CacheBody<B>>, Box<BackgroundRefresh>),
    /// It goes to the handler.
    Forward(ServiceRequest, Box<HandlerCall>),
    /// It goes to the handler, which says whether the stored response still is good.
    Revalidate(Box<(ServiceRequest, HandlerCall, StaleEntry)>),
    /// It waits for another request.
    Wait(Box<WaitingRequest>),
}
