//! What a cache leaves with a request that it passes on: its handle and the handler's hints for
//! the extractors, and how caches inside one another agree on which of them reports a request.

use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

use actix_web::{HttpMessage as _, HttpRequest, dev::ServiceRequest};

use crate::{engine::handle::CacheHandle, semantics::verdict::Verdict};

/// The context of one request in one cache.
#[derive(Clone, Debug)]
pub(super) struct RequestContext(Rc<ContextInner>);

#[derive(Debug)]
struct ContextInner {
    handle: CacheHandle,
    /// The context of the cache outside.
    outer: Option<RequestContext>,
    /// Identifies the cache's rules of admission and keys; and how many caches outside have
    /// other rules.
    rules_id: u64,
    nested: u8,
    /// Whether the cache handles the request, or only lets it pass.
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "the admin scope asks"))]
    cached: bool,
    hints: Rc<RefCell<HandlerHints>>,
    inner: Cell<Option<InnerOutcome>>,
}

/// What a handler said of its own response.
#[derive(Clone, Debug, Default)]
pub(super) struct HandlerHints {
    pub(super) groups: Vec<String>,
    pub(super) no_store: bool,
}

/// What a cache inside this one did with the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct InnerOutcome {
    pub(super) verdict: Verdict,
    /// It shares this cache's store and statistics.
    pub(super) is_clone: bool,
}

impl RequestContext {
    /// The context of the cache outside, if there is one.
    pub(super) fn outer(req: &ServiceRequest) -> Option<Self> {
        req.extensions().get().cloned()
    }

    /// The context of the innermost cache.
    pub(super) fn of(req: &HttpRequest) -> Option<Self> {
        req.extensions().get().cloned()
    }

    /// Leaves a context with the request. The handler's hints are for the outer caches too.
    pub(super) fn open(
        req: &ServiceRequest,
        handle: CacheHandle,
        rules_id: u64,
        cached: bool,
        outer: Option<&Self>,
    ) -> Self {
        let hints = outer.map(|outer| Rc::clone(&outer.0.hints)).unwrap_or_default();
        let nested = Self::nested(outer, rules_id);
        let outer = outer.cloned();
        let inner = Cell::new(None);
        let context =
            Self(Rc::new(ContextInner { handle, outer, rules_id, nested, cached, hints, inner }));
        req.extensions_mut().insert(context.clone());
        context
    }

    /// How many caches outside of one with these rules admit or key requests by other rules. Each of
    /// them has keys of its own, as they may share a store: what an inner one keeps out, or keys more
    /// finely, an outer one must not find.
    pub(super) fn nested(outer: Option<&Self>, rules_id: u64) -> u8 {
        match outer {
            None => 0,
            Some(outer) if outer.0.rules_id == rules_id => outer.0.nested,
            Some(outer) => outer.0.nested.saturating_add(1),
        }
    }

    /// Whether a clone outside looks for the same keys as a cache inside it with this handle and these
    /// rules.
    pub(super) fn shares_keys(&self, handle: &CacheHandle, rules_id: u64) -> bool {
        let is_same = self.0.rules_id == rules_id && self.0.handle.is_clone_of(handle);
        is_same || self.0.outer.as_ref().is_some_and(|outer| outer.shares_keys(handle, rules_id))
    }

    pub(super) fn handle(&self) -> &CacheHandle {
        &self.0.handle
    }

    pub(super) fn hints(&self) -> Ref<'_, HandlerHints> {
        self.0.hints.borrow()
    }

    pub(super) fn share_hints(&self) -> Rc<RefCell<HandlerHints>> {
        Rc::clone(&self.0.hints)
    }

    /// What the cache inside this one did, if there is one.
    pub(super) fn inner(&self) -> Option<InnerOutcome> {
        self.0.inner.get()
    }

    /// The cache inside reports to this one what it did.
    pub(super) fn report_inner(&self, outcome: InnerOutcome) {
        self.0.inner.set(Some(outcome));
    }
}

/// Whether a cache outside handles the request, and stores its response.
#[cfg(feature = "admin")]
pub(crate) fn is_in_cached_scope(req: &ServiceRequest) -> bool {
    RequestContext::outer(req).is_some_and(|context| context.0.cached)
}
