//! What is looked up: rules, reasons, keys, times, the store, handlers, and what operators did.

use super::{
    explain,
    figures::Figures,
    html::Html,
    number,
    table::{row, table},
};
use crate::{
    engine::stats::{Histogram, RuleStats, Stats},
    semantics::verdict::{Reason, VerdictKind},
};

/// How many keys are shown.
const MAX_TOP: usize = 10;

pub(super) fn rules(html: &mut Html, stats: &Stats) {
    html.raw("<section id=\"rules\"><h2>By rule</h2>");
    let columns = [
        "Rule",
        "Requests",
        "Hit ratio",
        "Hits",
        "Stale",
        "Stale share",
        "Misses",
        "Collapsed",
        "Bypassing",
        "Handler p50",
        "Time saved",
        "From the store",
    ];
    table(html, &columns, |html| {
        for rule in &stats.rules {
            row_of_rule(html, rule);
        }
    });
    html.raw("<p class=\"words\">The hit ratio is the part of requests that were served from the store, of those that did not bypass the cache. ");
    html.raw("A fresh response is a hit, also where the client is sent a 304 or a 206 made of it; a stale one is a hit, too. ");
    html.raw("A collapsed request waited for the handler call of another one: it is a miss.</p></section>");
}

fn row_of_rule(html: &mut Html, rule: &RuleStats) {
    html.raw("<tr><th scope=\"row\">");
    match &rule.rule {
        Some(pattern) => html.element("code", pattern),
        None => html.text("without a rule"),
    };
    html.raw("</th>");
    let of = |kind| number::count(rule.count(kind));
    let cells = [
        number::count(rule.requests()),
        number::percent(rule.hit_ratio()),
        of(VerdictKind::Hit),
        of(VerdictKind::Stale),
        number::percent(stale_share(rule)),
        of(VerdictKind::Miss),
        number::count(rule.collapsed),
        of(VerdictKind::Bypass),
        quantile(&rule.handler_times, 0.5),
        number::time(rule.handler_time_saved),
        number::bytes(rule.bytes_from_store),
    ];
    for cell in cells {
        html.element("td", cell);
    }
    html.raw("</tr>");
}

/// The part of what was served from the store that was stale: much of it asks for a longer lifetime.
#[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
fn stale_share(rule: &RuleStats) -> Option<f64> {
    let stale = rule.count(VerdictKind::Stale) as f64;
    let served = rule.count(VerdictKind::Hit) as f64 + stale;
    (served > 0.0).then(|| stale / served)
}

/// A table of reasons: its name and its title.
pub(super) type ReasonTable = (&'static str, &'static str);

pub(super) const BYPASSED: ReasonTable = ("why-bypassed", "Why requests bypass the cache");
pub(super) const NOT_STORED: ReasonTable = ("why-not-stored", "Why responses are not stored");

pub(super) fn reasons(
    html: &mut Html,
    figures: &Figures,
    (id, title): &ReasonTable,
    counts: &[(Reason, u64)],
) {
    html.raw("<section id=\"").raw(id).raw("\">").element("h2", title);
    if counts.is_empty() {
        html.raw("<p>None so far.</p></section>");
        return;
    }
    let mut counts = counts.to_vec();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    table(html, &["Reason", "Requests", "Explain a recent one"], |html| {
        for (reason, count) in counts {
            html.raw("<tr>").element("th scope=\"row\"", reason.as_str());
            html.element("td", number::count(count)).raw("<td>");
            if let Some(example) = figures.example(reason) {
                let url = format!("http://{}{}", figures.host, example.url);
                let text = format!("{} {}", example.method, example.url);
                explain::link(html, &example.method, &url, &text);
            }
            html.raw("</td></tr>");
        }
    });
    html.raw("</section>");
}

pub(super) fn top(html: &mut Html, figures: &Figures) {
    let top = &figures.top;
    html.raw("<div class=\"columns\"><section id=\"top-hits\"><h2>Most hits</h2>");
    table(html, &["Key", "Hits, about"], |html| {
        for key in top.by_hits.iter().take(MAX_TOP) {
            row(html, &key.key, [number::count(key.hits)]);
        }
    });
    html.raw("</section><section id=\"top-handlers\"><h2>Most handler time</h2>");
    table(html, &["Key", "In all, about"], |html| {
        for key in top.by_handler_time.iter().take(MAX_TOP) {
            row(html, &key.key, [number::time(key.handler_time)]);
        }
    });
    html.raw("</section></div>");
}

