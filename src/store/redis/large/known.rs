//! Which values are known to be large, and how much of one may be asked for at once.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::clock::Stopwatch;

/// Values up to this length are read in one exchange, longer ones begin with a piece of it: 5 ms at
/// 100 Mbit/s.
pub(in crate::store::redis) const FIRST_PIECE: usize = 64 * 1024;
/// How much is read first of a value that is known to be large: its header and its key.
const PEEK: usize = 1024;
const MIN_PIECE: usize = 16 * 1024;
const MAX_PIECE: usize = 1024 * 1024;
/// How long a value that did not arrive in time counts as missing.
const BACKOFF: Duration = Duration::from_secs(5);
/// How many values are known to be large at most.
const MAX_KNOWN: usize = 4096;
/// The longest value that is read in one exchange, however fast the line was lately: it may have become
/// slower, and at 50 Mbit/s this much still comes within the default time.
const MAX_AT_ONCE: usize = 256 * 1024;
/// A piece is sized to take this fraction of the time for an exchange.
const PART_OF_EXCHANGE: u32 = 8;
/// What was read at once and took this many times as long was too much.
const TOO_LONG: u32 = 2;

pub(super) type Digest = [u8; 16];

/// The large values that are known, and the pace of the line.
pub(in crate::store::redis) struct KnownValues {
    piece_within: Duration,
    up: Stopwatch,
    known: Mutex<HashMap<Digest, Known>>,
    /// Whether there may be any, so that a hit takes no lock where all values are small.
    any: AtomicBool,
    /// How much comes within `piece_within`, by what was read lately.
    fits: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
struct Known {
    length: usize,
    backs_off_until: Option<Duration>,
}

impl KnownValues {
    /// Of a server whose replies are waited for as long as this.
    pub(in crate::store::redis) fn new(response: Duration) -> Self {
        Self {
            piece_within: response / PART_OF_EXCHANGE,
            up: Stopwatch::start(),
            known: Mutex::default(),
            any: AtomicBool::new(false),
            fits: AtomicUsize::new(FIRST_PIECE),
        }
    }

    /// How much of a value to ask for at first; `None` of one that has not come in time lately.
    ///
    /// A value that is known to be large is asked for as a whole where it fits into one piece, and else
    /// for what tells which one it is: the rest comes in pieces.
    pub(in crate::store::redis) fn first_piece(&self, digest: &Digest) -> Option<usize> {
        if !self.any.load(Ordering::Acquire) {
            return Some(FIRST_PIECE);
        }
        let Some(known) = self.lock().get(digest).copied() else { return Some(FIRST_PIECE) };
        if known.backs_off_until.is_some_and(|until| self.up.elapsed() < until) {
            return None;
        }
        let fits = self.fits.load(Ordering::Relaxed).min(MAX_AT_ONCE);
        Some(if known.length <= fits { known.length.max(PEEK) } else { PEEK })
    }

    /// Whether a value has not come in time lately.
    pub(in crate::store::redis) fn is_backing_off(&self, digest: &Digest) -> bool {
        self.first_piece(digest).is_none()
    }

    /// The first piece of a value has not come in time. Of one that is not known to be large that
    /// says nothing: the server may be slow.
    pub(in crate::store::redis) fn begin_timed_out(&self, digest: &Digest) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        if let Some(known) = self.lock().get_mut(digest) {
            known.backs_off_until = Some(self.up.elapsed() + BACKOFF);
            self.fits.store(MIN_PIECE, Ordering::Relaxed);
        }
    }

    /// This much was read at once, since `begun`.
    pub(in crate::store::redis) fn read_at_once(&self, length: usize, begun: Stopwatch) {
        if length > FIRST_PIECE {
            self.took_at_once(length, begun.elapsed());
        }
    }

    fn took_at_once(&self, length: usize, took: Duration) {
        if took > self.piece_within * TOO_LONG {
            self.fits.store((length / 2).max(MIN_PIECE), Ordering::Relaxed);
        }
    }

