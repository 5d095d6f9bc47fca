//! Whether a request that was asked about is for the cache, and under which key.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix_web::{
    HttpRequest,
    http::{Method, Uri, header::HeaderMap},
    test::TestRequest,
};

use crate::{
    config::{
        key_rules::Server,
        paths::{Refusal, RuleNumber},
        plan::{Admitted, Plan},
    },
    engine::{
        Engine,
        explanation::{ExplainError, Explanation, Inquiry, KeyView, ReadInquiry, RuleMatch},
    },
    semantics::{fields::RequestView, storing::UncoveredCredentials, verdict::VerdictKind},
};

/// A request that is explained, and what came of admitting it. Unlike the request of a server it may be
/// sent to other threads.
pub(super) struct Admission {
    pub(super) admitted: Result<Admitted, Refusal>,
    method: Method,
    headers: HeaderMap,
    query: String,
    /// Its path as the router reads it.
    pub(super) routed: String,
    /// The headers that are reduced, in words.
    reduced: Vec<String>,
}

impl Admission {
    /// Admits the request as if it had come to this server.
    pub(super) fn of(
        plan: &Plan,
        engine: &Engine,
        read: &ReadInquiry<'_>,
    ) -> Result<Self, ExplainError> {
        let mut headers = read.headers.clone();
        let changes = plan.normalisers().changes(&headers);
        for change in &changes {
            change.apply(&mut headers);
        }
        let req = request(read, &headers);
        plan.normalisers().mark(&req);
        let server = Server { secure: engine.is_secure(), host: "localhost" };
        // a function of the application may not be prepared for a request without its data
        let admit = AssertUnwindSafe(|| plan.admit_on(server, &req, read.body));
        let admitted = catch_unwind(admit).map_err(|_| ExplainError::Panicked)?;
        Ok(Self {
            admitted,
            method: read.method.clone(),
            headers,
            reduced: changes.iter().map(ToString::to_string).collect(),
            query: read.uri.query().unwrap_or_default().to_owned(),
            routed: req.match_info().as_str().to_owned(),
        })
    }

    pub(super) fn view(&self) -> RequestView<'_, HeaderMap> {
        RequestView { method: &self.method, fields: &self.headers }
    }

    /// The rule of the request's path.
    pub(super) fn rule(&self) -> Option<RuleNumber> {
        match &self.admitted {
            Ok(admitted) => admitted.keyed.rule,
            Err(refusal) => refusal.rule,
        }
    }

    /// The explanation as far as it does not depend on what is stored.
    pub(super) fn explanation(&self, plan: &Plan, inquiry: &Inquiry) -> Explanation {
        let rule = self.rule();
        let place = rule.map(RuleNumber::place);
        let rules = plan.rule_matches(&self.routed).into_iter().enumerate();
        let rules = rules.map(|(number, (pattern, matches))| {
            RuleMatch::new(pattern, matches, place == Some(number))
        });
        let key = self.admitted.as_ref().ok().map(|Admitted { keyed, .. }| {
            let left_out = plan.left_out_of(&self.query, rule);
            KeyView::new(&keyed.key, left_out, names(keyed.uncovered))
        });
        Explanation {
            method: inquiry.method().to_owned(),
            url: inquiry.url().to_owned(),
            kind: VerdictKind::Bypass,
            reason: None,
            stale_cause: None,
            cache_status: None,
            rule: rule.and_then(|rule| plan.rule_pattern(rule)).map(str::to_owned),
            rules: rules.collect(),
            key,
            stored: None,
            running: None,
            to_be_stored: Vec::new(),
            notes: self.notes(plan),
        }
    }
}

impl Admission {
    /// What settings have done with the request.
    fn notes(&self, plan: &Plan) -> Vec<String> {
        let shared = plan.is_shared(self.rule()).then(|| SHARED.to_owned());
        let admitted = self.admitted.as_ref().ok();
        let told = admitted.and_then(|Admitted { keyed, .. }| {
            plan.client(keyed.rule, None).map(|client| client.explained(keyed.personal))
        });
        self.reduced.iter().cloned().chain(shared).chain(told).collect()
    }
}

/// What a rule for public paths means.
const SHARED: &str =
    "credentials do not count: the rule says that its responses are the same for everybody";

/// The request as a handler would see it, as far as the inquiry says.
fn request(read: &ReadInquiry<'_>, headers: &HeaderMap) -> HttpRequest {
    let uri: &Uri = &read.uri;
    let mut request = TestRequest::default().method(read.method.clone()).uri(&uri.to_string());
    for (name, value) in headers {
        request = request.append_header((name.clone(), value.clone()));
    }
    request.to_http_request()
}

fn names(uncovered: UncoveredCredentials) -> Vec<&'static str> {
    let UncoveredCredentials { authorization, cookie, other } = uncovered;
    let all = [(authorization, "authorization"), (cookie, "cookie"), (other, "another header")];
    all.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect()
}
