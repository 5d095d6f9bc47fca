//! A stored response that may not be used as it is: the handler is asked whether it still is good
//! (RFC 9111 s.4.3), and if the handler fails, the stored response may stand in (RFC 5861 s.4).

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_service::Service;
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorGatewayTimeout, InternalError},
    http::{Method, StatusCode},
};
use tokio::time::timeout;

use super::{
    asked::{Asked, Purpose, report_downstream},
    body::CacheBody,
    conditions::{replace, take_off, unroute},
    detached::may_be_late,
    question::Client,
    serve_stale::{StaleFallback, serve_stale},
    store::prepare,
    worker::Worker,
};
use crate::{
    entry::{Entry, StoredResponse},
    purge::Purge,
    semantics::{
        fields::{FieldList, ResponseView},
        freshening::{HeadSays, freshen, head_says, identifies},
        freshness::current_age,
        terms::Terms,
        validation::validators,
        verdict::{Forwarding, Reason, StaleCause, Verdict},
    },
};

pub(super) type Answer<B> = Result<ServiceResponse<CacheBody<B>>, Error>;

/// The stored response that is in question.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) entry: Arc<Entry>,
    pub(super) age: Duration,
    /// Whether it may stand in for a handler that fails.
    pub(super) if_error: bool,
}

impl Kept {
    /// Whether it stands in without the handler being asked, which has failed a short while ago.
    pub(super) fn is_left_alone(&self, worker: &Worker) -> bool {
        self.if_error && worker.engine.failing().is_set(&self.entry.key)
    }
}

