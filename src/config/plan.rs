//! `Plan`: all settings, checked once, with what is compiled from them for the first request.

mod admission;
mod treatment;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use actix_web::http::header::{self, HeaderMap, HeaderName};

use super::{
    all_settings::Config,
    downstream::Downstream,
    error::ConfigError,
    functions::Predicate,
    key_rules::{KeyRules, Keyed},
    normalisers::Normalisers,
    paths::{Paths, RuleNumber},
    policies::Policies,
    resolved_rule::ResolvedRule,
    settings::{compliance::Compliance, handlers::HandlerPolicy, responses::Responses},
};
use crate::{
    engine::{
        Engine, flight::CoalescingLimits, listeners::Listener, lookup::Lookup, packing::Packing,
    },
    key::Secret,
    semantics::fields::RequestView,
};

/// The settings of one cache, and what is compiled from them.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is found once, so that no hit looks for it"
)]
pub(crate) struct Plan {
    config: Arc<Config>,
    paths: Paths,
    key_rules: KeyRules,
    secret: Secret,
    default_rule: ResolvedRule,
    rules: Vec<ResolvedRule>,
    policies: Policies,
    /// Whether requests without special headers are keyed by nothing but their URL.
    is_plain: bool,
    /// Whether verdicts are left for logs, or reported to a function.
    pub(crate) is_observed: bool,
    /// Whether there is a predicate, or headers are reduced.
    is_gated: bool,
    normalisers: Normalisers,
    /// Whether any rule or policy changes the response headers that clients or caches downstream get.
    tells_by_rule: bool,
    /// Headers that stored responses do not have.
    pub(crate) excluded_headers: Vec<HeaderName>,
    /// Headers that are for this cache and not for clients.
    pub(crate) stripped_headers: Vec<HeaderName>,
    /// Whether stored responses without a validator of their handler get an `ETag`.
    pub(crate) makes_etags: bool,
    /// How bodies are packed for clients.
    pub(crate) packing: Option<Arc<Packing>>,
    /// How long a handler that has failed is not called.
    pub(crate) failure_backoff: Duration,
    downstream: Downstream,
    /// What responses under a shared rule say to caches downstream.
    shared_downstream: Downstream,
    /// What tells the rules by which requests are admitted and keyed from others in this process.
    pub(crate) rules_id: u64,
}

/// A request that the cache handles.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) keyed: Keyed,
    pub(crate) conditional: bool,
    pub(crate) directives: bool,
}

impl Plan {
    pub(super) fn new(
        config: &Arc<Config>,
        secret: Secret,
        admin_paths: &[String],
    ) -> Result<Self, ConfigError> {
        let exclude = [config.exclude.as_slice(), admin_paths].concat();
        let key_rules = KeyRules::new(config);
        let effective = config.effective_rules();
        let rules = effective.iter().map(|(at, rule)| ResolvedRule::new(config, at, rule));
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let default_rule = ResolvedRule::without_rule(config)?;
        let policies = Policies::new(config)?;
        let normalisers = Normalisers::new(&config.normalisers);
        let is_gated = config.only_if.is_some() || !normalisers.is_empty();
        let has_client = |rule: &ResolvedRule| rule.client.is_some();
        let has_query = |rule: &ResolvedRule| rule.query.is_some();
        Ok(Self {
            is_plain: key_rules.is_plain() && !is_gated && !rules.iter().any(has_query),
            tells_by_rule: has_client(&default_rule)
                || rules.iter().any(|rule| has_client(rule) || rule.policy.shared)
                || policies.have_client(),
            paths: Paths::new(&config.include, &exclude, &effective)?,
            downstream: Downstream::new(&key_rules),
            shared_downstream: Downstream::new(&key_rules.shared()),
            rules_id: rules_id(config, &key_rules, &normalisers, &secret, admin_paths),
            is_observed: config.responses.verdict || config.on_event.is_some(),
            is_gated,
            normalisers,
            excluded_headers: config.excluded_headers(),
            stripped_headers: config.stripped_headers(),
            failure_backoff: config.failure_backoff(),
            #[cfg(feature = "precompress")]
            packing: config.packing(),
            #[cfg(not(feature = "precompress"))]
            packing: None,
            makes_etags: config.responses.validators
                && !config.excluded_headers().contains(&header::ETAG),
            config: Arc::clone(config),
            key_rules,
            secret,
            default_rule,
            rules,
            policies,
        })
    }

    /// The function that learns of events.
    pub(crate) fn on_event(&self) -> Option<&Listener> {
        self.config.on_event.as_ref()
    }

    /// How handlers are called.
    pub(crate) fn handlers(&self) -> &HandlerPolicy {
        &self.config.handlers
    }

    /// How requests wait for one another.
    pub(crate) fn coalescing(&self) -> CoalescingLimits {
        self.config.coalescing.limits()
    }

    /// How responses are stored and labelled.
    pub(crate) fn responses(&self) -> &Responses {
        &self.config.responses
    }

    /// How closely standards are followed.
    pub(crate) fn compliance(&self) -> &Compliance {
        &self.config.compliance
    }

    /// What a request with this key is looked up by.
    pub(crate) fn lookup<'a>(
        &'a self,
        keyed: &'a Keyed,
        view: RequestView<'a, HeaderMap>,
    ) -> Lookup<'a> {
        let Keyed { key, uncovered, .. } = keyed;
        let (policy, secret) = (&self.default_rule.policy, &self.secret);
        Lookup { key, view, uncovered: *uncovered, policy, secret }
    }

    /// The pattern of each rule, and whether it matches this path as the router reads it.
    pub(crate) fn rule_matches(&self, routed: &str) -> Vec<(String, bool)> {
        self.paths.rule_matches(routed)
    }

    /// The names of the parameters that this query has and that do not count under the rule.
    pub(crate) fn left_out_of(&self, query: &str, rule: Option<RuleNumber>) -> Vec<String> {
        let by_rule = rule.and_then(|_| self.rule(rule).query.as_deref());
        by_rule.unwrap_or(&self.key_rules.query).left_out_of(query)
    }

    /// What tells the settings from others in this process, as long as they live.
    pub(crate) fn settings_id(&self) -> usize {
        Arc::as_ptr(&self.config).addr()
    }

    /// The request headers that are reduced. A request is refused for [`Reason::HeldRequest`] until they
    /// have been.
    pub(crate) fn normalisers(&self) -> &Normalisers {
        &self.normalisers
    }

    /// Lets the engine know under which paths responses are stored by these settings.
    pub(crate) fn register_paths(&self, engine: &Engine) {
        let paths = self.paths.clone();
        engine.stored_paths().add(format!("{paths:?}"), move |path| paths.may_store(path));
    }
}

/// Rules that are the same have the same number; where functions decide, only the same functions do.
fn rules_id(
    config: &Config,
    keys: &KeyRules,
    normalisers: &Normalisers,
    secret: &Secret,
    admin_paths: &[String],
) -> u64 {
    let mut hasher = DefaultHasher::new();
    keys.hash_rules(&mut hasher);
    (config.path_settings(), admin_paths, secret.digest(b"rules")).hash(&mut hasher);
    config.only_if.as_ref().map(Predicate::address).hash(&mut hasher);
    (normalisers.id(), config.post_functions()).hash(&mut hasher);
    hasher.finish()
}
