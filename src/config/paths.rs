//! Which paths the cache is for, and which rule a path has. Every reading of the path must lead to
//! the same decision, or the request bypasses the cache.

use actix_router::{Path, ResourceDef};

use super::{error::ConfigError, pattern::Pattern, rule::Rule};
use crate::{
    key::path::{canonical, is_under, reading},
    semantics::verdict::Reason,
};

/// Included and excluded prefixes, and the patterns of the rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    include: Vec<String>,
    exclude: Vec<String>,
    rules: Vec<CompiledRule>,
}

/// Which rule a path has: its place among the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleNumber(u16);

impl RuleNumber {
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// Why a request is not for the cache, and the rule of its path as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Reason,
    pub(crate) rule: Option<RuleNumber>,
}

#[derive(Clone, Debug)]
struct CompiledRule {
    resource: ResourceDef,
    /// Why its paths are not for the cache, if they are not.
    refusal: Option<Reason>,
}

impl Paths {
    pub(super) fn new(
        include: &[String],
        exclude: &[String],
        rules: &[(String, Rule)],
    ) -> Result<Self, ConfigError> {
        let canonical = |prefixes: &[String]| {
            prefixes.iter().map(|prefix| canonical(prefix).into_owned()).collect()
        };
        let rules = rules.iter().map(|(pattern, rule)| {
            Ok(CompiledRule { resource: Pattern::compile(pattern)?, refusal: rule.refusal() })
        });
        Ok(Self {
            include: canonical(include),
            exclude: canonical(exclude),
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// The number of the request's rule, if it has one, where its path is for the cache. `routed` is
    /// the path as the router matches it, `raw` as it came.
    pub(super) fn decide(&self, raw: &str, routed: &str) -> Result<Option<RuleNumber>, Refusal> {
        if self.include.is_empty() && self.exclude.is_empty() && self.rules.is_empty() {
            return Ok(None);
        }
        let rule = self.decide_one(routed)?;
        let reading = reading(raw);
        if *reading == *routed {
            return Ok(rule);
        }
        match self.decide_one(&reading) {
            Ok(other) if rule == other => Ok(rule),
            Err(refusal @ Refusal { why: Reason::Excluded, .. }) => Err(refusal),
            _ => Err(Refusal { why: Reason::AmbiguousPath, rule }),
        }
    }

    /// Whether a request of this reading may be for the cache, however it is spelled.
    pub(super) fn may_store(&self, reading: &str) -> bool {
        self.decide_one(reading).is_ok()
    }

    fn decide_one(&self, path: &str) -> Result<Option<RuleNumber>, Refusal> {
        let refuse = |why| Err(Refusal { why, rule: None });
        // a user who excludes `/users/me` means `/Users/ME` too, if anything answers to it
        if self.exclude.iter().any(|prefix| is_under_whatever_case(path, prefix)) {
            return refuse(Reason::Excluded);
        }
        if !self.include.is_empty() && !self.include.iter().any(|prefix| is_under(path, prefix)) {
            return refuse(Reason::NotIncluded);
        }
        let rule = self.rule(path);
        match rule.and_then(|rule| self.rules.get(rule.place())) {
            Some(CompiledRule { refusal: Some(why), .. }) => Err(Refusal { why: *why, rule }),
            _ => Ok(rule),
        }
    }

    /// The number of the first rule whose pattern matches the routed path.
    pub(super) fn rule(&self, path: &str) -> Option<RuleNumber> {
        let place = self.rules.iter().position(|rule| rule.resource.is_match(path))?;
        u16::try_from(place).ok().map(RuleNumber)
    }

    /// The patterns of all rules, in their order.
    pub(super) fn patterns(&self) -> Vec<String> {
        let pattern = |rule: &CompiledRule| rule.resource.pattern().unwrap_or_default().to_owned();
        self.rules.iter().map(pattern).collect()
    }

    /// The pattern of each rule, and whether it matches the routed path.
    pub(super) fn rule_matches(&self, path: &str) -> Vec<(String, bool)> {
        let matches = self.rules.iter().map(|rule| rule.resource.is_match(path));
        self.patterns().into_iter().zip(matches).collect()
    }

    /// The pattern of a rule.
    pub(super) fn pattern(&self, rule: RuleNumber) -> Option<&str> {
        self.rules.get(rule.place())?.resource.pattern()
    }

    /// What the pattern of the rule captures from the path.
    pub(super) fn captures(&self, rule: RuleNumber, path: &str) -> Path<String> {
        let mut captures = Path::new(path.to_owned());
        if let Some(rule) = self.rules.get(rule.place()) {
            rule.resource.capture_match_info(&mut captures);
        }
        captures
    }
}

fn is_under_whatever_case(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    let start = path.get(..prefix.len());
    let rest = path.get(prefix.len()..).unwrap_or_default();
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        && (rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|item| (*item).to_owned()).collect()
    }

    fn paths(include: &[&str], exclude: &[&str], rules: &[&str]) -> Paths {
        let rules: Vec<_> = rules.iter().map(|rule| ((*rule).to_owned(), Rule::new())).collect();
        Paths::new(&strings(include), &strings(exclude), &rules).unwrap()
    }

    #[test]
    fn prefixes_are_whole_segments() {
        let paths = paths(&["/users", "/products"], &["/users/me"], &[]);
        let decide = |path| paths.decide(path, path).map_err(|refusal| refusal.why);
        assert_eq!(decide("/users/menu"), Ok(None));
        assert_eq!(decide("/users/me"), Err(Reason::Excluded));
        assert_eq!(decide("/users/me/orders"), Err(Reason::Excluded));
        assert_eq!(decide("/userspace"), Err(Reason::NotIncluded));
        assert_eq!(decide("/products/"), Ok(None));
    }

    #[test]
    fn admitted_requests_have_paths_that_may_be_stored() {
        let bypass = ("/b/{id}".to_owned(), Rule::bypass());
        let slash = ("/c/{id}".to_owned(), Rule::bypass());
        let rules = [bypass, slash, ("/c/{tail}/".to_owned(), Rule::new())];
        let include = strings(&["/b", "/c", "/d"]);
        let paths = Paths::new(&include, &strings(&["/d/private"]), &rules).unwrap();
        for (raw, expected) in [
            ("/b", true),
            ("/b/7", false),
            ("/b/7/", true),
            ("/b/7/x", true),
            ("//b/%37", false),
            ("/c/7", false),
            ("/c/7/", true),
            ("/d/private", false),
            ("/D/Private/x", false),
            ("/d/%70rivate", false),
            ("/e", false),
            ("/", false),
        ] {
            let may_store = paths.may_store(&reading(raw));
            assert_eq!(may_store, expected, "{raw}");
            assert!(may_store || paths.decide(raw, raw).is_err(), "{raw}");
        }
        assert!(Paths::default().may_store("/"));
    }

    #[test]
    fn first_matching_rule_wins() {
        let paths = paths(&[], &[], &["/a/{id}", "/a/special", "/{tail:.*}"]);
        assert_eq!(paths.rule("/a/special"), Some(RuleNumber(0)));
        assert_eq!(paths.rule("/b"), Some(RuleNumber(2)));
        assert_eq!(paths.captures(RuleNumber(0), "/a/7").get("id"), Some("7"));
    }
}
