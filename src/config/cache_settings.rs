//! The everyday settings of `ResponseCache`, and those of its groups.

use std::time::Duration;

use actix_web::HttpRequest;

#[cfg(feature = "precompress")]
use super::settings::precompress::Precompress;
use super::{
    all_settings::MAX_NAME,
    auth::Auth,
    cache::ResponseCache,
    client::ClientCache,
    error::ConfigError,
    functions::{Predicate, RequestFn},
    normalisers::Normaliser,
    rule::Rule,
    settings::{
        coalescing::Coalescing, compliance::Compliance, credentials::Credentials,
        handlers::HandlerPolicy, header_names::header_name, query::Query, responses::Responses,
        setting::Setting,
    },
};
#[cfg(feature = "testing")]
use crate::clock::Clock;
use crate::engine::purge_hooks::{AnyPurgeHook, PurgeHook};
use crate::engine::{event::CacheEvent, listeners::Listener};

impl ResponseCache {
    /// The freshness lifetime of 2xx responses that state none. Default: 60 s, so **every 200 is
    /// stored** that nothing forbids to store, health checks and long polls too; zero under
    /// [`Compliance::strict`]. `None` or zero: only responses are stored whose handler or
    /// [rule](Self::rule) states a lifetime; with `None` none is guessed either, unless
    /// [`Compliance::heuristic_freshness`] says so.
    pub fn ttl(self, ttl: impl Into<Option<Duration>>) -> Self {
        let ttl = ttl.into();
        self.set(|config| config.ttl = Setting::Set(ttl))
    }

    /// Caches only paths under this prefix, by whole segments, or under another included one.
    ///
    /// An unsafe request, such as a `PUT`, purges its path only where this cache or one of its clones in
    /// the process caches it. A process that changes what only others cache purges by
    /// [`handle`](Self::handle), which always goes to the store.
    pub fn include(self, prefix: impl Into<String>) -> Self {
        let prefix = absolute("include", prefix.into());
        self.set_with(prefix, |config, prefix| config.include.push(prefix))
    }

    /// Does not cache paths under this prefix, by whole segments: `/users/me` excludes
    /// `/users/me/orders` and not `/users/menu`. Other spellings of the path are excluded too.
    pub fn exclude(self, prefix: impl Into<String>) -> Self {
        let prefix = absolute("exclude", prefix.into());
        self.set_with(prefix, |config, prefix| config.exclude.push(prefix))
    }

    /// Sets what holds for the paths of an actix path pattern, such as `/products/{id}`. Patterns
    /// match the whole path, also in a scope. The first rule whose pattern matches wins.
    pub fn rule(self, pattern: impl Into<String>, rule: Rule) -> Self {
        self.set(|config| config.rules.push((pattern.into(), rule)))
    }

    /// Names a policy: settings that [rules](Rule::policy), [hints](crate::CacheHints::policy) and
    /// [`Cached`](crate::Cached) use by its name. Of two with one name the last counts.
    ///
    /// What a rule says itself goes before what its policy says; the policy that a handler chooses goes
    /// before its rule. Of a policy that a handler chooses, [`Rule::query`], [`Rule::shared`] and
    /// [`Rule::cache_post`] have no effect, as they say how requests are keyed, and [`Rule::bypass`] means
    /// that the response is not stored. Its groups name nothing that patterns capture, unless every pattern captures it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use actix_response_cache::{CacheHints, ResponseCache, Rule};
    /// use actix_web::Responder;
    ///
    /// let cache = ResponseCache::memory()
    ///     .policy("short", Rule::new().ttl(Duration::from_secs(5)))
    ///     .rule("/stock/{id}", Rule::new().policy("short").groups(["stock"]));
    ///
    /// async fn price(hints: CacheHints) -> impl Responder {
    ///     hints.policy("short");
    ///     "12.50"
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// A policy that names another one, and a rule that names none of the policies, keep the server from
    /// starting. A hint that does is logged, and its response is not stored.
    pub fn policy(self, name: impl Into<String>, policy: Rule) -> Self {
        self.set(|config| config.policies.push((name.into(), policy)))
    }

