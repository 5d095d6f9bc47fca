//! `Explanation`: what the cache would do with a request now, and why. These are plain values; the
//! middleware fills them in, as it knows the settings.

mod answer;
mod call_info;
mod error;
mod explainers;
mod inquiry;
mod key_view;
mod stored_view;
mod text;

pub use self::{
    answer::{Candidate, Explanation, RuleMatch},
    call_info::RunningCall,
    error::ExplainError,
    inquiry::Inquiry,
    key_view::{KeyView, KeyViewPart},
    stored_view::{PackedForm, StoredView},
};
pub(crate) use self::{
    explainers::{Explain, Explainers},
    inquiry::ReadInquiry,
};
