//! The sections of the page that have figures, from the ones looked at first to the ones looked up.

use std::time::Duration;

use super::{
    chart::{Axis, Series},
    figures::Figures,
    html::Html,
    number,
};
use crate::{
    engine::stats::{Histogram, RuleStats, Stats},
    semantics::verdict::{Reason, VerdictKind},
};

pub(super) fn all(html: &mut Html, figures: &Figures) {
    health(html, figures);
    summary(html, figures);
    charts(html, figures);
    rules(html, &figures.stats);
    html.raw("<div class=\"columns\">");
    reasons(html, "why-bypassed", "Why requests bypass the cache", &figures.stats.bypasses);
    reasons(html, "why-not-stored", "Why responses are not stored", &figures.stats.not_stored);
    html.raw("</div>");
    times(html, &figures.stats);
    html.raw("<div class=\"columns\">");
    store(html, &figures.stats);
    handlers(html, &figures.stats);
    html.raw("</div>");
    audit(html, figures);
}

/// What is broken, if anything is.
fn health(html: &mut Html, figures: &Figures) {
    let Figures { stats, .. } = figures;
    html.raw("<section id=\"health\" aria-live=\"polite\"><h2 class=\"hidden\">Health</h2><ul>");
    light(html, figures.is_enabled, "enabled", "disabled: every request goes to its handler");
    if let Some(redis) = &stats.store.redis {
        light(html, !redis.is_away, "Redis answers", "Redis is away: handlers answer");
        if stats.store.store == "tiered" {
            let without = "announcements do not arrive: memory is used for a second at most";
            light(html, redis.is_subscribed, "announcements arrive", without);
        }
        if redis.pending_purges > 0 {
            item(html, "bad", &format!("{} purges pending", redis.pending_purges));
        }
    }
    if let Some(error) = &stats.last_error {
        let ago = number::span(figures.seconds_since(error.at));
        item(html, "note", &format!("last failure {ago} ago: {}: {}", error.doing, error.problem));
    }
    if figures.wrong_tokens > 0 {
        let shown = number::count(figures.wrong_tokens);
        item(html, "note", &format!("{shown} wrong tokens at this scope"));
    }
    html.raw("</ul></section>");
}

fn light(html: &mut Html, is_good: bool, good: &'static str, bad: &'static str) {
    if is_good { item(html, "good", good) } else { item(html, "bad", bad) }
}

fn item(html: &mut Html, class: &'static str, text: &str) {
    html.raw("<li class=\"").raw(class).raw("\">").text(text).raw("</li>");
}

fn summary(html: &mut Html, figures: &Figures) {
    let Figures { stats, .. } = figures;
    html.raw("<section id=\"summary\"><h2 class=\"hidden\">In all</h2><dl class=\"figures\">");
    figure(
        html,
        "Hit ratio",
        number::percent(stats.hit_ratio()),
        "served from the store, of all but bypassing requests",
    );
    let of = "hits, stale, misses, bypassing";
    figure(html, "Requests", number::count(stats.requests()), of);
    let saved = number::time(stats.handler_time_saved);
    figure(html, "Handler time saved", saved, "what handlers would have taken once more");
    let bytes = number::bytes(stats.bytes_from_store);
    figure(html, "Served from the store", bytes, "bytes of bodies");
    let bytes = number::bytes(stats.bytes_from_handlers);
    figure(html, "Made by handlers", bytes, "bytes of bodies");
    let since = number::span(figures.seconds_since(stats.since));
    figure(html, "Counted for", since, "this process, all workers; survives no restart");
    html.raw("</dl></section>");
}

fn figure(html: &mut Html, name: &'static str, value: String, meaning: &'static str) {
    html.raw("<div>").element("dt", name).element("dd class=\"value\"", value);
    html.element("dd class=\"meaning\"", meaning).raw("</div>");
}

