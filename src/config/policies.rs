//! `Policies`: the named policies of a cache, and what each of them makes of every rule.

use std::{num::NonZeroU16, time::Duration};

use actix_web::http::StatusCode;

use super::{
    all_settings::Config,
    client::ClientCache,
    error::ConfigError,
    paths::RuleNumber,
    resolved_rule::ResolvedRule,
    rule::Rule,
    settings::{bounds::MAX_POLICIES, setting::Setting},
};
use crate::semantics::{declared::Declared, lifetime_source::LifetimeSource};

/// The named policies of a cache.
#[derive(Debug, Default)]
pub(crate) struct Policies(Vec<NamedPolicy>);

/// A named policy.
#[derive(Debug)]
pub(crate) struct NamedPolicy {
    name: String,
    /// What stands for the name in stored responses. Processes that share a store agree on it, unless two
    /// of many names happen to collide.
    pub(crate) number: NonZeroU16,
    policy: Rule,
    /// How responses of no rule are treated by it, and then those of each rule.
    resolved: Vec<ResolvedRule>,
}

impl Policies {
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut rules = vec![(String::new(), Rule::new())];
        rules.extend(config.effective_rules());
        let mut policies = Vec::<NamedPolicy>::new();
        for (name, policy) in sorted(&config.policies) {
            let resolved = rules
                .iter()
                .map(|(pattern, rule)| ResolvedRule::new(config, pattern, &policy.over(rule)));
            let resolved = resolved.collect::<Result<_, _>>()?;
            let is_taken = |number| policies.iter().any(|policy| policy.number == number);
            let number = number(name, is_taken);
            policies.push(NamedPolicy {
                name: name.clone(),
                number,
                policy: policy.clone(),
                resolved,
            });
        }
        Ok(Self(policies))
    }

    /// The policy with this name.
    pub(super) fn get(&self, name: &str) -> Option<&NamedPolicy> {
        self.0.iter().find(|policy| policy.name == name)
    }

    /// The policy with this number.
    pub(super) fn numbered(&self, number: NonZeroU16) -> Option<&NamedPolicy> {
        self.0.iter().find(|policy| policy.number == number)
    }

    /// The names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(NamedPolicy::name)
    }

    /// Whether any of them sets a `ClientCache`.
    pub(super) fn have_client(&self) -> bool {
        self.0.iter().any(|policy| policy.policy.client.is_set())
    }
}

impl NamedPolicy {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How responses of paths with this rule are treated by the policy.
    pub(super) fn rule(&self, rule: Option<RuleNumber>) -> Option<&ResolvedRule> {
        self.resolved.get(rule.map_or(0, |rule| rule.place() + 1))
    }

    /// The `ClientCache` for responses of paths with this rule.
    pub(super) fn client(&self, rule: Option<RuleNumber>) -> Option<&ClientCache> {
        self.rule(rule)?.client.as_ref()
    }

    /// Whether the policy keeps responses out of the cache.
    pub(crate) fn is_bypass(&self) -> bool {
        self.policy.refusal().is_some()
    }

    /// What a handler declares that chooses the policy for a response of this status.
    pub(crate) fn declared(&self, status: StatusCode) -> Declared {
        let named = self.policy.statuses.iter().find(|(named, _)| *named == status.as_u16());
        let ttl = match self.policy.ttl {
            Setting::Set(Some(ttl)) if matches!(status.as_u16(), 200 | 203 | 204) => Some(ttl),
            _ => None,
        };
        let ttl: Option<Duration> = named.map(|(_, ttl)| *ttl).or(ttl);
        Declared {
            ttl: ttl.map(|ttl| (ttl, LifetimeSource::Policy)),
            while_revalidate: self.policy.while_revalidate,
            if_error: self.policy.if_error,
            cacheable: true,
            policy: Some(self.number),
        }
    }
}

/// The policies in the order of their names; of one name the last.
fn sorted(policies: &[(String, Rule)]) -> Vec<&(String, Rule)> {
    let mut sorted: Vec<_> = policies.iter().rev().collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    sorted.dedup_by(|(one, _), (other, _)| one == other);
    sorted
}

/// The number that a name stands for, or the next that is free.
fn number(name: &str, is_taken: impl Fn(NonZeroU16) -> bool) -> NonZeroU16 {
    let [high, low, ..] = crate::key::digest(name.as_bytes());
    let first = u16::from_be_bytes([high, low]) % MAX_POLICIES;
    let numbers = (first..).take(MAX_POLICIES.into()).map(|place| place % MAX_POLICIES);
    let mut free = numbers.map(|place| NonZeroU16::MIN.saturating_add(place));
    free.find(|number| !is_taken(*number)).unwrap_or(NonZeroU16::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_has_a_number_of_its_own() {
        let mut taken = Vec::new();
        for policy in 0..MAX_POLICIES {
            let number = number(&format!("policy {policy}"), |number| taken.contains(&number));
            assert!(number.get() <= MAX_POLICIES && !taken.contains(&number));
            taken.push(number);
        }
    }

    #[test]
    fn last_policy_of_a_name_counts() {
        let ttl = |secs| Rule::new().ttl(Duration::from_secs(secs));
        let policies =
            [("b".to_owned(), ttl(1)), ("a".to_owned(), ttl(2)), ("b".to_owned(), ttl(3))];
        let config = Config { policies: policies.to_vec(), ..Config::default() };
        let policies = Policies::new(&config).unwrap();
        let ttl_of = |name| policies.get(name).map(|policy| policy.declared(StatusCode::OK).ttl);
        let secs = |secs| Some((Duration::from_secs(secs), LifetimeSource::Policy));
        assert_eq!((ttl_of("a"), ttl_of("b"), ttl_of("c")), (Some(secs(2)), Some(secs(3)), None));
        assert_eq!(policies.0.len(), 2);
    }
}
