//! A request that has gone to the handler, and what is to be done with the response.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
};
use bytes::Bytes;

use super::{
    body::{CacheBody, Recorder},
    passage::Passage,
    worker::Worker,
};
use crate::{
    clock::Stopwatch,
    config::plan::Treatment,
    engine::fill::{Draft, Fill},
    semantics::{
        fields::{FieldList, ResponseView, storable_fields},
        freshening::date_field,
        groups,
        terms::Terms,
        verdict::{Forwarding, Verdict, WhyNot},
    },
};

/// A request that has gone to the handler.
#[derive(Debug)]
pub(super) struct Asked {
    outer: Option<Passage>,
    passage: Passage,
    watch: Stopwatch,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    /// The request did not concern the cache.
    Pass(WhyNot),
    /// It did, but its response is not stored.
    Miss(Forwarding, WhyNot),
    /// Its response may be stored.
    Fill(Forwarding, Box<Fill>),
}

impl Asked {
    /// The request is none of the cache's.
    pub(super) fn passing(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        why: WhyNot,
    ) -> Self {
        Self::new(worker, req, outer, Purpose::Pass(why))
    }

    /// Nothing usable is stored, and the response will not be.
    pub(super) fn missing(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        why: Forwarding,
        not_stored: WhyNot,
    ) -> Self {
        Self::new(worker, req, outer, Purpose::Miss(why, not_stored))
    }

    /// Nothing usable is stored; the response may be.
    pub(super) fn filling(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        why: Forwarding,
        fill: Fill,
    ) -> Self {
        Self::new(worker, req, outer, Purpose::Fill(why, Box::new(fill)))
    }

    fn new(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        purpose: Purpose,
    ) -> Self {
        let cached = !matches!(purpose, Purpose::Pass(_));
        let passage = worker.open(req, cached, outer.as_ref());
        Self { outer, passage, watch: Stopwatch::start(), purpose }
    }

    /// The handler has answered, or failed.
    pub(super) fn finish<B: MessageBody + 'static>(
        self,
        worker: &Worker,
        res: Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<CacheBody<B>>, Error> {
        let Self { outer, passage, watch, purpose } = self;
        worker.engine.counters().handler_took(watch.elapsed());
        let inside = passage.inside();
        let res = match res {
            Ok(res) => res,
            Err(error) => {
                worker.failed(outer.as_ref(), purpose.verdict(Err(WhyNot::HandlerFailed)));
                return Err(error);
            }
        };
        let (mut res, verdict) = match purpose {
            Purpose::Fill(why, fill) => {
                let (res, stored) = store(worker, &passage, *fill, res);
                (res, verdict(why, stored))
            }
            purpose => (res.map_body(|_, body| CacheBody::passed(body)), purpose.verdict(Ok(()))),
        };
        worker.tell(res.response_mut(), verdict, outer.as_ref(), inside);
        Ok(res)
    }
}

impl Purpose {
    fn verdict(&self, stored: Result<(), WhyNot>) -> Verdict {
        match self {
            Self::Pass(why) => Verdict::bypassed(*why),
            Self::Miss(why, not_stored) => Verdict::missed(*why, Err(*not_stored)),
            Self::Fill(why, _) => verdict(*why, stored),
        }
    }
}

/// A response that is withheld from the store for its request's credentials was not for the cache.
fn verdict(why: Forwarding, stored: Result<(), WhyNot>) -> Verdict {
    match stored {
        Err(why @ (WhyNot::Authorization | WhyNot::Cookie)) => Verdict::bypassed(why),
        stored => Verdict::missed(why, stored),
    }
}

/// Stores the response, at once where its body is there, else when it has streamed to its end.
fn store<B: MessageBody + 'static>(
    worker: &Worker,
    passage: &Passage,
    fill: Fill,
    mut res: ServiceResponse<B>,
) -> (ServiceResponse<CacheBody<B>>, Result<(), WhyNot>) {
    match draft(worker, passage, fill, &mut res) {
        Ok(draft) => keep(worker, draft, res),
        Err(why) => {
            worker.engine.counters().not_stored(why);
            (res.map_body(|_, body| CacheBody::passed(body)), Err(why))
        }
    }
}

