//! The admin scope: purging, switching and statistics over HTTP, behind a token.

use actix_web::{
    dev::HttpServiceFactory,
    middleware::from_fn,
    web::{self, Data},
};

use crate::config::cache::ResponseCache;

mod api;
mod audit;
mod authorization;
mod inquiry;
mod operator;
mod page;
mod purge;
mod purge_request;
mod records;
mod refresh;
mod refusal;
mod routes;
mod seen_urls;
mod session;
mod sign_in;
mod submitted;
mod throttle;
pub(crate) mod token;
mod typed_inquiry;
mod warnings;

use operator::Admin;
use token::AdminTokens;

impl ResponseCache {
    /// A scope by which operators see what the cache does, purge, and switch it off and on: by a page in
    /// a browser at `{path}/`, and by requests with `Authorization: Bearer …`.
    ///
    /// | request | body | response |
    /// | --- | --- | --- |
    /// | `GET {path}/` | | the page |
    /// | `GET {path}/stats` | | [statistics](crate::Stats) |
    /// | `GET {path}/timeline` | | the [last hour](crate::TimelineStep) in steps |
    /// | `GET {path}/top` | | the [keys asked for most](crate::CacheHandle::top_keys) |
    /// | `POST {path}/explain` | `{"url": "http://host/…", "method": "GET", "headers": {…}}` | what [would become](crate::CacheHandle::explain) of a request; text with `Accept: text/plain` |
    /// | `GET {path}/examples` | | a [recent request for each reason](crate::CacheHandle::examples) |
    /// | `GET {path}/entries?path=/products&limit=20&after=…` | | [stored responses](crate::CacheHandle::entries) |
    /// | `GET {path}/flights` | | [handler calls](crate::CacheHandle::flights) that run now |
    /// | `GET {path}/metrics` | | the statistics as text for Prometheus |
    /// | `GET {path}/audit` | | what operators did, the newest first |
    /// | `GET {path}/fleet` | | the [processes](crate::CacheHandle::processes) that share the prefix in Redis |
    /// | `POST {path}/purge` | one of `{"url": …}`, `{"path": …}`, `{"prefix": …}`, `{"group": …}`, `{"all": true}` | `{"purged": 3}` |
    /// | `POST {path}/purge/preview` | as for a purge | `{"entries": 3}`: how many it would take; `null` where that is not known |
    /// | `POST {path}/refresh` | `{"urls": ["//host/…"], "headers": {…}, "at_most": 4}` | what [became of each](crate::RefreshReport), when all have ended |
    /// | `GET {path}/switch` | | `{"on": true}` |
    /// | `POST {path}/switch` | `{"on": false}` | `{"on": false}` |
    /// | `GET {path}/openapi.json` | | all of this for programs |
    ///
    /// A purge with `"soft": true` beside its target makes responses stale instead of removing them: see
    /// [`CacheHandle::soft`](crate::CacheHandle::soft). One with `"counted": false` does not wait
    /// for the count, and is answered with `"purged": null`. One with `"at_most": 3` takes place only if the
    /// preview says that it takes no more than that now; it is a 409 otherwise, and where that is not known.
    ///
    /// A purge that Redis has not confirmed is answered with 202 and `"pending": true`: see
    /// [`Purged::pending`](crate::Purged::pending).
    ///
    /// Without a token every response is a 401, but for the form that takes one. A wrong token is
    /// answered later each time. A read-only token gets a 403 for what changes anything, and URLs without
    /// their queries; a request that
    /// cannot be read a 400, one that the store could not carry out a 503, all with
    /// `{"error": …, "reason": …}` where the reason is one word. Responses are never stored, and this
    /// cache bypasses requests under `path`.
    ///
    /// Statistics, the switch and the timeline are those of this process. What operators did is kept
    /// with the token and its clones: make it outside of the closure that makes the app.
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
    pub fn admin<T: Into<AdminTokens>>(
        &self,
        path: &str,
        tokens: T,
    ) -> impl HttpServiceFactory + use<T> {
        self.add_admin_path(path);
        let admin = Data::new(Admin::new(self, tokens.into()));
        // the router panics at what is no pattern; the server does not start with such a path
        let mut scope = web::scope(&path.replace(['{', '}', '*'], "_"))
            .app_data(Data::clone(&admin))
            .app_data(submitted::payload_config());
        for route in routes::ROUTES {
            scope = scope.route(route.path, (route.handler)());
        }
        scope
            .default_service(web::to(api::not_found))
            .wrap(from_fn(move |req, next| authorization::pass(Data::clone(&admin), req, next)))
    }
}
