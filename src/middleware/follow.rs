//! A request that waits for the response which another request has asked the handler for. It gets that
//! response, in the form that it asked for; or it goes on, as if it had not waited.

use std::{rc::Rc, sync::Arc};

use actix_web::HttpResponse;

use super::{
    answer::answer_stale,
    body::CacheBody,
    step::{Looking, Missed, Step, go, step},
    worker::Worker,
};
use crate::{
    config::keying::Keyed,
    engine::flight::{Follower, Outcome, Published},
    semantics::{
        reuse::Reuse,
        verdict::{StaleCause, Verdict},
    },
};

/// A request that waits.
pub(super) struct Following {
    pub(super) looking: Looking,
    pub(super) missed: Missed,
    pub(super) follower: Follower,
}

/// Waits, and takes the next step.
pub(super) async fn follow<B>(worker: &Rc<Worker>, following: Following) -> Step<B> {
    let Following { mut looking, missed, follower } = following;
    looking.waits += 1;
    let key = follower.key().clone();
    let soft_timeout = worker.plan.filling.answer_stale_after;
    let patience = missed.may_be_stale().then_some(soft_timeout).flatten();
    match follower.outcome(patience).await {
        Outcome::Shared(published) => match share(worker, &looking, &missed, &published) {
            Some(res) => Step::Answer(looking.req.into_response(res)),
            None => step(Rc::clone(worker), looking).await,
        },
        Outcome::LookAgain => step(Rc::clone(worker), looking).await,
        Outcome::Lead(lead) => {
            // it may have been stored by a request that went alone
            looking.lead = Some(lead);
            step(Rc::clone(worker), looking).await
        }
        Outcome::TimedOut => answer_stale(worker, looking, &missed, StaleCause::Slow),
        Outcome::LongStream => {
            worker.engine.is_long_stream(&key);
            go(worker, looking, missed, None).await
        }
        Outcome::Alone if missed.kept.as_ref().is_some_and(|kept| kept.is_left_alone(worker)) => {
            step(Rc::clone(worker), looking).await
        }
        Outcome::Alone => go(worker, looking, missed, None).await,
    }
}

/// The response that the other request has got as an answer to this one, if it answers this one.
fn share<B>(
    worker: &Worker,
    looking: &Looking,
    missed: &Missed,
    published: &Arc<Published>,
) -> Option<HttpResponse<CacheBody<B>>> {
    let Keyed { key, uncovered, .. } = &looking.admitted.keyed;
    let policy = &worker.plan.whole().policy;
    let reuse = worker.engine.shared(published, key, &looking.view(), *uncovered, policy)?;
    let (Reuse::Fresh { age, .. }, Some(stored)) = (reuse, published.entry.response()) else {
        return None;
    };
    let mut res = worker.answer(&looking.asking(), stored, age);
    let (why, stored) = (missed.why, published.stored);
    let verdict = Verdict::Forwarded { why, status: None, stored, collapsed: true };
    worker.tell(&mut res, verdict, looking.outer.as_ref(), None, Some(key));
    Some(res)
}
