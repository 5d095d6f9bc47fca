//! `Place`: how a page below the root of the scope names what is at the root.

/// What leads from a page to the root of the scope, in front of a link.
#[derive(Clone, Copy)]
pub(in crate::admin) struct Place(pub(super) &'static str);

impl Place {
    /// At the root, as the page itself.
    pub(in crate::admin) const TOP: Self = Self("");
    /// One segment below the root.
    pub(in crate::admin) const BELOW: Self = Self("../");

    /// The place of a page at this path of the scope. A page is nowhere deeper; what strangers ask for is
    /// shown without its style there.
    pub(in crate::admin) fn of(path: &str) -> Self {
        if path.matches('/').count() > 1 { Self::BELOW } else { Self::TOP }
    }
}
