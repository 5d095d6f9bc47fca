//! What the status of a response says of storing it (RFC 9110 s.15, RFC 9111 s.3).

use actix_web::http::StatusCode;

use super::{
    cache_control::{Directives, Flag},
    policy::Policy,
};

/// Whether a response of this status may be stored when it states its lifetime.
///
/// The others are the ones with which a crafted request could deny a resource to everyone, or
/// whose definition this cache does not know. RFC 6585 forbids 428, 429, 431 and 511 outright.
pub(super) fn storable_status(status: StatusCode, policy: &Policy) -> bool {
    match status.as_u16() {
        428 | 429 | 431 | 511 => false,
        200 | 203 | 204 | 300..=303 | 307 | 308 | 404 | 405 | 410 | 414 | 501 => true,
        code => policy.any_status && code >= 200,
    }
}

/// Whether a lifetime may be guessed: the status is heuristically cacheable (RFC 9110 s.15.1), or
/// the response is explicitly cacheable. Errors live on guesses only where any status does.
pub(super) fn guessable(status: StatusCode, directives: &Directives, policy: &Policy) -> bool {
    let heuristic = match status.as_u16() {
        200 | 203 | 204 | 300 | 301 | 308 => true,
        404 | 405 | 410 | 414 | 501 => policy.any_status,
        _ => false,
    };
    heuristic || (directives.says(Flag::Public) && storable_status(status, policy))
}

/// Whether this cache knows what the status asks of a cache: the final ones of RFC 9110 s.15.
pub(super) fn understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=206 | 300..=305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505
    )
}
