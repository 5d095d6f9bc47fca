//! Names of header fields as statics, so that a lookup borrows them for as long as it likes.

use actix_web::http::header::{self, HeaderName};

macro_rules! standard {
    ($($name:ident,)+) => { $(pub(super) static $name: HeaderName = header::$name;)+ };
}

macro_rules! others {
    ($($name:ident = $text:literal,)+) => {
        $(pub(super) static $name: HeaderName = HeaderName::from_static($text);)+
    };
}

standard! {
    ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_ORIGIN, AGE,
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, DATE, ETAG, EXPIRES, FROM, HOST,
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
    LOCATION, ORIGIN, PRAGMA, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RANGE, REFERER, SET_COOKIE,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT, VARY,
}

others! {
    CACHE_GROUPS = "cache-groups",
    CACHE_GROUP_INVALIDATION = "cache-group-invalidation",
    CACHE_TAG = "cache-tag",
    CONTENT_DIGEST = "content-digest",
    CONTENT_MD5 = "content-md5",
    DIGEST = "digest",
    KEEP_ALIVE = "keep-alive",
    NO_VARY_SEARCH = "no-vary-search",
    PROXY_AUTHENTICATION_INFO = "proxy-authentication-info",
    PROXY_CONNECTION = "proxy-connection",
    REPR_DIGEST = "repr-digest",
    SURROGATE_KEY = "surrogate-key",
    XKEY = "xkey",
}
