//! Places for handlers, where settings bound how many run at a time.

use crate::{
    engine::running_handlers::{HandlerPermit, Overloaded},
    middleware::{context::RequestContext, worker::Worker},
};

/// Counts the handler of a request among those that run; `None` where no setting bounds their number, or a
/// clone outside has counted it already.
pub(in crate::middleware) fn permit(
    worker: &Worker,
    outer: Option<&RequestContext>,
) -> Result<Option<HandlerPermit>, Overloaded> {
    let Some(max) = worker.plan.handlers().max_handlers else { return Ok(None) };
    if outer.is_some_and(|outer| outer.is_counted_by_clone(worker)) {
        return Ok(None);
    }
    worker.engine.running_handlers().begin(max).map(Some)
}
