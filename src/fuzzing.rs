//! What fuzzers try: readers of bytes that come from clients, handlers and Redis, each with what must hold
//! whatever they read. Compiled for fuzzers and for the tests here, which try a corpus on any toolchain.

#![allow(clippy::panic, clippy::expect_used, reason = "a panic is what a fuzzer looks for")]

use actix_web::http::{
    StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, COOKIE, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE,
    },
};

use crate::{
    config::fuzz_cookies,
    key::{path, query},
    semantics::{
        cache_control::Directives,
        date::Timestamp,
        fields::HeaderList,
        negotiation::{Accepted, Coding},
        no_vary_search::NoVarySearch,
        range::{RangeAnswer, select},
    },
};
#[cfg(feature = "redis")]
use crate::{store::codec, store::redis::fuzz_replies};

/// A reader, by the name of its corpus.
type Target = (&'static str, fn(&[u8]));

/// All readers.
const TARGETS: &[Target] = &[
    ("cache_control", cache_control),
    ("date", date),
    ("range", range),
    ("path", path),
    ("query", query),
    ("no_vary_search", no_vary_search),
    ("accept_encoding", accept_encoding),
    ("cookies", cookies),
    #[cfg(feature = "redis")]
    ("entry", entry),
    #[cfg(feature = "redis")]
    ("replies", replies),
];

/// Tries the reader of this name on `input`.
///
/// # Panics
///
/// Where what must hold does not.
pub fn run(target: &str, input: &[u8]) {
    let known = TARGETS.iter().find(|(name, _)| *name == target);
    known.unwrap_or_else(|| panic!("`{target}` is no target")).1(input);
}

/// The lines of the input as header lines of this name, as far as they can be.
fn fields(name: &HeaderName, input: &[u8]) -> HeaderList {
    let lines = input.split(|byte| *byte == b'\n');
    let values = lines.filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (name.clone(), value)).collect()
}

fn cache_control(input: &[u8]) {
    let _ = Directives::parse(fields(&CACHE_CONTROL, input).as_slice(), &CACHE_CONTROL);
}

/// A date that was read is written so that it is read again as the same.
fn date(input: &[u8]) {
    if let Some(read) = Timestamp::from_http_date(input) {
        assert_eq!(Timestamp::from_http_date(read.to_http_date().as_bytes()), Some(read));
    }
}

/// Parts are within the body, and none overlaps another.
fn range(input: &[u8]) {
    const LENGTH: u64 = 1000;
    let (range, condition) = input.split_at(input.len().min(64));
    let fields = [fields(&RANGE, range), fields(&IF_RANGE, condition)].concat();
    let stored = HeaderList::new();
    if let RangeAnswer::Parts(parts) =
        select(fields.as_slice(), stored.as_slice(), StatusCode::OK, LENGTH)
    {
        let mut sorted = parts.clone();
        sorted.sort_unstable_by_key(|part| part.start);
        assert!(!parts.is_empty());
        assert!(parts.iter().all(|part| part.start < part.end && part.end <= LENGTH));
        assert!(sorted.is_sorted_by(|one, next| one.end <= next.start));
    }
}

/// What is canonical is its own reading, and a prefix of itself.
fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let canonical = path::canonical(text);
    assert!(canonical.starts_with('/'));
    assert!(!canonical.contains("//"), "{canonical}");
    assert!(path::is_under(&canonical, &canonical));
    let _ = path::reading(text);
}

fn query(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = query::canonical(text);
    let rules = query::QueryRules { sort: true, ignore: vec!["utm_*".to_owned()], only: None };
    if let Some(once) = rules.apply(text) {
        assert_eq!(rules.apply(&once).as_deref(), Some(&*once), "the rules change nothing more");
    }
    let _ = rules.left_out_of(text);
}

/// A query means the same as itself.
fn no_vary_search(input: &[u8]) {
    let (field, rest) = input.split_at(input.len() / 2);
    let name = HeaderName::from_static("no-vary-search");
    let Some(read) = NoVarySearch::parse(fields(&name, field).as_slice()) else { return };
    if let Ok(query) = std::str::from_utf8(rest) {
        assert_eq!(read.canonical(query), read.canonical(query));
    }
}

/// Only what is accepted and there is chosen.
fn accept_encoding(input: &[u8]) {
    let accepted = Accepted::of(fields(&ACCEPT_ENCODING, input).as_slice());
    for there in [&Coding::ALL[..], &[Coding::Gzip], &[]] {
        if let Some(chosen) = accepted.choose(there.iter().copied()) {
            assert!(there.contains(&chosen) && accepted.weight(chosen) > 0);
        }
    }
}

fn cookies(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, value) in fields(&COOKIE, input) {
        headers.append(name, value);
    }
    fuzz_cookies(&headers);
}

/// An entry that was read is written so that it is read again as the same.
#[cfg(feature = "redis")]
fn entry(input: &[u8]) {
    // with its checksum, so that fuzzers come past that
    for bytes in [codec::sealed(input), input.to_vec().into()] {
        let Ok(read) = codec::decode(&bytes) else { continue };
        let again = codec::encode(&read).expect("what was read is written");
        let again = codec::decode(&[&again.head[..], &again.body].concat().into());
        assert_eq!(format!("{:?}", again.ok()), format!("{:?}", Some(read)));
    }
}

#[cfg(feature = "redis")]
fn replies(input: &[u8]) {
    fuzz_replies(input);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// How many inputs are made of each one in the corpus.
    const MUTATIONS: usize = 400;

    /// A few bytes changed, cut out, or put in.
    fn mutated(input: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(0..=bytes.len());
            match random.u8(0..4) {
                0 => drop(bytes.drain(at.saturating_sub(random.usize(0..8))..at)),
                1 => bytes.insert(at, random.u8(..)),
                2 => bytes.insert(at, *random.choice(b",;=\"*% -0/\n&").unwrap_or(&b' ')),
                _ => {
                    let changed = bytes.iter_mut().skip(at).take(1);
                    changed.for_each(|byte| *byte ^= 1 << random.u8(0..8));
                }
            }
        }
        bytes
    }

    #[test]
    fn corpus_and_what_is_like_it_is_read() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        // the package that users download has no corpus
        if !corpus.is_dir() {
            return;
        }
        let mut random = fastrand::Rng::with_seed(1);
        for (name, _) in TARGETS {
            let mut inputs = 0;
            for file in fs::read_dir(corpus.join(name)).unwrap_or_else(|_| panic!("{name}")) {
                let input = fs::read(file.unwrap().path()).unwrap();
                run(name, &input);
                for _ in 0..MUTATIONS {
                    run(name, &mutated(&input, &mut random));
                }
                inputs += 1;
            }
            assert!(inputs >= 5, "{name} has {inputs} inputs");
        }
    }
}
