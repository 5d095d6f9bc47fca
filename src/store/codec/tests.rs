//! Tests of the codec: round trips, and all the ways in which stored bytes can be wrong.

use std::{num::NonZeroU16, time::Duration};

use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::{
    entry::PackedBodies,
    key::KeyBuilder,
    semantics::{
        date::Timestamp, lifetime_source::LifetimeSource, negotiation::Coding, terms::Terms,
    },
};

fn terms(millis: i64, span: u32) -> Terms {
    let span = Duration::from_millis(span.into());
    let [low, high, ..] = millis.to_le_bytes();
    Terms {
        received: None,
        response_time: Timestamp::from_millis(millis),
        initial_age: span,
        lifetime: span * 2,
        lifetime_from: LifetimeSource::from_number(low % 10),
        policy: NonZeroU16::new(u16::from_le_bytes([low, high]) % 512),
        took: span * 5,
        while_revalidate: span * 3,
        if_error: span * 4,
        soft_purged: millis % 13 == 0,
        no_cache: millis % 2 == 0,
        must_revalidate: millis % 3 == 0,
        immutable: millis % 11 == 0,
        for_authorization: millis % 5 == 0,
        for_cookie: millis % 7 == 0,
        etag_is_made: millis % 11 == 0,
        is_negotiated: millis % 13 == 0,
        etag_may_be_weak: millis % 17 == 0,
    }
}

fn headers(pairs: &[(String, Vec<u8>)]) -> StoredHeaders {
    let header = |(name, value): &(String, Vec<u8>)| {
        (
            name.parse::<HeaderName>().expect("a name"),
            HeaderValue::from_bytes(value).expect("a value"),
        )
    };
    pairs.iter().map(header).collect()
}

fn packed_bodies() -> impl Strategy<Value = PackedBodies> {
    let bodies = prop::collection::vec(any::<Vec<u8>>(), 3);
    let codings = prop::sample::subsequence(Coding::ALL.to_vec(), 0..=3);
    (codings, bodies).prop_map(|(codings, bodies)| {
        codings.into_iter().zip(bodies.into_iter().map(Bytes::from)).collect()
    })
}

fn entries() -> impl Strategy<Value = Entry> {
    let value = prop::collection::vec(prop_oneof![Just(9), 32..127_u8, 128..=255_u8], 0..12);
    let pairs = prop::collection::vec(("[a-z][a-z0-9-]{0,12}", value), 0..6);
    let kind = prop_oneof![
        4 => (100..1000_u16, pairs, any::<i64>(), any::<u32>(), any::<Vec<u8>>(), packed_bodies())
            .prop_map(|(status, pairs, millis, span, body, packed)| {
                let status = StatusCode::from_u16(status).expect("a status");
                let (headers, terms) = (headers(&pairs), terms(millis, span));
                let response = StoredResponse::new(status, headers, &terms, body.into());
                Kind::Response(response.with_packed(packed))
            }),
        1 => prop::collection::vec("[a-z][a-z0-9-]{0,12}", 0..4).prop_map(|names| {
            {
                let names = names.iter().map(|name| name.parse().expect("a name"));
                Kind::Varies(names.collect::<Vec<_>>().into())
            }
        }),
    ];
    let url = (any::<bool>(), ".{0,8}", "/.{0,8}", prop::option::of(".{0,8}"));
    (url, any::<u64>(), prop::collection::vec(".{0,6}", 0..4), kind).prop_map(
        |((flag, host, path, query), since, groups, kind)| Entry {
            key: KeyBuilder::new(flag, &host, &path, query.as_deref()).finish(),
            since: PurgeNumber::new(since),
            groups,
            kind,
        },
    )
}

fn whole(encoded: &Encoded) -> Bytes {
    [&encoded.head[..], &encoded.body].concat().into()
}

fn bytes_of(entry: &Entry) -> Bytes {
    whole(&encode(entry).expect("an entry of sane size"))
}

