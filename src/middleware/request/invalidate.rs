//! Unsafe requests: what they have changed is purged (RFC 9111 s.4.4, RFC 9875 s.3).

use std::rc::Rc;

use actix_web::{
    Error,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
};

use crate::{
    engine::stored_paths::StoredPaths,
    middleware::{context::RequestContext, worker::Worker},
    purge::Purge,
    semantics::{
        fields::ResponseView,
        invalidation::{Invalidation, RequestUrl, invalidated as invalidated_by},
    },
};

/// An unsafe request that has no response yet. Dropped without one, it makes what the request may have
/// changed stale: only stale, or any stranger could empty the cache by hanging up.
pub(crate) struct PendingChange {
    worker: Rc<Worker>,
    context: RequestContext,
    path: String,
    /// The path as the router matches it, which the groups of rules go by.
    routed: String,
    has_response: bool,
}

impl PendingChange {
    pub(crate) fn new(worker: &Rc<Worker>, req: &ServiceRequest, context: &RequestContext) -> Self {
        Self {
            worker: Rc::clone(worker),
            context: context.clone(),
            path: req.uri().path().to_owned(),
            routed: req.match_info().as_str().to_owned(),
            has_response: false,
        }
    }

    /// The handler has responded, if only with an `error` of the client's. One of the server's may come
    /// from after the change.
    pub(crate) fn responded(mut self, error: Option<&Error>) {
        let is_refusal = |error: &Error| error.as_response_error().status_code().is_client_error();
        self.has_response = error.is_none_or(is_refusal);
    }

    /// What the request may have changed: its path, and the groups that rules and the handler name.
    fn changes(&self) -> Vec<Purge> {
        let plan = &self.worker.plan;
        let groups = plan.groups(plan.rule_of(&self.routed), None, &self.routed);
        let hinted = self.context.hints().groups.clone();
        let groups = groups.into_iter().chain(hinted).map(Purge::group);
        let is_stored = self.worker.engine.stored_paths().contains(&self.path);
        let path = is_stored.then(|| Purge::requested(&self.path));
        path.into_iter().chain(groups).map(Purge::soft).collect()
    }
}

impl Drop for PendingChange {
    fn drop(&mut self) {
        if !self.has_response {
            self.worker.engine.purge_in_background(self.changes());
        }
    }
}

/// What an unsafe request with the response `res` has changed, of what is `stored`.
pub(crate) fn invalidated<B>(
    method: &Method,
    res: &ServiceResponse<B>,
    stored: &StoredPaths,
) -> Vec<Purge> {
    let req = res.request();
    let seen = req.connection_info();
    let url = RequestUrl {
        target: req.uri().path(),
        host: Some(seen.host()),
        secure: seen.scheme() == "https",
    };
    let view = ResponseView { status: res.status(), fields: res.headers() };
    let invalidation = invalidated_by(method, &url, &view);
    let Some(Invalidation { target, locations, groups, .. }) = invalidation else {
        return Vec::new();
    };
    // the whole path: a change of `/products/7` is one of `/products/7?currency=EUR` too
    let target = target.then(|| req.uri().path());
    let locations = locations.iter().map(|location| location.split('?').next().unwrap_or_default());
    let paths = target.into_iter().chain(locations).filter(|path| stored.contains(path));
    paths.map(Purge::requested).chain(groups.into_iter().map(Purge::group)).collect()
}
