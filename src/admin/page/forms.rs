//! The forms of the page: signing in and out, the switch, purges.

use std::fmt::Display;

use crate::engine::preview::Preview;

use super::{
    super::{operator::Operator, purge_request::PurgeRequest, refusal::Refusal},
    html::Html,
    number,
    place::Place,
};

/// The kinds of targets: value, label, and what it takes.
const KINDS: [(&str, &str, &str); 5] = [
    ("url", "URL", "/products?page=2, on all hosts"),
    ("path", "Path", "/products with every query"),
    ("prefix", "Prefix", "/products and everything below it"),
    ("group", "Group", "every response that names it"),
    ("all", "All", "everything that is stored; needs no target"),
];

/// Who is signed in, and the way out.
pub(super) fn who(html: &mut Html, operator: &Operator) {
    html.raw("<div class=\"who\"><span>").text(&operator.name);
    html.raw(if operator.is_read_only() { " (read-only)</span>" } else { "</span>" });
    if operator.has_session() {
        begin(html, Place::TOP, "logout", operator);
        html.raw("<button>Sign out</button></form>");
    }
    html.raw("</div>");
}

/// What changes the cache.
pub(super) fn changes(html: &mut Html, operator: &Operator, is_enabled: bool) {
    html.raw("<section id=\"purge\"><h2>Purge</h2>");
    if operator.is_read_only() {
        html.raw("<p>Your token may read and change nothing.</p></section>");
        return;
    }
    begin(html, Place::TOP, "purge/preview", operator);
    html.raw("<fieldset><legend>What</legend>");
    for (value, label, takes) in KINDS {
        html.raw("<label><input type=\"radio\" name=\"kind\" value=\"").raw(value).raw("\"");
        html.raw(if value == "path" { " checked> " } else { "> " }).raw("<b>").raw(label);
        html.raw("</b> <span>").raw(takes).raw("</span></label>");
    }
    html.raw("</fieldset><p><label for=\"target\">Target</label> ");
    html.raw("<input id=\"target\" name=\"target\" maxlength=\"8000\" placeholder=\"/products\" ");
    html.raw("autocomplete=\"off\" autocapitalize=\"off\" spellcheck=\"false\"></p>");
    html.raw("<p><label><input type=\"checkbox\" name=\"soft\" value=\"1\"> Soft: mark as stale ");
    html.raw("instead of removing, and refresh</label></p><p><button>Preview …</button> ");
    html.raw("<span>counts what would go, and asks</span></p></form></section>");
    switch(html, operator, is_enabled);
}

fn switch(html: &mut Html, operator: &Operator, is_enabled: bool) {
    html.raw("<section id=\"switch\"><h2>Switch</h2>");
    begin(html, Place::TOP, "switch", operator);
    let (value, label, effect) = if is_enabled {
        ("false", "Disable the cache", "Every request goes to its handler, in this process.")
    } else {
        ("true", "Enable the cache", "What was purged meanwhile is not served again.")
    };
    html.raw("<input type=\"hidden\" name=\"on\" value=\"").raw(value).raw("\"><p>").raw(effect);
    html.raw("</p><p><button>").raw(label).raw("</button></p></form></section>");
}

/// The question whether a purge is meant, with what it takes.
pub(super) fn confirm(
    html: &mut Html,
    place: Place,
    operator: &Operator,
    request: &PurgeRequest,
    entries: Preview,
) {
    let (kind, target) = request.target();
    let (_, label, takes) =
        KINDS.into_iter().find(|(value, ..)| *value == kind).unwrap_or_default();
    html.raw("<main class=\"narrow\"><h1>Purge?</h1><dl><dt>").raw(label).raw("</dt><dd>");
    if target.is_empty() {
        html.raw(takes);
    } else {
        html.element("code", target);
    }
    html.raw("</dd><dt>How</dt><dd>");
    html.raw(if request.soft { "soft: marked as stale" } else { "removed" });
    html.raw("</dd><dt>Would go now</dt><dd id=\"would-go\">").text(would_go(entries));
    html.raw("</dd></dl>");
    begin(html, place, "purge", operator);
    hidden(html, "kind", kind);
    hidden(html, "target", target);
    if request.soft {
        hidden(html, "soft", "1");
    }
    if let Preview { responses: Some(entries), at_least: false } = entries {
        hidden(html, "at_most", entries);
    }
    html.raw("<p><button name=\"confirmed\" value=\"1\">Purge</button> ");
    html.raw("<a href=\"./").raw(place.0).raw("\" autofocus>Cancel</a></p></form></main>");
}

fn would_go(entries: Preview) -> String {
    match entries.responses {
        Some(entries_counted) if entries.at_least => {
            format!("at least {} responses: counting took too long", number::count(entries_counted))
        }
        Some(1) => "1 response; more than that are not purged without asking again".to_owned(),
        Some(entries) => {
            let entries = number::count(entries);
            format!("{entries} responses; more than that are not purged without asking again")
        }
        None => "unknown: the store does not say what it has".to_owned(),
    }
}

pub(super) fn hidden(html: &mut Html, name: &'static str, value: impl Display) {
    html.raw("<input type=\"hidden\" name=\"").raw(name).raw("\" value=\"");
    html.text(value).raw("\">");
}

/// Why something was not done; where a token is missing, the form that takes one.
pub(super) fn refused(html: &mut Html, place: Place, refusal: &Refusal, needs_token: bool) {
    html.raw("<main class=\"narrow\">");
    if !needs_token {
        html.raw("<h1>Not done</h1><p role=\"alert\">").text(refusal);
        html.raw("</p>");
        html.raw("<p><a href=\"./").raw(place.0).raw("\" autofocus>Back</a></p></main>");
        return;
    }
    html.raw("<h1>Sign in</h1>");
    if refusal.is_of_a_wrong_token() {
        html.raw("<p role=\"alert\">").text(refusal).raw(".</p>");
    }
    html.raw("<form method=\"post\" action=\"")
        .raw(place.0)
        .raw("login\"><p><label for=\"token\">Admin token</label> ");
    html.raw("<input id=\"token\" name=\"token\" type=\"password\" required autofocus ");
    html.raw("autocomplete=\"current-password\"></p><p><button>Sign in</button></p></form></main>");
}

/// Begins a form, on a page at this place.
pub(super) fn begin(html: &mut Html, place: Place, action: &'static str, operator: &Operator) {
    html.raw("<form method=\"post\" action=\"").raw(place.0).raw(action).raw("\">");
    html.raw("<input type=\"hidden\" name=\"csrf\" value=\"")
        .text(operator.csrf_token())
        .raw("\">");
}
