//! Which responses of the handler would be stored, by asking the function that stores.

use std::borrow::Cow;

use actix_web::http::{Method, StatusCode, header};

use super::admission::Admission;
use crate::{
    config::plan::Plan,
    engine::{Engine, explanation::Candidate, lookup::Found},
    entry::StoredResponse,
    semantics::{
        fields::{HeaderList, RequestView, ResponseView},
        lifetime_source::LifetimeSource,
        policy::Policy,
        storing::{Exchange, storable},
        verdict::{Reason, Stored},
    },
};

/// What a response may say in `Cache-Control`, from nothing to what is stored for most requests.
const DIRECTIVES: [&str; 5] =
    ["", "max-age=60", "public, max-age=60", "s-maxage=60", "private, max-age=60"];

/// A request, for which responses are tried.
pub(super) struct Trial<'a> {
    pub(super) plan: &'a Plan,
    pub(super) engine: &'a Engine,
    pub(super) admission: &'a Admission,
}

impl Trial<'_> {
    /// The responses that are tried: the stored one, the commonest directives, errors, the statuses that the
    /// rule names, and one for each policy that the handler could choose.
    pub(super) fn candidates(&self, found: &Found) -> Vec<Candidate> {
        let stored = stored(found).and_then(|stored| self.stored_candidate(stored));
        let said = DIRECTIVES.iter().filter_map(|said| self.of(StatusCode::OK, said));
        let named = &self.policy().status_ttls;
        let named = named.iter().map(|(status, _)| *status);
        let errors = [StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR];
        let mut statuses: Vec<StatusCode> = errors.into_iter().chain(named).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let bare = statuses.into_iter().filter_map(|status| self.of(status, ""));
        let chosen = self.plan.policy_names().filter_map(|name| self.by_policy(name));
        stored.into_iter().chain(said).chain(bare).chain(chosen).collect()
    }

    /// Whether the handler's response will probably be stored: as the stored one was, or as one that says
    /// how long it is fresh and nothing else.
    pub(super) fn expected(&self, found: &Found) -> Stored {
        let stored = stored(found);
        if stored.is_none() && *self.admission.view().method == Method::HEAD {
            return Err(Reason::Method);
        }
        let expected = match stored {
            Some(stored) => self.stored_candidate(stored),
            None => self.of(StatusCode::OK, "max-age=60"),
        };
        expected.map_or(Ok(LifetimeSource::default()), |expected| {
            let from = expected.lifetime_from.unwrap_or_default();
            expected.not_stored.map_or(Ok(from), Err)
        })
    }

    fn stored_candidate(&self, stored: &StoredResponse) -> Option<Candidate> {
        let mut fields: HeaderList = stored.handler_fields().expand().collect();
        // what says how old it is
        fields.retain(|(name, _)| !matches!(*name, header::DATE | header::AGE));
        self.tried("the stored response, if it came again".to_owned(), stored.status(), &fields)
    }

    /// A response with this `Cache-Control`, or none.
    fn of(&self, status: StatusCode, said: &'static str) -> Option<Candidate> {
        let mut fields = HeaderList::new();
        if said.is_empty() {
            return self.tried(
                format!("{} without Cache-Control", status.as_u16()),
                status,
                &fields,
            );
        }
        fields.push((header::CACHE_CONTROL, header::HeaderValue::from_static(said)));
        self.tried(format!("{} with Cache-Control: {said}", status.as_u16()), status, &fields)
    }

    /// A response whose handler chooses the policy of this name.
    fn by_policy(&self, name: &str) -> Option<Candidate> {
        let status = StatusCode::OK;
        let chosen = self.plan.policy(name).filter(|policy| !policy.is_bypass())?;
        let treatment = self.plan.treatment(self.admission.rule(), Some(chosen));
        let policy = treatment.policy(self.is_post()).into_owned();
        let policy = Policy { declared: chosen.declared(status), ..policy };
        let name = format!("200 whose handler chooses the policy `{name}`");
        self.tried_under(&policy, name, status, &HeaderList::new())
    }

    fn tried(&self, name: String, status: StatusCode, fields: &HeaderList) -> Option<Candidate> {
        self.tried_under(&self.policy(), name, status, fields)
    }

    /// By what responses are stored whose handler says nothing else.
    fn policy(&self) -> Cow<'_, Policy> {
        self.plan.rule(self.admission.rule()).policy(self.is_post())
    }

    fn is_post(&self) -> bool {
        *self.admission.view().method == Method::POST
    }

    fn tried_under(
        &self,
        policy: &Policy,
        name: String,
        status: StatusCode,
        fields: &HeaderList,
    ) -> Option<Candidate> {
        let admitted = self.admission.admitted.as_ref().ok()?;
        let view = self.admission.view();
        // what a HEAD renews is the response to a GET, and a POST that comes here is read as one
        let req = RequestView { method: &Method::GET, fields: view.fields };
        let res = ResponseView { status, fields: fields.as_slice() };
        let exchange = Exchange { received: self.engine.moment(), response_delay: <_>::default() };
        let outcome = storable(&req, &res, admitted.keyed.uncovered, exchange, policy);
        let outcome =
            outcome.map(|storable| (storable.terms.lifetime, storable.terms.lifetime_from));
        Some(Candidate::new(name, outcome))
    }
}

fn stored(found: &Found) -> Option<&StoredResponse> {
    match found {
        Found::Selected(entry, _) => entry.response(),
        Found::Nothing(_) => None,
    }
}
