//! The forms of the page: signing in and out, explanations, the switch, purges.

use super::{
    super::{operator::Operator, purge_request::PurgeRequest, refusal::Refusal},
    html::Html,
    number,
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
        begin(html, "logout", operator);
        html.raw("<button>Sign out</button></form>");
    }
    html.raw("</div>");
}

/// The question what would become of a request. The explanation is a page of text.
pub(super) fn explain(html: &mut Html, operator: &Operator) {
    html.raw("<section id=\"explain\"><h2>Why is this not cached?</h2>");
    begin(html, "explain", operator);
    html.raw("<p><label for=\"method\">Method</label> <input id=\"method\" name=\"method\" ");
    html.raw("value=\"GET\" size=\"6\" autocapitalize=\"characters\" spellcheck=\"false\"></p>");
    html.raw(
        "<p><label for=\"url\">URL</label> <input id=\"url\" name=\"url\" maxlength=\"8000\" ",
    );
    html.raw("placeholder=\"http://shop.example/products?page=2\" autocomplete=\"off\" ");
    html.raw("autocapitalize=\"off\" spellcheck=\"false\" required></p>");
    html.raw("<p><button>Explain</button> <span>a request without further headers; with headers: ");
    html.raw("<code>POST explain</code> as JSON</span></p></form></section>");
}

/// What changes the cache.
pub(super) fn changes(html: &mut Html, operator: &Operator, is_enabled: bool) {
    html.raw("<section id=\"purge\"><h2>Purge</h2>");
    if operator.is_read_only() {
        html.raw("<p>Your token may read and change nothing.</p></section>");
        return;
    }
    begin(html, "purge", operator);
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
    html.raw("instead of removing, and refresh</label></p><p><button>Purge …</button> ");
    html.raw("<span>asks before it does</span></p></form></section>");
    switch(html, operator, is_enabled);
}

fn switch(html: &mut Html, operator: &Operator, is_enabled: bool) {
    html.raw("<section id=\"switch\"><h2>Switch</h2>");
    begin(html, "switch", operator);
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
    operator: &Operator,
    request: &PurgeRequest,
    entries: Option<u64>,
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
    html.raw("</dd><dt>Stored in all</dt><dd>");
    html.text(number::optional(entries, number::count)).raw(" entries</dd></dl>");
    begin(html, "purge", operator);
    for (name, value) in [("kind", kind), ("target", target)] {
        html.raw("<input type=\"hidden\" name=\"").text(name).raw("\" value=\"");
        html.text(value).raw("\">");
    }
    if request.soft {
        html.raw("<input type=\"hidden\" name=\"soft\" value=\"1\">");
    }
    html.raw("<p><button name=\"confirmed\" value=\"1\">Purge</button> ");
    html.raw("<a href=\"./\" autofocus>Cancel</a></p></form></main>");
}

/// Why something was not done; where a token is missing, the form that takes one.
pub(super) fn refused(html: &mut Html, refusal: &Refusal, needs_token: bool) {
    html.raw("<main class=\"narrow\">");
    if !needs_token {
        html.raw("<h1>Not done</h1><p role=\"alert\">").text(refusal);
        html.raw("</p><p><a href=\"./\" autofocus>Back</a></p></main>");
        return;
    }
    html.raw("<h1>Sign in</h1>");
    if refusal.is_of_a_wrong_token() {
        html.raw("<p role=\"alert\">").text(refusal).raw(".</p>");
    }
    html.raw("<form method=\"post\" action=\"login\"><p><label for=\"token\">Admin token</label> ");
    html.raw("<input id=\"token\" name=\"token\" type=\"password\" required autofocus ");
    html.raw("autocomplete=\"current-password\"></p><p><button>Sign in</button></p></form></main>");
}

fn begin(html: &mut Html, action: &'static str, operator: &Operator) {
    html.raw("<form method=\"post\" action=\"").raw(action).raw("\">");
    html.raw("<input type=\"hidden\" name=\"csrf\" value=\"")
        .text(operator.csrf_token())
        .raw("\">");
}
