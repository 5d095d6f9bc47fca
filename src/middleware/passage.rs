//! What a cache leaves with a request that it passes on: its handle and the handler's notes for
//! the extractors, and how caches inside one another agree on who tells what became of it.

use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

use actix_web::{HttpMessage as _, HttpRequest, dev::ServiceRequest};

use crate::{engine::handle::CacheHandle, semantics::verdict::Verdict};

/// The passage of one request through one cache.
#[derive(Clone, Debug)]
pub(super) struct Passage(Rc<Through>);

#[derive(Debug)]
struct Through {
    handle: CacheHandle,
    /// The passage through the cache outside.
    outer: Option<Passage>,
    /// What tells the cache's rules of admission and keys from others, and how many caches outside have
    /// other rules.
    rules_id: u64,
    nested: u8,
    /// Whether the cache handles the request, or only lets it pass.
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "the admin scope asks"))]
    cached: bool,
    said: Rc<RefCell<Said>>,
    inside: Cell<Option<Inside>>,
}

/// What a handler said of its own response.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) groups: Vec<String>,
    pub(super) skip: bool,
}

/// What a cache inside this one did with the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    pub(super) verdict: Verdict,
    /// It shares this cache's store and statistics.
    pub(super) is_clone: bool,
}

impl Passage {
    /// The passage through the cache outside, if there is one.
    pub(super) fn outer(req: &ServiceRequest) -> Option<Self> {
        req.extensions().get().cloned()
    }

    /// The innermost passage.
    pub(super) fn of(req: &HttpRequest) -> Option<Self> {
        req.extensions().get().cloned()
    }

    /// Opens the passage through a cache. What the handler says is for the outer ones too.
    pub(super) fn open(
        req: &ServiceRequest,
        handle: CacheHandle,
        rules_id: u64,
        cached: bool,
        outer: Option<&Self>,
    ) -> Self {
        let said = outer.map(|outer| Rc::clone(&outer.0.said)).unwrap_or_default();
        let nested = Self::nested(outer, rules_id);
        let outer = outer.cloned();
        let inside = Cell::new(None);
        let passage =
            Self(Rc::new(Through { handle, outer, rules_id, nested, cached, said, inside }));
        req.extensions_mut().insert(passage.clone());
        passage
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

    #[cfg(feature = "admin")]
    pub(super) fn is_cached(&self) -> bool {
        self.0.cached
    }

    pub(super) fn said(&self) -> Ref<'_, Said> {
        self.0.said.borrow()
    }

    pub(super) fn share_said(&self) -> Rc<RefCell<Said>> {
        Rc::clone(&self.0.said)
    }

    /// What the cache inside this one did, if there is one.
    pub(super) fn inside(&self) -> Option<Inside> {
        self.0.inside.get()
    }

    /// Tells this cache what the one inside it did.
    pub(super) fn tell(&self, inside: Inside) {
        self.0.inside.set(Some(inside));
    }
}