/// Asks the handler, with the stored validators where the client wants the response itself.
pub(super) async fn validate<S, B>(
    service: Rc<S>,
    worker: Rc<Worker>,
    mut req: ServiceRequest,
    mut asked: Asked,
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
    let validators = match (req.method(), asked.renews()) {
        (&Method::GET, true) => validators(stored.fields.as_slice(), stored.terms.soft_purged),
        _ => FieldList::new(),
    };
    let client = Client::new(&req, &asked);
    let validates = !validators.is_empty() && replace(&worker, &mut req, &validators);
    asked.answers_conditions =
        validates || (*req.method() == Method::GET && take_off(&worker, &mut req));
    let limit = worker.plan.filling.handler_timeout.filter(|_| may_be_late(&req, &kept));
    let answer = match limit {
        None => service.call(req).await,
        Some(limit) => match timeout(limit, service.call(req)).await {
            Ok(answer) => answer,
            Err(_) => Err(ErrorGatewayTimeout("the handler took too long")),
        },
    };
    match answer {
        Err(error) if kept.if_error => {
            let answer: HttpResponse<CacheBody<BoxBody>> =
                fall_back(&worker, asked, &client, &kept, stored, StaleCause::Failed(None));
            // the failure came without a response, so the error carries the stale one
            let answer = answer.map_into_boxed_body();
            Err(InternalError::from_response(error.to_string(), answer).into())
        }
        Ok(res) if kept.if_error && is_failure(res.status()) => {
            let cause = StaleCause::Failed(Some(res.status().as_u16()));
            let answer = fall_back(&worker, asked, &client, &kept, stored, cause);
            Ok(ServiceResponse::new(res.into_parts().0, answer))
        }
        Ok(res) if res.status() == StatusCode::NOT_MODIFIED && validates => {
            if identifies(stored.fields.as_slice(), res.headers()) {
                Ok(confirmed(&worker, asked, &client, &kept.entry, stored, res).await)
            } else {
                match unconditional(&worker, res, &client) {
                    Ok(req) => asked.finish(&worker, service.call(req).await),
                    Err(req) => {
                        let cause = StaleCause::Failed(Some(304));
                        let answer = fall_back(&worker, asked, &client, &kept, stored, cause);
                        Ok(ServiceResponse::new(req, answer))
                    }
                }
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

/// The same request again, as it was before it was routed, without any conditions: the 304 was
/// about another response than the stored one (RFC 9111 s.4.3.4). `Err` where the handler has kept
/// a handle to it, so that it cannot be changed back.
fn unconditional<B>(
    worker: &Worker,
    res: ServiceResponse<B>,
    client: &Client,
) -> Result<ServiceRequest, HttpRequest> {
    let (req, res) = res.into_parts();
    drop(res);
    let mut req = ServiceRequest::from_request(req);
    if unroute(worker, &mut req, &client.unrouted) && replace(worker, &mut req, &FieldList::new()) {
        Ok(req)
    } else {
        Err(req.into_parts().0)
    }
}

/// The handler has confirmed the stored response: it is brought up to date, stored, and served.
async fn confirmed<B>(
    worker: &Worker,
    asked: Asked,
    client: &Client,
    entry: &Entry,
    stored: &StoredResponse,
    res: ServiceResponse<B>,
) -> ServiceResponse<CacheBody<B>> {
    let outer = asked.teller();
    let Asked { passage, watch, purpose, key, .. } = asked;
    worker.engine.counters().handler_took(watch.elapsed());
    let Purpose::Fill(why, fill) = purpose else {
        return res.map_body(|_, body| CacheBody::passed(body));
    };
    let now = fill.now();
    let mut fields = stored.fields.clone();
    freshen(&mut fields, res.headers(), now.date);
    let mut answered = StoredResponse {
        status: stored.status,
        fields,
        terms: Terms { response_time: now.date, ..Terms::default() },
        body: stored.body.clone(),
    };
    let view = ResponseView { status: answered.status, fields: answered.fields.as_slice() };
    let routed = client.unrouted.as_str();
    let outcome = match prepare(worker, &passage, *fill, routed, &entry.groups, &view) {
        Ok(draft) => {
            answered = draft.response(stored.body.clone());
            draft.commit(stored.body.clone());
            Ok(())
        }
        Err(refused) => {
            worker.engine.purge_uncounted(Purge::entry(entry.key.clone())).await;
            Err(refused)
        }
    };
    let age = current_age(&answered.terms, now);
    let mut answer = worker.answer(&client.asking(), &answered, age);
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
    let outer = asked.teller();
    let Asked { passage, watch, purpose, key, .. } = asked;
    worker.engine.counters().handler_took(watch.elapsed());
    let (why, outcome) = match purpose {
        Purpose::Fill(why, fill) => {
            let length = stored.body.len() as u64;
            let (fields, soft_purged) = (stored.fields.as_slice(), stored.terms.soft_purged);
            let says = match head_says(fields, length, res.headers(), soft_purged) {
                // it has been purged meanwhile, so there is nothing to say something of
                _ if !fill.renews() => HeadSays::Nothing,
                _ if !body_agrees(res.response().body().size(), length) => HeadSays::Other,
                says => says,
            };
            let outcome = match says {
                HeadSays::Same => {
                    let mut fields = stored.fields.clone();
                    freshen(&mut fields, res.headers(), fill.now().date);
                    let routed = res.request().match_info().as_str();
                    let view = ResponseView { status: stored.status, fields: fields.as_slice() };
                    let fresh = prepare(worker, &passage, *fill, routed, &entry.groups, &view);
                    fresh.map(|draft| draft.commit(stored.body.clone()))
                }
                HeadSays::Other => {
                    worker.engine.purge_uncounted(Purge::entry(entry.key.clone())).await;
                    Err(Reason::Method)
                }
                HeadSays::Nothing => Err(Reason::Method),
            };
            (why, outcome)
        }
        purpose => (purpose.forwarding(), Err(Reason::Method)),
    };
    let mut res = res.map_body(|_, body| CacheBody::passed(body));
    worker.strip(&mut res);
    report_downstream(worker, &mut res);
    let verdict = Verdict::missed(why, outcome);
    worker.tell(res.response_mut(), verdict, outer.as_ref(), passage.inside(), key.as_ref());
    res
}

/// A handler states the length of its body by the body. An empty one to a HEAD states nothing: many
/// handlers leave it out.
fn body_agrees(size: BodySize, length: u64) -> bool {
    !matches!(size, BodySize::Sized(stated) if stated > 0 && stated != length)
}

/// The stale response instead of what the handler gave, or failed to give.
fn fall_back<B>(
    worker: &Worker,
    asked: Asked,
    client: &Client,
    kept: &Kept,
    stored: &StoredResponse,
    cause: StaleCause,
) -> HttpResponse<CacheBody<B>> {
    let outer = asked.teller();
    let Asked { passage, watch, purpose, key, .. } = asked;
    worker.engine.counters().handler_took(watch.elapsed());
    if let Purpose::Fill(_, fill) = purpose {
        fill.failed(&kept.entry.key, worker.plan.filling.failure_pause);
    }
    let fallback = StaleFallback {
        request: client.asking(),
        stored,
        age: kept.age,
        outer: outer.as_ref(),
        inside: passage.inside(),
        key: key.as_ref(),
    };
    serve_stale(worker, &fallback, cause)
}

impl Purpose {
    fn forwarding(&self) -> Forwarding {
        match self {
            Self::Pass(why) => Forwarding::Bypass(*why),
            Self::Miss(why, _) | Self::Fill(why, _) => *why,
        }
    }
}
