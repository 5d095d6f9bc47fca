//! What one worker keeps for all its requests.

use std::sync::Arc;

use actix_web::{HttpResponse, dev::ServiceRequest, http::header::HeaderValue};

use super::extract::Notes;
use crate::{
    config::plan::Plan,
    engine::{Engine, handle::CacheHandle},
    semantics::{
        cache_status,
        names::{CACHE_STATUS, X_CACHE},
        verdict::Verdict,
    },
};

/// The name of this cache in `Cache-Status`.
const NAME: &str = "actix-response-cache";

#[derive(Debug)]
pub(crate) struct Worker {
    pub(super) plan: Plan,
    pub(super) engine: Arc<Engine>,
    handle: CacheHandle,
}

impl Worker {
    pub(super) fn new(plan: Plan, engine: Arc<Engine>) -> Self {
        let handle = CacheHandle::new(Arc::clone(&engine), plan.query());
        Self { plan, engine, handle }
    }

    /// Gives the handler its handle.
    pub(super) fn lend_handle(&self, req: &ServiceRequest) {
        use actix_web::HttpMessage as _;
        req.extensions_mut().insert(self.handle.clone());
    }

    /// Tells of the verdict: counts it, leaves it in the extensions of the response, and, in the
    /// outermost cache, in its fields.
    pub(super) fn tell<B>(&self, res: &mut HttpResponse<B>, verdict: Verdict, nested: bool) {
        self.engine.counters().verdict(&verdict);
        self.show(res, verdict, nested);
    }

    /// As [`tell`](Self::tell), of a verdict that another cache has counted.
    pub(super) fn show<B>(&self, res: &mut HttpResponse<B>, verdict: Verdict, nested: bool) {
        res.extensions_mut().insert(verdict);
        if nested {
            return;
        }
        if self.plan.cache_status {
            let member = cache_status::member(&verdict, NAME, None, true);
            res.headers_mut().append(CACHE_STATUS, member);
        }
        if self.plan.x_cache {
            res.headers_mut().insert(X_CACHE, HeaderValue::from_static(verdict.word()));
        }
    }
}

/// Whether the request is already inside a cache of this crate.
pub(super) fn is_nested(req: &ServiceRequest) -> bool {
    use actix_web::HttpMessage as _;
    req.extensions().contains::<Notes>()
}
