//! How the terms of a response are written: a format of its own, which is no part of the public API, of few
//! numbers, as all of them are read for every hit.

use std::{num::NonZeroU16, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    entry::Timestamp,
    semantics::{lifetime_source::LifetimeSource, terms::Terms},
};

/// [`Terms`] as they are written. `Terms::received` stays in the process: it means nothing to another one.
#[derive(Serialize, Deserialize)]
pub(super) struct TermsRecord {
    /// In milliseconds since the Unix epoch.
    response_time: i64,
    /// In microseconds: initial age, lifetime, time of the handler, and the two stale windows.
    spans: [u64; 5],
    /// [`Terms::directive_bits`].
    directives: u16,
    /// The number of what it has its lifetime from.
    lifetime_from: u8,
    /// The number of the named policy; zero for none.
    policy: u16,
}

impl From<&Terms> for TermsRecord {
    fn from(terms: &Terms) -> Self {
        let Terms { initial_age, lifetime, took, while_revalidate, if_error, .. } = *terms;
        Self {
            lifetime_from: terms.lifetime_from.number(),
            policy: terms.policy.map_or(0, NonZeroU16::get),
            response_time: terms.response_time.as_millis(),
            spans: [initial_age, lifetime, took, while_revalidate, if_error]
                .map(|span| u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
            directives: terms.directive_bits(),
        }
    }
}

impl From<TermsRecord> for Terms {
    fn from(record: TermsRecord) -> Self {
        let [initial_age, lifetime, took, while_revalidate, if_error] =
            record.spans.map(Duration::from_micros);
        Self {
            response_time: Timestamp::from_millis(record.response_time),
            lifetime_from: LifetimeSource::from_number(record.lifetime_from),
            policy: NonZeroU16::new(record.policy),
            initial_age,
            lifetime,
            took,
            while_revalidate,
            if_error,
            ..Self::default()
        }
        .with_directives(record.directives)
    }
}
