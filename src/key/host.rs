//! The reading of a host by which purges name it. Two hosts that mean one site have the same canonical
//! reading; keys hold the host as it was sent.

use std::borrow::Cow;

/// Ports that are the same as none, for `http` and `https` (RFC 9110 s.4.2.3).
const DEFAULT_PORTS: [&str; 2] = [":80", ":443"];

/// The host in lower case, without user information, default port and the dot of the root.
///
/// It is read without its scheme, so both default ports equal none: a purge may name too much, never
/// too little.
pub(crate) fn canonical(host: &str) -> Cow<'_, str> {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let port = DEFAULT_PORTS.iter().find_map(|port| host.strip_suffix(port));
    let host = port.unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_mean_one_site_have_one_reading() {
        for spelling in [
            "shop.example",
            "Shop.Example",
            "shop.example:80",
            "shop.example:443",
            "shop.example.",
            "SHOP.example.:80",
            "user:password@shop.example",
        ] {
            assert_eq!(canonical(spelling), "shop.example", "{spelling}");
        }
        for (other, expected) in [
            ("shop.example:8080", "shop.example:8080"),
            ("shop.example:8443", "shop.example:8443"),
            ("[::1]:80", "[::1]"),
            ("[2001:DB8::80]", "[2001:db8::80]"),
            ("", ""),
        ] {
            assert_eq!(canonical(other), expected);
        }
    }
}
