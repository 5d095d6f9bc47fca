//! What tests of an application need: assertions on what the cache did, and a store that fails when told to.
//! The clock that tests move is [`Clock::manual`](crate::Clock::manual).

use actix_web::http::header::HeaderMap;

#[cfg(feature = "memory")]
mod faulty;

#[cfg(feature = "memory")]
pub use self::faulty::FaultyStore;

/// What this crate's cache said of a response in `Cache-Status`, such as `hit; ttl=59`; `None` where it said
/// nothing.
pub fn cache_status(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all("cache-status").filter_map(|line| line.to_str().ok());
    let own = lines.filter_map(|line| line.strip_prefix("actix-response-cache; "));
    own.last().map(str::to_owned)
}

/// Asserts that a response came from the cache: fresh, stale, or as a 304 or a part of what is stored. It
/// takes what has `headers()`, such as a `ServiceResponse`.
///
/// ```
/// use actix_response_cache::{ResponseCache, assert_hit, assert_miss};
/// use actix_web::{App, test, web};
///
/// # #[actix_web::main]
/// # async fn main() {
/// let app = App::new().route("/", web::get().to(async || "hello")).wrap(ResponseCache::memory());
/// let app = test::init_service(app).await;
/// let first = test::call_service(&app, test::TestRequest::get().to_request()).await;
/// assert_miss!(first);
/// let second = test::call_service(&app, test::TestRequest::get().to_request()).await;
/// assert_hit!(second);
/// # }
/// ```
#[macro_export]
macro_rules! assert_hit {
    ($response:expr) => {{
        let status = $crate::testing::cache_status($response.headers());
        assert!(
            status.as_deref().is_some_and(|status| status.starts_with("hit")),
            "not from the cache: {}",
            status.as_deref().unwrap_or("no cache has seen the request"),
        );
    }};
}

/// Asserts that a response came from the handler. See [`assert_hit!`].
#[macro_export]
macro_rules! assert_miss {
    ($response:expr) => {{
        let status = $crate::testing::cache_status($response.headers());
        assert!(
            status.as_deref().is_some_and(|status| status.starts_with("fwd")),
            "not from the handler: {}",
            status.as_deref().unwrap_or("no cache has seen the request"),
        );
    }};
}
