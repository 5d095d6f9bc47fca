//! The future of a request's way through the cache. Only where the store takes its time is it
//! boxed.

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

use super::{asked::Asked, body::CacheBody, worker::Worker};

type Answer<B> = Result<ServiceResponse<CacheBody<B>>, Error>;

pin_project! {
    /// The answer to a request that passes a cache.
    #[project = Projected]
    pub struct CacheFuture<S, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        way: Way<S, B>,
    }
}

pin_project! {
    #[project = ProjectedWay]
    enum Way<S, B>
    where
        S: Service<ServiceRequest>,
    {
        Answered { answer: Option<ServiceResponse<CacheBody<B>>> },
        Asking { #[pin] handler: S::Future, asked: Option<Box<Asked>>, worker: Rc<Worker> },
        Waiting { future: Pin<Box<dyn Future<Output = Answer<B>>>> },
    }
}

impl<S: Service<ServiceRequest>, B> CacheFuture<S, B> {
    pub(super) fn answered(answer: ServiceResponse<CacheBody<B>>) -> Self {
        Self { way: Way::Answered { answer: Some(answer) } }
    }

    pub(super) fn asking(handler: S::Future, asked: Asked, worker: Rc<Worker>) -> Self {
        Self { way: Way::Asking { handler, asked: Some(Box::new(asked)), worker } }
    }

    pub(super) fn waiting(future: impl Future<Output = Answer<B>> + 'static) -> Self {
        Self { way: Way::Waiting { future: Box::pin(future) } }
    }
}

impl<S, B> Future for CacheFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: actix_web::body::MessageBody + 'static,
{
    type Output = Answer<B>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            ProjectedWay::Answered { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending, // polled after its end
            },
            ProjectedWay::Asking { handler, asked, worker } => {
                let res = ready!(handler.poll(cx));
                match asked.take() {
                    Some(asked) => Poll::Ready(asked.finish(worker, res)),
                    None => Poll::Pending, // polled after its end
                }
            }
            ProjectedWay::Waiting { future } => future.as_mut().poll(cx),
        }
    }
}
