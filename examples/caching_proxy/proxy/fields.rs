//! Header fields on their way: all that are meant for the other end, as they came.
//!
//! The server and the client each have their own type for them, from two versions of one crate.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::failure::Failure;

/// Fields of the connection, whatever `Connection` says, and `Trailer`: trailers end here.
const OF_THE_CONNECTION: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

type OriginFields = hyper::HeaderMap<hyper::header::HeaderValue>;

/// The fields of a request for the origin, `Host` among them.
pub(super) fn of_request(fields: &HeaderMap) -> Result<OriginFields, Failure> {
    let unsent = || Failure::NotForwarded("a field of the request");
    let mut forwarded = OriginFields::with_capacity(fields.len() + 1);
    for (name, value) in end_to_end(fields) {
        let name = hyper::header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
        forwarded.append(name.map_err(|_| unsent())?, value.map_err(|_| unsent())?);
    }
    // RFC 9110 s.7.6.3
    forwarded
        .append(hyper::header::VIA, hyper::header::HeaderValue::from_static("1.1 caching-proxy"));
    Ok(forwarded)
}

/// The fields of a response for the client.
pub(super) fn of_response(fields: &OriginFields) -> Result<HeaderMap, Failure> {
    let unsent = || Failure::NotForwarded("a field of the response");
    let mut all = HeaderMap::with_capacity(fields.keys_len());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        all.append(name.map_err(|_| unsent())?, value.map_err(|_| unsent())?);
    }
    Ok(end_to_end(&all).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The length of the body that these fields state.
pub(super) fn content_length(fields: &HeaderMap) -> Option<u64> {
    fields.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// The fields that are not meant for this connection only (RFC 9110 s.7.6.1).
fn end_to_end(fields: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let options = fields.get_all(header::CONNECTION).filter_map(|line| line.to_str().ok());
    let named: Vec<_> = options.flat_map(|line| line.split(',')).map(str::trim).collect();
    fields.iter().filter(move |(name, _)| {
        let name = name.as_str();
        !OF_THE_CONNECTION.contains(&name)
            && !named.iter().any(|option| option.eq_ignore_ascii_case(name))
    })
}
