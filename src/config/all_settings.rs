//! `Config`: all settings of one clone of a cache, as they were set.

use std::{fmt, hash::Hash, time::Duration};

use actix_web::http::header::HeaderName;

#[cfg(feature = "precompress")]
use super::settings::precompress::Precompress;
use super::{
    auth::Auth,
    client::ClientCache,
    error::ConfigError,
    functions::{Predicate, RequestFn},
    normalisers::Normaliser,
    rule::{PostRule, Rule},
    settings::{
        bounds::MAX_POLICIES, coalescing::Coalescing, compliance::Compliance,
        credentials::Credentials, handlers::HandlerPolicy, query::Query, responses::Responses,
        setting::Setting,
    },
};
use crate::{
    clock::Clock,
    engine::listeners::Listener,
    engine::purge_hooks::AnyPurgeHook,
    semantics::{groups::GROUP_ALIASES, policy::Policy, verdict::Reason},
};

/// How long a name and a version are at most.
pub(super) const MAX_NAME: usize = 64;

/// All settings of one clone of a cache.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(super) ttl: Setting<Option<Duration>>,
    pub(super) while_revalidate: Duration,
    pub(super) if_error: Duration,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) rules: Vec<(String, Rule)>,
    pub(super) policies: Vec<(String, Rule)>,
    pub(super) only_declared: bool,
    pub(super) only_if: Option<Predicate>,
    pub(super) client: Option<ClientCache>,
    pub(super) auth: Option<Auth>,
    pub(super) on_event: Option<Listener>,
    pub(super) keyed_headers: Vec<HeaderName>,
    pub(super) keyed_cookies: Vec<String>,
    pub(super) normalisers: Vec<Normaliser>,
    pub(super) key_fn: Option<RequestFn>,
    pub(super) query: Query,
    pub(super) credentials: Credentials,
    pub(super) handlers: HandlerPolicy,
    pub(super) coalescing: Coalescing,
    pub(super) compliance: Compliance,
    pub(super) responses: Responses,
    #[cfg(feature = "precompress")]
    pub(super) precompress: Option<Precompress>,
    /// What the application calls itself; the program where it does not.
    pub(super) name: Option<String>,
    /// The version of the application.
    pub(super) version: String,
    pub(super) purge_hooks: Vec<AnyPurgeHook>,
    pub(super) clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttl: Setting::Unset,
            while_revalidate: Duration::ZERO,
            if_error: Duration::ZERO,
            include: Vec::new(),
            exclude: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            only_declared: false,
            only_if: None,
            client: None,
            auth: None,
            on_event: None,
            keyed_headers: Vec::new(),
            keyed_cookies: Vec::new(),
            normalisers: Vec::new(),
            key_fn: None,
            query: Query::default(),
            credentials: Credentials::default(),
            handlers: HandlerPolicy::default(),
            coalescing: Coalescing::default(),
            compliance: Compliance::default(),
            responses: Responses::default(),
            purge_hooks: Vec::new(),
            #[cfg(feature = "precompress")]
            precompress: None,
            name: None,
            version: String::new(),
            clock: Clock::system(),
        }
    }
}

impl Config {
    /// The first mistake in a group of settings.
    pub(super) fn error(&self) -> Option<ConfigError> {
        let groups = [
            self.compliance.error(),
            self.credentials.error(),
            self.handlers.error(),
            self.coalescing.error(),
            self.responses.error(),
            self.policy_error(),
            self.normaliser_error(),
            #[cfg(feature = "precompress")]
            self.precompress.as_ref().and_then(Precompress::error),
        ];
        groups.into_iter().flatten().next()
    }

    /// How bodies are packed.
    #[cfg(feature = "precompress")]
    pub(super) fn packing(&self) -> Option<std::sync::Arc<crate::engine::packing::Packing>> {
        self.precompress.as_ref().map(Precompress::packing)
    }

    /// What the application is called.
    pub(super) fn name(&self) -> String {
        self.name.clone().or_else(program).unwrap_or_default()
    }

    /// What is wrong with named policies and the rules that name them.
    fn policy_error(&self) -> Option<ConfigError> {
        let error = |setting, problem| Some(ConfigError::new(setting, problem));
        if self.policies.len() > usize::from(MAX_POLICIES) {
            return error("policy", format!("there are more than {MAX_POLICIES} named policies"));
        }
        if let Some((name, _)) = self.policies.iter().find(|(_, policy)| policy.policy.is_some()) {
            return error("policy", format!("`{name}` names another policy"));
        }
        let is_unknown = |name: &&String| self.named_policy(name).is_none();
        let unknown =
            self.rules.iter().filter_map(|(_, rule)| rule.policy.as_ref()).find(is_unknown)?;
        error("Rule::policy", format!("there is no policy `{unknown}`"))
    }