fn assert_corrupt(bytes: impl Into<Bytes>) {
    let error = decode(&bytes.into()).expect_err("not an entry");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

fn example() -> Entry {
    let pairs = [("date", "Tue"), ("set-x", "1"), ("set-x", "2"), ("x-custom-name", "\t\u{fc}")]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Entry {
        key: KeyBuilder::new(true, "h", "/a/", Some("q")).finish().variant(b"gzip"),
        since: PurgeNumber::new(1 << 50),
        groups: vec!["g".to_owned(), String::new()],
        kind: Kind::Response(StoredResponse::new(
            StatusCode::NOT_FOUND,
            headers(&pairs),
            &terms(1_700_000_000_000, 5),
            Bytes::from_static(b"the body"),
        )),
    }
}

/// The example with other metadata and a checksum that matches it.
fn forged(change: impl FnOnce(&mut Metadata<'_>)) -> Bytes {
    let entry = example();
    let mut metadata = Metadata::of(&entry);
    change(&mut metadata);
    let metadata = bincode::serde::encode_to_vec(metadata, CONFIG).expect("metadata");
    let length = u32::try_from(metadata.len()).expect("short");
    let lengths = [&length.to_le_bytes()[..], &[0; 8], &8_u32.to_le_bytes()].concat();
    sealed(&[&[0][..], &lengths, &metadata, b"the body"].concat())
}

#[cfg(feature = "compression")]
#[test]
fn a_compressed_body_is_read_as_it_was() {
    let with = |body: &[u8], headers| Entry {
        kind: Kind::Response(StoredResponse::new(
            StatusCode::OK,
            headers,
            &terms(1, 2),
            Bytes::copy_from_slice(body),
        )),
        ..example()
    };
    let whole = |encoded: &Encoded| Bytes::from([&encoded.head[..], &encoded.body].concat());
    let long = b"the same again and ".repeat(100);
    let entry = with(&long, StoredHeaders::default());
    let encoded = encode_above(&entry, Some(1000)).expect("encoded");
    assert!(encoded.body.len() < long.len() / 5);
    let read = decode(&whole(&encoded)).expect("an entry");
    assert_eq!(read.response().map(StoredResponse::body), Some(long.clone().into()));
    // what does not get smaller, is short, or is encoded already stays as it is
    let gzip = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))].into_iter().collect();
    for (entry, above) in [
        (with(&long, gzip), 0),
        (with(&long, StoredHeaders::default()), 5000),
        (with(b"x", StoredHeaders::default()), 0),
    ] {
        let encoded = encode_above(&entry, Some(above)).expect("encoded");
        assert_eq!(Some(encoded.body), entry.response().map(StoredResponse::body));
    }
    // a body that cannot be unpacked is no entry, though its checksum is right
    let mut broken = encoded.head.to_vec();
    let body = &encoded.body[..encoded.body.len() - 1];
    broken.extend_from_slice(body);
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    broken[HEADER - 4..HEADER].copy_from_slice(&length);
    let sum = checksum([&broken[FLAGS_AT..]]).to_le_bytes();
    broken[CHECKSUM_AT..FLAGS_AT].copy_from_slice(&sum);
    assert_eq!(decode(&broken.into()).unwrap_err().kind(), StoreErrorKind::Corrupt);
}

