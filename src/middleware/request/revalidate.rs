//! A stored response that may not be used as it is: the handler is asked whether it still is good
//! (RFC 9111 s.4.3), and if the handler fails, the stored response may be served stale (RFC 5861 s.4).

use std::{future::Future, rc::Rc, time::Duration};

use actix_service::Service;
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorGatewayTimeout, InternalError},
    http::{Method, StatusCode},
};
use bytes::Bytes;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::{
    conditions::{self, replace, unroute},
    handler_call::{CallPurpose, EndedCall, HandlerCall},
    serve_stale::{self, StaleResponse},
    state::{OriginalRequest, StaleEntry},
    store::Storing,
};
use crate::{
    engine::{cache_fill::CacheFill, stats::Overrun},
    entry::{Entry, StoredResponse},
    middleware::{
        body::{CacheBody, CacheResult},
        worker::Worker,
    },
    semantics::{
        declared::Declared,
        fields::HeaderList,
        freshening::{HeadSays, freshen, head_says, identifies},
        freshness::current_age,
        terms::Terms,
        validation::validators,
        verdict::{Reason, Stored, Verdict},
    },
};

/// Calls the handler, with the stored validators where the client wants the response itself.
pub(super) async fn revalidate<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    mut req: ServiceRequest,
    mut call: HandlerCall,
    stale: StaleEntry,
) -> CacheResult<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let Some(stored) = stale.entry.response() else {
        return call.finish(&worker, service.call(req).await);
    };
    let is_head = *req.method() == Method::HEAD;
    let original = OriginalRequest::new(&req, &call);
    let validates = set_conditions(&worker, &mut req, &mut call, stored);
    let hard_timeout = worker.plan.handlers().hard_timeout;
    let limit = hard_timeout.filter(|_| serve_stale::is_allowed_during_call(&req, &stale));
    let called = async { service.call(req).await }.instrument(call.span().clone());
    let res = within(&worker, limit, called).await;
    let StaleEntry { ref entry, age, if_error } = stale;
    let found = Revalidation { worker: &worker, original: &original, entry, stored, age };
    match res {
        Err(error) if if_error => Err(found.serve_stale_as_error(call, &error)),
        Ok(res) if if_error && is_failure(res.status()) => {
            let status = res.status();
            Ok(found.serve_stale(call, res.into_parts().0, status))
        }
        Ok(res) if validates && res.status() == StatusCode::NOT_MODIFIED => {
            if identifies(&stored.handler_fields(), res.headers())
                && let Some(body) = stored.whole_body()
            {
                return Ok(found.confirm(call, res, body).await);
            }
            match without_conditions(&worker, res, &original) {
                Ok(req) => call.finish(&worker, service.call(req).await),
                Err(req) => Ok(found.serve_stale(call, req, StatusCode::NOT_MODIFIED)),
            }
        }
        Ok(res) if is_head && res.status() == StatusCode::OK => {
            Ok(found.compare_head(call, res).await)
        }
        res => call.finish(&worker, res),
    }
}

/// Gives the request the stored validators as conditions in place of its own. `false` where it gets
/// none.
fn set_conditions(
    worker: &Worker,
    req: &mut ServiceRequest,
    call: &mut HandlerCall,
    stored: &StoredResponse,
) -> bool {
    // only a GET can be sent twice: the body of a QUERY or POST is read once
    let validators = match (req.method(), call.renews()) {
        (&Method::GET, true) => validators(&stored.handler_fields(), stored.terms().soft_purged),
        _ => HeaderList::new(),
    };
    let validates = !validators.is_empty() && replace(worker, req, &validators);
    call.evaluates_conditions =
        validates || (*req.method() == Method::GET && conditions::remove(worker, req));
    validates
}

/// What the handler responds within the limit, if there is one.
async fn within<T>(
    worker: &Worker,
    limit: Option<Duration>,
    response: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = limit else { return response.await };
    if let Ok(res) = timeout(limit, response).await {
        return res;
    }
    worker.engine.counters().overran(Overrun::HandlerTimeout);
    Err(ErrorGatewayTimeout("the handler took too long"))
}

/// Failures for which RFC 5861 s.4 lets a stale response be served.
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// The same request again, as it was before it was routed, without any conditions: the 304 was
/// about another response than the stored one (RFC 9111 s.4.3.4). `Err` where the handler has kept
/// a handle to it, so that it cannot be changed back.
fn without_conditions<B>(
    worker: &Worker,
    res: ServiceResponse<B>,
    original: &OriginalRequest,
) -> Result<ServiceRequest, HttpRequest> {
    let (req, res) = res.into_parts();
    drop(res);
    let mut req = ServiceRequest::from_request(req);
    if unroute(worker, &mut req, &original.unrouted)
        && replace(worker, &mut req, &HeaderList::new())
    {
        Ok(req)
    } else {
        Err(req.into_parts().0)
    }
}

/// A stored response that the handler has been asked about.
struct Revalidation<'a> {
    worker: &'a Rc<Worker>,
    original: &'a OriginalRequest,
    entry: &'a Entry,
    stored: &'a StoredResponse,
    age: Duration,
}

