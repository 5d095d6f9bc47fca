//! Grammar of `Cache-Control` (RFC 9111 s.5.2): bytes to [`Directives`], no meaning.

use std::time::Duration;

use actix_web::http::header::HeaderName;

use super::{
    date::MAX_DELTA,
    fields::Fields,
    list_members::{Argument, Members, unescaped},
};

/// A directive that is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// `no-store` (RFC 9111 s.5.2.1.5, s.5.2.2.5).
    NoStore,
    /// `no-cache` without field names (RFC 9111 s.5.2.1.4, s.5.2.2.4).
    NoCache,
    /// `no-transform` (RFC 9111 s.5.2.1.6, s.5.2.2.6).
    NoTransform,
    /// `private` without field names (RFC 9111 s.5.2.2.7).
    Private,
    /// `public` (RFC 9111 s.5.2.2.9).
    Public,
    /// `must-revalidate` (RFC 9111 s.5.2.2.2).
    MustRevalidate,
    /// `proxy-revalidate` (RFC 9111 s.5.2.2.8).
    ProxyRevalidate,
    /// `must-understand` (RFC 9111 s.5.2.2.3).
    MustUnderstand,
    /// `immutable` (RFC 8246).
    Immutable,
    /// `only-if-cached` (RFC 9111 s.5.2.1.7).
    OnlyIfCached,
}

/// The directives of a request or a response, over all lines of the field.
///
/// Where the RFC leaves a choice, the reading is the one that serves less from the cache: a
/// lifetime that is no number or is stated twice with different values is zero (s.4.2.1), one that
/// is too large is 2^31 seconds (s.1.2.2). A restricting directive holds whatever argument it has;
/// a permitting one (`public`, `must-understand`, `immutable`) only without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    present: bool,
    flags: u16,
    /// `max-age` (RFC 9111 s.5.2.1.1, s.5.2.2.1).
    pub max_age: Option<Duration>,
    /// `s-maxage` (RFC 9111 s.5.2.2.10).
    pub s_maxage: Option<Duration>,
    /// `min-fresh` (RFC 9111 s.5.2.1.3); the longest time where it is no number.
    pub min_fresh: Option<Duration>,
    /// `max-stale` (RFC 9111 s.5.2.1.2); [`Duration::MAX`] where it names no limit.
    pub max_stale: Option<Duration>,
    /// `stale-while-revalidate` (RFC 5861 s.3).
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 s.4).
    pub stale_if_error: Option<Duration>,
    /// The fields of `no-cache="f"`: not reused without validation (RFC 9111 s.5.2.2.4).
    pub no_cache_fields: Vec<HeaderName>,
    /// The fields of `private="f"`: not stored (RFC 9111 s.5.2.2.7).
    pub private_fields: Vec<HeaderName>,
}

impl Directives {
    /// Reads every line of the field `name`.
    pub(crate) fn parse<F: Fields + ?Sized>(fields: &F, name: &HeaderName) -> Self {
        let mut directives = Self::default();
        for line in fields.all(name) {
            directives.add_line(line);
        }
        directives
    }

    /// Whether the directive `flag` is there.
    pub(crate) fn says(&self, flag: Flag) -> bool {
        self.flags & (1 << flag as u16) != 0
    }

    /// Whether the field was there at all, with whatever content.
    pub(crate) fn is_present(&self) -> bool {
        self.present
    }

    /// The fields that are not stored (RFC 9111 s.5.2.2.4, s.5.2.2.7).
    pub(super) fn into_withheld(self) -> Vec<HeaderName> {
        let mut withheld = self.no_cache_fields;
        withheld.extend(self.private_fields);
        withheld
    }

    fn add_line(&mut self, line: &[u8]) {
        self.present = true;
        let mut members = Members::of_line(line);
        while let Some((name, argument)) = members.next() {
            self.add(name, argument);
        }
    }