/// The entry-to-be without its body, or why there is none.
fn draft<B>(
    worker: &Worker,
    passage: &Passage,
    fill: Fill,
    res: &mut ServiceResponse<B>,
) -> Result<Draft, WhyNot> {
    if passage.inside().is_some_and(|inside| !inside.verdict.is_bypass()) {
        return Err(WhyNot::InnerCache);
    }
    if passage.said().skip {
        return Err(WhyNot::OptedOut);
    }
    let routed = res.request().match_info().as_str();
    let (treatment, mut groups) = worker.plan.treatment(routed);
    let terms = fill.judge(&view(res), &treatment.policy);
    if let Some(client) = &treatment.client {
        client.tell(res.response_mut(), fill.request_time(), fill.is_personal());
    }
    let terms = terms?;
    groups.extend(groups::groups(res.headers(), false)?);
    groups.extend(passage.said().groups.iter().cloned());
    let groups = groups::within_bounds(groups)?;
    let fields = fields(worker, treatment, res, &terms);
    fill.draft(&view(res), fields, terms, groups)
}

fn view<B>(res: &ServiceResponse<B>) -> ResponseView<'_, header::HeaderMap> {
    ResponseView { status: res.status(), fields: res.headers() }
}

/// The fields to store: without those of one request, and always with a `Date`.
fn fields<B>(
    worker: &Worker,
    treatment: &Treatment,
    res: &ServiceResponse<B>,
    terms: &Terms,
) -> FieldList {
    let mut fields = storable_fields(res.headers(), &treatment.policy, false);
    fields.retain(|(name, _)| !worker.plan.dropped.contains(name));
    if !fields.iter().any(|(name, _)| *name == header::DATE) {
        fields.extend(date_field(terms.response_time));
    }
    fields
}

fn keep<B: MessageBody + 'static>(
    worker: &Worker,
    draft: Draft,
    res: ServiceResponse<B>,
) -> (ServiceResponse<CacheBody<B>>, Result<(), WhyNot>) {
    let at_most = worker.plan.max_body;
    let stated = stated_length(&res);
    let has_body = !matches!(res.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
    if has_body && stated.is_some_and(|stated| stated > at_most as u64) {
        draft.abandon(WhyNot::TooLarge);
        return (res.map_body(|_, body| CacheBody::passed(body)), Err(WhyNot::TooLarge));
    }
    let mut stored = Ok(());
    let res = res.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => {
            stored = check(&bytes, stated, at_most);
            match stored {
                Ok(()) => draft.commit(bytes.clone()),
                Err(why) => draft.abandon(why),
            }
            CacheBody::whole(bytes)
        }
        Err(body) => CacheBody::recorded(body, Recorder::new(draft, at_most, stated)),
    });
    (res, stored)
}

/// The length that the response states for its body.
fn stated_length<B: MessageBody>(res: &ServiceResponse<B>) -> Option<u64> {
    use actix_web::body::BodySize;
    let field = res.headers().get(header::CONTENT_LENGTH);
    match (field, res.response().body().size()) {
        // a length that is no number is never met, so nothing is stored
        (Some(value), _) => {
            Some(value.to_str().ok().and_then(|v| v.parse().ok()).unwrap_or(u64::MAX))
        }
        (None, BodySize::Sized(length)) => Some(length),
        (None, _) => None,
    }
}

fn check(bytes: &Bytes, stated: Option<u64>, at_most: usize) -> Result<(), WhyNot> {
    if bytes.len() > at_most {
        Err(WhyNot::TooLarge)
    } else if stated.is_some_and(|stated| stated != bytes.len() as u64) {
        Err(WhyNot::BodyLength)
    } else {
        Ok(())
    }
}
