//! Revalidation behind an answer (RFC 5861 s.3): the client has its stale response at once, and the
//! handler is asked when the answer has been sent.
//!
//! A request cannot be answered and be run again at the same time: routing needs the only handle to
//! it. So the refresh keeps a second handle and waits until the answer's body is dropped, by when
//! the server has dropped its own.

use std::{panic::AssertUnwindSafe, rc::Rc};

use actix_service::Service;
use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    rt,
};
use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::{
    asked::Asked,
    body::read_to_end,
    conditions::reclaim,
    validate::{Kept, validate},
    worker::Worker,
};
use crate::{
    config::keying::Keyed,
    engine::{
        flight::{Lead, Role},
        lookup::Found,
        refresh::Refresh,
    },
    semantics::{
        fields::RequestView, reuse::Reuse, validation::is_conditional, verdict::Forwarding,
    },
};

/// What a refresh needs of the request that found the response stale.
pub(super) struct Stale {
    pub(super) request: HttpRequest,
    pub(super) keyed: Keyed,
    pub(super) kept: Kept,
    pub(super) refresh: Refresh,
    /// How many responses had been published before it was looked up.
    pub(super) published: u64,
}

/// Refreshes when `answered` tells that the answer is gone. A panic costs this refresh only.
pub(super) fn refresh_behind<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    stale: Stale,
    answered: oneshot::Receiver<()>,
) where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let Stale { request, keyed, kept, refresh, published } = stale;
    let running = worker.engine.pending().enter();
    rt::spawn(async move {
        let _running = running;
        // the sender is dropped with the body; it never sends
        let _ = answered.await;
        let Some(req) = reclaim(&worker, request).await else {
            // the next client waits for its own validation
            return refresh.succeed();
        };
        let asking = ask(service, Rc::clone(&worker), req, keyed, kept, published);
        match AssertUnwindSafe(asking).catch_unwind().await {
            Ok(Some(())) => refresh.succeed(),
            Ok(None) => tracing::warn!("a refresh behind an answer failed"),
            Err(_) => {
                worker.engine.counters().error();
                tracing::error!("a refresh behind an answer panicked");
            }
        }
    });
}

/// Asks the handler as a client would that wants the whole response, and reads the answer to its
/// end, as only then it is stored.
async fn ask<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    mut req: ServiceRequest,
    keyed: Keyed,
    kept: Kept,
    published: u64,
) -> Option<()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    req.head_mut().method = Method::GET;
    req.headers_mut().retain(|name, _| !is_conditional(name));
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let Keyed { key, uncovered, personal } = keyed;
    let coalescing = worker.plan.filling.coalescing;
    let lead = match worker.engine.enter(&key, view.fields, true, coalescing) {
        Role::Lead(lead) => Some(lead),
        // another request is asking already
        Role::Follow(_) => return Some(()),
        Role::Alone => None,
    };
    // another refresh may have ended since the response was found stale
    if worker.engine.flights().published(&key) != published {
        let policy = &worker.plan.whole().policy;
        let found = worker.engine.look_up(&key, &view, uncovered, policy).await;
        if matches!(found, Found::Selected(_, Reuse::Fresh { age, .. }) if age < kept.age) {
            lead.into_iter().for_each(Lead::look_again);
            return Some(());
        }
    }
    let stored = Some(kept.entry.as_ref());
    let fill = worker.engine.begin_fill(key, &view, uncovered, personal, lead, stored).await;
    let asked = Asked::refreshing(&worker, &req, Forwarding::Stale, fill);
    let res = validate(service, worker, req, asked, kept).await.ok()?;
    let failed = res.status().is_server_error();
    read_to_end(Box::pin(res.into_body())).await?;
    (!failed).then_some(())
}