    /// Adds one directive; an unknown one changes nothing (RFC 9111 s.5.2.3).
    pub(super) fn add(&mut self, name: &[u8], argument: Argument<'_>) {
        self.present = true;
        let mut lower = [0; 24];
        let Some(lower) = lower.get_mut(..name.len()) else { return };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        match &*lower {
            b"no-store" => self.set(Flag::NoStore),
            b"no-transform" => self.set(Flag::NoTransform),
            b"must-revalidate" => self.set(Flag::MustRevalidate),
            b"proxy-revalidate" => self.set(Flag::ProxyRevalidate),
            b"only-if-cached" => self.set(Flag::OnlyIfCached),
            b"public" => self.permit(Flag::Public, argument),
            b"must-understand" => self.permit(Flag::MustUnderstand, argument),
            b"immutable" => self.permit(Flag::Immutable, argument),
            b"no-cache" => match field_names(argument) {
                Some(names) => self.no_cache_fields.extend(names),
                None => self.set(Flag::NoCache),
            },
            b"private" => match field_names(argument) {
                Some(names) => self.private_fields.extend(names),
                None => self.set(Flag::Private),
            },
            b"max-age" => restrict(&mut self.max_age, delta(argument), Duration::ZERO),
            b"s-maxage" => restrict(&mut self.s_maxage, delta(argument), Duration::ZERO),
            b"min-fresh" => restrict(&mut self.min_fresh, delta(argument), MAX_DELTA),
            b"max-stale" => {
                let any = (argument == Argument::Absent).then_some(Duration::MAX);
                restrict(&mut self.max_stale, any.or_else(|| delta(argument)), Duration::ZERO);
            }
            b"stale-while-revalidate" => {
                restrict(&mut self.stale_while_revalidate, delta(argument), Duration::ZERO);
            }
            b"stale-if-error" => {
                restrict(&mut self.stale_if_error, delta(argument), Duration::ZERO);
            }
            _ => {}
        }
    }

    fn set(&mut self, flag: Flag) {
        self.flags |= 1 << flag as u16;
    }

    fn permit(&mut self, flag: Flag, argument: Argument<'_>) {
        if argument == Argument::Absent {
            self.set(flag);
        }
    }
}

/// Enters `stated`; `strictest` where it is no number or contradicts an earlier one.
fn restrict(slot: &mut Option<Duration>, stated: Option<Duration>, strictest: Duration) {
    *slot = match (*slot, stated) {
        (None, Some(first)) => Some(first),
        (Some(earlier), Some(again)) if earlier == again => Some(earlier),
        _ => Some(strictest),
    };
}

/// Delta-seconds as a token or, though senders should not, as a quoted string (RFC 9111 s.5.2).
fn delta(argument: Argument<'_>) -> Option<Duration> {
    match argument {
        Argument::Token(digits) => delta_seconds(digits.iter().copied()),
        Argument::Quoted(inside) => delta_seconds(unescaped(inside)),
        Argument::Absent | Argument::Invalid => None,
    }
}

/// A number of seconds, at most 2^31 (RFC 9111 s.1.2.2).
pub(super) fn delta_seconds(digits: impl Iterator<Item = u8>) -> Option<Duration> {
    let mut seconds = None;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let tenfold = seconds.unwrap_or(0_u64).saturating_mul(10);
        seconds = Some(tenfold.saturating_add(u64::from(digit - b'0')));
    }
    seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_DELTA))
}

/// The field names of a qualified directive; `None` where it is unqualified, and where the list is
/// no list of names: then it is read as the stricter form.
fn field_names(argument: Argument<'_>) -> Option<Vec<HeaderName>> {
    let text: Vec<u8> = match argument {
        Argument::Token(name) => name.to_vec(),
        Argument::Quoted(inside) => unescaped(inside).collect(),
        Argument::Absent | Argument::Invalid => return None,
    };
    let names: Vec<HeaderName> = text
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .map(|name| HeaderName::from_bytes(name).ok())
        .collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests;
