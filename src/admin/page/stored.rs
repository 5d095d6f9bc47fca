//! The stored responses, with a search and page by page, and the handler calls that run now.

use super::{
    super::{operator::Operator, refusal::Refusal, submitted::Form},
    explain,
    figures::Figures,
    forms,
    html::Html,
    number,
    place::Place,
    table::table,
};
use crate::engine::{
    entries::{EntryPage, EntrySearch, EntryView},
    explanation::RunningCall,
};

/// How many responses are on a page.
const PER_PAGE: usize = 20;
/// How many handler calls are shown.
const MAX_FLIGHTS: usize = 20;

/// What the address of the page asks for.
pub(super) struct Asked {
    text: String,
    from: Option<String>,
}

impl Asked {
    pub(super) fn from_form(form: &mut Form) -> Self {
        Self { text: form.take("path").unwrap_or_default(), from: form.take("after") }
    }

    pub(super) fn search(&self) -> EntrySearch {
        let search = EntrySearch::new().containing(&*self.text).limit(PER_PAGE);
        if let Some(from) = &self.from { search.from(from) } else { search }
    }
}

pub(super) fn entries(
    html: &mut Html,
    operator: &Operator,
    asked: &Asked,
    page: Result<&EntryPage, &Refusal>,
) {
    html.raw("<section id=\"entries\"><h2>Stored responses</h2>");
    let page = match page {
        Ok(page) => page,
        Err(problem) => {
            html.raw("<p>They are not known now: ").text(problem).raw("</p></section>");
            return;
        }
    };
    if !page.is_listed {
        html.raw("<p>The store does not say what it has.</p></section>");
        return;
    }
    html.raw("<form method=\"get\" action=\"./#entries\" role=\"search\"><p class=\"pair\">");
    html.raw("<label class=\"grow\">URL contains <input name=\"path\" maxlength=\"8000\" value=\"");
    html.text(&asked.text).raw("\" placeholder=\"/products\" autocomplete=\"off\" ");
    html.raw(
        "autocapitalize=\"off\" spellcheck=\"false\"></label> <button>Search</button></p></form>",
    );
    if page.entries.is_empty() {
        html.raw(if page.next.is_some() { "<p>None on this page.</p>" } else { "<p>None.</p>" });
    } else {
        table(html, &ENTRY_COLUMNS, |html| {
            for entry in &page.entries {
                entry_row(html, operator, entry);
            }
        });
    }
    pages(html, asked, page.next.as_deref());
    html.raw("</section>");
}

const ENTRY_COLUMNS: [&str; 8] =
    ["URL", "Key", "Status", "Age", "Lifetime", "Body", "Memory", "Groups"];

fn entry_row(html: &mut Html, operator: &Operator, entry: &EntryView) {
    html.raw("<tr><th scope=\"row\">");
    explain::link(html, "GET", &format!("http://{}", entry.url), &entry.url);
    if !operator.is_read_only() {
        forms::begin(html, Place::TOP, "purge/preview", operator);
        forms::hidden(html, "kind", "url");
        forms::hidden(html, "target", path_and_query(&entry.url));
        html.raw("<button class=\"small\">Purge …</button></form>");
    }
    html.raw("</th><td><code>").text(&entry.digest).raw("</code></td>");
    let age = number::span(entry.age.as_secs());
    html.element("td", entry.status);
    html.element(if entry.age > entry.lifetime { "td class=\"stale\"" } else { "td" }, age);
    html.element("td", number::span(entry.lifetime.as_secs()));
    html.element("td", number::bytes(entry.body_bytes)).element("td", number::bytes(entry.bytes));
    html.element("td", entry.groups.join(", ")).raw("</tr>");
}

/// The URL without its host.
fn path_and_query(url: &str) -> &str {
    url.find('/').and_then(|path| url.get(path..)).unwrap_or_default()
}

fn pages(html: &mut Html, asked: &Asked, next: Option<&str>) {
    html.raw("<p class=\"pages\">");
    if asked.from.is_some() {
        page_link(html, asked, "", "First page");
    }
    if let Some(next) = next {
        page_link(html, asked, next, "Next page");
    }
    html.raw("</p>");
}

fn page_link(html: &mut Html, asked: &Asked, from: &str, text: &'static str) {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("path", &asked.text).append_pair("after", from);
    html.raw("<a href=\"./?").text(query.finish()).raw("#entries\">").raw(text).raw("</a> ");
}

pub(super) fn flights(html: &mut Html, figures: &Figures) {
    html.raw("<section id=\"flights\"><h2>Handler calls under way</h2>");
    if figures.flights.is_empty() {
        html.raw("<p>None now.</p></section>");
        return;
    }
    table(html, &["URL", "Key", "Running for", "Calls", "Requests that wait"], |html| {
        for flight in figures.flights.iter().take(MAX_FLIGHTS) {
            flight_row(html, flight);
        }
    });
    html.raw("</section>");
}

fn flight_row(html: &mut Html, flight: &RunningCall) {
    html.raw("<tr><th scope=\"row\">");
    explain::link(html, "GET", &format!("http://{}", flight.url), &flight.url);
    html.raw("</th><td><code>").text(&flight.digest).raw("</code></td>");
    html.element("td", number::time(flight.running)).element("td", flight.leaders);
    html.element("td", flight.followers).raw("</tr>");
}