#[expect(clippy::cast_precision_loss, reason = "numbers are drawn")]
fn charts(html: &mut Html, figures: &Figures) {
    let axis = Axis::new(figures.timeline.clone());
    html.raw("<section id=\"charts\"><h2>The last hour</h2>");
    if axis.is_empty() {
        html.raw("<p>The first step of the timeline has not ended.</p></section>");
        return;
    }
    html.raw("<div class=\"charts\">");
    let verdicts = [
        Series { class: "hit", name: "hits", value: |step| step.hits as f64 },
        Series { class: "stale", name: "stale", value: |step| step.stale as f64 },
        Series { class: "miss", name: "misses", value: |step| step.misses as f64 },
        Series { class: "bypass", name: "bypassing", value: |step| step.bypassed as f64 },
    ];
    axis.bars_of_rates(html, "Requests", &verdicts);
    let ratio = [Series {
        class: "hit",
        name: "hit ratio",
        value: |step| {
            let served = (step.hits + step.stale) as f64;
            if served > 0.0 { served / (served + step.misses as f64) } else { 0.0 }
        },
    }];
    axis.lines(html, "Hit ratio", &ratio, Some(1.0), |ratio| format!("{:.0} %", ratio * 100.0));
    let seconds = |seconds: f64| number::time(Duration::from_secs_f64(seconds));
    let handlers =
        [Series { class: "miss", name: "p99", value: |step| step.handler_p99.as_secs_f64() }];
    axis.lines(html, "Handlers, p99", &handlers, None, seconds);
    let hits = [Series { class: "hit", name: "p99", value: |step| step.hit_p99.as_secs_f64() }];
    axis.lines(html, "Hits, p99", &hits, None, seconds);
    let rate = [Series { class: "hit", name: "saved", value: saved_per_second }];
    axis.lines(html, "Handler time saved per second", &rate, None, seconds);
    if axis.steps().iter().any(|step| step.bytes.is_some()) {
        let bytes = [Series {
            class: "store",
            name: "stored",
            value: |step| step.bytes.unwrap_or(0) as f64,
        }];
        axis.lines(html, "Memory", &bytes, None, |bytes| number::bytes(whole(bytes)));
    }
    html.raw("</div></section>");
}

fn saved_per_second(step: &crate::engine::stats::TimelineStep) -> f64 {
    step.handler_time_saved.as_secs_f64() / step.span.as_secs_f64().max(1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a number of bytes"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

fn rules(html: &mut Html, stats: &Stats) {
    html.raw("<section id=\"rules\"><h2>By rule</h2>");
    let columns = [
        "Rule",
        "Requests",
        "Hit ratio",
        "Hits",
        "Stale",
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
    let of = |kind| number::count(rule.of_kind(kind));
    let cells = [
        number::count(rule.requests()),
        number::percent(rule.hit_ratio()),
        of(VerdictKind::Hit),
        of(VerdictKind::Stale),
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

fn reasons(html: &mut Html, id: &'static str, title: &'static str, counts: &[(Reason, u64)]) {
    html.raw("<section id=\"").raw(id).raw("\">").element("h2", title);
    if counts.is_empty() {
        html.raw("<p>None so far.</p></section>");
        return;
    }
    let mut counts = counts.to_vec();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    table(html, &["Reason", "Requests"], |html| {
        for (reason, count) in counts {
            row(html, reason.as_str(), [number::count(count)]);
        }
    });
    html.raw("</section>");
}

fn times(html: &mut Html, stats: &Stats) {
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

fn store(html: &mut Html, stats: &Stats) {
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

fn handlers(html: &mut Html, stats: &Stats) {
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

fn audit(html: &mut Html, figures: &Figures) {
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

fn table(html: &mut Html, columns: &[&'static str], rows: impl FnOnce(&mut Html)) {
    html.raw("<div class=\"wide\"><table><thead><tr>");
    for column in columns {
        html.element("th scope=\"col\"", column);
    }
    html.raw("</tr></thead><tbody>");
    rows(html);
    html.raw("</tbody></table></div>");
}

fn row<const N: usize>(html: &mut Html, name: &str, cells: [String; N]) {
    html.raw("<tr>").element("th scope=\"row\"", name);
    for cell in cells {
        html.element("td", cell);
    }
    html.raw("</tr>");
}