pub(super) fn times(html: &mut Html, stats: &Stats) {
    html.raw("<section id=\"times\"><h2>Times</h2>");
    table(html, &["", "Measured", "Mean", "p50", "p90", "p99"], |html| {
        let mut add = |name, times: &Histogram| {
            let at = |part| quantile(times, part);
            let mean = if times.count() == 0 {
                number::NONE.to_owned()
            } else {
                number::time(times.mean())
            };
            row(html, name, [number::count(times.count()), mean, at(0.5), at(0.9), at(0.99)]);
        };
        add("Hits (one in 16)", &stats.hit_times);
        add("Misses, with their handlers", &stats.miss_times);
        add("Handlers", &stats.handler_times);
        if let Some(redis) = &stats.store.redis {
            add("Exchanges with Redis", &redis.exchanges);
        }
    });
    html.raw("</section>");
}

fn quantile(times: &Histogram, part: f64) -> String {
    if times.count() == 0 { number::NONE.to_owned() } else { number::time(times.quantile(part)) }
}

pub(super) fn store(html: &mut Html, stats: &Stats) {
    html.raw("<section id=\"store\"><h2>Store</h2>");
    table(html, &["", "Now or so far"], |html| {
        row(html, "Kind", [stats.store.store.to_owned()]);
        row(html, "Entries", [number::optional(stats.entries, number::count)]);
        row(html, "Bytes", [number::optional(stats.bytes, number::bytes)]);
        row(html, "Capacity", [number::optional(stats.store.capacity, number::bytes)]);
        row(html, "Responses stored", [number::count(stats.stores)]);
        if let Some(evictions) = &stats.store.evictions {
            row(html, "Evicted for room", [number::count(evictions.for_room)]);
            row(html, "Median age of those", [quantile(&evictions.ages_for_room, 0.5)]);
            row(html, "Expired", [number::count(evictions.expired)]);
            row(html, "Purged from memory", [number::count(evictions.purged)]);
            row(html, "Replaced", [number::count(evictions.replaced)]);
        }
        if let Some(redis) = &stats.store.redis {
            row(html, "Outages of Redis", [number::count(redis.outages)]);
            let lag = redis.announcement_lag.map_or_else(|| number::NONE.to_owned(), number::time);
            row(html, "Announcements take", [lag]);
            row(html, "Damaged values", [number::count(redis.corrupt)]);
            for (kind, count) in &redis.errors {
                row(html, kind, [number::count(*count)]);
            }
        }
    });
    html.raw("</section>");
}

pub(super) fn handlers(html: &mut Html, stats: &Stats) {
    html.raw("<section id=\"handlers\"><h2>Handlers, refreshes, purges</h2>");
    table(html, &["", "Now or so far"], |html| {
        row(html, "Handler calls under way", [number::count(stats.flights)]);
        row(html, "Requests that wait for them", [number::count(stats.followers)]);
        row(html, "Refreshes under way", [number::count(stats.refreshes)]);
        row(html, "Bytes of recordings", [number::bytes(stats.recorded)]);
        for (result, count) in &stats.refreshes_by_result {
            row(html, &format!("Refreshes: {result}"), [number::count(*count)]);
        }
        for (deadline, count) in &stats.overruns {
            row(html, &format!("Overrun: {deadline}"), [number::count(*count)]);
        }
        row(html, "Stale in place of the handler's", [number::count(stats.served_stale)]);
        row(html, "Purges", [number::count(stats.purges)]);
        for purge in &stats.purges_by_target {
            let kind = if purge.soft { "soft, " } else { "" };
            row(html, &format!("Purges: {kind}{}", purge.target), [number::count(purge.count)]);
        }
        row(html, "Failures behind the cache", [number::count(stats.errors)]);
    });
    html.raw("</section>");
}

pub(super) fn audit(html: &mut Html, figures: &Figures) {
    const SHOWN: usize = 20;
    html.raw("<section id=\"audit\"><h2>What operators did</h2>");
    if figures.audit.is_empty() {
        html.raw("<p>Nothing so far.</p></section>");
        return;
    }
    table(html, &["Action", "Ago", "Who", "From", "Target", "Result"], |html| {
        for entry in figures.audit.iter().take(SHOWN) {
            let ago = number::span(figures.seconds_since_millis(entry.at.as_millis()));
            let from = entry.from.map_or_else(|| number::NONE.to_owned(), |from| from.to_string());
            let cells = [ago, entry.who.clone(), from, entry.target.clone(), entry.result.clone()];
            row(html, entry.action, cells);
        }
    });
    html.raw("</section>");
}
