//! Whether a response may be stored, and under which terms (RFC 9111 s.3).

use std::time::Duration;

use actix_web::http::{Method, StatusCode, header::HeaderName};

use super::{
    cache_control::{Directives, Flag},
    cacheable_status::{guessable, storable_status, understood},
    date::{MAX_DELTA, Timestamp},
    fields::{Fields, RequestView, ResponseView},
    freshness::{heuristic_lifetime, initial_age, stated_lifetime},
    lifetime_source::LifetimeSource,
    names::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, SET_COOKIE},
    policy::Policy,
    targeted::{Governing, governing},
    terms::Terms,
    validation::has_validator,
    vary,
    verdict::Reason,
};

pub(crate) use super::freshness::Exchange;

/// The credentials that a request carries and that are not part of its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UncoveredCredentials {
    /// `Authorization`.
    pub authorization: bool,
    /// A `Cookie` that counts as a credential.
    pub cookie: bool,
    /// Any other field that [counts](super::credentials) as one; what may answer `Authorization` may
    /// answer it.
    pub other: bool,
}

impl UncoveredCredentials {
    /// Whether there is any.
    pub(crate) const fn any(self) -> bool {
        self.authorization || self.cookie || self.other
    }
}

/// A response that may be stored: what its fields say, read once.
#[derive(Clone, Debug)]
pub(crate) struct Storable {
    /// The terms of its reuse.
    pub terms: Terms,
    /// Fields that are not stored, as `no-cache="f"` and `private="f"` say (RFC 9111 s.5.2.2.4,
    /// s.5.2.2.7).
    pub withheld: Vec<HeaderName>,
    /// The [selecting fields](vary::selecting) of requests.
    pub selecting: Vec<HeaderName>,
}

/// Whether `res`, the complete answer to `req`, may be stored, or why not (RFC 9111 s.3).
pub(crate) fn storable<Q: Fields + ?Sized, S: Fields + ?Sized>(
    req: &RequestView<'_, Q>,
    res: &ResponseView<'_, S>,
    uncovered: UncoveredCredentials,
    exchange: Exchange,
    policy: &Policy,
) -> Result<Storable, Reason> {
    request_allows(req, policy)?;
    let governing = governing(res.fields, &policy.targets);
    response_allows(res, &governing.directives, policy)?;
    let selecting = vary::selecting(res.fields)?;
    // a lifetime that the handler declares goes before what its headers say
    let no_cache =
        policy.declared.ttl.is_none() && says_no_cache(res.fields, &governing.directives);
    let (lifetime, lifetime_from) =
        lifetime(res, &governing, no_cache, exchange.received.date, policy)?;
    let initial_age = initial_age(res.fields, exchange);
    let terms = Terms {
        response_time: exchange.received.date,
        received: Some(exchange.received.monotonic),
        initial_age,
        lifetime,
        lifetime_from,
        policy: policy.declared.policy,
        took: exchange.response_delay,
        ..terms_of(res.status, &governing.directives, no_cache, lifetime, policy)
    };
    may_answer(&terms, uncovered)?;
    let own_window = governing.directives.stale_if_error.or(policy.declared.if_error).is_some();
    if usable(&terms, own_window) || has_validator(res.fields) || wanted_stale(&terms, policy) {
        let withheld = governing.directives.into_withheld();
        Ok(Storable { terms, withheld, selecting })
    } else {
        Err(Reason::BornStale)
    }
}

/// Whether a stored response may answer a request with credentials outside of the key: it says so
/// (RFC 9111 s.3.5), or there are none.
pub(super) fn may_answer(terms: &Terms, uncovered: UncoveredCredentials) -> Result<(), Reason> {
    if uncovered.authorization && !terms.for_authorization {
        return Err(Reason::Authorization);
    }
    if uncovered.cookie && !terms.for_cookie {
        return Err(Reason::Cookie);
    }
    if uncovered.other && !terms.for_authorization {
        return Err(Reason::Credential);
    }
    Ok(())
}

