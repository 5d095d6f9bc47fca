//! What counts of a query under which path: purges of a URL have to know it, also in a process that
//! serves nothing.

use std::sync::Arc;

use super::{all_settings::Config, error::ConfigError, paths::Paths};
use crate::key::query::QueryRules;

type ByPath = dyn Fn(&str) -> Arc<QueryRules> + Send + Sync;

/// What tells these query rules from others.
pub(super) fn id(config: &Config) -> String {
    if has_rules(config) {
        format!("{:?} {:?}", config.query, config.path_settings())
    } else {
        format!("{:?}", config.query)
    }
}

/// The query rules of each path, as the router reads it.
pub(super) fn by_path(config: &Config) -> Result<Box<ByPath>, ConfigError> {
    let default = Arc::new(config.query.rules());
    if !has_rules(config) {
        return Ok(Box::new(move |_| Arc::clone(&default)));
    }
    let effective = config.effective_rules();
    let paths = Paths::new(&[], &[], &effective)?;
    let rules = effective.iter().map(|(_, rule)| {
        rule.query.as_ref().map_or_else(|| Arc::clone(&default), |query| query.rules().into())
    });
    let rules: Vec<Arc<QueryRules>> = rules.collect();
    Ok(Box::new(move |path| {
        let rule = paths.rule(path).and_then(|rule| rules.get(rule.place()));
        Arc::clone(rule.unwrap_or(&default))
    }))
}

fn has_rules(config: &Config) -> bool {
    config.effective_rules().iter().any(|(_, rule)| rule.query.is_some())
}