    /// A piece was read in this time, with nothing beside it.
    pub(in crate::store::redis) fn read_piece(&self, length: usize, took: Duration) {
        let before = self.fits.load(Ordering::Relaxed);
        let fits = self.next_piece(length, took);
        // a short one that came in time says nothing against longer ones
        let fits = if fits >= length { fits.max(before) } else { fits };
        self.fits.store(fits, Ordering::Relaxed);
    }

    /// How large a piece is to be.
    pub(in crate::store::redis) fn piece(&self) -> usize {
        self.fits.load(Ordering::Relaxed).clamp(MIN_PIECE, MAX_PIECE)
    }

    /// How large the next piece is to be, after one of this length took this time.
    pub(in crate::store::redis) fn next_piece(&self, length: usize, took: Duration) -> usize {
        let per_micro = length as u128 / took.as_micros().max(1);
        let fitting = per_micro.saturating_mul(self.piece_within.as_micros());
        let fitting = usize::try_from(fitting).unwrap_or(MAX_PIECE);
        fitting.clamp(MIN_PIECE, MAX_PIECE.min(length.saturating_mul(2).max(MIN_PIECE)))
    }

    /// A value is as long as this.
    pub(in crate::store::redis) fn learn(&self, digest: Digest, length: usize) {
        self.change(digest, |known| known.length = length);
    }

    /// A value has not come in time, and counts as missing for a while.
    pub(in crate::store::redis) fn back_off(&self, digest: Digest) {
        let until = self.up.elapsed() + BACKOFF;
        self.change(digest, |known| known.backs_off_until = Some(until));
    }

    fn change(&self, digest: Digest, change: impl FnOnce(&mut Known)) {
        let mut known = self.lock();
        if known.len() >= MAX_KNOWN && !known.contains_key(&digest) {
            known.clear();
        }
        change(known.entry(digest).or_default());
        self.any.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATE: Duration = Duration::from_millis(80);
    const ONE: Digest = [1; 16];

    #[test]
    fn pieces_fit_the_line() {
        let known = KnownValues::new(OPERATE);
        let millis = Duration::from_millis;
        assert_eq!(known.next_piece(100_000, millis(10)), 100_000, "as long as it is to take");
        assert_eq!(known.next_piece(100_000, millis(20)), 50_000);
        assert_eq!(known.next_piece(100_000, millis(1)), 200_000, "no more than twice as large");
        assert_eq!(known.next_piece(100_000, millis(1000)), MIN_PIECE);
        assert_eq!(known.next_piece(MAX_PIECE, Duration::ZERO), MAX_PIECE);
    }

    #[test]
    fn late_value_is_left_alone() {
        let known = KnownValues::new(OPERATE);
        known.begin_timed_out(&ONE);
        assert_eq!(known.first_piece(&ONE), Some(FIRST_PIECE), "it is not known to be large");
        known.learn(ONE, MAX_PIECE);
        assert_eq!(known.first_piece(&ONE), Some(PEEK));
        known.back_off(ONE);
        assert!(known.is_backing_off(&ONE) && !known.is_backing_off(&[2; 16]));
    }

    #[test]
    fn value_is_read_at_once_where_the_line_was_fast_and_until_it_is_slow() {
        let known = KnownValues::new(OPERATE);
        let length = FIRST_PIECE + 9000;
        known.learn(ONE, length);
        assert_eq!(known.first_piece(&ONE), Some(PEEK), "it is not known whether it fits");
        known.read_piece(length, Duration::from_millis(1));
        assert_eq!(known.first_piece(&ONE), Some(length));
        known.read_piece(100, Duration::from_micros(10));
        assert_eq!(known.first_piece(&ONE), Some(length), "a short piece says nothing");
        known.learn(ONE, MAX_AT_ONCE + 1);
        known.read_piece(MAX_PIECE, Duration::from_millis(1));
        assert_eq!(known.first_piece(&ONE), Some(PEEK), "too much at once");
        known.learn(ONE, length);
        known.took_at_once(length, OPERATE / 2);
        assert_eq!(known.first_piece(&ONE), Some(PEEK), "the line became slow");
        known.read_piece(length, Duration::from_millis(1));
        known.begin_timed_out(&ONE);
        assert_eq!(known.piece(), MIN_PIECE);
    }
}