impl Revalidation<'_> {
    /// The handler has failed without a response, so the error carries the stale one.
    fn serve_stale_as_error(&self, call: HandlerCall, error: &Error) -> Error {
        let res: HttpResponse<CacheBody<BoxBody>> =
            serve_stale::for_failed_call(self.worker, call, &self.stale(), None);
        InternalError::from_response(error.to_string(), res.map_into_boxed_body()).into()
    }

    /// The handler has failed with this status.
    fn serve_stale<B>(
        &self,
        call: HandlerCall,
        req: HttpRequest,
        status: StatusCode,
    ) -> ServiceResponse<CacheBody<B>> {
        let status = Some(status.as_u16());
        let res = serve_stale::for_failed_call(self.worker, call, &self.stale(), status);
        ServiceResponse::new(req, res)
    }

    fn stale(&self) -> StaleResponse<'_> {
        let Self { entry, stored, age, .. } = *self;
        StaleResponse { client: self.original.client_view(), entry, stored, age }
    }

    /// The handler has confirmed the stored response: it is brought up to date, stored, and served.
    async fn confirm<B>(
        &self,
        call: HandlerCall,
        res: ServiceResponse<B>,
        body: Bytes,
    ) -> ServiceResponse<CacheBody<B>> {
        let Self { worker, original, entry, stored, .. } = *self;
        let (purpose, ended) = call.end(worker);
        let CallPurpose::Fill(why, fill) = purpose else {
            return res.map_body(|_, body| CacheBody::passed(body));
        };
        let now = fill.now();
        let mut fields = stored.handler_fields().expand().collect();
        freshen(&mut fields, res.headers(), now.date);
        let terms = Terms { response_time: now.date, ..Terms::default() };
        let status = stored.status();
        let headers = fields.iter().map(|(name, value)| (name, value)).collect();
        let mut renewed = StoredResponse::new(status, headers, &terms, body.clone());
        let storing = self.storing(&ended, original.unrouted.as_str());
        let outcome = match storing.draft(fill, status, fields) {
            Ok(draft) => {
                let from = draft.lifetime_from();
                let draft = draft.with_handler_time(stored.terms().took);
                let mut draft = draft.with_packed(&stored.packed);
                draft.negotiate(Some(body.len() as u64));
                renewed = draft.response(body.clone());
                draft.commit(body);
                Ok(from)
            }
            Err(refused) => {
                worker.engine.purge_entry(entry.key.clone()).await;
                Err(refused)
            }
        };
        let age = current_age(&renewed.terms(), now);
        let mut renewed = worker.respond(&original.client_view(), &renewed, age);
        ended.keep_private(renewed.headers_mut());
        let status = Some(StatusCode::NOT_MODIFIED.as_u16());
        let verdict = Verdict::missed(why, outcome).with_status(status);
        ended.report().write(worker, &mut renewed, verdict);
        ServiceResponse::new(res.into_parts().0, renewed)
    }

    /// The response to a HEAD says whether the stored response to a GET still is good (RFC 9111
    /// s.4.3.5).
    async fn compare_head<B: MessageBody + 'static>(
        &self,
        call: HandlerCall,
        res: ServiceResponse<B>,
    ) -> ServiceResponse<CacheBody<B>> {
        let worker = self.worker;
        let (purpose, ended) = call.end(worker);
        let why = purpose.forwarding();
        let outcome = match purpose {
            CallPurpose::Fill(_, fill) => self.renew_by_head(fill, &ended, &res).await,
            CallPurpose::Bypass(_) | CallPurpose::Unstorable(_) => Err(Reason::Method),
        };
        let mut res = res.map_body(|_, body| CacheBody::passed(body));
        worker.strip(&mut res);
        worker.report_downstream(ended.rule, &mut res);
        ended.report().write(worker, res.response_mut(), Verdict::missed(why, outcome));
        res
    }

    async fn renew_by_head<B: MessageBody>(
        &self,
        fill: Box<CacheFill>,
        ended: &EndedCall,
        res: &ServiceResponse<B>,
    ) -> Stored {
        let Self { worker, entry, stored, .. } = *self;
        let length = stored.stored_body().len() as u64;
        let must_tell_changes = stored.terms().soft_purged;
        let says =
            match head_says(&stored.handler_fields(), length, res.headers(), must_tell_changes) {
                // it has been purged meanwhile, so there is nothing to say something of
                _ if !fill.may_renew() => HeadSays::Nothing,
                _ if !body_agrees(res.response().body().size(), length) => HeadSays::Other,
                says => says,
            };
        match (says, stored.whole_body()) {
            (HeadSays::Same, Some(body)) => {
                let mut fields = stored.handler_fields().expand().collect();
                freshen(&mut fields, res.headers(), fill.now().date);
                let storing = self.storing(ended, res.request().match_info().as_str());
                let draft = storing.draft(fill, stored.status(), fields)?;
                let from = draft.lifetime_from();
                let draft = draft.with_handler_time(stored.terms().took);
                draft.with_packed(&stored.packed).commit(body);
                Ok(from)
            }
            (HeadSays::Other, _) => {
                worker.engine.purge_entry(entry.key.clone()).await;
                Err(Reason::Method)
            }
            (HeadSays::Nothing | HeadSays::Same, _) => Err(Reason::Method),
        }
    }

    fn storing<'s>(&'s self, ended: &'s EndedCall, routed: &'s str) -> Storing<'s> {
        let Self { worker, entry, .. } = *self;
        let (context, rule) = (&ended.context, ended.rule);
        let before = Declared::from_terms(&self.stored.terms());
        // only a GET or HEAD is answered by what confirms a stored response
        let is_post = false;
        Storing { worker, context, rule, routed, is_post, groups: &entry.groups, before }
    }
}

/// A handler states the length of its body by the body. An empty one to a HEAD states nothing: many
/// handlers leave it out.
fn body_agrees(size: BodySize, length: u64) -> bool {
    !matches!(size, BodySize::Sized(stated) if stated > 0 && stated != length)
}
