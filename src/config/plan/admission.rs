//! Which requests are for the cache, and under which key.

use actix_web::{HttpRequest, http::Method};

use super::{Admitted, Plan};
use crate::{
    config::{
        headers::HeaderFlags,
        key_rules::{KeyInput, Server},
        paths::{Refusal, RuleNumber},
        target,
    },
    key::KeyParts,
    semantics::verdict::Reason,
};

impl Plan {
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
}
