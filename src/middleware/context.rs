//! What a cache leaves with a request: its handle and the handler's hints for the extractors, its
//! verdict for logs, and how caches inside one another agree on which of them reports a request.

use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

use actix_web::{HttpMessage as _, HttpRequest, dev::ServiceRequest};

use super::{hints::HandlerHints, worker::Worker};
use crate::{engine::handle::CacheHandle, semantics::verdict::Verdict};

/// The context of one request in one cache: there is one where the request went to the handler.
#[derive(Clone, Debug)]
pub(super) struct RequestContext(Rc<ContextInner>);

#[derive(Debug)]
struct ContextInner {
    worker: Rc<Worker>,
    /// The context of the cache outside.
    outer: Option<RequestContext>,
    /// How many caches outside have other rules.
    nested: u8,
    /// Whether many requests have this context: it keeps nothing of any of them.
    is_shared: bool,
    /// Whether the cache handles the request, or only lets it pass.
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "the admin scope asks"))]
    cached: bool,
    hints: Rc<RefCell<HandlerHints>>,
    inner: Cell<Option<InnerOutcome>>,
    verdict: Cell<Option<Verdict>>,
    /// Whether its handler is counted among those that run.
    counts: Cell<bool>,
}

/// The hints of a handler whose request bypasses the cache with a shared context.
struct BypassHints(Rc<RefCell<HandlerHints>>);

/// The own context of a request whose outer cache has given it a shared one.
struct OwnContext(RequestContext);

/// What a cache inside this one did with the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct InnerOutcome {
    pub(super) verdict: Verdict,
    /// It shares this cache's store and statistics.
    pub(super) is_clone: bool,
}

/// The verdict on a request that did not go to the handler, as the request's extensions have it.
struct ServedVerdict {
    worker: Rc<Worker>,
    verdict: Verdict,
}

impl RequestContext {
    /// The context of the cache outside, if there is one. A cache inside reports to it, so that it is the
    /// request's own.
    pub(super) fn outer(req: &ServiceRequest) -> Option<Self> {
        let context: Self = req.extensions().get().cloned()?;
        if !context.0.is_shared {
            return Some(context);
        }
        let own = Self::new(&context.0.worker, false, None, false);
        req.extensions_mut().insert(OwnContext(own.clone()));
        Some(own)
    }

    /// The context of all requests that bypass the cache and pass none outside of it, so that they pay
    /// for none of their own.
    pub(super) fn shared(worker: &Rc<Worker>) -> Self {
        Self::new(worker, false, None, true)
    }

    /// Leaves a shared context with the request.
    pub(super) fn leave(&self, req: &ServiceRequest) {
        req.extensions_mut().insert(self.clone());
    }

    /// What a cache inside did with a request that has a shared context.
    pub(super) fn inner_of(req: &HttpRequest) -> Option<InnerOutcome> {
        req.extensions().get::<OwnContext>()?.0.inner()
    }

    /// The context of the innermost cache.
    pub(super) fn of(req: &HttpRequest) -> Option<Self> {
        req.extensions().get().cloned()
    }

    /// Leaves a context with the request. The handler's hints are for the outer caches too.
    pub(super) fn open(
        worker: &Rc<Worker>,
        req: &ServiceRequest,
        cached: bool,
        outer: Option<&Self>,
    ) -> Self {
        let context = Self::new(worker, cached, outer, false);
        req.extensions_mut().insert(context.clone());
        context
    }

    fn new(worker: &Rc<Worker>, cached: bool, outer: Option<&Self>, is_shared: bool) -> Self {
        Self(Rc::new(ContextInner {
            worker: Rc::clone(worker),
            outer: outer.cloned(),
            nested: Self::nested(outer, worker),
            is_shared,
            cached,
            hints: outer.map(|outer| Rc::clone(&outer.0.hints)).unwrap_or_default(),
            inner: Cell::new(None),
            verdict: Cell::new(None),
            counts: Cell::new(false),
        }))
    }

    /// How many caches outside of this one admit or key requests by other rules. Each of them has
    /// keys of its own, as they may share a store: what an inner one keeps out, or keys more finely,
    /// an outer one must not find.
    pub(super) fn nested(outer: Option<&Self>, worker: &Worker) -> u8 {
        match outer {
            None => 0,
            Some(outer) if outer.0.worker.has_rules_of(worker) => outer.0.nested,
            Some(outer) => outer.0.nested.saturating_add(1),
        }
    }

