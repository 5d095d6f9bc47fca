//! Requests that have ended, of which refreshes are made.
//!
//! A request holds what routing has left in it, and nothing can take that out again: the data of the scopes
//! and resources that it has passed. A handler of another route could find the data of the wrong scope. So
//! a request that was never routed (the cache has answered it) does for every route, once; and one that was
//! does for its own route only.

use std::cell::RefCell;

use actix_router::Path;
use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::{ServiceRequest, Url},
    http::{
        Method, Version,
        header::{self, HeaderValue},
    },
};

use crate::engine::refresher::{RefreshRequest, Reply};

/// How many requests one worker keeps.
const MAX_TEMPLATES: usize = 32;
/// How often one is run: routing leaves a little more in it each time.
const MAX_RUNS: u16 = 1024;

/// The requests that one worker keeps.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    kept: RefCell<Vec<Template>>,
    /// The hosts of those that are being run.
    running: RefCell<Vec<Option<HeaderValue>>>,
    has_seat: std::cell::Cell<bool>,
}

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Template {
    request: HttpRequest,
    /// The path as it came to the cache.
    unrouted: Path<Url>,
    host: Option<HeaderValue>,
    runs: u16,
    route: Route,
}

/// Which routes a request can be run for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    Any,
    /// Only the one with this pattern; `None` for the default service.
    Only(Option<String>),
}

impl Templates {
    /// Whether the worker takes its seat with this first request.
    pub(super) fn is_first(&self) -> bool {
        !self.has_seat.replace(true)
    }

    pub(super) fn keep(&self, template: Template) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < MAX_TEMPLATES && template.runs < MAX_RUNS {
            kept.push(template);
        }
    }

    /// Takes a kept request that can be run for this one. One of the same route goes before one that can be
    /// run for any route.
    pub(super) fn take(&self, wanted: &RefreshRequest) -> Result<Template, Reply> {
        let mut kept = self.kept.borrow_mut();
        let fitting = || kept.iter().enumerate().filter(|(_, template)| template.fits(wanted));
        let own = fitting().find(|(_, template)| template.route != Route::Any);
        if let Some((at, _)) = own.or_else(|| fitting().next()) {
            let template = kept.swap_remove(at);
            self.running.borrow_mut().push(template.host.clone());
            return Ok(template);
        }
        let host = wanted.headers.get(header::HOST);
        let may_fit = |running: &Option<HeaderValue>| host.is_none() || running.as_ref() == host;
        let is_busy = self.running.borrow().iter().any(may_fit);
        Err(if is_busy { Reply::Busy } else { Reply::NoTemplate })
    }

    /// A refresh with a request of this host has ended, and left it where it can be run again.
    pub(super) fn ended(&self, host: Option<&HeaderValue>, template: Option<Template>) {
        let mut running = self.running.borrow_mut();
        if let Some(at) = running.iter().position(|running| running.as_ref() == host) {
            running.swap_remove(at);
        }
        if let Some(template) = template {
            self.keep(template);
        }
    }
}

impl Template {
    /// A request that has ended, whose path was `unrouted` when it came to the cache. `None` where it can be
    /// run for no other one.
    pub(super) fn new(request: HttpRequest, unrouted: Path<Url>, is_routed: bool) -> Option<Self> {
        let host = request.headers().get(header::HOST).cloned();
        let mut template = Self { request, unrouted, host, runs: 0, route: Route::Any };
        if is_routed {
            template.route = template.routed()?;
        }
        Some(template)
    }

    pub(super) fn host(&self) -> Option<&HeaderValue> {
        self.host.as_ref()
    }

    /// The same after it was run, or only looked up.
    fn run_again(self, is_routed: bool) -> Option<Self> {
        let mut template = Self { runs: self.runs.saturating_add(1), ..self };
        if is_routed {
            template.route = template.routed()?;
        }
        Some(template)
    }

    /// The route that the request has taken. Where none has its path, it is not known which scopes it has
    /// passed, unless it has passed none.
    fn routed(&self) -> Option<Route> {
        let pattern = self.request.resource_map().match_pattern(self.request.path());
        let is_known =
            pattern.is_some() || processed(self.request.match_info()) == processed(&self.unrouted);
        is_known.then_some(Route::Only(pattern))
    }

    fn fits(&self, wanted: &RefreshRequest) -> bool {
        let host = wanted.headers.get(header::HOST);
        if host.is_some() && host != self.host.as_ref() {
            return false;
        }
        let path = Url::new(wanted.uri.clone());
        let passed = self.unrouted.as_str().get(..processed(&self.unrouted));
        if passed.is_none_or(|passed| !path.path().starts_with(passed)) {
            return false;
        }
        match &self.route {
            Route::Any => true,
            Route::Only(pattern) => {
                self.request.resource_map().match_pattern(wanted.uri.path()) == *pattern
            }
        }
    }

    /// The request for another URL, as it would come to the cache, and what makes it a template again.
    pub(super) fn request_for(self, wanted: &RefreshRequest) -> (ServiceRequest, UsedTemplate) {
        let Self { request, mut unrouted, host, runs, route } = self;
        let mut req = ServiceRequest::from_request(request);
        unrouted.get_mut().update(&wanted.uri);
        *req.match_info_mut() = unrouted.clone();
        let head = req.head_mut();
        head.method = Method::GET;
        head.uri = wanted.uri.clone();
        head.version = Version::HTTP_11;
        head.peer_addr = None;
        head.headers = wanted.headers.clone();
        if let Some(host) = host.clone() {
            head.headers.insert(header::HOST, host);
        }
        req.extensions_mut().clear();
        (req, UsedTemplate { unrouted, host, runs, route })
    }
}

/// A template without its request, which is being run.
#[derive(Debug)]
pub(super) struct UsedTemplate {
    unrouted: Path<Url>,
    host: Option<HeaderValue>,
    runs: u16,
    route: Route,
}

impl UsedTemplate {
    /// The template again.
    pub(super) fn with(self, request: HttpRequest, is_routed: bool) -> Option<Template> {
        let Self { unrouted, host, runs, route } = self;
        Template { request, unrouted, host, runs, route }.run_again(is_routed)
    }
}

/// How much of the path routers outside have taken.
fn processed(path: &Path<Url>) -> usize {
    path.as_str().len() - path.unprocessed().len()
}