    /// What is wrong with the headers that are reduced.
    fn normaliser_error(&self) -> Option<ConfigError> {
        let credentials = self.credentials.credential_headers(self.compliance.is_strict);
        self.normalisers.iter().find_map(|normaliser| normaliser.error(&credentials))
    }

    /// The policy of this name: of several the last.
    fn named_policy(&self, name: &str) -> Option<&Rule> {
        self.policies.iter().rev().find(|(known, _)| known == name).map(|(_, policy)| policy)
    }

    /// The rules, each with the settings of the policy that it names.
    pub(super) fn effective_rules(&self) -> Vec<(String, Rule)> {
        let effective = |(pattern, rule): &(String, Rule)| {
            let policy = rule.policy.as_ref().and_then(|name| self.named_policy(name));
            let effective = policy.map_or_else(|| rule.clone(), |policy| rule.over(policy));
            (pattern.clone(), effective)
        };
        self.rules.iter().map(effective).collect()
    }

    /// What tells the functions of rules that look at bodies from others.
    pub(super) fn post_functions(&self) -> Vec<Option<usize>> {
        let rules = self.effective_rules();
        rules.iter().map(|(_, rule)| rule.post.as_ref().and_then(PostRule::address)).collect()
    }

    /// What caches may decide for themselves, as far as no rule says otherwise.
    pub(super) fn policy(&self) -> Policy {
        let Compliance { is_strict, .. } = self.compliance;
        let default = if is_strict { Duration::ZERO } else { Duration::from_secs(60) };
        let ttl = self.ttl.clone().unwrap_or(Some(default));
        Policy {
            default_ttl: ttl.unwrap_or_default(),
            heuristic: self.is_heuristic(ttl),
            request_directives: self.compliance.request_directives,
            store_set_cookie: self.compliance.store_set_cookie,
            any_status: self.compliance.any_status,
            targets: self.compliance.targeted_headers.clone(),
            while_revalidate: self.while_revalidate,
            if_error: self.if_error,
            only_declared: self.only_declared,
            ..Policy::default()
        }
    }

    /// Whether a response without a lifetime gets a heuristic one, where the default one is `ttl`.
    pub(super) fn is_heuristic(&self, ttl: Option<Duration>) -> bool {
        self.compliance.is_heuristic(self.compliance.is_strict && ttl.is_some())
    }

    /// How long a handler that has failed is not called.
    pub(super) fn failure_backoff(&self) -> Duration {
        let is_strict = self.compliance.is_strict;
        let default = if is_strict { Duration::ZERO } else { Duration::from_secs(1) };
        self.handlers.backoff_or(default)
    }

    /// Headers that stored responses do not have.
    pub(super) fn excluded_headers(&self) -> Vec<HeaderName> {
        let keeps = self.compliance.keep_request_headers;
        let usual = (!keeps).then_some(PER_REQUEST_HEADERS.map(HeaderName::from_static));
        let further = self.responses.excluded_headers.iter().cloned();
        usual.into_iter().flatten().chain(further).collect()
    }

    /// Headers that are for this cache and not for clients.
    pub(super) fn stripped_headers(&self) -> Vec<HeaderName> {
        let Compliance { targeted_headers, surrogate_keys, .. } = &self.compliance;
        if self.compliance.forward_targeted_headers {
            return Vec::new();
        }
        let aliases = surrogate_keys.then_some(GROUP_ALIASES.map(HeaderName::from_static));
        let emitted = self.responses.emitted_groups.as_ref().map(|emitted| &emitted.name);
        let all = targeted_headers.iter().cloned().chain(aliases.into_iter().flatten());
        all.filter(|name| Some(name) != emitted).collect()
    }

    /// What decides, with the key, which requests are for the cache and which of them are equal.
    pub(super) fn path_settings(&self) -> impl Hash + fmt::Debug {
        let rule = |(pattern, rule): &(String, Rule)| {
            let (refusal, query) = (rule.refusal(), rule.query.as_ref().map(Query::rules));
            let post = format!("{:?}", rule.post);
            (pattern.clone(), refusal.map(Reason::as_str), rule.is_shared(), query, post)
        };
        let rules: Vec<_> = self.effective_rules().iter().map(rule).collect();
        let normalised = format!("{:?}", self.normalisers);
        let paths = (self.include.clone(), self.exclude.clone(), rules);
        (paths, self.compliance.query_method, normalised)
    }
}

/// The program that runs.
pub(super) fn program() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    let name = path.file_stem()?.to_string_lossy();
    Some(name.chars().take(MAX_NAME).collect())
}

/// Headers that belong to one request: replaying them would be wrong.
const PER_REQUEST_HEADERS: [&str; 7] = [
    "x-request-id",
    "x-correlation-id",
    "request-id",
    "traceparent",
    "tracestate",
    "server-timing",
    "x-runtime",
];
