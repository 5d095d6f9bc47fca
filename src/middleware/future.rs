//! The future of a request's way through the cache. It is boxed only where the store has to be waited
//! for.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_service::Service;
use actix_web::{
    Error,
    dev::{ServiceRequest, ServiceResponse},
};
use pin_project_lite::pin_project;

use super::{
    body::{CacheBody, CacheResult},
    request::{bypass, handler_call::HandlerCall},
    worker::Worker,
};
use crate::config::paths::Refusal;

pin_project! {
    /// The response to a request that passes a cache.
    #[project = Projected]
    pub struct CacheFuture<S, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = ProjectedState]
    enum State<S, B>
    where
        S: Service<ServiceRequest>,
    {
        Ready { response: Option<ServiceResponse<CacheBody<B>>> },
        Bypassing { #[pin] handler: S::Future, refusal: Refusal, worker: Rc<Worker> },
        Calling { #[pin] handler: S::Future, call: Option<Box<HandlerCall>>, worker: Rc<Worker> },
        Boxed { future: Pin<Box<dyn Future<Output = CacheResult<B>>>> },
    }
}

impl<S: Service<ServiceRequest>, B> CacheFuture<S, B> {
    pub(super) fn ready(response: ServiceResponse<CacheBody<B>>) -> Self {
        Self { state: State::Ready { response: Some(response) } }
    }

    pub(super) fn bypassing(handler: S::Future, refusal: Refusal, worker: Rc<Worker>) -> Self {
        Self { state: State::Bypassing { handler, refusal, worker } }
    }

    pub(super) fn calling(handler: S::Future, call: Box<HandlerCall>, worker: Rc<Worker>) -> Self {
        Self { state: State::Calling { handler, call: Some(call), worker } }
    }

    pub(super) fn boxed(future: impl Future<Output = CacheResult<B>> + 'static) -> Self {
        Self { state: State::Boxed { future: Box::pin(future) } }
    }
}

impl<S, B> Future for CacheFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: actix_web::body::MessageBody + 'static,
{
    type Output = CacheResult<B>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            ProjectedState::Ready { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending, // polled after its end
            },
            ProjectedState::Bypassing { handler, refusal, worker } => {
                Poll::Ready(bypass::finish(worker, *refusal, ready!(handler.poll(cx))))
            }
            ProjectedState::Calling { handler, call, worker } => {
                let polled = match call.as_ref() {
                    Some(call) => call.span().in_scope(|| handler.poll(cx)),
                    None => return Poll::Pending, // polled after its end
                };
                let res = ready!(polled);
                match call.take() {
                    Some(call) => Poll::Ready(call.finish(worker, res)),
                    None => Poll::Pending, // polled after its end
                }
            }
            ProjectedState::Boxed { future } => future.as_mut().poll(cx),
        }
    }
}
