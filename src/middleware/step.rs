//! The next step of a request that the cache handles: it is looked up, and answered, or it waits for
//! another request's answer, or it goes to the handler. Never waits where the store does not.

use std::{rc::Rc, sync::Arc};

use actix_web::{
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
};
use tokio::sync::oneshot;

use super::{
    answer::{answer, answer_stale, only_stored, served},
    asked::Asked,
    body::CacheBody,
    conditions::take_off,
    follow::Following,
    passage::Passage,
    refresh::Stale,
    validate::Kept,
    worker::{Asking, Worker},
};
use crate::{
    config::{keying::Keyed, plan::Admitted},
    engine::{
        flight::{Lead, Role},
        lookup::Found,
    },
    entry::Entry,
    semantics::{
        fields::RequestView,
        reuse::{Reuse, only_if_cached},
        storing::says_no_store,
        validation::{has_preconditions_for_origin, has_validator},
        verdict::{Forwarding, Reason, StaleCause},
    },
};

/// How often a request waits for other ones: once for its URL, and once more for its variant when
/// that turns out to be another.
const MAX_WAITS: u8 = 2;
/// How often a request that leads looks again because something has been stored meanwhile.
const MAX_LOOKS: u8 = 4;

/// A request on its way through the cache.
#[derive(Debug)]
pub(super) struct Looking {
    pub(super) req: ServiceRequest,
    pub(super) admitted: Admitted,
    pub(super) outer: Option<Passage>,
    /// How often it has waited for another request.
    pub(super) waits: u8,
    /// How often it has waited for another process.
    waits_elsewhere: u8,
    /// It leads a flight.
    pub(super) lead: Option<Lead>,
}

/// The next step of a request.
pub(super) enum Step<B> {
    Answer(ServiceResponse<CacheBody<B>>),
    // boxed, as a hit is moved as often as these are large
    Ask(Box<(ServiceRequest, Asked)>),
    Validate(Box<(ServiceRequest, Asked, Kept)>),
    Refresh(ServiceResponse<CacheBody<B>>, Box<Stale>, oneshot::Receiver<()>),
    Follow(Box<Following>),
}

/// Why a request cannot be answered from the store, and the stored response where it still is of
/// use: to be validated, or served stale.
pub(super) struct Missed {
    pub(super) why: Forwarding,
    pub(super) kept: Option<Kept>,
}

impl Looking {
    pub(super) fn new(req: ServiceRequest, admitted: Admitted, outer: Option<Passage>) -> Self {
        Self { req, admitted, outer, waits: 0, waits_elsewhere: 0, lead: None }
    }

    pub(super) fn view(&self) -> RequestView<'_, header::HeaderMap> {
        RequestView { method: self.req.method(), fields: self.req.headers() }
    }

    pub(super) fn asking(&self) -> Asking<'_> {
        Asking {
            req: self.view(),
            routed: self.req.match_info().as_str(),
            conditional: self.admitted.conditional,
            personal: self.admitted.keyed.personal,
        }
    }

    pub(super) fn has_preconditions(&self) -> bool {
        self.admitted.conditional && has_preconditions_for_origin(self.req.headers())
    }
}

/// Looks the request up and decides.
pub(super) async fn step<B>(worker: Rc<Worker>, mut looking: Looking) -> Step<B> {
    let mut looks = 1;
    loop {
        let watch = worker.engine.counters().sample_hit();
        let published = worker.engine.flights().published(&looking.admitted.keyed.key);
        let found = look(&worker, &looking).await;
        if let Found::Selected(entry, reuse) = &found
            && let Some(served) = served(&worker, looking.req.request(), entry, reuse)
        {
            return answer(&worker, looking, &served, watch, published);
        }
        let missed = Missed::new(found, &looking.req);
        if looking.admitted.directives && only_if_cached(looking.req.headers()) {
            return only_stored(&worker, looking);
        }
        if missed.kept.as_ref().is_some_and(|kept| kept.is_left_alone(&worker)) {
            return answer_stale(&worker, looking, &missed, StaleCause::LeftAlone);
        }
        match enter(&worker, &mut looking, &missed) {
            Role::Follow(follower) => {
                return Step::Follow(Box::new(Following { looking, missed, follower }));
            }
            // what was stored since it looked may be what it wants
            Role::Lead(lead)
                if looks < MAX_LOOKS
                    && worker.engine.flights().published(&looking.admitted.keyed.key)
                        != published =>
            {
                looking.lead = Some(lead);
            }
            Role::Lead(mut lead) => {
                let at_most = worker.plan.filling.coalescing.timeout;
                // a store that has just failed is not asked who leads
                if missed.why == Forwarding::Miss(Reason::StoreFailed)
                    || looking.waits_elsewhere >= MAX_WAITS
                    || worker.engine.leads_all(&mut lead, at_most).await
                {
                    return go(&worker, looking, missed, Some(lead)).await;
                }
                looking.waits_elsewhere += 1;
                looking.lead = Some(lead);
            }
            Role::Alone => return go(&worker, looking, missed, None).await,
        }
        looks += 1;
    }
}

