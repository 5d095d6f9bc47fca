//! Tests of what is read back from packed header fields.

use actix_web::http::header::{CACHE_CONTROL, ETAG, LINK};
use proptest::prelude::*;

use super::*;

type List = Vec<(HeaderName, HeaderValue)>;

fn name() -> impl Strategy<Value = HeaderName> {
    let usual = prop_oneof![
        "etag",
        "date",
        "link",
        "x-cache",
        "x-custom",
        "[a-z0-9!#$%&'*+.^_`|~-]{1,300}"
    ];
    usual.prop_map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop::collection::vec(prop_oneof![Just(b'\t'), b' '..=b'~', 128..=255_u8], 0..600);
    let usual = prop_oneof!["text/html", "gzip", "public, max-age=60"].prop_map(String::into_bytes);
    (prop_oneof![2 => bytes, 1 => usual], any::<bool>()).prop_map(|(bytes, is_sensitive)| {
        let mut value = HeaderValue::from_bytes(&bytes).unwrap();
        value.set_sensitive(is_sensitive);
        value
    })
}

fn fields() -> impl Strategy<Value = List> {
    prop::collection::vec((name(), value()), 0..8)
}

fn sensitive(fields: &[(HeaderName, HeaderValue)]) -> Vec<bool> {
    fields.iter().map(|(_, value)| value.is_sensitive()).collect()
}

/// Bytes that are not far from header fields.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let at = any::<prop::sample::Index>();
    (fields(), at, any::<u8>(), any::<bool>()).prop_map(|(fields, at, byte, cut)| {
        let mut bytes = fields.into_iter().collect::<StoredHeaders>().as_bytes().to_vec();
        bytes.push(0);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        bytes
    })
}

proptest! {
    #[test]
    fn fields_are_read_back_as_they_were(fields in fields()) {
        let stored: StoredHeaders = fields.iter().cloned().collect();
        let expanded: List = stored.expand().collect();
        prop_assert_eq!(&expanded, &fields);
        prop_assert_eq!(sensitive(&expanded), sensitive(&fields));
        let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        prop_assert!(stored.iter().eq(pairs));
        for (name, _) in &fields {
            prop_assert!(stored.all(name).eq(fields.as_slice().all(name)));
            prop_assert_eq!(stored.get(name), Fields::first(fields.as_slice(), name));
        }
        prop_assert_eq!(StoredHeaders::from_bytes(stored.as_bytes()), Some(stored));
    }

    #[test]
    fn bytes_are_valid_fields_or_none(
        bytes in prop_oneof![damaged(), prop::collection::vec(any::<u8>(), 0..40)],
    ) {
        if let Some(stored) = StoredHeaders::from_bytes(&bytes) {
            // each field is there, with a name in lower case
            let expanded: List = stored.expand().collect();
            let pairs = expanded.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            prop_assert!(stored.iter().eq(pairs));
            prop_assert!(stored.iter().count() * 2 <= bytes.len());
        }
    }
}

#[test]
fn known_names_take_one_byte_and_differ() {
    for number in 1..=127 {
        let Some(name) = names::name(number) else { continue };
        assert_eq!(names::number(name), Some(number), "{name} is there twice");
    }
    let value = HeaderValue::from_static("\"7\"");
    let stored: StoredHeaders = [(&ETAG, &value)].into_iter().collect();
    assert_eq!(stored.as_bytes(), [&[5, 3], value.as_bytes()].concat());
}

/// Values that were stored are read by these numbers.
#[test]
fn numbers_have_not_changed_without_the_format() {
    let names: Vec<_> = (1..=127).filter_map(names::name).map(HeaderName::as_str).collect();
    let values: Vec<_> = (0..=255).filter_map(values::value).map(HeaderValue::as_bytes).collect();
    for (number, value) in (0..).zip(&values) {
        assert_eq!(values::number(value), Some(number), "{value:?} is there twice");
    }
    let digest = crate::key::digest(&[names.join(",").as_bytes(), &values.join(&b'\n')].concat());
    let found = (names.len(), values.len(), digest[0], digest[1]);
    assert_eq!(found, (92, 126, 124, 168), "so must the version in the codec");
}

#[test]
fn odd_bytes_are_no_fields() {
    let good: &[u8] = &[5, 1, b'a', 0, 1, b'x', 0];
    assert!(StoredHeaders::from_bytes(good).is_some());
    let table: [&[u8]; 12] = [
        &[5],
        &[5, 254],
        &[5, 254, 253],
        &[5, 2, b'a'],
        &[127, 1, b'a'],
        &[5, 1, b'\n'],
        &[5, 1, 127],
        &[0, 0, 1, b'a'],
        &[0, 1, b'X', 0],
        &[0, 1, b':', 0],
        &[0, 1, 0xe9, 0],
        &[5, 255, 255, 255, 255, 255, b'a'],
    ];
    for bytes in table {
        assert_eq!(StoredHeaders::from_bytes(bytes), None, "{bytes:?}");
    }
}

#[test]
fn name_that_is_written_though_it_is_known_is_found() {
    let stored = StoredHeaders::from_bytes(b"\0\x04etag\x01a").unwrap();
    assert_eq!(stored.get(&ETAG), Some(b"a".as_slice()));
    assert!(stored.expand().eq([(ETAG, HeaderValue::from_static("a"))]));
}

#[test]
fn sensitive_values_are_not_shown() {
    let mut secret = HeaderValue::from_static("secret");
    secret.set_sensitive(true);
    let fields = [(LINK, secret), (CACHE_CONTROL, HeaderValue::from_static("public"))];
    let shown = format!("{:?}", fields.into_iter().collect::<StoredHeaders>());
    assert!(shown.contains("public") && !shown.contains("secret"), "{shown}");
}
