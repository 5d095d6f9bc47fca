//! `Inquiry`: the request that is asked about.

use std::fmt;

use actix_web::http::{
    Method, Uri,
    header::{HOST, HeaderMap, HeaderName, HeaderValue},
};

use super::error::ExplainError;

/// A request to be explained: method, URL and headers.
///
/// ```
/// use actix_response_cache::Inquiry;
///
/// let inquiry = Inquiry::get("https://shop.example/products?page=2")
///     .header("accept-language", "de")
///     .header("cookie", "session=1");
/// ```
#[derive(Clone)]
pub struct Inquiry {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    http2: bool,
}

/// The request, read.
pub(crate) struct ReadInquiry<'a> {
    pub(crate) method: Method,
    /// The target of the request.
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Inquiry {
    /// A request with this method for this URL: an absolute one (`https://shop.example/products`), or a
    /// path, beside which a `Host` [header](Self::header) is needed.
    ///
    /// The scheme does not count. Whether requests come over TLS is taken from those that this process
    /// serves: behind a proxy that ends TLS, a server sees none.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: Vec::new(), body: Vec::new(), http2: false }
    }

    /// A GET for this URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The body of a QUERY, or of a POST that a rule [caches](crate::Rule::cache_post).
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Whether the client speaks HTTP/2, which names the host in another place: handlers can tell, and so
    /// the key is another one.
    #[must_use]
    pub fn http2(self, http2: bool) -> Self {
        Self { http2, ..self }
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The request as it would come.
    pub(crate) fn read(&self) -> Result<ReadInquiry<'_>, ExplainError> {
        let method = Method::from_bytes(self.method.as_bytes());
        let method = method.map_err(|_| ExplainError::Method)?;
        let mut headers = self.read_headers()?;
        let uri: Uri = self.url.parse().map_err(|_| ExplainError::Url)?;
        let target = uri.path_and_query().ok_or(ExplainError::Url)?.as_str();
        // a client writes the slash that an absolute URL may leave out
        let is_whole = target.starts_with('/');
        let path = if is_whole { target.to_owned() } else { format!("/{target}") };
        let path: Uri = path.parse().map_err(|_| ExplainError::Url)?;
        let Some(authority) = uri.authority() else {
            return if headers.contains_key(HOST) {
                Ok(ReadInquiry { method, uri: path, headers, body: &self.body })
            } else {
                Err(ExplainError::Host)
            };
        };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(ExplainError::Url);
        }
        if self.http2 {
            return Ok(ReadInquiry { method, uri, headers, body: &self.body });
        }
        if !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(authority.as_str());
            headers.insert(HOST, host.map_err(|_| ExplainError::Url)?);
        }
        Ok(ReadInquiry { method, uri: path, headers, body: &self.body })
    }

    fn read_headers(&self) -> Result<HeaderMap, ExplainError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| ExplainError::Header)?;
            let value = HeaderValue::from_bytes(value.as_bytes());
            headers.append(name, value.map_err(|_| ExplainError::Header)?);
        }
        Ok(headers)
    }
}

impl fmt::Debug for Inquiry {
    /// Without the values of headers, which may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Inquiry")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(inquiry: &Inquiry) -> Result<(String, Option<String>), ExplainError> {
        let read = inquiry.read()?;
        let host = read.headers.get(HOST).map(|host| host.to_str().unwrap().to_owned());
        Ok((read.uri.to_string(), host))
    }

    #[test]
    fn a_url_becomes_a_target_and_a_host() {
        let said = |uri: &str, host: &str| Ok((uri.to_owned(), Some(host.to_owned())));
        assert_eq!(target(&Inquiry::get("http://h:8080/a?b")), said("/a?b", "h:8080"));
        assert_eq!(target(&Inquiry::get("http://h")), said("/", "h"));
        assert_eq!(target(&Inquiry::get("/a").header("host", "x")), said("/a", "x"));
        let http2 = Inquiry::get("https://h/a").http2(true);
        assert_eq!(target(&http2), Ok(("https://h/a".to_owned(), None)));
    }

    #[test]
    fn invalid_request_is_refused() {
        for (inquiry, error) in [
            (Inquiry::get("/a"), ExplainError::Host),
            (Inquiry::get("ftp://h/a"), ExplainError::Url),
            (Inquiry::get("a b"), ExplainError::Url),
            (Inquiry::get(""), ExplainError::Url),
            (Inquiry::new("G T", "http://h/"), ExplainError::Method),
            (Inquiry::get("http://h/").header("a b", ""), ExplainError::Header),
            (Inquiry::get("http://h/").header("a", "\n"), ExplainError::Header),
        ] {
            assert_eq!(target(&inquiry), Err(error), "{inquiry:?}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        let inquiry = Inquiry::get("http://h/").header("authorization", "Bearer hunter2");
        assert!(!format!("{inquiry:?}").contains("hunter2"));
    }
}
