//! Which request fields identify a user. RFC 9111 s.3.5 knows `Authorization` only; responses depend on
//! others too.

/// Fields by which clients say who they are, beside `Authorization` and `Cookie`.
pub(crate) const CLIENT_CREDENTIALS: [&str; 7] = [
    "api-key",
    "proxy-authorization",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-session-token",
];

/// Fields by which proxies say whom they have authenticated.
pub(crate) const PROXY_IDENTITIES: [&str; 10] = [
    "remote-user",
    "x-client-cert",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-remote-user",
    "x-webauth-user",
];

/// What other fields of that kind begin with.
const PROXY_IDENTITY_FAMILIES: [&str; 6] = [
    "cf-access-",
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-goog-iap-",
    "x-ms-client-principal",
    "x-ssl-client-",
];

/// Whether the field `name`, in lower case, is a credential or an identity, `Authorization` and
/// `Cookie` aside.
pub(crate) fn is_credential(name: &str) -> bool {
    // most fields of a request begin with another letter
    matches!(name.as_bytes().first(), Some(b'a' | b'c' | b'p' | b'r' | b'x'))
        && (CLIENT_CREDENTIALS.contains(&name)
            || PROXY_IDENTITIES.contains(&name)
            || PROXY_IDENTITY_FAMILIES.iter().any(|family| name.starts_with(family)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_say_who_is_asking_are_known() {
        for name in [
            "x-api-key",
            "api-key",
            "x-auth-token",
            "x-access-token",
            "x-session-token",
            "proxy-authorization",
            "x-amz-security-token",
            "x-forwarded-user",
            "x-remote-user",
            "remote-user",
            "x-auth-request-email",
            "x-goog-iap-jwt-assertion",
            "x-amzn-oidc-data",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
            "cf-access-jwt-assertion",
            "x-forwarded-client-cert",
            "x-client-cert",
            "x-ssl-client-s-dn",
        ] {
            assert!(is_credential(name), "{name}");
        }
        for name in ["accept", "x-forwarded-for", "x-request-id", "cf-ray", "x-api", "referer"] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
