//! The page at `/`, for a person who opens the server in a browser: what to try, and the last
//! verdicts. Its text is in `home.html`, its looks are in `style.css`.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, CacheControl, CacheDirective, ContentType},
    web::Data,
};

use crate::verdicts::{Verdict, Verdicts};

const PAGE: &str = include_str!("home.html");
const STYLE: &str = include_str!("style.css");

/// The page shows what clients sent. Should any of it ever get in unescaped, it runs nothing and
/// loads nothing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NO_VERDICTS: &str =
    "<tr><td colspan=\"5\">No request yet: follow a link and come back.</td></tr>\n";

/// The cache does not store it, as `no-store` says, and so the verdicts are those of now.
pub(crate) async fn page(req: HttpRequest, verdicts: Data<Verdicts>) -> HttpResponse {
    // not the request's host: the commands are to be copied into a shell
    let address = req.app_config().local_addr().to_string();
    // rows are filled in last, so nothing that a client sent is taken for a place to fill
    let page = PAGE
        .replace("<!--address-->", &address)
        .replace("<!--verdicts-->", &rows(&verdicts.newest_first()));
    HttpResponse::Ok()
        .insert_header(ContentType::html())
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(page)
}

/// The cache stores it like any other response.
pub(crate) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

fn rows(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() { NO_VERDICTS.to_owned() } else { verdicts.iter().map(row).collect() }
}

fn row(verdict: &Verdict) -> String {
    let ago = ago(verdict.at.elapsed());
    let request = escape(&verdict.request);
    let status = verdict.status.as_u16();
    let millis = verdict.took.as_secs_f64() * 1000.0;
    let cache_status = escape(&verdict.cache_status);
    format!(
        "<tr><td>{ago}</td><td><code>{request}</code></td><td>{status}</td><td>{millis:.2}</td>\
         <td><code>{cache_status}</code></td></tr>\n"
    )
}

fn ago(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3_600),
    }
}

/// Text that stays text in HTML, between tags as well as in a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_cannot_end_its_element_or_attribute() {
        let escaped = escape("<b title=\"'\">&lt;</b> ü");
        assert_eq!(escaped, "&lt;b title=&quot;&#39;&quot;&gt;&amp;lt;&lt;/b&gt; ü");
    }
}
