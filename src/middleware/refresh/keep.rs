//! Keeps a client's request when it has ended.

use std::rc::Rc;

use actix_router::Path;
use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse, Url},
    rt,
};
use tokio::sync::oneshot;

use super::{job::serve, template::Template};
use crate::{
    config::settings::handlers::CAN_UNWIND,
    middleware::{
        body::CacheBody, context::RequestContext, request::conditions::reclaim, worker::Worker,
    },
};

/// What is needed to keep a request that is being answered.
pub(crate) struct KeptRequest<S> {
    service: Rc<S>,
    worker: Rc<Worker>,
    unrouted: Path<Url>,
}

impl<S> KeptRequest<S> {
    /// `None` where the request cannot be had when it has ended.
    pub(crate) fn new(service: &Rc<S>, worker: &Rc<Worker>, req: &ServiceRequest) -> Option<Self> {
        let can_be_had = CAN_UNWIND && worker.held.allow_refresh(req.request());
        can_be_had.then(|| Self {
            service: Rc::clone(service),
            worker: Rc::clone(worker),
            unrouted: req.match_info().clone(),
        })
    }

    /// Keeps the request when the client has its response.
    pub(crate) fn after<B>(
        self,
        res: ServiceResponse<CacheBody<B>>,
    ) -> ServiceResponse<CacheBody<B>>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
        B: MessageBody + 'static,
    {
        // another task waits for the same request
        if res.response().body().is_held() {
            return res;
        }
        let request = res.request().clone();
        let (gone, response_gone) = oneshot::channel();
        rt::spawn(async move {
            // the sender is dropped with the body; it never sends
            let _ = response_gone.await;
            let Self { service, worker, unrouted } = self;
            let is_routed = RequestContext::of(&request).is_some();
            let Some(req) = reclaim(&worker, request).await else { return };
            let template = Template::new(req.into_parts().0, unrouted, is_routed);
            if let Some(template) = template {
                worker.templates.keep(template);
            }
            if worker.templates.is_first() {
                let seat = worker.engine.refresher().take_seat();
                rt::spawn(serve(Rc::downgrade(&service), Rc::downgrade(&worker), seat));
            }
            worker.engine.refresher().has_changed();
        });
        res.map_body(|_, body| body.holding(gone))
    }
}
