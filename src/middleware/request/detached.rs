//! Handlers that run in tasks of their own, so that they go on when no client waits for them any
//! more: because it has disconnected, or because it has been served a stale response meanwhile.

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
use tracing::Instrument as _;

use super::{
    handler_call::HandlerCall,
    revalidate::revalidate,
    serve_stale::{self, StaleFallback},
    state::StaleEntry,
};
use crate::middleware::{
    body::{CacheResult, read_to_end},
    worker::Worker,
};

/// How long a handler goes on at most after a stale response was served in its place, where no
/// setting says it.
const MAX_RUN: Duration = Duration::from_secs(30);

/// A task's response; or what it panicked with, to panic with where it is waited for.
type TaskResult<B> = Result<CacheResult<B>, Box<dyn Any + Send>>;

/// Calls the handler, which goes on without its client where the settings say so.
pub(crate) async fn call_handler<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    req: ServiceRequest,
    call: HandlerCall,
) -> CacheResult<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let within = worker.plan.handlers().finish_on_disconnect.filter(|_| call.fills());
    let response = {
        let (worker, span) = (Rc::clone(&worker), call.span().clone());
        async move {
            let res = async { service.call(req).await }.instrument(span).await;
            call.finish(&worker, res)
        }
    };
    match within {
        Some(within) => joined(&worker, spawn(&worker, within, response).await),
        None => response.await,
    }
}

/// Calls the handler for a response that is stored and stale. Where it takes longer than the client
/// is to wait, the client is served the stale response, and the handler goes on.
pub(crate) async fn call_or_serve_stale<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    req: ServiceRequest,
    mut call: HandlerCall,
    stale: StaleEntry,
) -> CacheResult<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let handlers = worker.plan.handlers();
    let soft_timeout = handlers.soft_timeout;
    let soft_timeout = soft_timeout.filter(|_| serve_stale::is_allowed_during_call(&req, &stale));
    let within = handlers.finish_on_disconnect.filter(|_| call.fills());
    let Some(within) = within.or(soft_timeout.map(|_| MAX_RUN)) else {
        return revalidate(service, worker, req, call, stale).await;
    };
    let fallback = soft_timeout.map(|after| (after, StaleFallback::new(&req, &call, &stale)));
    let client_served = call.client_served();
    let response = revalidate(service, Rc::clone(&worker), req, call, stale);
    let task = spawn(&worker, within, response);
    let Some((soft_timeout, fallback)) = fallback else { return joined(&worker, task.await) };
    if let Ok(result) = timeout(soft_timeout, task).await {
        return joined(&worker, result);
    }
    client_served.set(true);
    Err(fallback.for_slow_call(&worker, soft_timeout))
}

/// Runs a handler in a task of its own. When its client has gone, it goes on for `within`, and its
/// body is read to the end in as long again: only then it is stored.
fn spawn<B: MessageBody + 'static>(
    worker: &Rc<Worker>,
    within: Duration,
    response: impl Future<Output = CacheResult<B>> + 'static,
) -> oneshot::Receiver<TaskResult<B>> {
    let (mut sender, receiver) = oneshot::channel();
    let (worker, running) = (Rc::clone(worker), worker.engine.background_tasks().track());
    rt::spawn(async move {
        let _running = running;
        let mut response = pin!(AssertUnwindSafe(response).catch_unwind());
        let awaited = match select(response.as_mut(), pin!(sender.closed())).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        };
        let mut unsent = None;
        if let Some(result) = awaited {
            let Err(result) = sender.send(result) else { return };
            unsent = Some(result);
        }
        let Ok(_room) = worker.engine.detached_handlers().try_acquire() else { return };
        let result = match unsent {
            Some(result) => result,
            None => match timeout(within, response).await {
                Ok(result) => result,
                Err(_) => return tracing::debug!("a handler without a client took too long"),
            },
        };
        finish_unattended(&worker, within, result).await;
    });
    receiver
}

/// Reads a response that has no client to its end.
async fn finish_unattended<B: MessageBody>(
    worker: &Worker,
    within: Duration,
    result: TaskResult<B>,
) {
    match result {
        Ok(Ok(res)) => drop(timeout(within, read_to_end(Box::pin(res.into_body()))).await),
        Ok(Err(_)) => {}
        Err(_) => {
            worker.engine.counters().error();
            tracing::error!("a handler without a client panicked");
        }
    }
}

/// The response of a task that has been waited for, with a body that is read to its end without its
/// client where the settings say so.
fn joined<B: MessageBody + 'static>(
    worker: &Worker,
    result: Result<TaskResult<B>, RecvError>,
) -> CacheResult<B> {
    let res = match result {
        Ok(Ok(result)) => result?,
        Ok(Err(panic)) => resume_unwind(panic),
        // the runtime is ending
        Err(_) => return Err(ErrorServiceUnavailable("the server is shutting down")),
    };
    let Some(within) = worker.plan.handlers().finish_on_disconnect else { return Ok(res) };
    Ok(res.map_body(|_, body| body.finishing(within, &worker.engine)))
}
