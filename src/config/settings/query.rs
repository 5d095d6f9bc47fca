//! `Query`: how the query of a URL becomes part of the key.

use crate::key::query::{QueryRules, TRACKING_PARAMETERS};

/// Which parts of a query tell two requests apart.
///
/// | setting | default |
/// | --- | --- |
/// | [`sort`](Self::sort) | `false` |
/// | [`ignoring`](Self::ignoring) | no parameter |
/// | [`ignoring_tracking_parameters`](Self::ignoring_tracking_parameters) | `false` |
///
/// The safe default is [`as_received`](Self::as_received), since a handler can tell any two queries
/// apart. Of two requests that differ only in what is ignored, the handler sees the first one. A
/// name may end in `*`, and is compared after decoding. For the whole cache:
/// [`ResponseCache::query`](crate::ResponseCache::query); for the paths of one pattern:
/// [`Rule::query`](crate::Rule::query).
///
/// ```
/// use actix_response_cache::{Query, ResponseCache, Rule};
///
/// let cache = ResponseCache::memory()
///     .query(Query::sorted().ignoring_tracking_parameters(true))
///     .rule("/search", Rule::new().query(Query::only(["q", "page"])));
/// ```
#[must_use = "a setting does nothing until a cache or a rule gets it"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    sort: bool,
    ignored: Vec<String>,
    only: Option<Vec<String>>,
    ignores_tracking: bool,
}

impl Query {
    /// The query counts byte by byte as it was received.
    pub fn as_received() -> Self {
        Self::default()
    }

    /// The order of parameters does not count: [`as_received`](Self::as_received) with
    /// [`sort`](Self::sort).
    pub fn sorted() -> Self {
        Self::default().sort(true)
    }

    /// Only the parameters of these names count.
    pub fn only<I>(names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let names = names.into_iter().map(Into::into).collect();
        Self { only: Some(names), ..Self::default() }
    }

    /// Whether the order of parameters does not count. Those of one name keep theirs, which handlers
    /// can tell. Default: `false`.
    pub fn sort(mut self, sort: bool) -> Self {
        self.sort = sort;
        self
    }

    /// Further parameters that do not count.
    pub fn ignoring<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.ignored.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether the parameters do not count by which advertisers follow visitors: `utm_*`, `gclid`,
    /// `fbclid` and their like. Default: `false`.
    pub fn ignoring_tracking_parameters(mut self, ignore: bool) -> Self {
        self.ignores_tracking = ignore;
        self
    }

    /// What the key does with a query.
    pub(crate) fn rules(&self) -> QueryRules {
        let mut ignore = self.ignored.clone();
        if self.ignores_tracking {
            ignore.extend(TRACKING_PARAMETERS.iter().map(|name| (*name).to_owned()));
        }
        QueryRules { sort: self.sort, ignore, only: self.only.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_can_be_undone() {
        let query = Query::sorted().ignoring_tracking_parameters(true);
        assert_ne!(query.rules(), QueryRules::default());
        let undone = query.sort(false).ignoring_tracking_parameters(false);
        assert_eq!(undone.rules(), QueryRules::default());
    }
}
