//! Hints that a handler gives while the body of its response streams.

use std::{cell::RefCell, rc::Rc};

use crate::{
    config::paths::RuleNumber,
    engine::draft_entry::DraftEntry,
    middleware::{
        context::RequestContext, hints::HandlerHints, recorder::LateHints, worker::Worker,
    },
    semantics::verdict::Reason,
};

/// The hints of one handler, and what they mean for its response.
#[derive(Debug)]
pub(super) struct StreamedHints {
    worker: Rc<Worker>,
    hints: Rc<RefCell<HandlerHints>>,
    rule: Option<RuleNumber>,
}

impl StreamedHints {
    pub(super) fn new(
        worker: &Rc<Worker>,
        context: &RequestContext,
        rule: Option<RuleNumber>,
    ) -> Self {
        Self { worker: Rc::clone(worker), hints: context.share_hints(), rule }
    }
}

impl LateHints for StreamedHints {
    fn apply(&self, draft: &mut DraftEntry) -> Result<(), Reason> {
        let hints = self.hints.borrow();
        if let Some(why) = hints.refusal() {
            return Err(why);
        }
        let policy = self.worker.chosen_policy(&hints)?;
        if let Some(policy) = policy {
            let path = draft.path().to_owned();
            draft.add_groups(&self.worker.plan.groups(self.rule, Some(policy), &path))?;
        }
        draft.declare(hints.declared(policy, draft.status()))?;
        draft.add_groups(&hints.groups)
    }
}
