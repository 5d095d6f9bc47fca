//! `Plan`: all settings, checked once and compiled to what the first request needs.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method, http::header::HeaderName};

use super::{
    Config,
    client::ClientCache,
    downstream::Downstream,
    error::ConfigError,
    filling::Filling,
    keying::{Keyed, Keying},
    paths::Paths,
    rule::{GroupName, Rule},
    survey::Survey,
};
use crate::{
    engine::Engine,
    key::Secret,
    semantics::{
        date::MAX_DELTA,
        groups::GROUP_ALIASES,
        policy::{Policy, Windows},
        verdict::Reason,
    },
};

/// The compiled settings of one cache.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Plan {
    paths: Paths,
    keying: Keying,
    secret: Secret,
    only_if: Option<super::Predicate>,
    whole: Treatment,
    rules: Vec<Treatment>,
    pub(crate) max_body: usize,
    pub(crate) filling: Filling,
    pub(crate) cache_status: bool,
    pub(crate) x_cache: bool,
    pub(crate) dropped: Vec<HeaderName>,
    /// Fields that are for this cache and not for clients.
    pub(crate) stripped: Vec<HeaderName>,
    pub(crate) forward_targets: bool,
    pub(crate) group_aliases: bool,
    query_method: bool,
    pub(crate) status_key: bool,
    tells_clients: bool,
    pub(crate) downstream: Downstream,
    /// What tells the rules by which requests are admitted and keyed from others in this process.
    pub(crate) rules_id: u64,
}

/// How the responses of a rule, or of no rule, are treated.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    pub(crate) policy: Policy,
    client: Option<ClientCache>,
    groups: Vec<GroupName>,
}

/// Whether a request is for the cache.
#[derive(Debug)]
pub(crate) enum Admission {
    Bypass(Reason),
    Cache(Admitted),
}

/// A request that the cache handles.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) keyed: Keyed,
    pub(crate) conditional: bool,
    pub(crate) directives: bool,
}

impl Plan {
    pub(crate) fn new(
        config: &Config,
        secret: Secret,
        admin_paths: &[String],
    ) -> Result<Self, ConfigError> {
        let exclude = [config.exclude.as_slice(), admin_paths].concat();
        let whole = Treatment {
            policy: Policy { default_ttl: config.ttl.unwrap_or_default(), ..config.policy.clone() },
            client: config.client.clone(),
            groups: Vec::new(),
        };
        if config.ttl.is_some_and(|ttl| ttl > MAX_DELTA) {
            return Err(ConfigError::new("ttl", "is longer than 2^31 seconds"));
        }
        let rules = config.rules.iter().map(|(pattern, rule)| whole.with(pattern, rule));
        Ok(Self {
            downstream: Downstream::new(&config.keying),
            rules_id: rules_id(config, &exclude),
            paths: Paths::new(&config.include, &exclude, &config.rules)?,
            keying: config.keying.clone(),
            secret,
            only_if: config.only_if.clone(),
            tells_clients: config.client.is_some()
                || config.rules.iter().any(|(_, rule)| rule.client.is_some()),
            rules: rules.collect::<Result<_, _>>()?,
            whole,
            max_body: config.max_body,
            filling: config.filling.clone(),
            cache_status: config.cache_status,
            x_cache: config.x_cache,
            dropped: config.dropped.clone(),
            stripped: stripped(config),
            forward_targets: config.forward_targets,
            group_aliases: config.group_aliases,
            query_method: config.query_method,
            status_key: config.status_key,
        })
    }

    /// Whether the request is for the cache, and under which key. `nested` is how many caches outside
    /// decide by other rules.
    pub(crate) fn admit(&self, req: &ServiceRequest, nested: u8) -> Admission {
        match self.try_admit(req, nested) {
            Ok(admitted) => Admission::Cache(admitted),
            Err(why) => Admission::Bypass(why),
        }
    }

    fn try_admit(&self, req: &ServiceRequest, nested: u8) -> Result<Admitted, Reason> {
        if !matches!(*req.method(), Method::GET | Method::HEAD) {
            return Err(Reason::Method);
        }
        self.admit_with(req, None, nested)
    }

    /// Whether the request is a QUERY that may be for the cache.
    pub(crate) fn asks_query(&self, req: &ServiceRequest) -> bool {
        self.query_method && req.method().as_str() == "QUERY"
    }

    /// Whether a QUERY with this body is for the cache, and under which key.
    pub(crate) fn admit_query(
        &self,
        req: &ServiceRequest,
        body: &[u8],
        nested: u8,
    ) -> Result<Admitted, Reason> {
        self.admit_with(req, Some(body), nested)
    }

