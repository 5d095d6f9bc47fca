//! The view of requests and responses that the rules see, and which fields belong to the
//! connection only (RFC 9110 s.7.6.1, RFC 9111 s.3.1).

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// A stored list of header fields: repeated ones keep their order.
pub type FieldList = Vec<(HeaderName, HeaderValue)>;

/// Header fields, wherever they are kept.
pub trait Fields {
    /// Every value of the field `name`, in order.
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue>;

    /// Every field with its value; repeated ones in order.
    fn each(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)>;

    /// The first value of the field `name`.
    fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a HeaderValue> {
        self.all(name).next()
    }

    /// Whether there is a field `name`.
    fn has(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }
}

impl Fields for HeaderMap {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.get_all(name)
    }

    fn each(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.iter()
    }
}

impl Fields for [(HeaderName, HeaderValue)] {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.iter().filter(move |(field, _)| field == name).map(|(_, value)| value)
    }

    fn each(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.iter().map(|(name, value)| (name, value))
    }
}

/// A request, as far as the rules look at it.
#[derive(Debug)]
pub struct RequestView<'a, F: Fields + ?Sized> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's header fields.
    pub fields: &'a F,
}

/// A response, as far as the rules look at it.
#[derive(Debug)]
pub struct ResponseView<'a, F: Fields + ?Sized> {
    /// The response's status.
    pub status: StatusCode,
    /// The response's header fields.
    pub fields: &'a F,
}
