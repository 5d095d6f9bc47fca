//! Header values that differ in a number of seconds only. Hot responses repeat them, so each worker
//! keeps the last ones: a clone of a value is cheaper than writing it.

use std::{cell::RefCell, time::Duration};

use actix_web::http::header::HeaderValue;

/// How many values are kept; those of seconds that differ by a multiple of it share a slot.
const SLOTS: usize = 64;

type Slot = Option<(u64, HeaderValue)>;

/// The values last written, by their seconds.
#[derive(Debug)]
pub(super) struct BySeconds(RefCell<[Slot; SLOTS]>);

impl Default for BySeconds {
    fn default() -> Self {
        Self(RefCell::new([const { None }; SLOTS]))
    }
}

impl BySeconds {
    /// The value for these whole seconds, written by `write` unless it is kept.
    pub(super) fn get(
        &self,
        time: Duration,
        write: impl FnOnce() -> Option<HeaderValue>,
    ) -> Option<HeaderValue> {
        let seconds = time.as_secs();
        let mut slots = self.0.borrow_mut();
        let slot = slots.get_mut(usize::try_from(seconds).unwrap_or_default() % SLOTS)?;
        match slot {
            Some((kept, value)) if *kept == seconds => Some(value.clone()),
            slot => {
                let value = write()?;
                *slot = Some((seconds, value.clone()));
                Some(value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_written_once_and_never_mixed_up() {
        let values = BySeconds::default();
        let mut written = 0;
        let mut get = |seconds: u64| {
            let value = values.get(Duration::from_secs(seconds), || {
                written += 1;
                Some(seconds.into())
            });
            value.unwrap().to_str().unwrap().parse::<u64>().unwrap()
        };
        for seconds in [0, 64, 0, 1, 1, u64::MAX, u64::MAX - 64] {
            assert_eq!(get(seconds), seconds);
        }
        assert_eq!(written, 6);
    }
}