#[test]
fn the_format_has_not_changed_without_its_version() {
    let bytes = bytes_of(&example());
    let digest = crate::key::digest(&bytes);
    let same = (bytes.len(), u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
    assert_eq!(same, GOLDEN, "the bytes of an entry changed: so must the last byte of MAGIC");
}

const GOLDEN: (usize, u32) = (151, 1_800_674_841);

#[cfg(feature = "redis")]
#[test]
fn entry_of_another_key_is_corrupt() {
    let (entry, bytes) = (example(), bytes_of(&example()));
    let read = decode_entry_of(&entry.key, bytes.clone()).expect("the entry");
    assert_eq!(format!("{read:?}"), format!("{:?}", decode(&bytes).expect("the entry")));
    for other in [entry.key.with_query(Some("a")), entry.key.variant(b"a")] {
        let error = decode_entry_of(&other, bytes.clone()).expect_err("another's");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    }
}

#[test]
fn the_body_is_a_slice_of_what_was_read() {
    let bytes = bytes_of(&example());
    let entry = decode(&bytes).expect("an entry");
    let body = entry.response().expect("a response").body();
    assert!(bytes.as_ptr_range().contains(&body.as_ptr()));
}

#[cfg(feature = "redis")]
#[test]
fn the_begin_of_an_entry_tells_its_length() {
    let bytes = bytes_of(&example());
    assert_eq!(length(&bytes[..HEADER]), Some(bytes.len()));
    assert_eq!(length(&bytes[..HEADER - 1]), None, "not the whole header");
    assert_eq!(length(&[0; HEADER]), None, "not an entry");
}

#[test]
fn every_truncation_and_every_flipped_bit_is_found() {
    let bytes = bytes_of(&example());
    for end in 0..bytes.len() {
        assert_corrupt(bytes.slice(..end));
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if !SOFT_PURGE_BYTES.contains(&(bit / 8)) {
            assert_corrupt(flipped);
        }
    }
    assert_corrupt([&bytes[..], b"x"].concat());
}

const SOFT_PURGE_BYTES: std::ops::Range<usize> = SOFT_PURGE_AT..CHECKSUM_AT;

/// The bytes of an entry with the time of a soft purge written into them, as a soft purge does.
fn soft_purged(entry: &Entry, since: [u8; 8]) -> Bytes {
    let mut bytes = bytes_of(entry).to_vec();
    bytes[SOFT_PURGE_BYTES].copy_from_slice(&since);
    bytes.into()
}

#[test]
fn a_mark_makes_stale_since_then_and_changes_nothing_else() {
    let entry = example();
    let received = entry.response().expect("a response").terms().response_time;
    for then in [received, received + Duration::from_millis(3), Timestamp::from_millis(i64::MAX)] {
        let back = decode(&soft_purged(&entry, stale_since_bytes(then))).expect("an entry");
        assert_eq!(format!("{back:?}"), format!("{:?}", entry.stale_since(then)));
    }
    assert_ne!(
        stale_since_bytes(Timestamp::from_millis(0)),
        [0; 8],
        "the epoch is not the absence of a soft purge"
    );
}

#[test]
fn forged_parts_are_found_though_the_checksum_matches() {
    assert!(decode(&forged(|_| ())).is_ok());
    let with_headers = |bytes: &'static [u8]| {
        forged(|metadata| {
            if let KindMetadata::Response { headers, .. } = &mut metadata.kind {
                *headers = Raw(bytes);
            }
        })
    };
    assert!(decode(&with_headers(b"\0\x01x\x01a")).is_ok());
    assert_corrupt(with_headers(b"\0\x01x\x04a\r\nb"));
    assert_corrupt(with_headers(b"\0\x04x: y\x01a"));
    assert_corrupt(with_headers(b"\0\x01x\x01"));
    assert_corrupt(forged(|metadata| metadata.key = Raw(b"no key")));
    assert_corrupt(forged(|metadata| {
        metadata.kind = KindMetadata::Varies(vec!["x"], Codings::default());
    }));
    for bad in [0, 99, 1000] {
        assert_corrupt(forged(|metadata| {
            if let KindMetadata::Response { status, .. } = &mut metadata.kind {
                *status = bad;
            }
        }));
    }
}

#[test]
fn lengths_that_lie_claim_no_memory() {
    // a list of 2^60 groups after an empty key
    let liar = [&[0, 253][..], &(1_u64 << 60).to_le_bytes()].concat();
    let length = u32::try_from(liar.len()).expect("short").to_le_bytes();
    let since = [0; 8 + 4];
    assert_corrupt(sealed(&[&[0][..], &length, &since, &liar].concat()));
    assert_corrupt(sealed(&[&[0][..], &u32::MAX.to_le_bytes(), &since, &liar].concat()));
    assert_corrupt(sealed(&[&[0x82][..], &length, &since, &liar].concat()));
}

#[test]
fn too_much_metadata_is_refused() {
    let groups = vec!["g".repeat(MAX_METADATA)];
    let error = encode(&Entry { groups, ..example() }).expect_err("too long");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let groups = vec![String::new(); MAX_METADATA - 1024];
    let most = bytes_of(&Entry { groups, ..example() });
    assert!(decode(&most).is_ok(), "what can be written can be read");
}

proptest! {
    #[test]
    fn entries_come_back_as_they_were(entry in entries()) {
        let back = decode(&bytes_of(&entry)).expect("an entry");
        prop_assert_eq!(format!("{back:?}"), format!("{entry:?}"));
        prop_assert_eq!(back.key, entry.key);
    }

    #[test]
    fn any_change_is_found(entry in entries(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = bytes_of(&entry).to_vec();
        let at = at.index(bytes.len());
        prop_assert!(decode(&Bytes::copy_from_slice(&bytes[..at])).is_err());
        bytes[at] ^= 1_u8 << bit;
        let changed = decode(&bytes.into());
        prop_assert!(changed.is_err() || SOFT_PURGE_BYTES.contains(&at));
    }

    #[test]
    fn soft_purge_prolongs_no_life(entry in entries(), since: [u8; 8]) {
        let back = decode(&soft_purged(&entry, since)).expect("an entry");
        if let (Some(back), Some(entry)) = (back.response(), entry.response()) {
            prop_assert!(back.terms().lifetime <= entry.terms().lifetime);
            prop_assert_eq!(back.terms().soft_purged, entry.terms().soft_purged || since != [0; 8]);
            prop_assert_eq!(back.body(), entry.body());
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_without_panic(bytes: Vec<u8>, seal: bool) {
        let bytes = if seal { sealed(&bytes) } else { bytes.into() };
        prop_assert!(decode(&bytes).is_err());
    }
}
