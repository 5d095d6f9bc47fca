//! Tests of copies and weights.

use actix_web::http::{
    StatusCode,
    header::{self, HeaderValue},
};

use super::*;
use crate::{
    entry::{StoredResponse, Terms},
    key::{KeyBuilder, Part},
    purge::PurgeNumber,
};

type List = Vec<(HeaderName, HeaderValue)>;

fn entry(fields: List, body: Bytes) -> Entry {
    let mut key = KeyBuilder::new(false, "shop.example", "/a//b", Some("q=1"));
    key.part(Part::Header, "x", std::iter::once(b"1".as_slice()));
    let (status, headers) = (StatusCode::OK, fields.into_iter().collect());
    let response = StoredResponse::new(status, headers, &Terms::default(), body);
    Entry {
        key: key.finish(),
        since: PurgeNumber::new(7),
        groups: vec!["shop".into()],
        kind: Kind::Response(response),
    }
}

/// Fields and a body that are slices of one buffer.
fn sliced() -> (Entry, Bytes) {
    let buffer = Bytes::from(vec![b'x'; 1 << 20]);
    let value = |at: usize| HeaderValue::from_maybe_shared(buffer.slice(at..at + 5)).unwrap();
    let mut secret = value(9);
    secret.set_sensitive(true);
    let fields = vec![
        (header::ETAG, value(0)),
        (HeaderName::from_static("x-custom"), HeaderValue::from_static("")),
        (HeaderName::from_static("x-custom"), HeaderValue::from_bytes(b"\xe9\t").unwrap()),
        (header::AUTHORIZATION, secret),
    ];
    (entry(fields, buffer.slice(100..150)), buffer)
}

#[test]
fn copy_says_the_same_and_keeps_no_larger_buffer() {
    let (entry, buffer) = sliced();
    let own = entry.with_own_body();
    let (was, is) = (entry.response().unwrap(), own.response().unwrap());
    assert_eq!((&is.headers, is.body()), (&was.headers, was.body()));
    assert_eq!(
        (&own.key, own.key.url(), &own.groups),
        (&entry.key, entry.key.url(), &entry.groups)
    );
    drop(entry);
    assert!(buffer.is_unique(), "something keeps the buffer");
}

#[test]
fn each_part_has_weight() {
    let weight = |fields, body| entry(fields, body).weight();
    let bare = weight(Vec::new(), Bytes::new());
    assert_eq!(weight(Vec::new(), vec![0; 1000].into()), bare + 1008 + 32);
    let value = HeaderValue::from_bytes(&[b'x'; 100]).unwrap();
    let field = vec![(header::ETAG, value)];
    assert_eq!(weight(field, Bytes::new()), bare - allocated(16) + allocated(16 + 102));
}

#[test]
fn allocations_are_rounded_up() {
    let rounded = [0, 1, 24, 25, 40, 41, 1000, 4096].map(allocated);
    assert_eq!(rounded, [0, 32, 32, 48, 48, 64, 1008, 4112]);
    assert!(allocated(usize::MAX - 100) >= usize::MAX - 100);
}