    fn admit_with(
        &self,
        req: &ServiceRequest,
        body: Option<&[u8]>,
        nested: u8,
    ) -> Result<Admitted, Reason> {
        self.paths.decide(req.uri().path(), req.match_info().as_str())?;
        let mut survey = Survey::of(req.headers(), &self.keying.credentials);
        survey.body &= body.is_none();
        self.keying.admits(&survey)?;
        if self.only_if.as_ref().is_some_and(|only_if| !(only_if.0)(req)) {
            return Err(Reason::Predicate);
        }
        let keyed = self.keying.key(req, survey, body, nested, &self.secret)?;
        let Survey { conditional, directives, .. } = survey;
        Ok(Admitted { keyed, conditional, directives })
    }

    /// Lets the engine know under which paths requests that go by these settings are stored.
    pub(crate) fn tell_paths(&self, engine: &Engine) {
        let paths = self.paths.clone();
        engine.stored_paths().add(format!("{paths:?}"), move |path| paths.may_store(path));
    }

    /// How the responses of no particular rule are treated.
    pub(crate) fn whole(&self) -> &Treatment {
        &self.whole
    }

    /// How the responses of this path, as the router matches it, are treated, and their groups.
    pub(crate) fn treatment(&self, routed: &str) -> (&Treatment, Vec<String>) {
        let rule = self.paths.rule(routed);
        match rule.and_then(|rule| Some((rule, self.rules.get(rule)?))) {
            None => (&self.whole, Vec::new()),
            Some((_, treatment)) if treatment.groups.is_empty() => (treatment, Vec::new()),
            Some((rule, treatment)) => {
                let captures = self.paths.captures(rule, routed);
                let groups = treatment.groups.iter().map(|group| group.fill(&captures));
                (treatment, groups.collect())
            }
        }
    }

    /// What clients are told of the responses of this path. Told when they are answered, and never
    /// stored: what is stored is the handler's word, by which the response is judged again.
    pub(crate) fn client(&self, routed: &str) -> Option<&ClientCache> {
        if !self.tells_clients {
            return None;
        }
        let rule = self.paths.rule(routed).and_then(|rule| self.rules.get(rule));
        rule.unwrap_or(&self.whole).client.as_ref()
    }
}

/// Rules that are the same have the same number; where functions decide, only the same functions do.
fn rules_id(config: &Config, exclude: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    config.keying.hash_rules(&mut hasher);
    (&config.include, exclude, config.query_method).hash(&mut hasher);
    for (pattern, rule) in &config.rules {
        (pattern, rule.bypass).hash(&mut hasher);
    }
    let predicate = config.only_if.as_ref();
    predicate.map(|only_if| Arc::as_ptr(&only_if.0).cast::<()>().addr()).hash(&mut hasher);
    hasher.finish()
}

fn stripped(config: &Config) -> Vec<HeaderName> {
    if config.forward_targets {
        return Vec::new();
    }
    let aliases = config.group_aliases.then_some(GROUP_ALIASES.map(HeaderName::from_static));
    config.policy.targets.iter().cloned().chain(aliases.into_iter().flatten()).collect()
}

impl Treatment {
    fn with(&self, pattern: &str, rule: &Rule) -> Result<Self, ConfigError> {
        let mut policy = self.policy.clone();
        policy.default_ttl = rule.ttl.unwrap_or(policy.default_ttl);
        policy.status_ttls = rule.status_ttls()?;
        policy.while_revalidate = rule.while_revalidate.unwrap_or(policy.while_revalidate);
        policy.if_error = rule.if_error.unwrap_or(policy.if_error);
        policy.short_lived = Windows {
            while_revalidate: rule.while_revalidate.unwrap_or_default(),
            if_error: rule.if_error.unwrap_or_default(),
        };
        let ttls = rule.ttl.iter().chain(rule.statuses.iter().map(|(_, ttl)| ttl));
        if ttls.into_iter().any(|ttl| *ttl > MAX_DELTA) {
            let problem = format!("the lifetime for `{pattern}` is longer than 2^31 seconds");
            return Err(ConfigError::new("rule", problem));
        }
        let groups = rule.groups.iter().map(|group| GroupName::new(group, pattern));
        Ok(Self {
            policy,
            client: rule.client.clone().or_else(|| self.client.clone()),
            groups: groups.collect::<Result<_, _>>()?,
        })
    }
}
