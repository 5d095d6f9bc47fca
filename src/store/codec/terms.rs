//! How the terms of a response are written: the derives stand here, so that the format is no part of the
//! public API.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Monotonic, Timestamp},
    semantics::terms::Terms,
};

/// How [`Terms`] are written. `Terms::received` stays in the process: it means nothing to another one.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Terms")]
#[expect(clippy::struct_excessive_bools, reason = "as the terms have them")]
pub(super) struct TermsRecord {
    #[serde(with = "millis")]
    response_time: Timestamp,
    #[serde(skip)]
    received: Option<Monotonic>,
    initial_age: Duration,
    lifetime: Duration,
    took: Duration,
    while_revalidate: Duration,
    if_error: Duration,
    soft_purged: bool,
    no_cache: bool,
    must_revalidate: bool,
    immutable: bool,
    for_authorization: bool,
    for_cookie: bool,
}

/// A timestamp, as milliseconds since the Unix epoch.
mod millis {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::entry::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_millis)
    }
}
