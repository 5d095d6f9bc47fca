//! The decision on a request that was looked up: the stored response is served, or the handler is called.
//! Nothing is done or counted here: `explain` decides by the same function without serving anything.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    http::{Method, header::HeaderMap},
};

use super::state::{Miss, StaleEntry};
use crate::{
    engine::lookup::Found,
    entry::{Entry, StoredResponse},
    key::CacheKey,
    middleware::worker::Worker,
    semantics::{
        fields::RequestView,
        reuse::{Reuse, only_if_cached},
        validation::{has_preconditions_for_origin, has_validator},
        verdict::{Forwarding, Reason, StaleCause, Stored, Verdict},
    },
};

/// A request, as far as the decision depends on it.
pub(crate) struct Asked<'a> {
    pub(crate) view: RequestView<'a, HeaderMap>,
    /// Whether it has conditions.
    pub(crate) conditional: bool,
    /// Whether it has directives.
    pub(crate) directives: bool,
}

/// What the decision depends on beside the request and what is stored.
pub(crate) trait Situation {
    /// Whether the stored response can be refreshed in the background.
    fn may_refresh(&self) -> bool;
    /// Whether a fresh response is to be refreshed already, which is a matter of chance.
    fn is_early(&self, stored: &StoredResponse, left: Duration) -> bool;
    /// Whether the handler for this key has failed a short while ago.
    fn is_failing(&self, key: &CacheKey) -> bool;
}

/// The situation of a request that is being served.
pub(super) struct Live<'a> {
    pub(super) worker: &'a Worker,
    pub(super) req: &'a HttpRequest,
}

impl Situation for Live<'_> {
    fn may_refresh(&self) -> bool {
        self.worker.may_refresh(self.req)
    }

    fn is_early(&self, stored: &StoredResponse, left: Duration) -> bool {
        self.worker.is_early(stored, left)
    }

    fn is_failing(&self, key: &CacheKey) -> bool {
        self.worker.engine.failing_handlers().contains(key)
    }
}

/// What becomes of a request.
pub(crate) enum Decision<'f> {
    /// The stored response is served as it is.
    Serve(Servable<'f>),
    /// It wants nothing but a stored response, and there is none.
    OnlyIfCached,
    /// The stale response is served, as the handler failed a short while ago.
    BackingOff(Miss),
    /// It goes to the handler, or waits for another request that does.
    Forward(Miss),
}

impl Decision<'_> {
    /// The verdict on the request, where the handler's response is `stored` if it goes there.
    pub(crate) fn verdict(&self, stored: Stored) -> Verdict {
        match self {
            Self::Serve(servable) => servable.verdict,
            Self::OnlyIfCached => Verdict::Refused(Reason::OnlyIfCached),
            Self::BackingOff(miss) => {
                Verdict::StaleFallback { past: miss.past(), cause: StaleCause::BackingOff }
            }
            Self::Forward(miss) => Verdict::filled(miss.why, stored),
        }
    }
}

/// A stored response that is served as it is.
pub(crate) struct Servable<'f> {
    pub(super) entry: &'f Arc<Entry>,
    pub(super) stored: &'f StoredResponse,
    pub(super) age: Duration,
    pub(super) verdict: Verdict,
    /// Whether it is to be refreshed in the background.
    pub(crate) refreshes: bool,
}

/// Decides what becomes of a request for which this was found.
pub(crate) fn decide<'f>(
    asked: &Asked<'_>,
    found: &'f Found,
    situation: &impl Situation,
) -> Decision<'f> {
    let miss = match found {
        // only the handler can evaluate a precondition, whatever is stored: it gets the request unchanged
        Found::Selected(_, reuse)
            if asked.has_preconditions() && !matches!(reuse, Reuse::Unusable(_)) =>
        {
            Miss { why: Forwarding::Request, stale: None }
        }
        Found::Selected(entry, reuse) => {
            if let Some(servable) = servable(asked, situation, entry, reuse) {
                return Decision::Serve(servable);
            }
            let is_head = *asked.view.method == Method::HEAD;
            Miss { why: reason(reuse), stale: stale_entry(reuse, entry, is_head) }
        }
        Found::Nothing(why) => Miss { why: *why, stale: None },
    };
    if asked.directives && only_if_cached(asked.view.fields) {
        return Decision::OnlyIfCached;
    }
    if is_backing_off(situation, &miss) {
        return Decision::BackingOff(miss);
    }
    Decision::Forward(miss)
}

/// Whether a stale response is served to the request without a handler call, as the handler failed a
/// short while ago.
pub(super) fn is_backing_off(situation: &impl Situation, miss: &Miss) -> bool {
    let stale = miss.stale.as_ref().filter(|stale| stale.if_error);
    stale.is_some_and(|stale| situation.is_failing(&stale.entry.key))
}

impl Asked<'_> {
    /// Whether the request can be sent to the handler once more: a body is read once.
    fn is_repeatable(&self) -> bool {
        matches!(*self.view.method, Method::GET | Method::HEAD)
    }

    fn has_preconditions(&self) -> bool {
        self.conditional && has_preconditions_for_origin(self.view.fields)
    }
}

impl Miss {
    /// The verdict where the handler is not called, as too many run.
    pub(crate) fn without_handler(&self) -> Verdict {
        if self.stale.as_ref().is_some_and(|stale| stale.if_error) {
            Verdict::StaleFallback { past: self.past(), cause: StaleCause::Overloaded }
        } else {
            Verdict::Refused(Reason::Overloaded)
        }
    }

    /// For how long the stored response has been stale.
    fn past(&self) -> Duration {
        let stale = self.stale.as_ref().and_then(|stale| {
            let lifetime = stale.entry.response()?.terms().lifetime;
            Some(stale.age.saturating_sub(lifetime))
        });
        stale.unwrap_or_default()
    }
}

/// The stored response where it is served as it is. Where it cannot be refreshed in the background,
/// a stale one is not: it would get ever older.
fn servable<'f>(
    asked: &Asked<'_>,
    situation: &impl Situation,
    entry: &'f Arc<Entry>,
    reuse: &Reuse,
) -> Option<Servable<'f>> {
    let stored = entry.response()?;
    let (age, verdict, refreshes) = match *reuse {
        Reuse::Fresh { age, left } => {
            (age, Verdict::Hit { left }, situation.is_early(stored, left))
        }
        Reuse::MaxStale { age } => (age, stale(stored, age), false),
        Reuse::WhileRevalidate { age } if asked.is_repeatable() && situation.may_refresh() => {
            (age, stale(stored, age), true)
        }
        _ => return None,
    };
    Some(Servable { entry, stored, age, verdict, refreshes })
}

fn stale(stored: &StoredResponse, age: Duration) -> Verdict {
    Verdict::Stale { past: age.saturating_sub(stored.terms().lifetime) }
}

/// The stored response where it still is of use: to be validated, or served stale.
fn stale_entry(reuse: &Reuse, entry: &Arc<Entry>, is_head: bool) -> Option<StaleEntry> {
    let (age, if_error) = match *reuse {
        Reuse::Validate { age, if_error, .. } => (age, if_error),
        // it would have been served stale, but it cannot be refreshed in the background
        Reuse::WhileRevalidate { age } => (age, true),
        _ => return None,
    };
    let validates = has_validator(&entry.response()?.handler_fields());
    // whether the response to a HEAD agrees with it is always known
    let is_of_use = validates || if_error || is_head;
    is_of_use.then(|| StaleEntry { entry: Arc::clone(entry), age, if_error })
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
