//! The admin scope: purging, switching and statistics over HTTP, behind a token.

use std::rc::Rc;

use actix_web::{
    HttpResponse,
    dev::{HttpServiceFactory, Service as _, ServiceRequest, ServiceResponse},
    http::header,
    web,
};

use crate::config::cache::ResponseCache;

mod api;
pub(crate) mod token;

use api::Api;
use token::AdminToken;

impl ResponseCache {
    /// A scope by which operators read statistics, purge, and switch the cache off and on.
    ///
    /// | request | body | response |
    /// | --- | --- | --- |
    /// | `GET {path}/stats` | | statistics |
    /// | `POST {path}/purge` | one of `{"url": …}`, `{"path": …}`, `{"prefix": …}`, `{"group": …}`, `{"all": true}` | `{"purged": 3}` |
    /// | `GET {path}/switch` | | `{"on": true}` |
    /// | `POST {path}/switch` | `{"on": false}` | `{"on": false}` |
    ///
    /// A purge with `"soft": true` beside its target makes responses stale instead of removing them: see
    /// [`CacheHandle::soft`](crate::CacheHandle::soft). One with `"counted": false` does not wait
    /// for the count, and is answered with `"purged": null`.
    ///
    /// A purge that Redis has not confirmed is answered with 202 and `"pending": true`: see
    /// [`Purged::pending`](crate::Purged::pending).
    ///
    /// Without the token every response is a 401. A request that cannot be read gets a 400, one that the
    /// store could not carry out a 503, both with `{"error": …}`. Responses are never stored, and this
    /// cache bypasses requests under `path`.
    ///
    /// ```
    /// use actix_response_cache::{AdminToken, ConfigError, ResponseCache};
    /// use actix_web::App;
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// # let secret = "c2VjcmV0LXRva2Vu-of-the-day";
    /// let cache = ResponseCache::memory();
    /// let token = AdminToken::new(secret)?; // or from_env
    /// let app = App::new().service(cache.admin("/_cache", token)).wrap(cache.clone());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A `path` that does not begin with `/` or is a pattern keeps the server from starting, as any
    /// setting that cannot be used does.
    pub fn admin(&self, path: &str, token: AdminToken) -> impl HttpServiceFactory + use<> {
        self.add_admin_path(path);
        let api = Api::new(self.handle());
        let token = Rc::new(token);
        // the router panics at what is no pattern; the server does not start with such a path
        web::scope(&path.replace(['{', '}', '*'], "_"))
            .app_data(web::Data::new(api))
            .app_data(api::json_config())
            .service(web::resource("/stats").route(web::get().to(api::stats)))
            .service(web::resource("/purge").route(web::post().to(api::purge)))
            .service(
                web::resource("/switch")
                    .route(web::get().to(api::is_enabled))
                    .route(web::post().to(api::switch)),
            )
            .default_service(web::to(api::not_found))
            .wrap_fn(move |req, service| {
                let token = Rc::clone(&token);
                let admitted = admit(&token, req).map(|req| service.call(req));
                async move {
                    match admitted {
                        Ok(response) => response.await.map(ServiceResponse::map_into_left_body),
                        Err(refused) => Ok(refused.map_into_right_body()),
                    }
                    .map(never_stored)
                }
            })
    }
}

/// Admits a request that carries the token.
#[allow(clippy::result_large_err)] // the response is not an error that travels
fn admit(token: &AdminToken, req: ServiceRequest) -> Result<ServiceRequest, ServiceResponse> {
    if token.is_shown_by(req.headers()) {
        warn_inside_a_cache(&req);
        return Ok(req);
    }
    let mut refusal = HttpResponse::Unauthorized();
    refusal.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"response cache\""));
    Err(req.into_response(refusal.json(api::error("the admin token is missing or wrong"))))
}

fn never_stored<B>(mut res: ServiceResponse<B>) -> ServiceResponse<B> {
    res.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    res
}

/// The scope's own cache bypasses its path. Inside another scope, or inside another cache, its responses
/// could be cached: the log says so once.
fn warn_inside_a_cache(req: &ServiceRequest) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    if crate::middleware::context::is_in_cached_scope(req) {
        ONCE.call_once(|| {
            tracing::warn!(
                path = req.path(),
                "response cache: the admin scope is inside a cached scope; mount it outside, or \
                 exclude its path"
            );
        });
    }
}
