//! A stored response that may not be used as it is: the handler is asked whether it still is good
//! (RFC 9111 s.4.3), and if the handler fails, the stored response may stand in (RFC 5861 s.4).

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration};

use actix_router::Path;
use actix_service::Service;
use actix_web::{
    Error, HttpResponse,
    body::{BodySize, MessageBody},
    dev::{ServiceRequest, ServiceResponse, Url},
    error::InternalError,
    http::{Method, StatusCode},
};

use super::{
    asked::{Asked, Purpose},
    body::CacheBody,
    respond,
    store::freshened,
    worker::Worker,
};
use crate::{
    engine::fill::Fill,
    entry::{Entry, StoredResponse},
    purge::Purge,
    semantics::{
        fields::{FieldList, ResponseView},
        freshening::{freshen, head_agrees, identifies},
        freshness::current_age,
        terms::Terms,
        validation::{is_conditional, validators},
        verdict::{Forwarding, Verdict, WhyNot},
    },
};

type Answer<B> = Result<ServiceResponse<CacheBody<B>>, Error>;

/// The stored response that is in question.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) entry: Arc<Entry>,
    pub(super) age: Duration,
    /// Whether it may stand in for a handler that fails.
    pub(super) if_error: bool,
}

/// Asks the handler, with the stored validators where the client wants the response itself.
pub(super) async fn validate<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    mut req: ServiceRequest,
    asked: Asked,
    kept: Kept,
) -> Answer<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let Some(stored) = kept.entry.response() else {
        return asked.finish(&worker, service.call(req).await);
    };
    let is_head = *req.method() == Method::HEAD;
    // only a GET can be asked twice: the body of a QUERY is read once
    let validators = match *req.method() {
        Method::GET => validators(stored.fields.as_slice()),
        _ => FieldList::new(),
    };
    let validates = !validators.is_empty() && set_conditions(&mut req, &validators);
    let unrouted = req.match_info().clone();
    match service.call(req).await {
        Err(error) if kept.if_error => Err(stand_in_for(&worker, asked, &kept, stored, &error)),
        Ok(res) if kept.if_error && is_failure(res.status()) => {
            Ok(stand_in(&worker, asked, &kept, stored, res))
        }
        Ok(res) if res.status() == StatusCode::NOT_MODIFIED && validates => {
            if identifies(stored.fields.as_slice(), res.headers()) {
                Ok(confirmed(&worker, asked, &kept.entry, stored, res).await)
            } else {
                let req = unconditional(res, unrouted);
                asked.finish(&worker, service.call(req).await)
            }
        }
        Ok(res) if is_head && res.status() == StatusCode::OK => {
            Ok(headed(&worker, asked, &kept.entry, stored, res).await)
        }
        res => asked.finish(&worker, res),
    }
}

/// Failures for which RFC 5861 s.4 lets a stale response stand in.
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// The client's conditions give way to the cache's own, or the answer would be one to other
/// questions. The client's are evaluated when it is answered.
///
/// `false` where the request cannot be changed: actix panics when a middleware outside has kept a
/// second handle to it. Then it goes to the handler as it is.
fn set_conditions(req: &mut ServiceRequest, validators: &FieldList) -> bool {
    let change = AssertUnwindSafe(|| {
        let fields = req.headers_mut();
        fields.retain(|name, _| !is_conditional(name));
        for (name, value) in validators {
            fields.insert(name.clone(), value.clone());
        }
    });
    std::panic::catch_unwind(change).is_ok()
}

/// The same request again, as it was before it was routed, without any conditions: the 304 was
/// about another response than the stored one (RFC 9111 s.4.3.4).
fn unconditional<B>(res: ServiceResponse<B>, unrouted: Path<Url>) -> ServiceRequest {
    let (req, res) = res.into_parts();
    drop(res);
    let mut req = ServiceRequest::from_request(req);
    *req.match_info_mut() = unrouted;
    set_conditions(&mut req, &FieldList::new());
    req
}

/// The handler has confirmed the stored response: it is brought up to date, stored, and served.
async fn confirmed<B>(
    worker: &Worker,
    asked: Asked,
    entry: &Entry,
    stored: &StoredResponse,
    res: ServiceResponse<B>,
) -> ServiceResponse<CacheBody<B>> {
    let Asked { outer, passage, watch, purpose, key } = asked;
    worker.engine.counters().handler_took(watch.elapsed());
    let Purpose::Fill(why, fill) = purpose else {
        return res.map_body(|_, body| CacheBody::passed(body));
    };
    let (client, client_fields) = (Method::GET, fill.request().fields.clone());
    let fresh = bring_up_to_date(worker, &passage, *fill, stored, &res);
    let answered = match &fresh {
        Ok(draft) => draft.response(stored.body.clone()),
        Err(_) => merged(stored, &res, worker),
    };
    let outcome = match fresh {
        Ok(draft) => {
            draft.commit(stored.body.clone());
            Ok(())
        }
        Err(refused) => {
            worker.engine.counters().not_stored(refused);
            worker.engine.purge_uncounted(&Purge::Entry(entry.key.clone())).await;
            Err(refused)
        }
    };
    let age = current_age(&answered.terms, worker.engine.now());
    let mut answer = worker.answer(&client, &client_fields, &answered, age, true);
    let status = Some(StatusCode::NOT_MODIFIED.as_u16());
    let verdict = Verdict::Forwarded { why, status, stored: outcome, collapsed: false };
    worker.tell(&mut answer, verdict, outer.as_ref(), passage.inside(), key.as_ref());
    ServiceResponse::new(res.into_parts().0, answer)
}