async fn look(worker: &Worker, looking: &Looking) -> Found {
    let Keyed { key, uncovered, .. } = &looking.admitted.keyed;
    let policy = &worker.plan.whole().policy;
    match worker.engine.look_up(key, &looking.view(), *uncovered, policy).await {
        // a precondition is the handler's to judge, whatever is stored: it gets the request as it is
        Found::Selected(_, reuse)
            if looking.has_preconditions() && !matches!(reuse, Reuse::Unusable(_)) =>
        {
            Found::Nothing(Forwarding::Request)
        }
        found => found,
    }
}

/// Whether the request asks the handler for others too, waits for another one, or does neither.
fn enter(worker: &Worker, looking: &mut Looking, missed: &Missed) -> Role {
    if let Some(lead) = looking.lead.take() {
        return Role::Lead(lead);
    }
    if looking.waits >= MAX_WAITS || !may_share(worker, looking, missed) {
        return Role::Alone;
    }
    let req = &looking.req;
    // a part of a response, its headers, or one that must not be stored answer no other request
    let may_lead = *req.method() != Method::HEAD
        && !req.headers().contains_key(header::RANGE)
        && !(looking.admitted.directives
            && says_no_store(req.headers(), &worker.plan.whole().policy));
    let coalescing = worker.plan.filling.coalescing;
    worker.engine.enter(&looking.admitted.keyed.key, req.headers(), may_lead, coalescing)
}

/// Whether another request's answer may do for this one.
fn may_share(worker: &Worker, looking: &Looking, missed: &Missed) -> bool {
    let can_be_stored = match missed.why {
        Forwarding::Bypass(_) | Forwarding::Method | Forwarding::Request => false,
        Forwarding::Miss(_) | Forwarding::UriMiss | Forwarding::VaryMiss | Forwarding::Stale => {
            true
        }
    };
    // a response that such a request may share is the exception: one must have been stored before
    let uncovered = looking.admitted.keyed.uncovered;
    let may_be_shared = missed.kept.is_some() || !uncovered.any();
    // the flight that a clone of this cache leads for the request outside is its own
    let is_first = looking.outer.as_ref().is_none_or(|outer| !worker.shares_keys(outer));
    can_be_stored && may_be_shared && is_first && !looking.has_preconditions()
}

impl Missed {
    /// Whether a stale response may be served instead of one that does not come.
    pub(super) fn may_be_stale(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.if_error)
    }

    fn new(found: Found, req: &ServiceRequest) -> Self {
        match found {
            Found::Selected(entry, reuse) => {
                let why = reason(&reuse);
                Self { why, kept: keep(reuse, entry, *req.method() == Method::HEAD) }
            }
            Found::Nothing(why) => Self { why, kept: None },
        }
    }
}

/// The stored response where it is still of use: to be validated, or served stale.
fn keep(reuse: Reuse, entry: Arc<Entry>, is_head: bool) -> Option<Kept> {
    let (age, if_error) = match reuse {
        Reuse::Validate { age, if_error, .. } => (age, if_error),
        // it would have been served stale, but it cannot be refreshed behind the answer
        Reuse::WhileRevalidate { age } => (age, true),
        _ => return None,
    };
    let validates = has_validator(entry.response()?.fields.as_slice());
    // whether a HEAD's answer agrees with it can always be told
    (validates || if_error || is_head).then_some(Kept { entry, age, if_error })
}

/// Why a stored response that is not served as it is sends the request to the handler.
fn reason(reuse: &Reuse) -> Forwarding {
    match *reuse {
        Reuse::Unusable(why) if why.is_of_credentials() => Forwarding::Bypass(why),
        Reuse::Unusable(why) => Forwarding::Miss(why),
        Reuse::Validate { why: Reason::RequestDirective, .. } => Forwarding::Request,
        _ => Forwarding::Stale,
    }
}

/// The request goes to the handler.
pub(super) async fn go<B>(
    worker: &Rc<Worker>,
    looking: Looking,
    missed: Missed,
    lead: Option<Lead>,
) -> Step<B> {
    // conditions that only the handler can judge come first, and go to it with all others
    let answers = !looking.has_preconditions() && *looking.req.method() == Method::GET;
    let Looking { mut req, admitted, outer, .. } = looking;
    let Missed { why, kept } = missed;
    let Keyed { key, uncovered, personal } = admitted.keyed;
    if *req.method() == Method::HEAD && kept.is_none() {
        let asked = Asked::missing(worker, &req, outer, why).looked_up_by(key);
        return Step::Ask(Box::new((req, asked)));
    }
    // what a HEAD brings up to date is the response to a GET
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let stored = kept.as_ref().map(|kept| kept.entry.as_ref());
    let begun = worker.engine.begin_fill(key.clone(), &view, uncovered, personal, lead, stored);
    let fill = begun.await;
    let mut asked = Asked::filling(worker, &req, outer, why, fill).looked_up_by(key);
    if let Some(kept) = kept {
        return Step::Validate(Box::new((req, asked, kept)));
    }
    asked.answers_conditions = answers && take_off(worker, &mut req);
    Step::Ask(Box::new((req, asked)))
}
