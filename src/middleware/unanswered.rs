//! Unsafe requests that end without an answer: the client has gone, the handler has panicked or failed.
//! It may have changed what it serves all the same.

use std::rc::Rc;

use actix_web::{Error, dev::ServiceRequest};

use super::{passage::Passage, worker::Worker};
use crate::purge::Purge;

/// An unsafe request that has no answer yet. Dropped without one, it makes what the request may have
/// changed stale: only stale, or any stranger could empty the cache by hanging up.
pub(super) struct Unanswered {
    worker: Rc<Worker>,
    passage: Passage,
    path: String,
    /// The path as the router matches it, which the groups of rules go by.
    routed: String,
    is_answered: bool,
}

impl Unanswered {
    pub(super) fn new(worker: &Rc<Worker>, req: &ServiceRequest, passage: &Passage) -> Self {
        Self {
            worker: Rc::clone(worker),
            passage: passage.clone(),
            path: req.uri().path().to_owned(),
            routed: req.match_info().as_str().to_owned(),
            is_answered: false,
        }
    }

    /// The request has been answered, if only with an `error` of the client's. One of the server's may
    /// come from after the change.
    pub(super) fn answered(mut self, error: Option<&Error>) {
        let is_refusal = |error: &Error| error.as_response_error().status_code().is_client_error();
        self.is_answered = error.is_none_or(is_refusal);
    }

    /// What the request may have changed: its path, and the groups that rules and the handler name.
    fn changes(&self) -> Vec<Purge> {
        let (_, groups) = self.worker.plan.treatment(&self.routed);
        let said = self.passage.said().groups.clone();
        let groups = groups.into_iter().chain(said).map(Purge::group);
        let is_stored = self.worker.engine.stored_paths().may_have(&self.path);
        let path = is_stored.then(|| Purge::requested(&self.path));
        path.into_iter().chain(groups).map(Purge::soft).collect()
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if !self.is_answered {
            self.worker.engine.purge_behind(self.changes());
        }
    }
}
