//! `Setting`: a value that is either set or as it is elsewhere.

/// A setting whose own value may be "none": unset, it has the default or is as for the whole cache.
#[derive(Clone, Debug, Default)]
pub(crate) enum Setting<T> {
    /// As the default, or as for the whole cache.
    #[default]
    Unset,
    /// As the user has set it.
    Set(T),
}

impl<T> Setting<T> {
    /// The value, or `default` where none is set.
    pub(crate) fn unwrap_or(self, default: T) -> T {
        match self {
            Self::Unset => default,
            Self::Set(value) => value,
        }
    }

    /// This setting, or where it is unset the other one.
    pub(crate) fn or(self, other: &Self) -> Self
    where
        T: Clone,
    {
        if self.is_set() { self } else { other.clone() }
    }

    /// Whether a value is set.
    pub(crate) const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }
}
