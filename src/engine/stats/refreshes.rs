//! What became of refreshes in the background.

use crate::counting::SharedCounter;

macro_rules! results {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)+) => {
        /// What became of a refresh in the background.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum RefreshResult { $($(#[$doc])* $name,)+ }

        impl RefreshResult {
            const ALL: &'static [Self] = &[$(Self::$name,)+];

            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

results! {
    /// The handler has responded, or another request was asking it already.
    Succeeded => "succeeded",
    /// The handler failed, or its response ended in an error.
    Failed => "failed",
    /// The handler panicked.
    Panicked => "panicked",
    /// Something still held the request, so that it could not be sent to the handler again.
    Skipped => "skipped",
    /// As many handlers ran as settings allow.
    Overloaded => "overloaded",
}

const RESULTS: usize = RefreshResult::ALL.len();

/// How many refreshes had each result.
#[derive(Debug, Default)]
pub(super) struct Refreshes([SharedCounter; RESULTS]);

impl Refreshes {
    pub(super) fn count(&self, result: RefreshResult) {
        self.0.get(result as usize).into_iter().for_each(|count| count.add(1));
    }

    /// Each result with its count.
    pub(super) fn read(&self) -> Vec<(&'static str, u64)> {
        let counts = RefreshResult::ALL.iter().zip(&self.0);
        counts.map(|(result, count)| (result.as_str(), count.get())).collect()
    }
}