    /// Whether only those responses are stored that are declared cacheable: by a [rule](Self::rule) for
    /// their path, by a hint of their handler ([`CacheHints`](crate::CacheHints),
    /// [`Cached`](crate::Cached)), or by their own headers (a lifetime, or `Cache-Control: public`).
    /// Default: `false`, every 200 is stored that nothing forbids to store.
    pub fn only_declared(self, on: bool) -> Self {
        self.set(|config| config.only_declared = on)
    }

    /// Caches only requests for which `predicate` is true. In a scope inside a cached app, what it
    /// keeps out is neither stored nor served by the cache outside.
    pub fn only_if<F>(self, predicate: F) -> Self
    where
        F: Fn(&HttpRequest) -> bool + Send + Sync + 'static,
    {
        self.set(|config| config.only_if = Some(Predicate::new(predicate)))
    }

    /// The freshness that responses state for clients, where handlers state none. Default: `None`,
    /// nothing is added.
    pub fn client_cache(self, client: impl Into<Option<ClientCache>>) -> Self {
        let client = client.into();
        self.set(|config| config.client = client)
    }

    /// How the identity of a client becomes part of the key. Default: `None`, not at all: requests with
    /// a credential then only get and leave responses that say that they may be shared.
    pub fn vary_by_auth(self, auth: impl Into<Option<Auth>>) -> Self {
        let auth = auth.into();
        self.set(|config| config.auth = auth)
    }

    /// Makes a request header part of the key, for responses that depend on it without `Vary`.
    pub fn vary_by_header(self, name: impl AsRef<str>) -> Self {
        let name = header_name("vary_by_header", name.as_ref());
        self.set_with(name, |config, name| config.keyed_headers.push(name))
    }

    /// Makes a cookie part of the key. It then no longer counts as a credential.
    pub fn vary_by_cookie(self, name: impl Into<String>) -> Self {
        self.set(|config| config.keyed_cookies.push(name.into()))
    }

    /// Makes what `function` says of a request part of the key. Requests for which it says `None`
    /// bypass the cache. Caches downstream do not know the function, so responses leave as `private`.
    pub fn key_fn<F>(self, function: F) -> Self
    where
        F: Fn(&HttpRequest) -> Option<String> + Send + Sync + 'static,
    {
        self.set(|config| config.key_fn = Some(RequestFn::new(function)))
    }

    /// The languages in which handlers respond, the default one first. `Accept-Language` is reduced to one of
    /// them **before the request is keyed and before the handler reads it**: so responses with
    /// `Vary: Accept-Language` have one variant for each language, and not one for each browser. Default:
    /// headers are as clients send them.
    ///
    /// The language is looked up by RFC 4647 s.3.4, with weights: `de-AT` is given `de`, and `en` the first
    /// of the list that begins with `en-`; a client that wants none of them, or says nothing, the first.
    ///
    /// ```
    /// # use actix_response_cache::ResponseCache;
    /// let cache = ResponseCache::memory().languages(["en", "de", "fr"]);
    /// ```
    ///
    /// It is a [`normalise_header`](Self::normalise_header) for `Accept-Language`, and what is said there
    /// holds here.
    ///
    /// # Errors
    ///
    /// An empty list, and what is no language tag, keep the server from starting.
    pub fn languages<I>(self, languages: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let tags = languages.into_iter().map(Into::into).collect();
        self.add_normaliser(Normaliser::languages(tags))
    }

