//! What an examination stores and purges.

use std::{num::NonZeroU16, time::Duration};

use actix_web::http::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use bytes::Bytes;

use crate::{
    entry::{Entry, Kind, StoredResponse},
    key::{CacheKey, KeyBuilder},
    purge::{Purge, PurgeNumber, Target},
    semantics::{date::Timestamp, lifetime_source::LifetimeSource, terms::Terms},
};

/// Long enough for an examination.
pub(in crate::store) const KEEP: Duration = Duration::from_secs(600);

/// When soft purges come, while [`response`] is still fresh.
pub(in crate::store) const LATER: Timestamp = Timestamp::from_secs(1_700_000_009);

/// Every kind of purge, each of which concerns [`target`] and some of [`population`].
pub(in crate::store) fn purges() -> Vec<Purge> {
    let any_query = |host: Option<&str>| {
        Target::AnyQuery { host: host.map(str::to_owned), path: "/shop/7".into() }.into()
    };
    vec![
        Purge::url("/shop/7?page=2"),
        Purge::url("/shop/7?%70age=2#top"),
        Purge::url("http://ONE.example/shop/7?page=2"),
        Purge::url("http://one.example:80/shop/7?page=2"),
        any_query(None),
        any_query(Some("one.example")),
        Purge::path("/shop/7"),
        Purge::path("/shop//7/"),
        Purge::prefix("/shop/7"),
        Purge::prefix("/shop"),
        Purge::prefix("/"),
        Purge::group("shop"),
        Purge::entry(target().key),
        Purge::all(),
    ]
}

/// An entry that all of [`purges`] concern.
pub(in crate::store) fn target() -> Entry {
    let key = key("one.example", "/shop/7", Some("page=2")).for_queries(Some("page=2"));
    Entry { groups: vec!["shop".into(), "7".into()], ..entry(&key, PurgeNumber::default()) }
}

pub(in crate::store) fn population() -> Vec<Entry> {
    let with_group = |host, path, query, group: &str| Entry {
        groups: vec![group.to_owned()],
        ..entry(&key(host, path, query), PurgeNumber::default())
    };
    vec![
        target(),
        entry(&key("one.example", "/shop/7", Some("page=2")), PurgeNumber::default()),
        with_group("one.example", "/shop/7", None, "shop"),
        with_group("two.example", "/shop/7", Some("page=2"), "Shop"),
        with_group("one.example", "/shop/7", Some("page=22"), "sho"),
        with_group("one.example", "/shop/77", Some("page=2"), "shop2"),
        with_group("one.example", "/shop/7/details", None, "[shop]"),
        with_group("one.example", "/shop", None, "*"),
        with_group("one.example", "/shopping", None, ""),
        with_group("one.example", "/", None, "shop"),
        entry(
            &key("one.example", "/shop/7", Some("page=2")).variant(b"br"),
            PurgeNumber::default(),
        ),
    ]
}

pub(in crate::store) fn key(host: &str, path: &str, query: Option<&str>) -> CacheKey {
    KeyBuilder::new(false, host, path, query).finish()
}

pub(in crate::store) fn entry(key: &CacheKey, since: PurgeNumber) -> Entry {
    let kind = response(&Bytes::from_static(b"body"));
    Entry { key: key.clone(), since, groups: Vec::new(), kind }
}

pub(in crate::store) fn response(body: &Bytes) -> Kind {
    let fields = [
        (header::DATE, HeaderValue::from_static("Tue, 14 Nov 2023 22:13:20 GMT")),
        (header::LINK, HeaderValue::from_static("</a>; rel=next")),
        (HeaderName::from_static("x-custom"), HeaderValue::from_static("")),
        (header::LINK, HeaderValue::from_static("</b>; rel=prev")),
        (header::ETAG, HeaderValue::from_bytes(b"\"\xfc\"").unwrap_or(HeaderValue::from(0))),
    ];
    let terms = Terms {
        response_time: Timestamp::from_secs(1_700_000_000),
        received: None,
        initial_age: Duration::from_secs(1),
        lifetime: KEEP,
        lifetime_from: LifetimeSource::Hint,
        policy: NonZeroU16::new(7),
        took: Duration::from_millis(4),
        while_revalidate: Duration::from_secs(2),
        if_error: Duration::from_millis(3),
        soft_purged: false,
        no_cache: false,
        must_revalidate: true,
        immutable: true,
        for_authorization: false,
        for_cookie: true,
        etag_is_made: true,
        is_negotiated: true,
        etag_may_be_weak: true,
    };
    let headers = fields.into_iter().collect();
    Kind::Response(StoredResponse::new(StatusCode::OK, headers, &terms, body.clone()))
}

/// All of an entry that a store gives back as it was put. When this process received it is the
/// process's own knowledge, which a store may add and need not keep.
pub(in crate::store) fn shown(entry: &Entry) -> String {
    let mut entry = entry.clone();
    if let Kind::Response(response) = &mut entry.kind {
        let terms = Terms { received: None, ..response.terms() };
        response.set_terms(&terms);
    }
    format!("{entry:?}")
}
