//! `ResponseCache` as a `Transform`: one service per worker, over what all workers share.

use std::{
    future::{Ready, ready},
    rc::Rc,
};

use actix_service::{Service, Transform};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};

use super::{body::CacheBody, explain, service::CacheService, worker::Worker};
use crate::{config::cache::ResponseCache, engine::ticker};

impl<S, B> Transform<S, ServiceRequest> for ResponseCache
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<CacheBody<B>>;
    type Error = Error;
    type Transform = CacheService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let worker = self.plan().and_then(|plan| {
            let engine = self.engine()?;
            plan.register_paths(&engine);
            plan.on_event().into_iter().for_each(|listener| engine.listeners().add(listener));
            ticker::start(&engine);
            explain::register(&engine, plan.settings_id(), || self.plan());
            Ok(Worker::new(plan, engine))
        });
        ready(match worker {
            Ok(worker) => {
                let odd =
                    self.warnings().into_iter().filter(|warning| self.is_first_report(warning));
                for warning in odd.chain(self.second_cache_warning()) {
                    tracing::warn!("response cache: {warning}");
                }
                Ok(CacheService::new(Rc::new(service), Rc::new(worker)))
            }
            Err(error) => {
                // actix says only that a worker could not start, and a log may not be set up yet
                if self.is_first_report(&error.to_string()) {
                    tracing::error!("{error}");
                    eprintln!("{error}");
                }
                Err(())
            }
        })
    }
}
