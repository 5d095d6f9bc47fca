//! What handlers take from a request: the cache's handle, and the notes on their own response.

use std::{cell::RefCell, future::Future, pin::Pin, rc::Rc};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, error};
use std::future::{Ready, ready};

use crate::engine::handle::CacheHandle;

impl FromRequest for CacheHandle {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let handle = req.extensions().get::<Self>().cloned();
        ready(handle.ok_or_else(|| {
            tracing::error!("CacheHandle was extracted where no ResponseCache wraps the handler");
            error::ErrorInternalServerError("this handler is not behind a response cache")
        }))
    }
}

/// What a handler says of its own response: an extractor.
///
/// ```
/// use actix_response_cache::Caching;
/// use actix_web::{HttpResponse, Responder, web};
///
/// async fn product(id: web::Path<u64>, caching: Caching) -> impl Responder {
///     caching.group(format!("product:{id}"));
///     if *id == 0 {
///         caching.skip();
///     }
///     HttpResponse::Ok().body("…")
/// }
/// ```
///
/// Where no cache wraps the handler, it says it to nobody.
#[derive(Clone, Debug, Default)]
pub struct Caching(Rc<RefCell<Said>>);

#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) groups: Vec<String>,
    pub(super) skip: bool,
}

impl Caching {
    /// The response can be purged by this group.
    pub fn group(&self, group: impl Into<String>) {
        self.0.borrow_mut().groups.push(group.into());
    }

    /// The response is not stored.
    pub fn skip(&self) {
        self.0.borrow_mut().skip = true;
    }
}

impl FromRequest for Caching {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let notes = req.extensions().get::<Notes>().map(|notes| notes.0.clone());
        ready(Ok(notes.unwrap_or_default()))
    }
}

/// The notes of the request that a cache is asking a handler for. Their presence tells an inner
/// cache that it is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Caching);

impl Notes {
    /// Opens the notes of this request; those of an outer cache are kept.
    pub(super) fn open(req: &actix_web::dev::ServiceRequest) -> Self {
        let mut extensions = req.extensions_mut();
        if let Some(notes) = extensions.get::<Self>() {
            return notes.clone();
        }
        let notes = Self::default();
        extensions.insert(notes.clone());
        notes
    }

    pub(super) fn said(&self) -> std::cell::Ref<'_, Said> {
        self.0.0.borrow()
    }
}

