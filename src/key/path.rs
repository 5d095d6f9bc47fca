//! The readings of a request path. Two paths that some layer of an application might take for the
//! same resource have the same canonical reading; it decides nothing by itself.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// How often a path is decoded: once by the router, once more by a handler that does it again.
const DECODINGS: usize = 3;

/// The path without anything that servers, routers and handlers are known to read differently:
/// percent-decoded to the end, without path parameters, empty and dot segments or a trailing slash.
///
/// Borrowed, and found by one scan, for a path that is canonical as it stands.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    if is_canonical(path) {
        return Cow::Borrowed(path);
    }
    let decoded = decode(path);
    let cut = decoded.split(['?', '#', '\0']).next().unwrap_or_default();
    let mut segments: Vec<&str> = Vec::new();
    for segment in cut.split(['/', '\\']) {
        // `/a;x=y` and `/a` are one resource to servers that know path parameters
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    Cow::Owned(format!("/{}", segments.join("/")))
}

/// The [canonical] reading of a path, where it is not the path itself.
pub(super) fn differing(path: &str) -> Option<String> {
    match canonical(path) {
        Cow::Borrowed(_) => None,
        Cow::Owned(canonical) => Some(canonical),
    }
}

/// The canonical reading as rules match it: to the router, and so to them, `/a/` is not `/a`.
pub(crate) fn reading(path: &str) -> Cow<'_, str> {
    let canonical = canonical(path);
    if path.ends_with('/') && canonical != "/" { canonical + "/" } else { canonical }
}

/// Whether `path` is `prefix` or below it, by whole segments: `/users/me` is not above `/users/menu`.
pub(crate) fn is_under(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_canonical(path: &str) -> bool {
    if path == "/" {
        return true;
    }
    let bytes = path.as_bytes();
    let mut previous = 0;
    let mut is_odd = |byte: &u8| {
        let before = std::mem::replace(&mut previous, *byte);
        match byte {
            b'%' | b';' | b'\\' | b'?' | b'#' | 0 => true,
            b'/' | b'.' => before == b'/',
            _ => false,
        }
    };
    bytes.first() == Some(&b'/') && bytes.last() != Some(&b'/') && !bytes.iter().any(&mut is_odd)
}

fn decode(path: &str) -> String {
    let mut decoded = path.to_owned();
    for _ in 0..DECODINGS {
        let next = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if next == decoded {
            break;
        }
        decoded = next;
    }
    decoded
}

/// How many ancestors of a path tell purges of prefixes apart; one of a deeper prefix
/// counts as one of the ancestor at this depth, and so takes a little more than it must.
const MAX_ANCESTORS: usize = 32;

/// The path's ancestors from the root down, the path itself last, as far as they go.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let ends = slashes.chain(std::iter::once(path.len()));
    ends.filter_map(|end| path.get(..end)).take(MAX_ANCESTORS)
}

/// The ancestor by which purges of this prefix are told from others: the prefix itself, unless it is
/// too deep.
pub(crate) fn as_ancestor(prefix: &str) -> &str {
    ancestors(prefix.trim_end_matches('/')).last().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_paths_are_borrowed() {
        for path in ["/", "/users/me", "/a.b/c", "/A~b", "/Ünïcode"] {
            assert!(matches!(canonical(path), Cow::Borrowed(same) if same == path), "{path}");
        }
    }

    #[test]
    fn router_tells_a_path_from_one_that_ends_in_a_slash() {
        for (path, read) in [
            ("/a/b", "/a/b"),
            ("/a//b/", "/a/b/"),
            ("/a/./", "/a/"),
            ("/", "/"),
            ("//", "/"),
            ("/x/../", "/"),
        ] {
            assert_eq!(reading(path), read, "{path}");
        }
    }

    #[test]
    fn spellings_of_one_resource_have_one_reading() {
        for spelling in [
            "/users/me/",
            "//users/me",
            "/users//me",
            "/./users/me",
            "/users/./me",
            "/users/x/../me",
            "/users/me/.",
            "/users/me/x/..",
            "/%75sers/me",
            "/users%2Fme",
            "/users%2fme",
            "/users%252Fme",
            "/users%5Cme",
            "/users\\me",
            "/users/me;x=y",
            "/users;v=1/me",
            "/users/me%3Fx",
            "/users/me%23x",
            "/users/me%00",
            "/users/%2e/me",
            "/users/x/%2e%2e/me",
            "users/me",
        ] {
            assert_eq!(canonical(spelling), "/users/me", "{spelling}");
        }
    }

    #[test]
    fn nothing_is_above_the_root() {
        assert_eq!(canonical("/../../etc"), "/etc");
        assert_eq!(canonical("/.."), "/");
        assert_eq!(canonical("*"), "/*");
    }

    #[test]
    fn prefixes_match_whole_segments() {
        assert!(is_under("/users/me", "/users/me"));
        assert!(is_under("/users/me/x", "/users/me"));
        assert!(is_under("/users/me", "/users/"));
        assert!(is_under("/anything", "/"));
        assert!(!is_under("/users/menu", "/users/me"));
        assert!(!is_under("/user", "/users"));
    }
}
