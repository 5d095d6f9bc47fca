//! Routes whose requests are held by a middleware outside of the cache: actix panics where such a
//! request is changed, so a route is remembered once that has happened.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use actix_web::HttpRequest;

/// How many routes are remembered at most. An application that holds the requests of more routes
/// holds those of all.
const MAX_ROUTES: usize = 256;
/// How long a refresh waits for a request that is held after its response, from try to try.
pub(super) const WAITS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(5),
    Duration::from_millis(50),
    Duration::from_millis(500),
];

/// The routes of one worker whose requests are held by a middleware outside of the cache.
#[derive(Debug, Default)]
pub(super) struct HeldRoutes(RefCell<HashMap<String, Held>>);

/// What is known of a route.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// Requests are held while the handler runs: they cannot be changed before.
    pub(super) during: bool,
    /// How many of [`WAITS`] are not enough after a response.
    pub(super) after: usize,
}

impl HeldRoutes {
    pub(super) fn get(&self, req: &HttpRequest) -> Held {
        let routes = self.0.borrow();
        if routes.is_empty() {
            return Held::default();
        }
        if routes.len() >= MAX_ROUTES {
            return Held { during: true, after: WAITS.len() };
        }
        routes.get(&route(req)).copied().unwrap_or_default()
    }

    pub(super) fn learn(&self, req: &HttpRequest, change: impl FnOnce(&mut Held)) {
        let mut routes = self.0.borrow_mut();
        if routes.len() < MAX_ROUTES {
            change(routes.entry(route(req)).or_default());
        }
    }

    /// Whether a request of this route can be had for a refresh in the background.
    pub(super) fn allow_refresh(&self, req: &HttpRequest) -> bool {
        self.get(req).after < WAITS.len()
    }
}

/// The pattern that matches the request's path; all paths that no pattern matches are one route.
pub(super) fn route(req: &HttpRequest) -> String {
    req.match_pattern().unwrap_or_default()
}
