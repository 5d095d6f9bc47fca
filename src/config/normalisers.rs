//! Request headers that are reduced to few values, before requests are keyed and handlers read them.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use actix_web::{
    HttpMessage as _, HttpRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{
    credential_headers::CredentialHeaders, error::ConfigError, headers::FORWARDING_HEADERS,
    settings::header_names::header_name,
};
use crate::semantics::{languages::Languages, validation::is_conditional};

/// Headers that cannot be reduced: they say who asks, for what, under which conditions, or how the message
/// is read. The cache has looked at them before.
const FIXED: [&str; 21] = [
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "pragma",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// What makes the new value of a header from its old one.
type Function = dyn Fn(Option<&str>) -> Option<String> + Send + Sync;

/// A header with the function that reduces it.
#[derive(Clone)]
pub(super) struct Normaliser {
    pub(super) setting: &'static str,
    pub(super) name: HeaderName,
    function: Arc<Function>,
}

/// The headers that are reduced.
#[derive(Debug)]
pub(crate) struct Normalisers {
    each: Vec<Normaliser>,
    /// What tells them from others in this process.
    id: u64,
}

/// The mark of a request whose headers have been reduced, by these normalisers last.
struct NormalisedBy(u64);

/// A header that is to be changed.
pub(crate) struct HeaderChange {
    name: HeaderName,
    before: Option<String>,
    after: Option<HeaderValue>,
}

impl Normaliser {
    /// Reduces the header of this name.
    pub(super) fn new(
        setting: &'static str,
        name: &str,
        function: impl Fn(Option<&str>) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let name = header_name(setting, name)?;
        let is_fixed = [FIXED.as_slice(), FORWARDING_HEADERS].concat().contains(&name.as_str());
        if is_fixed || is_conditional(&name) {
            let problem = format!("`{name}` decides how the cache treats a request");
            return Err(ConfigError::new(setting, problem));
        }
        Ok(Self { setting, name, function: Arc::new(function) })
    }

    /// Reduces `Accept-Language` to one of these languages.
    pub(super) fn languages(tags: Vec<String>) -> Result<Self, ConfigError> {
        let languages = Languages::new(tags).map_err(|tag| {
            let problem = match tag.as_str() {
                "" => "names no language, or an empty one".to_owned(),
                tag => format!("`{tag}` is not a language tag"),
            };
            ConfigError::new("languages", problem)
        })?;
        let choose = move |accepted: Option<&str>| Some(languages.choose(accepted).to_owned());
        Self::new("languages", "accept-language", choose)
    }

    /// What is wrong where the header says who is asking.
    pub(super) fn error(&self, credentials: &CredentialHeaders) -> Option<ConfigError> {
        let problem = || format!("`{}` says who is asking", self.name);
        let is_credential = credentials.counts(self.name.as_str());
        is_credential.then(|| ConfigError::new(self.setting, problem()))
    }

    /// How the header of a request is changed; `None` where it is reduced already.
    fn change(&self, headers: &HeaderMap) -> Option<HeaderChange> {
        let lines: Vec<&[u8]> = headers.get_all(&self.name).map(HeaderValue::as_bytes).collect();
        let is_there = !lines.is_empty();
        let before = String::from_utf8_lossy(&lines.join(b", ".as_slice())).into_owned();
        let before = is_there.then_some(before);
        // what cannot be sent in a header is as if nothing was said
        let after = (self.function)(before.as_deref()).and_then(|text| text.try_into().ok());
        let after_line: Option<&[u8]> = after.as_ref().map(HeaderValue::as_bytes);
        let is_same = lines.len() <= 1 && lines.first().copied() == after_line;
        (!is_same).then(|| HeaderChange { name: self.name.clone(), before, after })
    }
}

impl Normalisers {
    pub(super) fn new(each: &[Normaliser]) -> Self {
        let mut hasher = DefaultHasher::new();
        for Normaliser { name, function, .. } in each {
            (name.as_str(), Arc::as_ptr(function).cast::<()>().addr()).hash(&mut hasher);
        }
        Self { each: each.to_vec(), id: hasher.finish() }
    }

    /// What tells them from others in this process.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// The headers that are not reduced yet.
    pub(crate) fn changes(&self, headers: &HeaderMap) -> Vec<HeaderChange> {
        self.each.iter().filter_map(|normaliser| normaliser.change(headers)).collect()
    }

    /// Marks a request whose headers have been reduced.
    pub(crate) fn mark(&self, req: &HttpRequest) {
        req.extensions_mut().insert(NormalisedBy(self.id));
    }

    /// Whether the request's headers have been reduced.
    pub(super) fn have_marked(&self, req: &HttpRequest) -> bool {
        req.extensions().get().is_some_and(|NormalisedBy(id)| *id == self.id)
    }
}

impl HeaderChange {
    /// Changes the header.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        match &self.after {
            Some(after) => drop(headers.insert(self.name.clone(), after.clone())),
            None => drop(headers.remove(&self.name)),
        }
    }
}

/// As people read it.
impl fmt::Display for HeaderChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after.as_ref().map(|after| String::from_utf8_lossy(after.as_bytes()));
        match &self.before {
            Some(before) => write!(f, "{}: `{before}` is reduced to ", self.name)?,
            None => write!(f, "{}: without one, it is ", self.name)?,
        }
        match after {
            Some(after) => write!(f, "`{after}`"),
            None => f.write_str("nothing"),
        }
    }
}

impl fmt::Debug for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.setting, self.name)
    }
}
