//! What responses are made of: the request, as far as their form depends on it, and a stored response.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    config::paths::RuleNumber,
    engine::worker_cache::RememberedEntry,
    entry::{PackedBodies, StoredBody, StoredHeaders, StoredResponse},
    semantics::{etag::TagForm, fields::RequestView, terms::Terms},
};

/// How many headers are added to those of a stored response: `Age`, `Cache-Status`.
const ADDED: usize = 2;
/// How many headers most stored responses have, or a few more.
const USUAL: usize = 6;

/// A request, as far as the form of its response depends on it.
pub(in crate::middleware) struct ClientView<'a> {
    pub(in crate::middleware) req: RequestView<'a, HeaderMap>,
    /// The rule of its path.
    pub(in crate::middleware) rule: Option<RuleNumber>,
    /// Whether it may carry conditions or ranges.
    pub(in crate::middleware) conditional: bool,
    /// Whether no cache downstream may share the response.
    pub(in crate::middleware) personal: bool,
}

/// A stored response, with the headers and the body of which responses are made.
pub(in crate::middleware) struct Source<'a> {
    pub(in crate::middleware) stored: &'a StoredResponse,
    pub(in crate::middleware) terms: Terms,
    pub(super) headers: SourceHeaders<'a>,
    pub(super) body: &'a StoredBody,
    pub(super) packed: &'a PackedBodies,
    /// Headers that are not for clients.
    pub(super) stripped: &'a [HeaderName],
    /// Whether there may be an `Access-Control-Allow-Origin` among them.
    pub(in crate::middleware) may_allow_origin: bool,
    pub(super) tag: SourceTag<'a>,
}

/// The `ETag` of a response.
pub(super) enum SourceTag<'a> {
    /// It is sent as it is stored.
    AsStored,
    /// The body is packed, and each form has its own.
    Negotiated,
    /// It is weak for clients that accept a coding; where it has been made before, this is the weak form.
    MayBeWeak(Option<&'a HeaderValue>),
}

/// Where the headers of responses come from.
pub(super) enum SourceHeaders<'a> {
    Stored(&'a StoredHeaders),
    Expanded(&'a [(HeaderName, HeaderValue)]),
}

impl<'a> Source<'a> {
    pub(in crate::middleware) fn stored(
        stored: &'a StoredResponse,
        stripped: &'a [HeaderName],
    ) -> Self {
        let (terms, headers) = (stored.terms(), SourceHeaders::Stored(&stored.headers));
        let tag = match terms {
            Terms { is_negotiated: true, .. } => SourceTag::Negotiated,
            Terms { etag_may_be_weak: true, .. } => SourceTag::MayBeWeak(None),
            _ => SourceTag::AsStored,
        };
        let (body, packed) = (stored.stored_body(), &stored.packed);
        Self { stored, terms, headers, body, packed, stripped, may_allow_origin: true, tag }
    }

    pub(in crate::middleware) fn remembered(entry: &'a RememberedEntry) -> Option<Self> {
        let RememberedEntry { ref headers, ref body, terms, allows_origin, .. } = *entry;
        let stored = entry.entry().response()?;
        let headers = SourceHeaders::Expanded(headers);
        let tag = match &entry.weak_tag {
            Some(weak) => SourceTag::MayBeWeak(Some(weak)),
            None if terms.is_negotiated => SourceTag::Negotiated,
            None => SourceTag::AsStored,
        };
        let (may_allow_origin, packed) = (allows_origin, &entry.packed);
        Some(Self { stored, terms, headers, body, packed, stripped: &[], may_allow_origin, tag })
    }

    /// The weak `ETag` that this request is given in place of the stored one.
    pub(super) fn weak_tag(&self, req: &HeaderMap) -> Option<HeaderValue> {
        match self.tag {
            SourceTag::MayBeWeak(known) if TagForm::for_client(req) == TagForm::Weak => {
                known.cloned().or_else(|| self.stored.weak_etag())
            }
            SourceTag::AsStored | SourceTag::Negotiated | SourceTag::MayBeWeak(_) => None,
        }
    }
}

impl SourceHeaders<'_> {
    /// Appends the headers with such names.
    pub(super) fn append_to(&self, headers: &mut HeaderMap, is_sent: impl Fn(&HeaderName) -> bool) {
        match self {
            Self::Expanded(list) => {
                headers.reserve(list.len() + ADDED);
                for (name, value) in list.iter().filter(|(name, _)| is_sent(name)) {
                    headers.append(name.clone(), value.clone());
                }
            }
            Self::Stored(stored) => {
                headers.reserve(USUAL + ADDED);
                for (name, value) in stored.expand().filter(|(name, _)| is_sent(name)) {
                    headers.append(name, value);
                }
            }
        }
    }
}
