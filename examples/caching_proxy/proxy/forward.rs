//! A request's way to the origin, and its response's way back. Both bodies stream.

use std::error::Error;

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodyStream, SizedStream},
    http::{Method, StatusCode, header},
    web::{Bytes, Data, Payload},
};
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, Either, Empty, StreamBody};
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    header::{HOST, HeaderValue, TRANSFER_ENCODING},
};

use super::{failure::Failure, fields, origin::Origin};

/// What may go wrong with the body of a request.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// Sends the request to the origin and answers with its response, whatever that is.
///
/// The cache may answer a failure with a stale response: a failure is a response of status 502 or
/// 504, until the origin's own has begun.
pub(super) async fn forward(
    req: HttpRequest,
    payload: Payload,
    origin: Data<Origin>,
) -> Result<HttpResponse, Failure> {
    if *req.method() == Method::CONNECT {
        return Err(Failure::Tunnel);
    }
    let (head, body) = to_origin(&req, payload, &origin)?;
    let response = origin.send(head.map(|()| body)).await?;
    from_origin(response)
}

/// The request as the origin gets it.
fn to_origin(
    req: &HttpRequest,
    payload: Payload,
    origin: &Origin,
) -> Result<(Request<()>, impl Body<Data = Bytes, Error: Into<BoxError>> + 'static), Failure> {
    let unsent = |_| Failure::NotForwarded("the request line");
    let target = req.uri().path_and_query().map_or("*", |target| target.as_str());
    let mut request = Request::builder().method(req.method().as_str()).uri(target);
    let mut head = fields::of_request(req.headers())?;
    if !head.contains_key(HOST) {
        let authority =
            req.uri().authority().map_or_else(|| origin.authority(), ToString::to_string);
        let host = HeaderValue::try_from(authority);
        head.insert(HOST, host.map_err(|_| Failure::NotForwarded("the host"))?);
    }
    let chunked = req.headers().contains_key(header::TRANSFER_ENCODING);
    if chunked {
        head.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let body = if chunked || req.headers().contains_key(header::CONTENT_LENGTH) {
        Either::Left(StreamBody::new(payload.map_ok(Frame::data)))
    } else {
        Either::Right(Empty::new())
    };
    if let Some(fields) = request.headers_mut() {
        *fields = head;
    }
    Ok((request.body(()).map_err(unsent)?, body))
}

/// The response as the client gets it.
fn from_origin(response: Response<Incoming>) -> Result<HttpResponse, Failure> {
    let (head, body) = response.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16());
    let status = status.map_err(|_| Failure::NotForwarded("the status"))?;
    let fields = fields::of_response(&head.headers)?;
    // beside a body of known size the field is there for the cache: it is written from the size
    let length = fields::content_length(&fields);
    let body = body.into_data_stream();
    let mut res = HttpResponse::new(status);
    *res.headers_mut() = fields;
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    Ok(match length {
        _ if bodiless => res,
        Some(length) => res.set_body(SizedStream::new(length, body)).map_into_boxed_body(),
        None => res.set_body(BodyStream::new(body)).map_into_boxed_body(),
    })
}
