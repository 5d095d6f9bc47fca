//! Requests with their body as part of the key: QUERY, which is safe and cacheable
//! (draft-ietf-httpbis-safe-method-w-body), and POST where a rule says that it only reads. The body is
//! read, up to a bound, before the request is looked up.

use actix_web::{
    HttpMessage as _,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

/// The longest body that becomes part of a key, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Reads the body of the request and puts it back for the handler. `None` where it is too long or
/// does not come to its end; the handler then gets what has come and what follows.
pub(super) async fn read_body(req: &mut ServiceRequest) -> Option<Bytes> {
    let mut payload = req.take_payload();
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        match chunk {
            Ok(chunk) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
            chunk => {
                put_back(req, body.freeze(), chunk, payload);
                return None;
            }
        }
    }
    let body = body.freeze();
    req.set_payload(Payload::from(body.clone()));
    Some(body)
}

fn put_back(
    req: &mut ServiceRequest,
    start: Bytes,
    chunk: Result<Bytes, PayloadError>,
    rest: Payload,
) {
    let whole = stream::iter([Ok(start), chunk]).chain(rest);
    req.set_payload(Payload::Stream { payload: Box::pin(whole) });
}
