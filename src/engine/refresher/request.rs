//! `Refresh`: the request of a refresh.

use std::{fmt, sync::Arc};

use actix_web::http::{
    Uri,
    header::{HOST, HeaderMap, HeaderName, HeaderValue},
};

/// A GET that is run through the app to store its response:
/// [`CacheHandle::refresh`](crate::CacheHandle::refresh).
///
/// ```
/// use actix_response_cache::Refresh;
///
/// let refresh = Refresh::get("//shop.example/products?page=2").header("accept-language", "de");
/// ```
#[derive(Clone)]
pub struct Refresh {
    url: String,
    /// Shared by the requests for many URLs.
    headers: Arc<Vec<(String, String)>>,
}

/// The request, read.
#[derive(Clone, Debug)]
pub(crate) struct RefreshRequest {
    /// Path and query.
    pub(crate) uri: Uri,
    /// With `Host`, where it is known.
    pub(crate) headers: HeaderMap,
}

impl Refresh {
    /// A GET for this URL: `https://shop.example/products`, `//shop.example/products`, or a path, which
    /// is asked for on the host that clients have asked last. The scheme does not count.
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Arc::default() }
    }

    /// Adds a header line, such as one that the key depends on.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.headers).push((name.into(), value.into()));
        self
    }

    /// The same for another URL.
    #[cfg(feature = "admin")]
    pub(crate) fn to(&self, url: &str) -> Self {
        Self { url: url.to_owned(), headers: Arc::clone(&self.headers) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The request, or what is wrong with it.
    pub(crate) fn read(&self) -> Result<RefreshRequest, String> {
        let bad_url = || format!("`{}` is neither an absolute URL nor begins with `/`", self.url);
        let mut headers = self.read_headers()?;
        let (host, target) = split(&self.url).ok_or_else(bad_url)?;
        let uri: Uri = target.parse().map_err(|_| bad_url())?;
        if let Some(host) = host
            && !headers.contains_key(HOST)
        {
            headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| bad_url())?);
        }
        Ok(RefreshRequest { uri, headers })
    }

    fn read_headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter() {
            let bad_header = || format!("`{name}` is no header, or its value none");
            let name: HeaderName = name.parse().map_err(|_| bad_header())?;
            headers.append(name, HeaderValue::from_str(value).map_err(|_| bad_header())?);
        }
        Ok(headers)
    }
}

/// The host, if there is one, and the path with its query.
fn split(url: &str) -> Option<(Option<&str>, String)> {
    let url = url.split('#').next()?;
    let schemes = ["http:", "https:"];
    let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme)).unwrap_or(url);
    let Some(rest) = rest.strip_prefix("//") else {
        return url.starts_with('/').then(|| (None, url.to_owned()));
    };
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if target.starts_with('/') { "" } else { "/" };
    (!host.is_empty()).then(|| (Some(host), format!("{slash}{target}")))
}

impl From<&str> for Refresh {
    fn from(url: &str) -> Self {
        Self::get(url)
    }
}

impl From<String> for Refresh {
    fn from(url: String) -> Self {
        Self::get(url)
    }
}

impl From<&String> for Refresh {
    fn from(url: &String) -> Self {
        Self::get(url.clone())
    }
}

impl fmt::Debug for Refresh {
    /// Without the values of headers, which may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Refresh").field("url", &self.url).field("headers", &names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_a_target_and_a_host() {
        let read = |url: &str| {
            let read = Refresh::get(url).read().unwrap();
            let host = read.headers.get(HOST).map(|host| host.to_str().unwrap().to_owned());
            (read.uri.to_string(), host)
        };
        let on = |host: &str| Some(host.to_owned());
        assert_eq!(read("/a?b=%C3%A9#c"), ("/a?b=%C3%A9".to_owned(), None));
        assert_eq!(read("https://h:8080/a"), ("/a".to_owned(), on("h:8080")));
        assert_eq!(read("//h"), ("/".to_owned(), on("h")));
        assert_eq!(read("http://h?a"), ("/?a".to_owned(), on("h")));
    }

    #[test]
    fn invalid_request_is_refused() {
        for url in ["", "a", "http:", "//", "/a b", "ftp://h/", "http:///a"] {
            assert!(Refresh::get(url).read().is_err(), "{url}");
        }
        assert!(Refresh::get("/").header("a b", "").read().is_err());
        assert!(Refresh::get("/").header("a", "\n").read().is_err());
    }
}
