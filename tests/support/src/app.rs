//! An application under test, by a short name for its type.

use actix_http::Request;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
};

/// What `actix_web::test::init_service` returns.
pub trait TestApp: Service<Request, Response = ServiceResponse<Self::Body>, Error = Error> {
    type Body: MessageBody;
}

impl<S, B> TestApp for S
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Body = B;
}
