//! The question what would become of a request, and the answer.

use super::{
    super::{operator::Operator, typed_inquiry::TypedInquiry},
    forms,
    html::Html,
    place::Place,
};

/// The form that asks, with what was asked before and what came of it.
pub(super) fn section(
    html: &mut Html,
    operator: &Operator,
    typed: &TypedInquiry,
    answer: Option<&str>,
) {
    html.raw("<section id=\"explain\"><h2>Why is this not cached?</h2>");
    if let Some(answer) = answer {
        html.raw("<pre class=\"answer\" tabindex=\"0\">").text(answer).raw("</pre>");
    }
    forms::begin(html, Place::TOP, "explain", operator);
    html.raw("<p class=\"pair\"><label>Method <input id=\"method\" name=\"method\" value=\"");
    html.text(if typed.method.is_empty() { "GET" } else { &typed.method });
    html.raw("\" size=\"8\" autocapitalize=\"characters\" spellcheck=\"false\"></label>");
    html.raw(
        "<label class=\"grow\">URL <input id=\"url\" name=\"url\" maxlength=\"8000\" value=\"",
    );
    html.text(&typed.url).raw("\" placeholder=\"http://shop.example/products?page=2\" ");
    html.raw(
        "autocomplete=\"off\" autocapitalize=\"off\" spellcheck=\"false\" required></label></p>",
    );
    html.raw(
        "<p><label>Headers, one in each line <textarea id=\"headers\" name=\"headers\" rows=\"2\" ",
    );
    html.raw("placeholder=\"accept-language: de\" autocapitalize=\"off\" spellcheck=\"false\">");
    // a line break right behind the tag would be dropped
    html.raw("\n").text(&typed.headers);
    html.raw("</textarea></label></p><p><button>Explain</button> <span>what a request now would get, and why; ");
    html.raw("nothing is stored by it</span></p></form></section>");
}

/// A link that explains this request on the page.
pub(super) fn link(html: &mut Html, method: &str, url: &str, text: &str) {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("method", method).append_pair("url", url);
    html.raw("<a href=\"./?").text(query.finish()).raw("#explain\">").text(text).raw("</a>");
}
