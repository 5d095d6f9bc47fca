//! A request is looked up: it has its response, or it waits for another request, or it goes to the
//! handler. Never waits where the store does not.

use std::rc::Rc;

use actix_web::http::{Method, header};

use super::{
    decide::{Asked, Decision, Live, decide},
    forward::{forward, forward_now},
    hit::{respond, respond_only_if_cached},
    serve_stale,
    state::{CacheRequest, Miss, Step, WaitingRequest},
};
use crate::{
    clock::Stopwatch,
    config::plan::Admitted,
    engine::{
        flight::{Leader, Role},
        lookup::Found,
    },
    key::KeyParts,
    middleware::worker::{Worker, place},
    semantics::{
        reuse::only_if_cached,
        storing::says_no_store,
        verdict::{Forwarding, Reason, StaleCause},
    },
};

/// How often a request waits for other ones: once for its URL, and once more for its variant when
/// that turns out to be another.
const MAX_WAITS: u8 = 2;
/// How often a request that leads looks again because something has been stored meanwhile.
const MAX_LOOKS: u8 = 4;

/// Looks the request up and decides.
pub(crate) async fn look_up<B>(worker: Rc<Worker>, mut request: CacheRequest) -> Step<B> {
    request.begun.get_or_insert_with(Stopwatch::start);
    let mut looks = 1;
    let (miss, leader) = loop {
        let watch = worker.counters.sample_hit(place(request.admitted.keyed.rule));
        let (published, found) = if let Some(published) = request.absent_at.take() {
            (published, Found::Nothing(Forwarding::UriMiss))
        } else {
            let key = &request.admitted.keyed.key;
            let published = worker.engine.flights().publication_count(&KeyParts::of(key));
            (published, worker.engine.look_up(&request.lookup(&worker)).await)
        };
        let Admitted { conditional, directives, .. } = request.admitted;
        let asked = Asked { view: request.view(), conditional, directives };
        let live = Live { worker: &worker, req: request.req.request() };
        let miss = match decide(&asked, &found, &live) {
            Decision::Serve(servable) => {
                return respond(&worker, request, &servable, watch, published);
            }
            Decision::OnlyIfCached => return respond_only_if_cached(&worker, request),
            Decision::BackingOff(miss) => {
                return serve_stale::for_request(&worker, request, &miss, StaleCause::BackingOff);
            }
            Decision::Forward(miss) => miss,
        };
        drop(found);
        match join_flight(&worker, &mut request, &miss) {
            Role::Follower(follower) => {
                return Step::Wait(Box::new(WaitingRequest { request, miss, follower }));
            }
            // what was stored since it looked may be what it wants
            Role::Leader(leader)
                if looks < MAX_LOOKS && !worker.engine.flights().is_current(published) =>
            {
                request.leader = Some(leader);
            }
            Role::Leader(mut leader) => {
                if leads_all_processes(&worker, &request, &miss, &mut leader).await {
                    break (miss, Some(leader));
                }
                request.remote_waits += 1;
                request.leader = Some(leader);
            }
            Role::Alone => break (miss, None),
        }
        looks += 1;
    };
    // boxed, or the future of a hit would be as large as this one
    Box::pin(forward(&worker, request, miss, leader)).await
}

/// Decides at once for a request for which a store that answers at once has nothing. An error where the
/// request has to be [looked up](look_up) again.
pub(crate) fn lead_now<B>(
    worker: &Rc<Worker>,
    mut request: CacheRequest,
) -> Result<Step<B>, Box<CacheRequest>> {
    let Some(published) = request.absent_at else { return Err(Box::new(request)) };
    request.begun = Some(Stopwatch::start());
    if request.admitted.directives && only_if_cached(request.req.headers()) {
        return Err(Box::new(request));
    }
    let miss = Miss { why: Forwarding::UriMiss, stale: None };
    match join_flight(worker, &mut request, &miss) {
        Role::Follower(follower) => {
            Ok(Step::Wait(Box::new(WaitingRequest { request, miss, follower })))
        }
        // what was stored since it looked may be what it wants
        Role::Leader(leader) if !worker.engine.flights().is_current(published) => {
            request.leader = Some(leader);
            request.absent_at = None;
            Err(Box::new(request))
        }
        Role::Leader(leader) => forward_now(worker, request, miss, Some(leader)),
        Role::Alone => forward_now(worker, request, miss, None),
    }
}

/// Whether the request leads for all processes; it waits where another process leads.
async fn leads_all_processes(
    worker: &Worker,
    request: &CacheRequest,
    miss: &Miss,
    leader: &mut Leader,
) -> bool {
    let timeout = worker.plan.coalescing().timeout;
    // a store that has just failed is not asked who leads
    miss.why == Forwarding::Miss(Reason::StoreFailed)
        || request.remote_waits >= MAX_WAITS
        || worker.engine.acquire_lease(leader, timeout).await
}

/// Whether the request calls the handler for others too, waits for another one, or does neither.
fn join_flight(worker: &Worker, request: &mut CacheRequest, miss: &Miss) -> Role {
    if let Some(leader) = request.leader.take() {
        return Role::Leader(leader);
    }
    if request.waits >= MAX_WAITS || !may_share(worker, request, miss) {
        return Role::Alone;
    }
    let req = &request.req;
    // a part of a response, its headers, or one that must not be stored answer no other request
    let may_lead = *req.method() != Method::HEAD
        && !req.headers().contains_key(header::RANGE)
        && !(request.admitted.directives
            && says_no_store(req.headers(), &worker.plan.default_rule().policy));
    let coalescing = worker.plan.coalescing();
    worker.engine.join_flight(&request.lookup(worker), may_lead, coalescing)
}

/// Whether another request's response may do for this one.
fn may_share(worker: &Worker, request: &CacheRequest, miss: &Miss) -> bool {
    let can_be_stored = match miss.why {
        Forwarding::Bypass(_) | Forwarding::Method | Forwarding::Request => false,
        Forwarding::Miss(_) | Forwarding::UriMiss | Forwarding::VaryMiss | Forwarding::Stale => {
            true
        }
    };
    // a response that such a request may share is the exception: one must have been stored before
    let uncovered = request.admitted.keyed.uncovered;
    let may_be_shared = miss.stale.is_some() || !uncovered.any();
    // the flight that a clone of this cache leads for the request outside is its own
    let is_first = request.outer.as_ref().is_none_or(|outer| !outer.shares_keys(worker));
    can_be_stored && may_be_shared && is_first && !request.has_preconditions()
}
