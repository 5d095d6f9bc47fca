//! The middleware that tutorials show: a map behind a mutex, keyed by the URL, that stores every
//! successful body for a fixed time. It keeps no headers, never forgets, knows neither `Vary` nor
//! credentials, and lets a crowd through on a miss.

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    error::ErrorInternalServerError,
    middleware::{Next, from_fn},
    web::Bytes,
};

use crate::page::respond;

const TTL: Duration = Duration::from_hours(24);

/// The map that all workers share.
pub type Cache = Arc<Mutex<HashMap<String, (Bytes, Instant)>>>;

/// The middleware with its map captured.
pub fn middleware<S, B>(
    cache: Cache,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let cache = Rc::new(cache);
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let cache = Rc::clone(&cache);
        async move { answer(&cache, request, next).await }
    })
}

async fn answer<B: MessageBody + 'static>(
    cache: &Cache,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let key = request.uri().to_string();
    if let Some(body) = look_up(cache, &key) {
        return Ok(request.into_response(respond(body)));
    }
    let (request, response) = next.call(request).await?.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| ErrorInternalServerError("body"))?;
    if head.status().is_success()
        && let Ok(mut map) = cache.lock()
    {
        map.insert(key, (body.clone(), Instant::now()));
    }
    Ok(ServiceResponse::new(request, head.set_body(body).map_into_boxed_body()))
}

fn look_up(cache: &Cache, key: &str) -> Option<Bytes> {
    let map = cache.lock().ok()?;
    let (body, stored) = map.get(key)?;
    (stored.elapsed() < TTL).then(|| body.clone())
}
