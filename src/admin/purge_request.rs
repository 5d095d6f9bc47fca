//! What a purge is asked to take: as JSON, or by the form of the page.

use serde::Deserialize;

use super::{refusal::Refusal, submitted::Form};
use crate::purge::Purge;

/// The body of a purge: one of the targets, whether the purge is soft, and whether it counts. Who
/// purges by hand wants to see what that did, and can wait for it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PurgeRequest {
    url: Option<String>,
    path: Option<String>,
    prefix: Option<String>,
    group: Option<String>,
    all: Option<bool>,
    #[serde(default)]
    pub(super) soft: bool,
    #[serde(default = "yes")]
    counted: bool,
    /// More than that many responses must not go.
    pub(super) at_most: Option<u64>,
}

const fn yes() -> bool {
    true
}

impl PurgeRequest {
    /// What the form of the page says.
    pub(super) fn from_form(form: &mut Form) -> Result<Self, Refusal> {
        let mut request = Self { counted: true, ..Self::default() };
        request.soft = form.take("soft").is_some();
        let at_most = form.take("at_most").map(|number| number.parse()).transpose();
        request.at_most =
            at_most.map_err(|_| Refusal::bad_request("bad-target", "`at_most` is a number"))?;
        let target = Some(form.take("target").unwrap_or_default());
        match form.take("kind").unwrap_or_default().as_str() {
            "url" => request.url = target,
            "path" => request.path = target,
            "prefix" => request.prefix = target,
            "group" => request.group = target,
            "all" => request.all = Some(true),
            _ => return Err(Refusal::bad_request("no-target", "choose what to purge")),
        }
        Ok(request)
    }

    pub(super) fn purge(&self) -> Result<Purge, Refusal> {
        let Self { url, path, prefix, group, all, soft, counted, .. } = self;
        let purge = match (url, path, prefix, group, all) {
            (Some(url), None, None, None, None) => Purge::url(url),
            (None, Some(path), None, None, None) => Purge::path(path),
            (None, None, Some(prefix), None, None) => Purge::prefix(prefix),
            (None, None, None, Some(group), None) if !group.is_empty() => Purge::group(group),
            (None, None, None, Some(_), None) => {
                return Err(Refusal::bad_request("empty-group", "`group` is empty"));
            }
            (None, None, None, None, Some(true)) => Purge::all(),
            (None, None, None, None, Some(false)) => {
                return Err(Refusal::bad_request("no-target", "`all` can only be true"));
            }
            (None, None, None, None, None) => return Err(one_target("no-target")),
            _ => return Err(one_target("many-targets")),
        };
        if let Some(problem) = purge.problem() {
            return Err(Refusal::bad_request("bad-target", problem));
        }
        let purge = if *soft { purge.soft() } else { purge };
        Ok(if *counted { purge.counted() } else { purge })
    }

    /// The kind of the target and its text, for people.
    pub(super) fn target(&self) -> (&'static str, &str) {
        let Self { url, path, prefix, group, .. } = self;
        match (url, path, prefix, group) {
            (Some(url), ..) => ("url", url),
            (_, Some(path), ..) => ("path", path),
            (_, _, Some(prefix), _) => ("prefix", prefix),
            (.., Some(group)) => ("group", group),
            _ => ("all", ""),
        }
    }
}

fn one_target(reason: &'static str) -> Refusal {
    let problem = "exactly one of `url`, `path`, `prefix`, `group`, `all` is needed";
    Refusal::bad_request(reason, problem)
}
