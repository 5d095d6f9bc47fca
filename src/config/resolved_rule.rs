//! `ResolvedRule`: how the responses of one rule are treated, with everything that the rule leaves as
//! it is for the whole cache.

use std::{borrow::Cow, sync::Arc, time::Duration};

use actix_router::Path;
use percent_encoding::percent_decode_str;

use super::{
    all_settings::Config,
    client::ClientCache,
    error::ConfigError,
    rule::{PostRule, Rule},
    settings::setting::Setting,
};
use crate::{
    key::query::QueryRules,
    semantics::{
        date::MAX_DELTA,
        policy::{Policy, Windows},
    },
};

/// How the responses of a rule, or of no rule, are treated.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedRule {
    pub(crate) policy: Policy,
    pub(super) client: Option<ClientCache>,
    /// What counts of the query, where the rule says it.
    pub(super) query: Option<Arc<QueryRules>>,
    groups: Vec<GroupName>,
    /// Which POST requests are answered from the cache.
    pub(super) post: PostRule,
    /// The lifetime that the rule itself states.
    own_ttl: Duration,
}

impl ResolvedRule {
    /// How the responses of no rule are treated.
    pub(super) fn without_rule(config: &Config) -> Result<Self, ConfigError> {
        let policy = config.policy();
        if policy.default_ttl > MAX_DELTA {
            return Err(ConfigError::new("ttl", "is longer than 2^31 seconds"));
        }
        Ok(Self {
            policy,
            client: config.client.clone(),
            query: None,
            groups: Vec::new(),
            post: PostRule::None,
            own_ttl: Duration::ZERO,
        })
    }

    pub(super) fn new(config: &Config, pattern: &str, rule: &Rule) -> Result<Self, ConfigError> {
        let groups = rule.groups.iter().map(|group| GroupName::new(group, pattern));
        let policy = policy(config, pattern, rule)?;
        let ttls = policy.status_ttls.iter().map(|(_, ttl)| *ttl);
        if ttls.chain([policy.default_ttl]).any(|ttl| ttl > MAX_DELTA) {
            let problem = format!("the lifetime for `{pattern}` is longer than 2^31 seconds");
            return Err(ConfigError::new("rule", problem));
        }
        Ok(Self {
            policy,
            client: rule.client.clone().unwrap_or(config.client.clone()),
            query: rule.query.as_ref().map(|query| query.rules().into()),
            groups: groups.collect::<Result<_, _>>()?,
            post: rule.post.clone().unwrap_or_default(),
            own_ttl: rule.ttl.clone().unwrap_or(None).unwrap_or_default(),
        })
    }

    /// By what responses are stored. One to a POST needs a lifetime of its own or of the rule: that the
    /// whole cache has a default one says nothing of it.
    pub(crate) fn policy(&self, is_post: bool) -> Cow<'_, Policy> {
        if !is_post {
            return Cow::Borrowed(&self.policy);
        }
        let default_ttl = self.own_ttl;
        Cow::Owned(Policy { default_ttl, heuristic: false, ..self.policy.clone() })
    }

    /// Whether responses are in groups by the rule.
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The groups of a response, by what its path is captured as.
    pub(super) fn groups(&self, captures: &Path<String>) -> Vec<String> {
        self.groups.iter().map(|group| group.fill(captures)).collect()
    }
}

fn policy(config: &Config, pattern: &str, rule: &Rule) -> Result<Policy, ConfigError> {
    let mut policy = config.policy();
    if let Setting::Set(ttl) = rule.ttl {
        policy.default_ttl = ttl.unwrap_or_default();
        policy.heuristic = config.is_heuristic(ttl);
    }
    // a rule that names the path declares its responses cacheable
    policy.only_declared = pattern.is_empty() && policy.only_declared;
    policy.shared = rule.is_shared();
    policy.status_ttls = rule.status_ttls()?;
    policy.while_revalidate = rule.while_revalidate.unwrap_or(policy.while_revalidate);
    policy.if_error = rule.if_error.unwrap_or(policy.if_error);
    policy.short_lived = Windows {
        while_revalidate: rule.while_revalidate.unwrap_or_default(),
        if_error: rule.if_error.unwrap_or_default(),
    };
    Ok(policy)
}

/// A group's name with places for what the pattern captures.
#[derive(Clone, Debug)]
pub(super) struct GroupName(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Capture(String),
}

impl GroupName {
    pub(super) fn new(name: &str, pattern: &str) -> Result<Self, ConfigError> {
        let mut pieces = Vec::new();
        let mut rest = name;
        while let Some((text, after)) = rest.split_once('{') {
            let (capture, after) = after.split_once('}').ok_or_else(|| {
                ConfigError::new(
                    "Rule::groups",
                    format!("`{name}` has a brace without its partner"),
                )
            })?;
            if !["}", ":"].iter().any(|end| pattern.contains(&format!("{{{capture}{end}"))) {
                let problem = format!("`{name}` names `{capture}`, `{pattern}` does not");
                return Err(ConfigError::new("Rule::groups", problem));
            }
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Capture(capture.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    pub(super) fn fill(&self, captures: &Path<String>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            // decoded as `web::Path` decodes it, or the handler would purge another group
            Piece::Capture(name) => {
                let segment = captures.get(name).unwrap_or_default();
                percent_decode_str(segment).decode_utf8_lossy().into_owned()
            }
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_are_filled_with_captures() {
        let name = GroupName::new("p:{id}/{kind}!", "/p/{kind}/{id:[0-9]+}").unwrap();
        let mut path = Path::new("/p/a/7".to_owned());
        actix_router::ResourceDef::new("/p/{kind}/{id:[0-9]+}").capture_match_info(&mut path);
        assert_eq!(name.fill(&path), "p:7/a!");
    }

    #[test]
    fn group_names_with_unknown_captures_are_refused() {
        for name in ["{id", "{other}"] {
            assert!(GroupName::new(name, "/p/{id}").is_err(), "{name}");
        }
    }
}