    /// Reduces a request header to few values **before the request is keyed and before the handler reads
    /// it**: `function` makes the new value of the old one, which is `None` where there is no such header;
    /// where it returns `None`, the header is removed. Several lines are joined by `, `. Of two functions
    /// for one header the last counts.
    ///
    /// ```
    /// # use actix_response_cache::ResponseCache;
    /// let cache = ResponseCache::memory().normalise_header("user-agent", |agent| {
    ///     let is_mobile = agent.is_some_and(|agent| agent.contains("Mobile"));
    ///     Some(if is_mobile { "mobile" } else { "desktop" }.to_owned())
    /// });
    /// ```
    ///
    /// The header alone makes no variants: responses that depend on it say `Vary`, or
    /// [`vary_by_header`](Self::vary_by_header) names it. Requests that bypass the cache for their method or
    /// path keep the header as it is. What is outside of the cache sees the new value once the response is
    /// there. A request that a middleware outside holds, so that it cannot be changed, bypasses the cache
    /// ([`Reason::HeldRequest`](crate::Reason::HeldRequest)), as do all requests with a header to reduce in
    /// a program built with `panic = "abort"`.
    ///
    /// # Errors
    ///
    /// Headers that decide how the cache treats a request, such as `Host`, `Authorization`, `Cookie` and
    /// conditions, and those that say who is asking, keep the server from starting.
    pub fn normalise_header<F>(self, name: impl AsRef<str>, function: F) -> Self
    where
        F: Fn(Option<&str>) -> Option<String> + Send + Sync + 'static,
    {
        self.add_normaliser(Normaliser::new("normalise_header", name.as_ref(), function))
    }

    fn add_normaliser(self, normaliser: Result<Normaliser, ConfigError>) -> Self {
        self.set_with(normaliser, |config, normaliser| {
            config.normalisers.retain(|other| other.name != normaliser.name);
            config.normalisers.push(normaliser);
        })
    }

    /// How the query of a URL becomes part of the key. Default: [`Query::as_received`].
    pub fn query(self, query: Query) -> Self {
        self.set(|config| config.query = query)
    }

