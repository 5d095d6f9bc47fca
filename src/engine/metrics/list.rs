//! All metrics.

use super::{hook_table::OF_HOOKS, metric::Metric, store_table::OF_STORES, table::OF_REQUESTS};

/// Every metric.
pub(super) fn all() -> impl Iterator<Item = &'static Metric> {
    OF_REQUESTS.iter().chain(OF_STORES).chain(OF_HOOKS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::metrics::metric::Kind::{Counter, Histogram as Times};

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut names = BTreeSet::new();
        for Metric { name, kind, help, .. } in all() {
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("http_cache_") && help.ends_with('.'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
            assert_eq!(name.ends_with("_duration_seconds"), *kind == Times, "{name}");
        }
    }

    #[test]
    fn guide_has_each_metric_with_its_kind_and_its_help() {
        let guide = include_str!("../../guide/metrics.md");
        let rows = guide.lines().filter(|line| line.starts_with("| `http_cache_"));
        let rows: Vec<_> = rows.collect();
        for Metric { name, kind, help, .. } in all() {
            let kind = format!("{kind:?}").to_lowercase();
            let is_row = |row: &&str| {
                row.starts_with(&format!("| `{name}` | {kind} |"))
                    && row.ends_with(&format!("| {help} |"))
            };
            assert!(rows.iter().any(is_row), "{name} is not in the guide");
        }
        assert_eq!(rows.len(), all().count());
    }
}