fn request_allows<Q: Fields + ?Sized>(
    req: &RequestView<'_, Q>,
    policy: &Policy,
) -> Result<(), Reason> {
    // a HEAD response has no body to answer a GET with; QUERY comes here only where it is cached
    if req.method != Method::GET && req.method.as_str() != "QUERY" {
        return Err(Reason::Method);
    }
    if says_no_store(req.fields, policy) { Err(Reason::RequestNoStore) } else { Ok(()) }
}

/// Whether the request says `no-store` (RFC 9111 s.5.2.1.5) and is obeyed.
pub(crate) fn says_no_store<Q: Fields + ?Sized>(req: &Q, policy: &Policy) -> bool {
    policy.request_directives && Directives::parse(req, &CACHE_CONTROL).says(Flag::NoStore)
}

fn response_allows<S: Fields + ?Sized>(
    res: &ResponseView<'_, S>,
    directives: &Directives,
    policy: &Policy,
) -> Result<(), Reason> {
    // `Content-Range` has a meaning beside 206 and 416 only (RFC 9110 s.14.4)
    if res.status == StatusCode::PARTIAL_CONTENT {
        return Err(Reason::Partial);
    }
    let must_understand = directives.says(Flag::MustUnderstand);
    let in_terms_of_the_request = matches!(res.status.as_u16(), 100..=199 | 304 | 412 | 416);
    if in_terms_of_the_request || (must_understand && !understood(res.status)) {
        return Err(Reason::Status);
    }
    // s.5.2.2.3: a cache that understands the status ignores the no-store beside must-understand
    if directives.says(Flag::NoStore) && !must_understand {
        return Err(Reason::NoStore);
    }
    if directives.says(Flag::Private) {
        return Err(Reason::Private);
    }
    let allows_cookie = !policy.shared && (policy.store_set_cookie || withheld(directives));
    if res.fields.has(&SET_COOKIE) && !allows_cookie {
        return Err(Reason::SetCookie);
    }
    if is_event_stream(res.fields) {
        return Err(Reason::EventStream);
    }
    Ok(())
}

/// Whether `no-cache="set-cookie"` or `private="set-cookie"` keeps the cookie out of the store.
fn withheld(directives: &Directives) -> bool {
    let is_cookie = |name: &HeaderName| *name == SET_COOKIE;
    directives.no_cache_fields.iter().any(is_cookie)
        || directives.private_fields.iter().any(is_cookie)
}

/// Whether the media type says that the body does not end: events, or pictures that replace one
/// another.
fn is_event_stream<S: Fields + ?Sized>(fields: &S) -> bool {
    const MEDIA_TYPES: [&[u8]; 2] = [b"text/event-stream", b"multipart/x-mixed-replace"];
    fields.all(&CONTENT_TYPE).any(|value| {
        let value = value.trim_ascii_start();
        MEDIA_TYPES.into_iter().any(|media_type| {
            let start = value.get(..media_type.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(media_type))
        })
    })
}

/// `no-cache`; `Pragma: no-cache` means it too where nothing newer is said (RFC 9111 s.5.4).
fn says_no_cache<S: Fields + ?Sized>(fields: &S, directives: &Directives) -> bool {
    directives.says(Flag::NoCache)
        || (!directives.is_present() && Directives::parse(fields, &PRAGMA).says(Flag::NoCache))
}

