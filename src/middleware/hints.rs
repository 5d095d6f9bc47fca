//! What a handler says about its own response, for the caches around it.

/// The hints of a handler.
#[derive(Clone, Debug, Default)]
pub(super) struct HandlerHints {
    /// The groups by which the response can be purged.
    pub(super) groups: Vec<String>,
    /// The response is not stored.
    pub(super) no_store: bool,
}
