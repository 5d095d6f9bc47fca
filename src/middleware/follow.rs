//! A request that waits for the answer which another request has asked the handler for. It is given
//! what was stored, in the form that it asked for; or it goes on, as if it had not waited.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_web::HttpResponse;

use super::{
    answer::stand_in,
    body::CacheBody,
    step::{Looking, Missed, Step, go, step},
    worker::Worker,
};
use crate::{
    config::keying::Keyed,
    engine::flight::{Follower, Landed, Landing},
    semantics::{reuse::Reuse, verdict::Verdict},
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
    let filling = &worker.plan.filling;
    let patience = missed.may_stand_in().then_some(filling.answer_stale_after).flatten();
    let at_most = patience.unwrap_or(Duration::MAX).min(filling.coalesce_timeout);
    match follower.landing(at_most).await {
        Landing::Stored(landed) => match share(worker, &looking, &missed, &landed) {
            Some(res) => Step::Answer(looking.req.into_response(res)),
            None => step(Rc::clone(worker), looking).await,
        },
        Landing::LookAgain => step(Rc::clone(worker), looking).await,
        Landing::Lead(lead) => {
            // it may have been stored by one that went alone
            looking.lead = Some(lead);
            step(Rc::clone(worker), looking).await
        }
        Landing::Late if patience.is_some() => stand_in(worker, looking, &missed),
        Landing::Alone | Landing::Late
            if missed.kept.as_ref().is_some_and(|kept| kept.is_left_alone(worker)) =>
        {
            step(Rc::clone(worker), looking).await
        }
        Landing::Alone | Landing::Late => go(worker, looking, missed, None).await,
    }
}

/// What the other request has had stored as an answer to this one, if it answers this one.
fn share<B>(
    worker: &Worker,
    looking: &Looking,
    missed: &Missed,
    landed: &Arc<Landed>,
) -> Option<HttpResponse<CacheBody<B>>> {
    let Keyed { key, unkeyed, .. } = &looking.admitted.keyed;
    let policy = &worker.plan.whole().policy;
    let reuse = worker.engine.shared(landed, key, &looking.view(), *unkeyed, policy)?;
    let (Reuse::Fresh { age, .. }, Some(stored)) = (reuse, landed.entry.response()) else {
        return None;
    };
    let mut res = worker.answer(&looking.asking(), stored, age);
    let verdict =
        Verdict::Forwarded { why: missed.why, status: None, stored: Ok(()), collapsed: true };
    worker.tell(&mut res, verdict, looking.outer.as_ref(), None, Some(key));
    Some(res)
}