/// The answer to a HEAD tells whether the stored response to a GET still is good (RFC 9111 s.4.3.5).
async fn headed<B: MessageBody + 'static>(
    worker: &Worker,
    asked: Asked,
    entry: &Entry,
    stored: &StoredResponse,
    res: ServiceResponse<B>,
) -> ServiceResponse<CacheBody<B>> {
    let Asked { outer, passage, watch, purpose, key } = asked;
    worker.engine.counters().handler_took(watch.elapsed());
    let (why, outcome) = match purpose {
        Purpose::Fill(why, fill) => {
            let length = stored.body.len() as u64;
            let agrees = head_agrees(stored.fields.as_slice(), length, res.headers())
                && body_agrees(res.response().body().size(), length);
            if agrees {
                let fresh = bring_up_to_date(worker, &passage, *fill, stored, &res);
                (why, fresh.map(|draft| draft.commit(stored.body.clone())))
            } else {
                worker.engine.purge_uncounted(&Purge::Entry(entry.key.clone())).await;
                (why, Err(WhyNot::Method))
            }
        }
        purpose => (purpose.forwarding(), Err(WhyNot::Method)),
    };
    let mut res = res.map_body(|_, body| CacheBody::passed(body));
    worker.strip(&mut res);
    let verdict = Verdict::missed(why, outcome);
    worker.tell(res.response_mut(), verdict, outer.as_ref(), passage.inside(), key.as_ref());
    res
}

/// A handler states the length of its body by the body. An empty one to a HEAD states nothing: many
/// handlers leave it out.
fn body_agrees(size: BodySize, length: u64) -> bool {
    !matches!(size, BodySize::Sized(stated) if stated > 0 && stated != length)
}

fn bring_up_to_date<B>(
    worker: &Worker,
    passage: &super::passage::Passage,
    fill: Fill,
    stored: &StoredResponse,
    res: &ServiceResponse<B>,
) -> Result<crate::engine::fill::Draft, WhyNot> {
    let mut fields = stored.fields.clone();
    freshen(&mut fields, res.headers(), fill.now());
    let routed = res.request().match_info().as_str();
    let view = ResponseView { status: stored.status, fields: fields.as_slice() };
    freshened(worker, passage, fill, routed, &view)
}

/// The stored response with the fields of the 304, where it may not be stored any more.
fn merged<B>(stored: &StoredResponse, res: &ServiceResponse<B>, worker: &Worker) -> StoredResponse {
    let mut fields = stored.fields.clone();
    let now = worker.engine.now();
    freshen(&mut fields, res.headers(), now);
    let terms = Terms { response_time: now, ..Terms::default() };
    StoredResponse { status: stored.status, fields, terms, body: stored.body.clone() }
}

/// The stale response in place of the handler's failure.
fn stand_in<B>(
    worker: &Worker,
    asked: Asked,
    kept: &Kept,
    stored: &StoredResponse,
    res: ServiceResponse<B>,
) -> ServiceResponse<CacheBody<B>> {
    let status = res.status().as_u16();
    let answer = stale_answer(worker, asked, kept, stored, Some(status));
    ServiceResponse::new(res.into_parts().0, answer)
}

/// As [`stand_in`], where the failure came without a response: the error carries the stale one.
fn stand_in_for(
    worker: &Worker,
    asked: Asked,
    kept: &Kept,
    stored: &StoredResponse,
    error: &Error,
) -> Error {
    let answer: HttpResponse<CacheBody<actix_web::body::BoxBody>> =
        stale_answer(worker, asked, kept, stored, None);
    InternalError::from_response(error.to_string(), answer.map_into_boxed_body()).into()
}

fn stale_answer<B>(
    worker: &Worker,
    asked: Asked,
    kept: &Kept,
    stored: &StoredResponse,
    status: Option<u16>,
) -> HttpResponse<CacheBody<B>> {
    let Asked { outer, passage, watch, purpose, key } = asked;
    worker.engine.counters().handler_took(watch.elapsed());
    let past = kept.age.saturating_sub(stored.terms.lifetime);
    tracing::warn!(?status, ?past, "the handler failed; a stale response stands in");
    let mut answer = match &purpose {
        Purpose::Fill(_, fill) => {
            let client = fill.request();
            worker.answer(client.method, client.fields, stored, kept.age, true)
        }
        _ => respond::only_if_cached(),
    };
    let verdict = Verdict::StaleIfError { past, status };
    worker.tell(&mut answer, verdict, outer.as_ref(), passage.inside(), key.as_ref());
    answer
}

impl Purpose {
    fn forwarding(&self) -> Forwarding {
        match self {
            Self::Pass(why) => Forwarding::Bypass(*why),
            Self::Miss(why, _) | Self::Fill(why, _) => *why,
        }
    }
}
