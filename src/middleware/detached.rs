//! Handlers that run in tasks of their own, so that they go on when nobody waits for them any more:
//! because the client has gone, or because it has been given a stale response in the meantime.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::pin,
    rc::Rc,
    time::Duration,
};

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorServiceUnavailable,
    http::header,
    rt,
};
use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use tokio::{
    sync::oneshot::{self, error::RecvError},
    time::timeout,
};

use super::{
    asked::Asked,
    body::read_to_end,
    question::Question,
    validate::{Answer, Kept, validate},
    worker::Worker,
};

/// How long a handler goes on at most after a stale response was given in its place, where no
/// setting says it.
const LONGEST_RUN: Duration = Duration::from_secs(30);

/// A task's answer; or what it panicked with, to panic with where it is waited for.
type Outcome<B> = Result<Answer<B>, Box<dyn Any + Send>>;

/// Asks the handler, which goes on without its client where the settings say so.
pub(super) async fn ask<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    req: ServiceRequest,
    asked: Asked,
) -> Answer<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let within = worker.plan.filling.finish_fills.filter(|_| asked.fills());
    let asking = {
        let worker = Rc::clone(&worker);
        async move { asked.finish(&worker, service.call(req).await) }
    };
    match within {
        Some(within) => joined(&worker, run(&worker, within, asking).await),
        None => asking.await,
    }
}

/// Asks the handler for a response that is stored and stale. Where it takes longer than the client
/// is to wait, the client has the stale response, and the handler goes on.
pub(super) async fn ask_stale<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    req: ServiceRequest,
    asked: Asked,
    kept: Kept,
) -> Answer<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let filling = &worker.plan.filling;
    let patience = filling.answer_stale_after.filter(|_| may_be_late(&req, &kept));
    let within = filling.finish_fills.filter(|_| asked.fills());
    let Some(within) = within.or(patience.map(|_| LONGEST_RUN)) else {
        return validate(service, worker, req, asked, kept).await;
    };
    let question = patience.map(|patience| (patience, Question::new(&req, &asked, &kept)));
    let answered = asked.answered_otherwise();
    let task = run(&worker, within, validate(service, Rc::clone(&worker), req, asked, kept));
    let Some((patience, question)) = question else { return joined(&worker, task.await) };
    if let Ok(outcome) = timeout(patience, task).await {
        return joined(&worker, outcome);
    }
    answered.set(true);
    Err(question.stale_answer(&worker, patience))
}

/// Whether a stale response may be given in place of a handler that has the request's only handle:
/// as an error that carries a response, to which CORS middleware outside adds nothing.
pub(super) fn may_be_late(req: &ServiceRequest, kept: &Kept) -> bool {
    kept.if_error && !req.headers().contains_key(header::ORIGIN)
}

/// Runs a handler in a task of its own. When nobody waits for its answer any more, it goes on for
/// `within`, and its body is read to the end in as long again: only then it is stored.
fn run<B: MessageBody + 'static>(
    worker: &Rc<Worker>,
    within: Duration,
    asking: impl Future<Output = Answer<B>> + 'static,
) -> oneshot::Receiver<Outcome<B>> {
    let (mut sender, receiver) = oneshot::channel();
    let (worker, running) = (Rc::clone(worker), worker.engine.pending().enter());
    rt::spawn(async move {
        let _running = running;
        let mut asking = pin!(AssertUnwindSafe(asking).catch_unwind());
        let attended = match select(asking.as_mut(), pin!(sender.closed())).await {
            Either::Left((outcome, _)) => Some(outcome),
            Either::Right(_) => None,
        };
        let mut unheard = None;
        if let Some(outcome) = attended {
            let Err(outcome) = sender.send(outcome) else { return };
            unheard = Some(outcome);
        }
        let Ok(_room) = worker.engine.unattended().try_acquire() else { return };
        let outcome = match unheard {
            Some(outcome) => outcome,
            None => match timeout(within, asking).await {
                Ok(outcome) => outcome,
                Err(_) => return tracing::debug!("a handler that nobody waited for took too long"),
            },
        };
        finish(&worker, within, outcome).await;
    });
    receiver
}

/// Nobody has waited for this.
async fn finish<B: MessageBody>(worker: &Worker, within: Duration, outcome: Outcome<B>) {
    match outcome {
        Ok(Ok(res)) => drop(timeout(within, read_to_end(Box::pin(res.into_body()))).await),
        Ok(Err(_)) => {}
        Err(_) => {
            worker.engine.counters().error();
            tracing::error!("a handler panicked that nobody was waiting for");
        }
    }
}

/// The answer of a task that has been waited for, with a body that is read to its end without its
/// client where the settings say so.
fn joined<B: MessageBody + 'static>(
    worker: &Worker,
    outcome: Result<Outcome<B>, RecvError>,
) -> Answer<B> {
    let res = match outcome {
        Ok(Ok(answer)) => answer?,
        Ok(Err(panic)) => resume_unwind(panic),
        // the runtime is ending
        Err(_) => return Err(ErrorServiceUnavailable("the server is shutting down")),
    };
    let Some(within) = worker.plan.filling.finish_fills else { return Ok(res) };
    Ok(res.map_body(|_, body| body.finishing(within, &worker.engine)))
}
