//! Functions of the application that settings hold.

use std::{fmt, sync::Arc};

use actix_web::HttpRequest;

/// A function that says what a request is, or `None` where it is not to be cached.
#[derive(Clone)]
pub(super) struct RequestFn(Arc<Function>);

type Function = dyn Fn(&HttpRequest) -> Option<String> + Send + Sync;

/// A function that decides whether a request is for the cache.
#[derive(Clone)]
pub(super) struct Predicate(Arc<dyn Fn(&HttpRequest) -> bool + Send + Sync>);

/// A function that says of the body of a request whether the request only reads.
#[derive(Clone)]
pub(super) struct BodyPredicate(Arc<BodyFunction>);

type BodyFunction = dyn Fn(&[u8]) -> bool + Send + Sync;

impl BodyPredicate {
    pub(super) fn new(function: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(super) fn call(&self, body: &[u8]) -> bool {
        (self.0)(body)
    }

    /// What tells it from other functions.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<()>().addr()
    }
}

impl fmt::Debug for BodyPredicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyPredicate")
    }
}

impl RequestFn {
    pub(super) fn new(
        function: impl Fn(&HttpRequest) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(function))
    }

    pub(super) fn call(&self, req: &HttpRequest) -> Option<String> {
        (self.0)(req)
    }

    /// What tells it from other functions.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<()>().addr()
    }
}

impl Predicate {
    pub(super) fn new(function: impl Fn(&HttpRequest) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(super) fn call(&self, req: &HttpRequest) -> bool {
        (self.0)(req)
    }

    /// What tells it from other functions.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<()>().addr()
    }
}

impl fmt::Debug for RequestFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestFn")
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}
