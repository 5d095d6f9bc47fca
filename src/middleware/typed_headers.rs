//! The headers of RFC 9875 as typed values for handlers.

use actix_web::{
    error::HttpError,
    http::header::{HeaderName, HeaderValue, TryIntoHeaderPair},
};

/// `Cache-Groups`: the groups by which the response can be purged (RFC 9875 s.2).
///
/// ```
/// use actix_response_cache::CacheGroups;
/// use actix_web::HttpResponse;
///
/// let res = HttpResponse::Ok().insert_header(CacheGroups::new(["products", "product:7"])).body("…");
/// assert_eq!(res.headers().get("cache-groups").unwrap(), r#""products", "product:7""#);
/// ```
///
/// # Errors
///
/// A group's name is printable ASCII; another makes the response builder fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheGroups(Vec<String>);

/// `Cache-Group-Invalidation`: the groups that a successful unsafe request has changed, which the
/// cache purges before the client has the response (RFC 9875 s.3).
///
/// ```
/// use actix_response_cache::CacheGroupInvalidation;
/// use actix_web::HttpResponse;
///
/// let res = HttpResponse::NoContent().insert_header(CacheGroupInvalidation::new(["products"]));
/// ```
///
/// # Errors
///
/// As for [`CacheGroups`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheGroupInvalidation(Vec<String>);

impl CacheGroups {
    /// These groups.
    pub fn new<I>(groups: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self(groups.into_iter().map(Into::into).collect())
    }
}

impl CacheGroupInvalidation {
    /// These groups.
    pub fn new<I>(groups: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self(groups.into_iter().map(Into::into).collect())
    }
}

impl TryIntoHeaderPair for CacheGroups {
    type Error = HttpError;

    fn try_into_pair(self) -> Result<(HeaderName, HeaderValue), HttpError> {
        Ok((HeaderName::from_static("cache-groups"), list_of_strings(&self.0)?))
    }
}

impl TryIntoHeaderPair for CacheGroupInvalidation {
    type Error = HttpError;

    fn try_into_pair(self) -> Result<(HeaderName, HeaderValue), HttpError> {
        Ok((HeaderName::from_static("cache-group-invalidation"), list_of_strings(&self.0)?))
    }
}

/// A Structured List of Strings (RFC 9651 s.4.1.6).
fn list_of_strings(groups: &[String]) -> Result<HeaderValue, HttpError> {
    let quoted = groups.iter().map(|group| {
        let escaped = group.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    });
    let text = quoted.collect::<Vec<_>>().join(", ");
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    // a line break is the one thing that no header value can hold
    HeaderValue::try_from(if printable { text } else { "\n".to_owned() }).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::groups::groups;

    #[test]
    fn written_groups_are_read_again() {
        let names = ["a b", "c\"d", "e\\f", "g,h"];
        let (name, value) = CacheGroups::new(names).try_into_pair().unwrap();
        let fields = [(name, value)];
        let mut expected = names.map(str::to_owned);
        expected.sort_unstable();
        assert_eq!(groups(fields.as_slice(), false).unwrap(), expected);
    }

    #[test]
    fn group_name_that_no_header_can_hold_is_an_error() {
        assert!(CacheGroups::new(["grün"]).try_into_pair().is_err());
        assert!(CacheGroupInvalidation::new(["a\nb"]).try_into_pair().is_err());
    }
}
