//! `TypedInquiry`: what the form of the page asks.

use super::{operator::Admin, refusal::Refusal, submitted::Form};
use crate::engine::explanation::{Explanation, Inquiry};

/// What the form of the page asks, as it was typed.
#[derive(Debug, Default)]
pub(super) struct TypedInquiry {
    pub(super) method: String,
    pub(super) url: String,
    /// A header in each line.
    pub(super) headers: String,
}

/// The method of most requests.
pub(super) fn get() -> String {
    "GET".to_owned()
}

impl TypedInquiry {
    pub(super) fn from_form(form: &mut Form) -> Self {
        Self {
            method: form.take("method").unwrap_or_else(get),
            url: form.take("url").unwrap_or_default(),
            headers: form.take("headers").unwrap_or_default(),
        }
    }

    fn inquiry(&self) -> Result<Inquiry, Refusal> {
        let mut inquiry = Inquiry::new(self.method.trim(), self.url.trim());
        for line in self.headers.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                return Err(bad("a header is a line `Name: value`"));
            };
            inquiry = inquiry.header(name.trim(), value.trim());
        }
        Ok(inquiry)
    }

    /// The explanation as text, or why there is none.
    pub(super) async fn explanation(&self, admin: &Admin) -> Result<String, Refusal> {
        let explanation = explained(admin, &self.inquiry()?).await?;
        Ok(explanation.to_string())
    }
}

/// What would become of the request.
pub(super) async fn explained(admin: &Admin, inquiry: &Inquiry) -> Result<Explanation, Refusal> {
    admin.handle()?.explain(inquiry).await.map_err(|problem| bad(&problem.to_string()))
}

fn bad(problem: &str) -> Refusal {
    Refusal::bad_request("bad-inquiry", problem)
}