    /// Which cookies and headers identify a client.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.set(|config| config.credentials = credentials)
    }

    /// How long past its lifetime a response may be served at once while it is refreshed in the
    /// background, where it does not say so itself (RFC 5861 s.3). Default: zero, not at all.
    ///
    /// One refresh per key runs at a time, over all workers of the process; after one that failed
    /// there is none for [a while](crate::HandlerPolicy::failure_backoff).
    ///
    /// `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage` forbid it. It does not apply
    /// to errors, nor to statuses of [`Rule::ttl_for`]: a rule can say it for them.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        self.set(|config| config.while_revalidate = window)
    }

    /// How long past its lifetime a response may be served in place of a handler that fails (an error,
    /// 500, 502, 503 or 504), where it does not say so itself (RFC 5861 s.4). Default: zero, not at
    /// all.
    ///
    /// `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage` forbid it. It does not apply
    /// to errors, nor to statuses of [`Rule::ttl_for`]: a rule can say it for them.
    pub fn stale_if_error(self, window: Duration) -> Self {
        self.set(|config| config.if_error = window)
    }

    /// How handlers are called: timeouts, background refreshes, and what follows a failure.
    pub fn handlers(self, policy: HandlerPolicy) -> Self {
        self.set(|config| config.handlers = policy)
    }

    /// How requests that need the same response wait for one handler call.
    pub fn coalescing(self, coalescing: Coalescing) -> Self {
        self.set(|config| config.coalescing = coalescing)
    }

    /// How closely the cache follows the RFCs. Default: [`Compliance::careful`].
    pub fn compliance(self, compliance: Compliance) -> Self {
        self.set(|config| config.compliance = compliance)
    }

    /// How responses are stored and labelled.
    pub fn responses(self, responses: Responses) -> Self {
        self.set(|config| config.responses = responses)
    }

    /// In which codings text is stored as well, so that it is packed once and not for every response.
    /// Default: `None`, bodies are stored as handlers make them. See
    /// [`guide::compression`](crate::guide::compression).
    #[cfg(feature = "precompress")]
    pub fn precompress(self, precompress: impl Into<Option<Precompress>>) -> Self {
        let precompress = precompress.into();
        self.set(|config| config.precompress = precompress)
    }

    /// Calls `function` at each event of the cache: hits and misses, what is stored and what is not and why,
    /// purges, refreshes, evictions, and changes of the circuit breaker before Redis. Default: no function.
    ///
    /// ```
    /// use actix_response_cache::{CacheEvent, ResponseCache};
    ///
    /// let cache = ResponseCache::memory().on_event(|event| match event {
    ///     CacheEvent::NotStored(response) => {
    ///         println!("{} is not stored: {}", response.url(), response.reason);
    ///     }
    ///     CacheEvent::Breaker(breaker) if breaker.open => eprintln!("Redis fails"),
    ///     _ => {}
    /// });
    /// ```
    ///
    /// Requests are reported to the function of the clone that counts them, which is the outermost of clones
    /// inside one another; **everything else to the functions of all clones that serve requests**, as
    /// clones share a store. What other processes do is not reported. A clone that sets a function replaces
    /// that of the one it was made of.
    ///
    /// It runs on the thread at which the event happens, while a request waits: let it be quick, and
    /// hand on what takes time. It may use a handle, and start no purge that it waits for. A panic is caught, and
    /// the first one logged; in a program built with `panic = "abort"` it ends the program.
    pub fn on_event<F>(self, function: F) -> Self
    where
        F: Fn(&CacheEvent<'_>) + Send + Sync + 'static,
    {
        self.set(|config| config.on_event = Some(Listener::new(function)))
    }

    /// What the application is called, for [`CacheHandle::processes`](crate::CacheHandle::processes): at
    /// most 64 characters. Default: the name of the program. All clones have that of the one which is used
    /// first.
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = short("name", name.into());
        self.set_with(name, |config, name| config.name = Some(name))
    }

    /// Which version of the application runs: a number, or the id of its build, of at most 64 characters.
    /// Default: empty. All clones have that of the one which is used first.
    ///
    /// It is part of the names of what is stored in Redis: a deploy never reads what the last one stored,
    /// whose entries age out. Purges reach the entries of all versions, as during a deploy several run.
    /// Operators see it in [`CacheHandle::processes`](crate::CacheHandle::processes).
    ///
    /// ```
    /// # use actix_response_cache::ResponseCache;
    /// let cache = ResponseCache::memory().name("shop").version(env!("CARGO_PKG_VERSION"));
    /// ```
    pub fn version(self, version: impl Into<String>) -> Self {
        let version = short("version", version.into());
        self.set_with(version, |config, version| config.version = version)
    }

    /// Tells `hook` of every purge of this process, so that it purges a cache in front of the servers,
    /// such as a CDN. It hears of the purges of all clones, from when one that has it is used.
    pub fn purge_hook(self, hook: impl PurgeHook) -> Self {
        self.set(|config| config.purge_hooks.push(AnyPurgeHook::new(hook)))
    }

    /// Where the cache reads the time; for tests. All clones have the clock of the one which is used
    /// first.
    #[cfg(feature = "testing")]
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|config| config.clock = clock)
    }
}

/// A prefix that begins with `/`, as any path does.
fn absolute(setting: &'static str, prefix: String) -> Result<String, ConfigError> {
    if prefix.starts_with('/') {
        Ok(prefix)
    } else {
        Err(ConfigError::new(setting, format!("`{prefix}` does not begin with `/`")))
    }
}

/// A text that is short enough to be shown in a list.
fn short(setting: &'static str, text: String) -> Result<String, ConfigError> {
    let length = text.chars().count();
    if length <= MAX_NAME {
        Ok(text)
    } else {
        let problem = format!("{length} characters are too many: at most {MAX_NAME}");
        Err(ConfigError::new(setting, problem))
    }
}
