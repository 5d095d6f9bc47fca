//! Runs refreshes on a worker.

use std::{
    panic::AssertUnwindSafe,
    rc::{Rc, Weak},
    time::Duration,
};

use actix_service::Service;
use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    rt,
};
use futures_util::FutureExt as _;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::template::{Template, UsedTemplate};
use crate::{
    config::{key_rules::Keyed, paths::Refusal, plan::Admitted},
    engine::{
        flight::{Leader, Outcome, Role},
        refresher::{Job, RefreshOutcome, RefreshRequest, Reply, Seat},
        running_handlers::HandlerPermit,
        stats::RefreshResult,
        store_watch::StoreWatch,
    },
    middleware::{
        body::read_to_end,
        request::{
            conditions::reclaim,
            handler_call::{CallPurpose, HandlerCall},
            normalise::normalise,
            permit::permit,
        },
        worker::Worker,
    },
    semantics::{
        fields::RequestView,
        verdict::{Forwarding, Reason},
    },
};

/// How long one refresh runs at most.
const MAX_RUN: Duration = Duration::from_secs(30);

/// Runs what comes to the worker's seat, as long as the worker lives.
pub(super) async fn serve<S, B>(service: Weak<S>, worker: Weak<Worker>, mut seat: Seat)
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    while let Some(job) = seat.recv().await {
        let (Some(service), Some(worker)) = (service.upgrade(), worker.upgrade()) else { return };
        match worker.templates.take(&job.request) {
            Ok(template) => drop(rt::spawn(run(service, worker, template, job))),
            // it may have been dropped
            Err(reply) => drop(job.reply.send(reply)),
        }
    }
}

/// Runs one refresh. A panic costs this one only.
async fn run<S, B>(service: Rc<S>, worker: Rc<Worker>, template: Template, job: Job)
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let _running = worker.engine.background_tasks().track();
    let host = template.host().cloned();
    let refreshed = timeout(MAX_RUN, refresh(&service, &worker, template, &job.request));
    let (outcome, template) = match AssertUnwindSafe(refreshed).catch_unwind().await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => (RefreshOutcome::Failed(format!("it took longer than {MAX_RUN:?}")), None),
        Err(_) => (RefreshOutcome::Failed("the handler panicked".to_owned()), None),
    };
    let result = match &outcome {
        RefreshOutcome::Failed(_) => RefreshResult::Failed,
        _ => RefreshResult::Succeeded,
    };
    worker.engine.refreshed(result, job.request.uri.path());
    worker.templates.ended(host.as_ref(), template);
    worker.engine.refresher().has_changed();
    // the caller may have been dropped
    let _ = job.reply.send(Reply::Done(outcome));
}

type Refreshed = (RefreshOutcome, Option<Template>);

async fn refresh<S, B>(
    service: &Rc<S>,
    worker: &Rc<Worker>,
    template: Template,
    wanted: &RefreshRequest,
) -> Refreshed
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let (mut req, used) = template.request_for(wanted);
    match prepare(worker, &mut req).await {
        Ok(prepared) => call_handler(service, worker, req, prepared, used).await,
        Err(outcome) => (outcome, used.with(req.into_parts().0, false)),
    }
}

/// A request that goes to the handler.
struct Prepared {
    keyed: Keyed,
    leader: Option<Leader>,
    permit: Option<HandlerPermit>,
}

/// Whether the request goes to the handler; else what becomes of it without that.
async fn prepare(worker: &Worker, req: &mut ServiceRequest) -> Result<Prepared, RefreshOutcome> {
    let admitted = match worker.plan.admit(req.request(), 0) {
        Err(Refusal { why: Reason::HeldRequest, .. }) if normalise(worker, req) => {
            worker.plan.admit(req.request(), 0)
        }
        admitted => admitted,
    };
    let Admitted { keyed, .. } =
        admitted.map_err(|Refusal { why, .. }| RefreshOutcome::NotStored(why))?;
    if !worker.engine.is_enabled() {
        return Err(RefreshOutcome::NotStored(Reason::Disabled));
    }
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let lookup = worker.lookup(&keyed, view);
    // first, as requests that wait for it wait for nothing otherwise
    let Ok(permit) = permit(worker, None) else {
        return Err(RefreshOutcome::NotStored(Reason::Overloaded));
    };
    // a response that credentials do not key is shared only where it says that it may be
    if keyed.uncovered.any() {
        return Ok(Prepared { keyed, leader: None, permit });
    }
    let leader = match worker.engine.join_flight(&lookup, true, worker.plan.coalescing()) {
        Role::Leader(leader) => Some(leader),
        Role::Alone => None,
        Role::Follower(follower) => match follower.outcome(None).await {
            Outcome::Shared(published) => {
                return Err(match published.stored {
                    Ok(()) => RefreshOutcome::Stored,
                    Err(why) => RefreshOutcome::NotStored(why),
                });
            }
            Outcome::Promoted(leader) => Some(leader),
            _ => None,
        },
    };
    Ok(Prepared { keyed, leader, permit })
}

/// Calls the handler as for a client, and reads the response to its end, as only then it is stored.
async fn call_handler<S, B>(
    service: &Rc<S>,
    worker: &Rc<Worker>,
    req: ServiceRequest,
    Prepared { keyed, mut leader, permit }: Prepared,
    used: UsedTemplate,
) -> Refreshed
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let time = worker.engine.fill_time(leader.as_mut(), None).await;
    let (watch, stored) = StoreWatch::new();
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let lookup = worker.lookup(&keyed, view);
    let fill = worker.engine.begin_fill(&lookup, keyed.personal, leader, time).watched(watch);
    let purpose = CallPurpose::Fill(Forwarding::UriMiss, Box::new(fill));
    let call = HandlerCall::in_background(worker, &req, purpose).with_key(keyed.key, keyed.rule);
    let call = call.with_permit(permit);
    let span = call.span().clone();
    let res = async { service.call(req).await }.instrument(span).await;
    let res = match call.finish(worker, res) {
        Ok(res) => res,
        Err(error) => return (RefreshOutcome::Failed(error.to_string()), None),
    };
    let (request, res) = res.into_parts();
    let status = res.status();
    let read = read_to_end(Box::pin(res.into_body())).await;
    let outcome = match (read, stored.await) {
        (None, _) => RefreshOutcome::Failed("its body failed".to_owned()),
        (_, Ok(Ok(()))) => RefreshOutcome::Stored,
        _ if status.is_server_error() => RefreshOutcome::Failed(status.to_string()),
        (_, Ok(Err(why))) => RefreshOutcome::NotStored(why),
        (_, Err(_)) => RefreshOutcome::Failed("it ended before its response".to_owned()),
    };
    (outcome, template_again(worker, request, used).await)
}

/// The request as a template, where the handler has kept no handle to it.
async fn template_again(
    worker: &Worker,
    request: HttpRequest,
    used: UsedTemplate,
) -> Option<Template> {
    let req = reclaim(worker, request).await?;
    used.with(req.into_parts().0, true)
}
