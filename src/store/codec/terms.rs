//! How the terms of a response are written: a format of its own, which is no part of the public API, of few
//! numbers, as all of them are read for every hit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{entry::Timestamp, semantics::terms::Terms};

/// [`Terms`] as they are written. `Terms::received` stays in the process: it means nothing to another one.
#[derive(Serialize, Deserialize)]
pub(super) struct TermsRecord {
    /// In milliseconds since the Unix epoch.
    response_time: i64,
    /// In microseconds: initial age, lifetime, time of the handler, and the two stale windows.
    spans: [u64; 5],
    /// The directives, a bit each, in the order of [`Terms`].
    directives: u8,
}

impl From<&Terms> for TermsRecord {
    fn from(terms: &Terms) -> Self {
        let Terms { initial_age, lifetime, took, while_revalidate, if_error, .. } = *terms;
        let directives = [
            terms.soft_purged,
            terms.no_cache,
            terms.must_revalidate,
            terms.immutable,
            terms.for_authorization,
            terms.for_cookie,
        ];
        let bits = directives.into_iter().enumerate();
        Self {
            response_time: terms.response_time.as_millis(),
            spans: [initial_age, lifetime, took, while_revalidate, if_error]
                .map(|span| u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
            directives: bits.fold(0, |bits, (at, is_set)| bits | (u8::from(is_set) << at)),
        }
    }
}

impl From<TermsRecord> for Terms {
    fn from(record: TermsRecord) -> Self {
        let [initial_age, lifetime, took, while_revalidate, if_error] =
            record.spans.map(Duration::from_micros);
        let is_set = |at: u8| record.directives & (1 << at) != 0;
        Self {
            response_time: Timestamp::from_millis(record.response_time),
            received: None,
            initial_age,
            lifetime,
            took,
            while_revalidate,
            if_error,
            soft_purged: is_set(0),
            no_cache: is_set(1),
            must_revalidate: is_set(2),
            immutable: is_set(3),
            for_authorization: is_set(4),
            for_cookie: is_set(5),
        }
    }
}
