//! Warnings: settings that work and are probably not what was meant, or have no effect where they
//! stand.

use std::time::Duration;

use super::{
    all_settings::Config,
    pattern::Pattern,
    rule::Rule,
    settings::{handlers::CAN_UNWIND, setting::Setting},
};
use crate::{
    key::path::{canonical, is_under},
    semantics::verdict::Reason,
};

/// What is probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if matches!(config.ttl, Setting::Set(Some(Duration::ZERO))) {
        warnings.push("ttl is zero: only responses which state a lifetime themselves are stored");
    }
    if config.auth.is_some() && config.credentials.says_cookies_are_harmless() {
        warnings.push("vary_by_auth and Credentials::cookies_are_harmless contradict each other");
    }
    if !CAN_UNWIND && !config.normalisers.is_empty() {
        warnings.push(
            "a panic ends this program (panic = \"abort\"): requests with a header that \
             normalise_header or languages would change bypass the cache",
        );
    }
    warnings.extend(config.responses.warnings());
    warnings.extend(config.handlers.warnings());
    warnings.extend(config.coalescing.warning());
    let rules = rule_warnings(config);
    warnings.into_iter().map(Into::into).chain(rules).collect()
}

fn rule_warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut earlier: Vec<(&str, Pattern)> = Vec::new();
    let rules = config.effective_rules();
    for (text, rule) in &rules {
        warnings.extend(unused_settings(text, rule));
        // a pattern that cannot be read is reported as an error
        let Ok(pattern) = Pattern::read(text) else { continue };
        if let Some((by, _)) = earlier.iter().find(|(_, earlier)| earlier.covers(&pattern)) {
            warnings.push(format!(
                "rule `{text}` has no effect: the rule `{by}` before it matches all of its paths"
            ));
        }
        if let Some(problem) = unreachable(config, rule, &pattern) {
            warnings.push(format!("rule `{text}` has no effect: {problem}"));
        }
        earlier.push((text, pattern));
    }
    warnings
}

/// What a rule says of responses that it keeps out of the cache.
fn unused_settings(text: &str, rule: &Rule) -> Option<String> {
    let settings = rule.settings();
    let why = match rule.refusal()? {
        Reason::ValidateOnly => "stores nothing",
        _ => "bypasses the cache",
    };
    let is_unused = !settings.is_empty();
    is_unused.then(|| {
        let settings = settings.join(", ");
        format!("rule `{text}` {why}, so its settings have no effect: {settings}")
    })
}

/// Why no request of these paths is for the cache, whatever the rule says.
fn unreachable(config: &Config, rule: &Rule, pattern: &Pattern) -> Option<String> {
    let own = pattern.literal_prefix();
    let is_below = |prefix: &String| is_under(&own, &canonical(prefix));
    if let Some(excluded) = config.exclude.iter().find(|prefix| is_below(prefix)) {
        return Some(format!("`{excluded}` is excluded"));
    }
    let is_above = |prefix: &String| is_under(&canonical(prefix), &own);
    let is_included =
        config.include.is_empty() || config.include.iter().any(|at| is_below(at) || is_above(at));
    // a bypass also keeps the paths out of the caches outside of this one
    (!is_included && !rule.is_bypass).then(|| "no included path is matched by it".to_owned())
}
