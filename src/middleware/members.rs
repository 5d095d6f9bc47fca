//! The members of `Cache-Status` that a worker has written: there are few different ones, and a clone
//! of one is cheaper than writing it.

use std::cell::RefCell;

use actix_web::http::header::HeaderValue;

use crate::semantics::verdict::{Forwarding, Reason, Verdict};

/// How many are kept of requests that missed. Others are written each time.
const MAX_OTHERS: usize = 16;

/// The members that have been written, by their verdicts.
#[derive(Debug)]
pub(super) struct Members {
    bypasses: RefCell<[Option<HeaderValue>; Reason::ALL.len()]>,
    others: RefCell<Vec<(Verdict, HeaderValue)>>,
}

impl Default for Members {
    fn default() -> Self {
        let bypasses = RefCell::new([const { None }; Reason::ALL.len()]);
        Self { bypasses, others: RefCell::default() }
    }
}

impl Members {
    /// The member that says this verdict, written by `write` unless it is kept.
    pub(super) fn get(
        &self,
        verdict: &Verdict,
        write: impl FnOnce() -> Option<HeaderValue>,
    ) -> Option<HeaderValue> {
        if let Verdict::Forwarded { why: Forwarding::Bypass(why), status, stored, collapsed } =
            verdict
            && (*stored, *status, *collapsed) == (Err(*why), None, false)
        {
            let mut bypasses = self.bypasses.borrow_mut();
            let kept = bypasses.get_mut(*why as usize)?;
            if kept.is_none() {
                *kept = write();
            }
            return kept.clone();
        }
        let mut others = self.others.borrow_mut();
        if let Some((_, member)) = others.iter().find(|(kept, _)| kept == verdict) {
            return Some(member.clone());
        }
        let member = write()?;
        if others.len() < MAX_OTHERS {
            others.push((*verdict, member.clone()));
        }
        Some(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_its_own_member() {
        let members = Members::default();
        let get = |verdict: Verdict| {
            let write = || HeaderValue::try_from(format!("{verdict:?}")).ok();
            assert_eq!(members.get(&verdict, write).unwrap(), format!("{verdict:?}"));
        };
        for why in Reason::ALL.iter().chain(Reason::ALL) {
            get(Verdict::bypassed(*why));
            get(Verdict::missed(Forwarding::Bypass(*why), Err(Reason::Status)));
        }
        assert_eq!(members.others.borrow().len(), MAX_OTHERS);
    }
}
