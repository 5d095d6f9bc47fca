//! How responses are treated: by the rule of their path, and by the policy that their handler chose.

use std::num::NonZeroU16;

use super::Plan;
use crate::config::{
    client::ClientCache, downstream::Downstream, paths::RuleNumber, policies::NamedPolicy,
    resolved_rule::ResolvedRule,
};

impl Plan {
    /// How the responses of no particular rule are treated.
    pub(crate) fn default_rule(&self) -> &ResolvedRule {
        &self.default_rule
    }

    /// The rule of this path, as the router matches it.
    pub(crate) fn rule_of(&self, routed: &str) -> Option<RuleNumber> {
        self.paths.rule(routed)
    }

    /// How the responses of paths with this rule are treated.
    pub(crate) fn rule(&self, rule: Option<RuleNumber>) -> &ResolvedRule {
        let rule = rule.and_then(|rule| self.rules.get(rule.place()));
        rule.unwrap_or(&self.default_rule)
    }

    /// The groups that the rule, or the policy in its place, names for this path as the router matches it.
    pub(crate) fn groups(
        &self,
        rule: Option<RuleNumber>,
        policy: Option<&NamedPolicy>,
        routed: &str,
    ) -> Vec<String> {
        let treatment = self.treatment(rule, policy);
        if !treatment.has_groups() {
            return Vec::new();
        }
        let captures = rule.map(|rule| self.paths.captures(rule, routed));
        treatment.groups(&captures.unwrap_or_default())
    }

    /// The patterns of all rules, in their order.
    pub(crate) fn rule_patterns(&self) -> Vec<String> {
        self.paths.patterns()
    }

    /// The pattern of the rule.
    pub(crate) fn rule_pattern(&self, rule: RuleNumber) -> Option<&str> {
        self.paths.pattern(rule)
    }

    /// The headers for clients of the responses of paths with this rule. They are added when a response
    /// is sent, and never stored: a stored response is reused by what its handler said.
    /// Those of a policy that the handler chose are the policy's.
    pub(crate) fn client(
        &self,
        rule: Option<RuleNumber>,
        policy: Option<NonZeroU16>,
    ) -> Option<&ClientCache> {
        if !self.tells_by_rule {
            return None;
        }
        match policy.and_then(|number| self.policies.numbered(number)) {
            Some(policy) => policy.client(rule),
            None => self.rule(rule).client.as_ref(),
        }
    }

    /// The names of all policies.
    pub(crate) fn policy_names(&self) -> impl Iterator<Item = &str> {
        self.policies.names()
    }

    /// The name of the policy with this number.
    pub(crate) fn policy_name(&self, number: Option<NonZeroU16>) -> Option<&str> {
        Some(self.policies.numbered(number?)?.name())
    }

    /// What responses of paths with this rule say to caches downstream about their keys.
    pub(crate) fn downstream(&self, rule: Option<RuleNumber>) -> &Downstream {
        if self.tells_by_rule && self.rule(rule).policy.shared {
            &self.shared_downstream
        } else {
            &self.downstream
        }
    }

    /// Whether the rule is [shared](crate::Rule::shared).
    pub(crate) fn is_shared(&self, rule: Option<RuleNumber>) -> bool {
        self.rule(rule).policy.shared
    }

    /// The policy of this name.
    pub(crate) fn policy(&self, name: &str) -> Option<&NamedPolicy> {
        self.policies.get(name)
    }

    /// The policy with this number.
    pub(crate) fn policy_numbered(&self, number: Option<NonZeroU16>) -> Option<&NamedPolicy> {
        self.policies.numbered(number?)
    }

    /// How the responses of paths with this rule are treated by the policy that the handler chose.
    pub(crate) fn treatment<'a>(
        &'a self,
        rule: Option<RuleNumber>,
        policy: Option<&'a NamedPolicy>,
    ) -> &'a ResolvedRule {
        policy.and_then(|policy| policy.rule(rule)).unwrap_or_else(|| self.rule(rule))
    }
}
