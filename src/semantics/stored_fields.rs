//! Which fields of a response are stored (RFC 9111 s.3.1).

use actix_web::http::header::HeaderName;

use super::{
    fields::{HeaderList, connection_options, is_hop_by_hop},
    names::AGE,
    policy::Policy,
};

/// The fields of a response that are stored, in order.
///
/// Not stored are fields of the connection and of a proxy (RFC 9111 s.3.1), fields that are `withheld`
/// (s.5.2.2.4, s.5.2.2.7), `Age`, which the terms hold, and, unless `keep_targets`, the targeted fields
/// that the cache consumes. Keep those where the response can be freshened: a 304 need not repeat
/// them.
pub(crate) fn storable_fields(
    mut fields: HeaderList,
    withheld: &[HeaderName],
    policy: &Policy,
    keep_targets: bool,
) -> HeaderList {
    let of_connection = connection_options(fields.as_slice());
    fields.retain(|(name, _)| {
        !is_hop_by_hop(name)
            && *name != AGE
            && !of_connection.contains(name)
            && !withheld.contains(name)
            && (keep_targets || !policy.targets.contains(name))
    });
    fields
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;
    use crate::semantics::targeted::governing;

    fn stored(lines: &[(&'static str, &'static str)], keep_targets: bool) -> Vec<String> {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let (fields, policy): (HeaderList, _) =
            (lines.iter().map(field).collect(), Policy::default());
        let withheld = governing(fields.as_slice(), &policy.targets).directives.into_withheld();
        let kept = storable_fields(fields, &withheld, &policy, keep_targets);
        kept.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
    }

    #[test]
    fn repeated_fields_keep_count_and_order() {
        let kept = stored(&[("link", "<a>"), ("link", "<b>"), ("link", "<a>")], false);
        assert_eq!(kept, ["link: <a>", "link: <b>", "link: <a>"]);
    }

    #[test]
    fn fields_of_the_connection_are_not_stored() {
        // s.3.1
        let hops = [
            ("connection", "close, X-Hop"),
            ("connection", " ,x-other"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "a"),
            ("proxy-authorization", "Basic"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("age", "5"),
        ];
        assert_eq!(stored(&hops, false), [""; 0]);
        assert_eq!(stored(&[("x-hop", "1")], false), ["x-hop: 1"]);
    }

    #[test]
    fn withheld_fields_are_not_stored() {
        let control = ("cache-control", "max-age=1, no-cache=\"a\", private=\"B, c\"");
        let kept = stored(&[control, ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")], false);
        assert!(kept.contains(&"d: 4".to_owned()));
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn consumed_targets_are_kept_on_request() {
        let target = [("app-cache-control", "max-age=1"), ("cdn-cache-control", "max-age=1")];
        assert_eq!(stored(&target, false), ["cdn-cache-control: max-age=1"]);
        assert_eq!(stored(&target, true).len(), 2);
    }
}
