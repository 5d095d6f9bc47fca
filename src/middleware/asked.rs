//! A request that has gone to the handler, and what is to be done with the response.

use std::{cell::Cell, rc::Rc};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};

use super::{
    body::CacheBody,
    conditions::not_modified,
    passage::Passage,
    store::{store, view},
    worker::Worker,
};
use crate::{
    clock::Stopwatch,
    engine::fill::Fill,
    key::CacheKey,
    semantics::verdict::{Forwarding, Reason, Verdict},
};

/// A request that has gone to the handler.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) outer: Option<Passage>,
    pub(super) passage: Passage,
    pub(super) watch: Stopwatch,
    pub(super) purpose: Purpose,
    /// What the request was looked up by, for `Cache-Status`.
    pub(super) key: Option<CacheKey>,
    /// The client's conditions were taken off the request: the response is evaluated by them.
    pub(super) answers_conditions: bool,
    /// Whether the client has been answered otherwise in the meantime.
    otherwise: Rc<Cell<bool>>,
}

/// Why it has.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The request did not concern the cache.
    Pass(Reason),
    /// It did, but its response is not stored.
    Miss(Forwarding, Reason),
    /// Its response may be stored.
    Fill(Forwarding, Box<Fill>),
}

impl Asked {
    /// The request is none of the cache's.
    pub(super) fn passing(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        why: Reason,
    ) -> Self {
        Self::new(worker, req, outer, Purpose::Pass(why))
    }

    /// Nothing usable is stored, and what the handler answers will not be: it is an answer to HEAD,
    /// which no GET can be answered with.
    pub(super) fn missing(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        why: Forwarding,
    ) -> Self {
        Self::new(worker, req, outer, Purpose::Miss(why, Reason::Method))
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

    /// Nobody waits for the response; it is to be stored.
    pub(super) fn refreshing(
        worker: &Worker,
        req: &ServiceRequest,
        why: Forwarding,
        fill: Fill,
    ) -> Self {
        let asked = Self::filling(worker, req, None, why, fill);
        asked.otherwise.set(true);
        asked
    }

    /// Whether what the handler answers may be stored.
    pub(super) fn fills(&self) -> bool {
        matches!(self.purpose, Purpose::Fill(..))
    }

    /// Whether a stored response that is asked about may be renewed by the answer.
    pub(super) fn renews(&self) -> bool {
        matches!(&self.purpose, Purpose::Fill(_, fill) if fill.renews())
    }

    /// To be set when the client has been answered otherwise.
    pub(super) fn answered_otherwise(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.otherwise)
    }

    /// Whom to tell what becomes of the request. What no client is given is told to a cache outside
    /// that is not there, so that nobody counts it.
    pub(super) fn teller(&self) -> Option<Passage> {
        if self.otherwise.get() { Some(self.passage.clone()) } else { self.outer.clone() }
    }

    /// The request was looked up by this key.
    pub(super) fn looked_up_by(self, key: CacheKey) -> Self {
        Self { key: Some(key), ..self }
    }

    fn new(
        worker: &Worker,
        req: &ServiceRequest,
        outer: Option<Passage>,
        purpose: Purpose,
    ) -> Self {
        let cached = !matches!(purpose, Purpose::Pass(_));
        let passage = worker.open(req, cached, outer.as_ref());
        Self {
            outer,
            passage,
            watch: Stopwatch::start(),
            purpose,
            key: None,
            answers_conditions: false,
            otherwise: Rc::default(),
        }
    }

    /// The handler has answered, or failed.
    pub(super) fn finish<B: MessageBody + 'static>(
        self,
        worker: &Worker,
        res: Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<CacheBody<B>>, Error> {
        let outer = self.teller();
        let Self { passage, watch, purpose, key, answers_conditions, .. } = self;
        worker.engine.counters().handler_took(watch.elapsed());
        let inside = passage.inside();
        let concerns_keys = purpose.concerns_keys();
        let res = match res {
            Ok(res) => res,
            Err(error) => {
                worker.failed(outer.as_ref(), purpose.verdict(Err(Reason::HandlerFailed)));
                if let Purpose::Fill(_, fill) = purpose {
                    fill.failed_without_response();
                }
                return Err(error);
            }
        };
        let (mut res, verdict) = match purpose {
            Purpose::Fill(why, mut fill) => {
                let status = res.status();
                if status.is_server_error() && res.response().error().is_some() {
                    fill.fails();
                }
                let is_known = answers_conditions && fill.is_known_to_client(&view(&res));
                let (res, stored) = store(worker, &passage, *fill, res);
                if is_known {
                    let verdict = verdict(why, stored).with_status(Some(status.as_u16()));
                    (not_modified(worker, res), verdict)
                } else {
                    (res, verdict(why, stored))
                }
            }
            purpose => (res.map_body(|_, body| CacheBody::passed(body)), purpose.verdict(Ok(()))),
        };
        worker.strip(&mut res);
        if concerns_keys {
            report_downstream(worker, &mut res);
        }
        worker.tell(res.response_mut(), verdict, outer.as_ref(), inside, key.as_ref());
        Ok(res)
    }
}

/// Writes into the response, for caches downstream, what keys depend on.
pub(super) fn report_downstream<B>(worker: &Worker, res: &mut ServiceResponse<B>) {
    // of actix's two halves of a response, one is borrowed while the other is changed
    let req = res.request().clone();
    worker.plan.downstream.report(res.response_mut(), req.headers());
}

impl Purpose {
    /// Whether the request is one of those that have keys, though this one may have none: a cache
    /// downstream could give its answer to one that has.
    fn concerns_keys(&self) -> bool {
        use Reason::{AmbiguousPath, Excluded, Method, NotIncluded};
        match self {
            Self::Pass(why) => !matches!(why, Method | Excluded | NotIncluded | AmbiguousPath),
            Self::Miss(..) | Self::Fill(..) => true,
        }
    }

    fn verdict(&self, stored: Result<(), Reason>) -> Verdict {
        match self {
            Self::Pass(why) => Verdict::bypassed(*why),
            Self::Miss(why, not_stored) => Verdict::missed(*why, Err(*not_stored)),
            Self::Fill(why, _) => verdict(*why, stored),
        }
    }
}

/// A response that is withheld from the store for its request's credentials was not for the cache.
fn verdict(why: Forwarding, stored: Result<(), Reason>) -> Verdict {
    match stored {
        Err(why) if why.is_of_credentials() => Verdict::bypassed(why),
        stored => Verdict::missed(why, stored),
    }
}
