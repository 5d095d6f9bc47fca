//! Whole, in part, or not at all: what a request with conditions or ranges is given of a body.

use actix_web::http::{
    Method, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use bytes::Bytes;

use super::partial::Partial;
use crate::{
    middleware::body::CacheBody,
    semantics::{
        range::{RangeAnswer, unsatisfied_range},
        validation::in_not_modified,
    },
};

/// A stored body in one of its forms.
pub(super) struct Body<'a> {
    pub(super) status: StatusCode,
    pub(super) length: usize,
    /// Empty where only its length matters.
    pub(super) bytes: &'a Bytes,
}

/// In which form a stored response is served to a request with conditions or ranges.
pub(super) enum Form {
    Whole,
    NotModified,
    Partial(Partial),
    Unsatisfiable,
}

impl Form {
    pub(super) fn status_and_body<B>(
        &self,
        method: &Method,
        body: &Body<'_>,
    ) -> (StatusCode, CacheBody<B>) {
        match self {
            Self::NotModified => (StatusCode::NOT_MODIFIED, CacheBody::whole(Bytes::new())),
            Self::Unsatisfiable => {
                (StatusCode::RANGE_NOT_SATISFIABLE, CacheBody::whole(Bytes::new()))
            }
            Self::Partial(partial) => {
                (StatusCode::PARTIAL_CONTENT, CacheBody::whole(partial.body.clone()))
            }
            Self::Whole if *method == Method::HEAD => (body.status, CacheBody::unsent(body.length)),
            Self::Whole => (body.status, CacheBody::whole(body.bytes.clone())),
        }
    }

    /// The header that only a response in this form has.
    pub(super) fn into_header(self, body: &Body<'_>) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Partial(partial) => Some(partial.header),
            Self::Unsatisfiable => {
                let length = body.length as u64;
                Some((header::CONTENT_RANGE, unsatisfied_range(length)))
            }
            Self::NotModified | Self::Whole => None,
        }
    }

    /// Whether a stored header is part of a response in this form.
    pub(super) fn carries(&self, name: &HeaderName) -> bool {
        match self {
            Self::Whole => true,
            Self::NotModified | Self::Unsatisfiable => in_not_modified(name),
            Self::Partial(partial) => {
                ![&header::CONTENT_LENGTH, &header::CONTENT_RANGE, &partial.header.0]
                    .contains(&name)
            }
        }
    }
}

/// What is selected of a body of this type.
pub(super) fn cut(selected: RangeAnswer, content_type: Option<&[u8]>, body: &Body<'_>) -> Form {
    match selected {
        RangeAnswer::Whole => Form::Whole,
        RangeAnswer::Unsatisfiable => Form::Unsatisfiable,
        RangeAnswer::Parts(parts) => Form::Partial(Partial::new(content_type, body.bytes, &parts)),
    }
}