    /// Whether a clone outside looks for the same keys as this cache inside it.
    pub(super) fn shares_keys(&self, worker: &Worker) -> bool {
        let is_same = self.0.worker.has_rules_of(worker) && self.is_of_clone(worker);
        is_same || self.0.outer.as_ref().is_some_and(|outer| outer.shares_keys(worker))
    }

    /// Whether the context is one of a clone of this cache.
    pub(super) fn is_of_clone(&self, worker: &Worker) -> bool {
        self.0.worker.handle().is_clone_of(worker.handle())
    }

    /// The handler of the request is counted among those that run.
    pub(super) fn set_counts(&self) {
        self.0.counts.set(true);
    }

    /// Whether a clone of this cache outside has counted the handler of the request.
    pub(super) fn is_counted_by_clone(&self, worker: &Worker) -> bool {
        let is_counted = self.0.counts.get() && self.is_of_clone(worker);
        is_counted || self.0.outer.as_ref().is_some_and(|outer| outer.is_counted_by_clone(worker))
    }

    pub(super) fn handle(&self) -> &CacheHandle {
        self.0.worker.handle()
    }

    pub(super) fn hints(&self) -> Ref<'_, HandlerHints> {
        self.0.hints.borrow()
    }

    pub(super) fn share_hints(&self) -> Rc<RefCell<HandlerHints>> {
        Rc::clone(&self.0.hints)
    }

    /// The hints of the handler of this request, if a cache is around it. Those of a request with a shared
    /// context are its own.
    pub(super) fn hints_of(req: &HttpRequest) -> Option<Rc<RefCell<HandlerHints>>> {
        let context = Self::of(req)?;
        if !context.0.is_shared {
            return Some(context.share_hints());
        }
        let mut extensions = req.extensions_mut();
        if let Some(BypassHints(hints)) = extensions.get() {
            return Some(Rc::clone(hints));
        }
        let hints = Rc::<RefCell<HandlerHints>>::default();
        extensions.insert(BypassHints(Rc::clone(&hints)));
        Some(hints)
    }

    /// Whether the handler of a request with a shared context has said that its response is private.
    pub(super) fn is_private(req: &HttpRequest) -> bool {
        let extensions = req.extensions();
        extensions.get::<BypassHints>().is_some_and(|BypassHints(hints)| hints.borrow().private)
    }

    /// What the cache inside this one did, if there is one.
    pub(super) fn inner(&self) -> Option<InnerOutcome> {
        self.0.inner.get()
    }

    /// The cache inside reports to this one what it did.
    pub(super) fn report_inner(&self, outcome: InnerOutcome) {
        self.0.inner.set(Some(outcome));
    }

    /// Leaves the verdict for logs.
    pub(super) fn leave_verdict(&self, verdict: Verdict) {
        self.0.verdict.set(Some(verdict));
    }

    /// The verdict of the outermost cache that has one.
    fn verdict(&self) -> Option<(Rc<Worker>, Verdict)> {
        let outer = self.0.outer.as_ref().and_then(Self::verdict);
        outer.or_else(|| Some((Rc::clone(&self.0.worker), self.0.verdict.get()?)))
    }
}

/// Leaves the verdict for logs with a request that did not go to the handler.
pub(super) fn leave_verdict(worker: &Rc<Worker>, req: &HttpRequest, verdict: Verdict) {
    req.extensions_mut().insert(ServedVerdict { worker: Rc::clone(worker), verdict });
}

/// The verdict of the outermost cache that has one, and that cache.
pub(super) fn verdict(req: &HttpRequest) -> Option<(Rc<Worker>, Verdict)> {
    let extensions = req.extensions();
    let context = extensions.get::<RequestContext>();
    // where a cache outside has a context and no verdict yet, one inside may have served the request
    context.and_then(RequestContext::verdict).or_else(|| {
        let served = extensions.get::<ServedVerdict>()?;
        Some((Rc::clone(&served.worker), served.verdict))
    })
}

/// Whether a cache outside handles the request, and stores its response.
#[cfg(feature = "admin")]
pub(crate) fn is_in_cached_scope(req: &ServiceRequest) -> bool {
    RequestContext::outer(req).is_some_and(|context| context.0.cached)
}
