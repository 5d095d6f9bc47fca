//! The proxy without its command line, so that tests can run it too.

use std::time::Duration;

use actix_response_cache::{Compliance, ResponseCache};
use actix_web::web::{self, ServiceConfig};

mod failure;
mod fields;
mod forward;
pub(crate) mod origin;

/// For how long a stale response stands in for an origin that fails, unless that has forbidden it.
const WHILE_THE_ORIGIN_FAILS: Duration = Duration::from_secs(24 * 3600);

/// A cache in which the origin decides: no lifetime but its own or a guess at it, no field of a
/// response left out, and what RFC 9111 allows a shared cache is done.
pub(crate) fn cache(redis: Option<&str>) -> ResponseCache {
    let cache = redis.map_or_else(ResponseCache::memory, ResponseCache::redis);
    cache.compliance(Compliance::strict().query_method(true)).stale_if_error(WHILE_THE_ORIGIN_FAILS)
}

/// Forwards every path and method to the [`Origin`](origin::Origin) in the app's data.
pub(crate) fn configure(app: &mut ServiceConfig) {
    app.default_service(web::to(forward::forward));
}
