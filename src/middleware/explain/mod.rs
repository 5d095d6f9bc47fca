//! What becomes of a request, explained without serving it: the functions that admit, look up and decide
//! are the same. The request is made of what was asked; it comes to no handler.

mod admission;
mod candidates;
mod stored;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;

use self::{admission::Admission, candidates::Trial};
use super::{
    report::NAME,
    request::{
        decide::{Asked, Decision, Situation, decide},
        state::Miss,
    },
};
use crate::{
    config::{error::ConfigError, plan::Plan},
    engine::{
        Engine,
        explanation::{Explain, ExplainError, Explanation, Inquiry},
        lookup::Found,
    },
    entry::StoredResponse,
    key::CacheKey,
    semantics::{
        cache_status,
        verdict::{Reason, Verdict, VerdictKind},
    },
};

/// What the verdict on a request with credentials outside of its key depends on.
const UNLESS_SHARED: &str = "the request has a credential that is not part of the key: it bypasses the \
                             cache unless the response says that it may be shared (public, s-maxage)";

/// Lets the engine know a clone with these settings that serves requests.
pub(super) fn register(
    engine: &Arc<Engine>,
    settings: usize,
    plan: impl FnOnce() -> Result<Plan, ConfigError>,
) {
    let weak = Arc::downgrade(engine);
    engine.explainers().add(settings, move || -> Result<Arc<dyn Explain>, ConfigError> {
        Ok(Arc::new(Explainer { plan: plan()?, engine: weak }))
    });
}

/// Explains what a clone of the cache does.
struct Explainer {
    plan: Plan,
    engine: Weak<Engine>,
}

impl Explain for Explainer {
    fn explain<'a>(
        &'a self,
        inquiry: &'a Inquiry,
    ) -> BoxFuture<'a, Result<Explanation, ExplainError>> {
        Box::pin(async move {
            let engine = self.engine.upgrade().ok_or(ExplainError::NotServing)?;
            let read = inquiry.read()?;
            let admission = Admission::of(&self.plan, &engine, &read)?;
            let mut explanation = admission.explanation(&self.plan, inquiry);
            let dry = Dry { plan: &self.plan, engine: &engine };
            let verdict = match admission.admitted {
                Ok(_) => dry.decide(&admission, &mut explanation).await,
                Err(refusal) => Verdict::bypassed(refusal.why),
            };
            write_verdict(&mut explanation, verdict);
            explanation.notes.extend(version(&engine).into_iter().chain(hooks(&engine)));
            if !engine.store().is_immediate() && explanation.key.is_some() {
                let note = "what is stored was looked up in the store: other processes may have \
                            changed it since";
                explanation.notes.push(note.to_owned());
            }
            Ok(explanation)
        })
    }
}

/// The application's version, where only its own responses are found.
fn version(engine: &Engine) -> Option<String> {
    let version = engine.version().filter(|version| !version.is_empty())?;
    Some(format!("only responses that version `{version}` has stored are found"))
}

/// The purge hooks, and how many purges wait for each.
fn hooks(engine: &Engine) -> impl Iterator<Item = String> {
    let hooks = engine.purge_hooks().stats().into_iter();
    hooks.map(|hook| format!("purges are told to `{}`: {} wait for it", hook.hook, hook.pending))
}

/// The situation of a request that is not served.
struct Dry<'a> {
    plan: &'a Plan,
    engine: &'a Engine,
}

impl Situation for Dry<'_> {
    fn may_refresh(&self) -> bool {
        self.plan.handlers().background_refresh
    }

    fn is_early(&self, _: &StoredResponse, _: Duration) -> bool {
        false
    }

    fn is_failing(&self, key: &CacheKey) -> bool {
        self.engine.failing_handlers().contains(key)
    }
}

impl Dry<'_> {
    /// The verdict on a request that is for the cache; what is stored for it is explained.
    async fn decide(&self, admission: &Admission, explanation: &mut Explanation) -> Verdict {
        let Ok(admitted) = &admission.admitted else { return Verdict::bypassed(Reason::NoKey) };
        let lookup = self.plan.lookup(&admitted.keyed, admission.view());
        let tier = self.engine.tier(&lookup);
        let found = self.engine.look_up(&lookup).await;
        // by the look-up it is known whether the URL has variants
        let facts = self.engine.key_facts(&lookup, tier);
        if let Found::Selected(entry, _) = &found {
            explanation.stored =
                stored::view(self.plan, self.engine, entry, &facts, admission.view().fields);
        }
        if facts.is_hit_for_miss {
            explanation.notes.push(
                "the last response could not be shared: for a few seconds requests for this key do \
                 not wait for one another"
                    .to_owned(),
            );
        }
        explanation.running = facts.running;
        let trial = Trial { plan: self.plan, engine: self.engine, admission };
        explanation.to_be_stored = trial.candidates(&found);
        if !self.engine.is_enabled() {
            return Verdict::bypassed(Reason::Disabled);
        }
        let (conditional, directives) = (admitted.conditional, admitted.directives);
        let asked = Asked { view: admission.view(), conditional, directives };
        let decision = decide(&asked, &found, self);
        if let Decision::Serve(servable) = &decision
            && servable.refreshes
        {
            let note = "it would be refreshed in the background";
            explanation.notes.push(note.to_owned());
        }
        if self.plan.handlers().early_refresh > 0.0 && matches!(decision, Decision::Serve(_)) {
            let note = "by chance it may be refreshed in the background before it is stale";
            explanation.notes.push(note.to_owned());
        }
        let expected = trial.expected(&found);
        if let Decision::Forward(miss) = &decision
            && let Some(verdict) = self.overloaded(miss, explanation)
        {
            return verdict;
        }
        if let (Decision::Forward(_), Err(why)) = (&decision, expected)
            && why.is_of_credentials()
        {
            explanation.notes.push(UNLESS_SHARED.to_owned());
        }
        decision.verdict(expected)
    }
}

impl Dry<'_> {
    /// What becomes of a request that needs its handler while as many run as may.
    fn overloaded(&self, miss: &Miss, explanation: &mut Explanation) -> Option<Verdict> {
        let max = self.plan.handlers().max_handlers?;
        let running = self.engine.running_handlers().len();
        explanation.notes.push(format!("{running} of at most {max} handlers run (max_handlers)"));
        (running >= max && explanation.running.is_none()).then(|| miss.without_handler())
    }
}

fn write_verdict(explanation: &mut Explanation, verdict: Verdict) {
    explanation.kind = VerdictKind::of(&verdict);
    match verdict {
        Verdict::Forwarded { why, .. } => explanation.reason = why.reason(),
        Verdict::Refused(why) => explanation.reason = Some(why),
        Verdict::StaleFallback { cause, .. } => explanation.stale_cause = Some(cause.as_str()),
        Verdict::Hit { .. } | Verdict::Stale { .. } => {}
    }
    let status = cache_status::member(&verdict, NAME, None, true);
    let status = status.as_ref().and_then(|status| status.to_str().ok());
    explanation.cache_status = status.map(str::to_owned);
}
