//! What a successful unsafe request invalidates (RFC 9111 s.4.4).

use actix_web::http::{
    Method, Uri,
    uri::{Authority, Scheme},
};

use super::{
    fields::{Fields, ResponseView, text},
    groups::invalidated_groups,
    names::{CONTENT_LOCATION, LOCATION},
};

/// The URL of an unsafe request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestUrl<'a> {
    /// Its path and query.
    pub target: &'a str,
    /// Its host, with the port where there is one.
    pub host: Option<&'a str>,
    /// Whether its scheme is `https`.
    pub secure: bool,
}

/// What is no longer valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Invalidation {
    /// Whether the request's own URL is concerned.
    pub target: bool,
    /// Path and query of what `Location` and `Content-Location` name on the same origin.
    pub locations: Vec<String>,
    /// The groups of `Cache-Group-Invalidation` (RFC 9875 s.3).
    pub groups: Vec<String>,
}

/// What the response to an unsafe request invalidates: nothing (`None`) where the method is safe
/// or the status is an error. A method that this cache does not know may change anything.
///
pub(crate) fn invalidated<S: Fields + ?Sized>(
    method: &Method,
    url: &RequestUrl<'_>,
    res: &ResponseView<'_, S>,
) -> Option<Invalidation> {
    if is_safe(method) || !(res.status.is_success() || res.status.is_redirection()) {
        return None;
    }
    let names = [&LOCATION, &CONTENT_LOCATION];
    let references = names.into_iter().flat_map(|name| res.fields.all(name));
    let mut locations: Vec<String> = references
        .filter_map(|reference| on_same_origin(reference, url))
        .filter(|location| location != url.target)
        .collect();
    locations.dedup();
    Some(Invalidation { target: true, locations, groups: invalidated_groups(res.fields) })
}

/// Whether a method only reads (RFC 9110 s.9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY")
}

/// Path and query that a reference names, if it is on the same origin: another origin's responses
/// are not invalidated (RFC 9111 s.4.4).
fn on_same_origin(reference: &[u8], url: &RequestUrl<'_>) -> Option<String> {
    let RequestUrl { target, host, secure } = *url;
    let reference = text(reference)?.trim();
    let reference = reference.split('#').next().unwrap_or_default();
    let ours = if secure { Scheme::HTTPS } else { Scheme::HTTP };
    let (scheme, authority, path) = if reference.starts_with("//") {
        split_absolute(ours.as_str(), reference)?
    } else if let Some((scheme, rest)) = split_scheme(reference) {
        split_absolute(scheme, rest)?
    } else {
        return Some(resolve(target, reference));
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port(secure));
    let host: Authority = host?.parse().ok()?;
    let same = scheme.as_str().eq_ignore_ascii_case(ours.as_str())
        && authority.host().eq_ignore_ascii_case(host.host())
        && port(&authority) == port(&host);
    same.then(|| without_dot_segments(&path))
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The scheme of a reference that has one (RFC 3986 s.3.1), and what follows the colon.
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let mut chars = scheme.chars();
    let is_scheme = chars.next()?.is_ascii_alphabetic()
        && chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

fn split_absolute(scheme: &str, rest: &str) -> Option<(Scheme, Authority, String)> {
    let parts = format!("{scheme}:{rest}").parse::<Uri>().ok()?.into_parts();
    let path = parts.path_and_query.map_or_else(|| "/".to_owned(), |path| path.to_string());
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    Some((parts.scheme?, parts.authority?, path))
}

/// Resolves a reference without authority against `target` (RFC 3986 s.5.2.2).
fn resolve(target: &str, reference: &str) -> String {
    let base_path = target.split('?').next().unwrap_or_default();
    match reference.as_bytes().first() {
        None => target.to_owned(),
        Some(b'?') => format!("{base_path}{reference}"),
        Some(b'/') => without_dot_segments(reference),
        Some(_) => {
            let directory = base_path.rsplit_once('/').map_or("", |(directory, _)| directory);
            without_dot_segments(&format!("{directory}/{reference}"))
        }
    }
}

/// Takes `.` and `..` out of the path (RFC 3986 s.5.2.4); the query stays as it is.
fn without_dot_segments(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.find('?') {
        Some(at) => path_and_query.split_at(at),
        None => (path_and_query, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // a path that ends in a dot segment names a directory
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests;
