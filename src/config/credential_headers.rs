//! Which request headers count as credentials, beside `Authorization` and `Cookie`.

use actix_web::http::header::HeaderName;

use crate::{
    key::query::matches,
    semantics::credentials::{CLIENT_CREDENTIALS, PROXY_IDENTITIES, is_credential},
};

/// Which headers count, by settings and by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialHeaders {
    /// Names, or their beginnings with a `*`, and whether they count. The last one that matches rules.
    settings: Vec<(String, bool)>,
}

impl CredentialHeaders {
    pub(super) fn new(settings: Vec<(String, bool)>) -> Self {
        Self { settings }
    }

    /// Whether the header `name`, in lower case, identifies a client.
    pub(super) fn counts(&self, name: &str) -> bool {
        let setting = self.settings.iter().rev().find(|(pattern, _)| matches(pattern, name));
        setting.map_or_else(|| is_credential(name), |(_, counts)| *counts)
    }

    /// The headers that count and have one name each, for caches downstream.
    pub(super) fn named(&self) -> impl Iterator<Item = HeaderName> {
        let set = self.settings.iter().map(|(name, _)| name.as_str());
        let known = CLIENT_CREDENTIALS.into_iter().chain(PROXY_IDENTITIES);
        let names = set.chain(known).filter(|name| !name.contains('*') && self.counts(name));
        names.filter_map(|name| name.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_matching_setting_decides_whether_a_header_counts() {
        let mut settings = Vec::new();
        let mut set = |name: &str, counts| {
            settings.push((name.to_owned(), counts));
            CredentialHeaders::new(settings.clone())
        };
        let headers = CredentialHeaders::default();
        assert!(headers.counts("x-api-key") && !headers.counts("x-member"));
        set("x-api-key", false);
        let headers = set("x-member*", true);
        assert!(!headers.counts("x-api-key") && headers.counts("x-member-id"));
        let headers = set("x-member-region", false);
        assert!(headers.counts("x-member-id") && !headers.counts("x-member-region"));
        let headers = set("*", false);
        assert!(!headers.counts("x-member-id") && !headers.counts("x-auth-token"));
        let headers = set("x-api-key", true);
        assert!(headers.counts("x-api-key"));
        let named: Vec<_> = headers.named().collect();
        assert!(named.iter().all(|name| name == "x-api-key"), "{named:?}");
    }
}
