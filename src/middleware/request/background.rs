//! Revalidation in the background (RFC 5861 s.3): the client has its stale response at once, and the
//! handler is called when that has been sent.
//!
//! A request cannot be served and be run again at the same time: routing needs the only handle to
//! it. So the refresh keeps a second handle and waits until the response's body is dropped, by when
//! the server has dropped its own.

use std::{panic::AssertUnwindSafe, rc::Rc};

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    rt,
};
use futures_util::FutureExt as _;

use super::{
    conditions::reclaim,
    handler_call::{CallPurpose, HandlerCall},
    permit::permit,
    revalidate::revalidate,
    state::{BackgroundRefresh, StaleEntry},
};
use crate::{
    config::key_rules::Keyed,
    engine::{
        flight::{Leader, PublicationCount, Role},
        lookup::Found,
        stats::RefreshResult,
        store_watch::StoreWatch,
    },
    middleware::{body::read_to_end, worker::Worker},
    semantics::{
        fields::RequestView,
        reuse::Reuse,
        validation::is_conditional,
        verdict::{Forwarding, Reason},
    },
};

/// Refreshes when the response to the client is gone. A panic costs this refresh only.
pub(crate) fn refresh_in_background<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    background: BackgroundRefresh,
) where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let BackgroundRefresh { request, keyed, stale, refresh, published, response_gone } = background;
    let running = worker.engine.background_tasks().track();
    rt::spawn(async move {
        let _running = running;
        // the sender is dropped with the body; it never sends
        let _ = response_gone.await;
        let path = request.uri().path().to_owned();
        let Some(req) = reclaim(&worker, request).await else {
            // the next client waits for its own validation
            worker.engine.refreshed(RefreshResult::Skipped, &path);
            return refresh.succeed();
        };
        let found = FoundStale { keyed, stale, published };
        let call = call_handler(service, Rc::clone(&worker), req, found);
        let result = match AssertUnwindSafe(call).catch_unwind().await {
            Ok(result) => result,
            Err(_) => RefreshResult::Panicked,
        };
        worker.engine.refreshed(result, &path);
        if result == RefreshResult::Succeeded {
            refresh.succeed();
        }
    });
}

/// What the client's request found.
struct FoundStale {
    keyed: Keyed,
    stale: StaleEntry,
    published: PublicationCount,
}

/// Calls the handler as for a client that wants the whole response, and reads the response to its
/// end, as only then it is stored.
async fn call_handler<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    mut req: ServiceRequest,
    found: FoundStale,
) -> RefreshResult
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let Ok(permit) = permit(&worker, None) else { return RefreshResult::Overloaded };
    req.head_mut().method = Method::GET;
    req.headers_mut().retain(|name, _| !is_conditional(name));
    let FoundStale { keyed, stale, published } = found;
    let view = RequestView { method: &Method::GET, fields: req.headers() };
    let lookup = worker.lookup(&keyed, view);
    let mut leader = match worker.engine.join_flight(&lookup, true, worker.plan.coalescing()) {
        Role::Leader(leader) => Some(leader),
        // another request calls the handler already
        Role::Follower(_) => return RefreshResult::Succeeded,
        Role::Alone => None,
    };
    // another refresh may have ended since the response was found stale
    if !worker.engine.flights().is_current(published) {
        let found = worker.engine.look_up(&lookup).await;
        if matches!(found, Found::Selected(_, Reuse::Fresh { age, .. }) if age < stale.age) {
            leader.into_iter().for_each(Leader::look_again);
            return RefreshResult::Succeeded;
        }
    }
    let time = worker.engine.fill_time(leader.as_mut(), Some(stale.entry.as_ref())).await;
    let key = stale.entry.key.clone();
    let (watch, stored) = StoreWatch::new();
    let fill = worker.engine.begin_fill(&lookup, keyed.personal, leader, time).watched(watch);
    let purpose = CallPurpose::Fill(Forwarding::Stale, Box::new(fill));
    let call = HandlerCall::in_background(&worker, &req, purpose).with_rule(keyed.rule);
    let call = call.with_permit(permit);
    let Ok(res) = revalidate(service, Rc::clone(&worker), req, call, stale).await else {
        return RefreshResult::Failed;
    };
    let failed = res.status().is_server_error();
    let is_read = read_to_end(Box::pin(res.into_body())).await.is_some();
    if !is_read || failed {
        return RefreshResult::Failed;
    }
    // a response that is refused has been refused by now; for the store nothing waits
    if let Some(Ok(Err(why))) = stored.now_or_never()
        && is_forbidden(why)
    {
        worker.engine.purge_entry(key).await;
    }
    RefreshResult::Succeeded
}

/// Whether the handler has said of its new response that it is not to be kept. The old one would be served
/// stale until its window ends, although its handler does not allow that for the new one.
fn is_forbidden(why: Reason) -> bool {
    use Reason::{NoStore, OptedOut, Private, SetCookie, VaryStar};
    matches!(why, NoStore | OptedOut | Private | SetCookie | VaryStar)
}