/// The lifetime: stated, else by rule, by default or by heuristic (RFC 9111 s.4.2.1, s.4.2.2).
fn lifetime<S: Fields + ?Sized>(
    res: &ResponseView<'_, S>,
    governing: &Governing,
    no_cache: bool,
    received: Timestamp,
    policy: &Policy,
) -> Result<(Duration, LifetimeSource), Reason> {
    let status = res.status;
    let named = policy.status_ttls.iter().find(|(named, _)| *named == status);
    let allowed = named.is_some() || storable_status(status, policy);
    if let Some((ttl, from)) = policy.declared.ttl {
        return match ttl {
            _ if !allowed => Err(Reason::Status),
            Duration::ZERO => Err(Reason::NoLifetime),
            ttl => Ok((ttl.min(MAX_DELTA), from)),
        };
    }
    let stated = stated_lifetime(res.fields, governing, received);
    let no_cache = no_cache.then_some((Duration::ZERO, LifetimeSource::NoCache));
    if let Some(stated) = stated.or(no_cache) {
        return if allowed { Ok(stated) } else { Err(Reason::Status) };
    }
    let is_declared = policy.declared.cacheable || governing.directives.says(Flag::Public);
    if policy.only_declared && !is_declared {
        return Err(if allowed { Reason::NotDeclared } else { Reason::Status });
    }
    let default = matches!(status.as_u16(), 200 | 203 | 204)
        .then_some((policy.default_ttl, LifetimeSource::Ttl));
    let given = named.map(|(_, ttl)| (*ttl, LifetimeSource::StatusTtl)).or(default);
    if let Some((ttl, from)) = given.filter(|(ttl, _)| !ttl.is_zero()) {
        return Ok((ttl.min(MAX_DELTA), from));
    }
    if policy.heuristic && guessable(status, &governing.directives, policy) {
        // without Last-Modified it is stale at once, which an ETag makes worth keeping
        let guess = heuristic_lifetime(res.fields, received)
            .or_else(|| has_validator(res.fields).then_some(Duration::ZERO));
        return guess.map(|guess| (guess, LifetimeSource::Heuristic)).ok_or(Reason::NoLifetime);
    }
    Err(if storable_status(status, policy) { Reason::NoLifetime } else { Reason::Status })
}

fn terms_of(
    status: StatusCode,
    directives: &Directives,
    no_cache: bool,
    lifetime: Duration,
    policy: &Policy,
) -> Terms {
    let public = directives.says(Flag::Public) || directives.s_maxage.is_some();
    // s.5.2.2.10: s-maxage means what proxy-revalidate means
    let must_revalidate = !policy.declared.allows_stale()
        && (directives.says(Flag::MustRevalidate)
            || directives.says(Flag::ProxyRevalidate)
            || directives.s_maxage.is_some());
    let window = |own: Option<Duration>, default: Duration| {
        let forbidden = no_cache || must_revalidate;
        if forbidden { Duration::ZERO } else { own.unwrap_or(default).min(MAX_DELTA) }
    };
    let windows = policy.windows(status);
    // `max-age=0` asks for validation: a setting must not turn it into a lifetime
    let default_window = if lifetime.is_zero() { Duration::ZERO } else { windows.while_revalidate };
    // an old error is no better than a new one
    let if_error = if status.is_server_error() {
        Duration::ZERO
    } else {
        policy
            .declared
            .if_error
            .unwrap_or_else(|| window(directives.stale_if_error, windows.if_error))
            .min(MAX_DELTA)
    };
    let declared = |window: Option<Duration>| window.map(|window| window.min(MAX_DELTA));
    Terms {
        while_revalidate: declared(policy.declared.while_revalidate)
            .unwrap_or_else(|| window(directives.stale_while_revalidate, default_window)),
        if_error,
        no_cache,
        must_revalidate,
        immutable: directives.says(Flag::Immutable),
        for_authorization: public || directives.says(Flag::MustRevalidate),
        for_cookie: public,
        ..Terms::default()
    }
}

/// Whether it could ever be served without validation.
fn usable(terms: &Terms, own_window: bool) -> bool {
    let if_error = own_window || !terms.lifetime.is_zero();
    let window = if if_error { terms.if_error } else { Duration::ZERO };
    let usable_for = terms.lifetime.saturating_add(window.max(terms.while_revalidate));
    !terms.no_cache && terms.initial_age < usable_for
}

/// Whether a request may ask for it though it is stale (`max-stale`, RFC 9111 s.5.2.1.2).
fn wanted_stale(terms: &Terms, policy: &Policy) -> bool {
    let may_be_stale = !terms.no_cache && !terms.must_revalidate;
    policy.request_directives && may_be_stale && !terms.lifetime.is_zero()
}

#[cfg(test)]
mod tests;
