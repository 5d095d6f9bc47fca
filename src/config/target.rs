//! The target of a request beside its path and query (RFC 9112 s.3.2): scheme, authority and `Host`, as
//! they were sent.

use actix_web::{HttpRequest, http::header};

use crate::{
    key::{KeyParts, host},
    semantics::verdict::Reason,
};

/// What a request says of its target beside path and query.
pub(super) struct Target<'r> {
    pub(super) scheme: Option<&'r str>,
    pub(super) authority: Option<&'r str>,
    /// The one `Host`.
    pub(super) host_line: Option<&'r str>,
}

impl<'r> Target<'r> {
    /// Reads the target of a request that may have a key: it is one of `http` or `https`, and names
    /// one host. Where target and `Host` name two (RFC 9112 s.3.2.2), handlers and guards disagree on
    /// which of them is meant.
    pub(super) fn of(req: &'r HttpRequest) -> Result<Self, Reason> {
        let uri = req.uri();
        let scheme = uri.scheme_str();
        if scheme.is_some_and(|scheme| !is_cached_scheme(scheme)) {
            return Err(Reason::Target);
        }
        let mut lines = req.headers().get_all(header::HOST);
        let host_line = match (lines.next(), lines.next()) {
            (None, _) => None,
            (Some(line), None) => Some(line.to_str().map_err(|_| Reason::Target)?),
            (Some(_), Some(_)) => return Err(Reason::Target),
        };
        let authority = uri.authority().map(actix_web::http::uri::Authority::as_str);
        if let (Some(authority), Some(host)) = (authority, host_line)
            && host::canonical(authority) != host::canonical(host)
        {
            return Err(Reason::Target);
        }
        Ok(Self { scheme, authority, host_line })
    }
}

/// The key of a request whose target is path and query alone, beside one `Host`.
pub(super) fn plain_key(req: &HttpRequest) -> Option<KeyParts<'_>> {
    let uri = req.uri();
    if uri.scheme().is_some() || uri.authority().is_some() {
        return None;
    }
    let mut lines = req.headers().get_all(header::HOST);
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (path_and_query, path_len) = (uri.path_and_query()?.as_str(), uri.path().len());
    let host = Some(line.as_bytes()).filter(|host| host.is_ascii())?;
    Some(KeyParts::of_url(req.app_config().secure(), host, path_and_query, path_len))
}

/// Whether responses to requests of this scheme are cached.
pub(super) fn is_cached_scheme(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}
