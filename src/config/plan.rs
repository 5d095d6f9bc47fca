//! `Plan`: all settings, checked once, with what is compiled from them for the first request.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    num::NonZeroU16,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName},
    },
};

use super::{
    all_settings::Config,
    client::ClientCache,
    downstream::Downstream,
    error::ConfigError,
    functions::Predicate,
    headers::HeaderFlags,
    key_rules::{KeyInput, KeyRules, Keyed, Server},
    normalisers::Normalisers,
    paths::{Paths, Refusal, RuleNumber},
    policies::{NamedPolicy, Policies},
    resolved_rule::ResolvedRule,
    settings::{compliance::Compliance, handlers::HandlerPolicy, responses::Responses},
    target,
};
use crate::{
    engine::{
        Engine, flight::CoalescingLimits, listeners::Listener, lookup::Lookup, packing::Packing,
    },
    key::{KeyParts, Secret},
    semantics::{fields::RequestView, verdict::Reason},
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
    /// Whether clients are told something of some responses that depends on their rule.
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
    /// The same for responses that are the same for everybody.
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

    /// Whether the request is for the cache, and under which key. `nested` is how many caches outside
    /// decide by other rules.
    pub(crate) fn admit(&self, req: &HttpRequest, nested: u8) -> Result<Admitted, Refusal> {
        if !matches!(*req.method(), Method::GET | Method::HEAD) {
            let rule = self.rule_of(req.match_info().as_str());
            return Err(Refusal { why: Reason::Method, rule });
        }
        self.admit_with(req, None, nested, Server::of(req))
    }

    /// The rule of a GET, or why its path alone keeps it out of the cache.
    pub(crate) fn decide_path(&self, req: &HttpRequest) -> Result<Option<RuleNumber>, Refusal> {
        if *req.method() != Method::GET {
            return Ok(None);
        }
        self.paths.decide(req.uri().path(), req.match_info().as_str())
    }

    /// The key of a GET that nothing but its URL keys, as most are, without writing it; `None` where more
    /// has to be looked at. Whether it has conditions comes with it. Its path is to be
    /// [decided](Self::decide_path) before.
    pub(crate) fn plain_key<'r>(&self, req: &'r HttpRequest) -> Option<(KeyParts<'r>, bool)> {
        if *req.method() != Method::GET || !self.is_plain {
            return None;
        }
        let flags = HeaderFlags::of(req.headers(), &self.key_rules.credentials);
        let HeaderFlags { conditional, directives, .. } = flags;
        if flags != (HeaderFlags { conditional, directives, ..HeaderFlags::default() }) {
            return None;
        }
        target::plain_key(req).map(|key| (key, conditional))
    }

    /// Whether the request may be for the cache, with its body as part of its key: a QUERY, or a POST that
    /// its rule says something of.
    pub(crate) fn keys_body(&self, req: &HttpRequest, rule: Option<RuleNumber>) -> bool {
        match req.method() {
            &Method::POST => rule.is_some() && self.rule(rule).post.wants_body(),
            method => self.config.compliance.query_method && method.as_str() == "QUERY",
        }
    }

    /// Whether such a request with this body is for the cache, and under which key.
    pub(crate) fn admit_with_body(
        &self,
        req: &HttpRequest,
        body: &[u8],
        nested: u8,
    ) -> Result<Admitted, Refusal> {
        self.admit_body_on(Server::of(req), req, body, nested)
    }

    /// Whether a request that came to `server` outside of other caches would be for the cache, and
    /// under which key. `body` counts where it has part in the key.
    pub(crate) fn admit_on(
        &self,
        server: Server<'_>,
        req: &HttpRequest,
        body: &[u8],
    ) -> Result<Admitted, Refusal> {
        match *req.method() {
            Method::GET | Method::HEAD => self.admit_with(req, None, 0, server),
            _ if self.keys_body(req, self.rule_of(req.match_info().as_str())) => {
                self.admit_body_on(server, req, body, 0)
            }
            _ => self.admit(req, 0),
        }
    }

    fn admit_body_on(
        &self,
        server: Server<'_>,
        req: &HttpRequest,
        body: &[u8],
        nested: u8,
    ) -> Result<Admitted, Refusal> {
        let admitted = self.admit_with(req, Some(body), nested, server)?;
        let rule = admitted.keyed.rule;
        if *req.method() == Method::POST && !self.rule(rule).post.is_read(body) {
            return Err(Refusal { why: Reason::Predicate, rule });
        }
        Ok(admitted)
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

    fn admit_with(
        &self,
        req: &HttpRequest,
        body: Option<&[u8]>,
        nested: u8,
        server: Server<'_>,
    ) -> Result<Admitted, Refusal> {
        let rule = self.paths.decide(req.uri().path(), req.match_info().as_str())?;
        let refuse = |why| Refusal { why, rule };
        let mut flags = HeaderFlags::of(req.headers(), &self.key_rules.credentials);
        flags.body &= body.is_none();
        self.key_rules.admits(&flags).map_err(refuse)?;
        if self.is_gated {
            self.pass_gate(req).map_err(refuse)?;
        }
        let query = rule.and_then(|_| self.rule(rule).query.as_deref());
        let secret = &self.secret;
        let shared = self.rule(rule).policy.shared;
        let input = KeyInput { req, flags, body, nested, rule, query, secret, server, shared };
        let keyed = self.key_rules.key(input).map_err(refuse)?;
        let HeaderFlags { conditional, directives, .. } = flags;
        Ok(Admitted { keyed, conditional, directives })
    }

    /// What only some caches ask of a request: its headers have been reduced, and the predicate wants it.
    fn pass_gate(&self, req: &HttpRequest) -> Result<(), Reason> {
        if !self.normalisers.is_empty() && !self.normalisers.have_marked(req) {
            return Err(Reason::HeldRequest);
        }
        let is_unwanted = self.config.only_if.as_ref().is_some_and(|only_if| !only_if.call(req));
        if is_unwanted { Err(Reason::Predicate) } else { Ok(()) }
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

    /// Whether the rule says that its responses are the same for everybody.
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
