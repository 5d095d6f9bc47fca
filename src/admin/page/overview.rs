//! What is looked at first: whether anything is broken, the figures in all, the last hour.

use std::time::Duration;

use actix_web::http::header::HttpDate;

use super::{
    chart::{Axis, Series, Unit, round_up, round_up_binary},
    figures::Figures,
    html::Html,
    number,
};
use crate::engine::stats::TimelineStep;

/// What is broken, if anything is.
pub(super) fn health(html: &mut Html, figures: &Figures) {
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
    for warning in &figures.warnings {
        item(html, "warn", warning);
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

pub(super) fn summary(html: &mut Html, figures: &Figures) {
    let Figures { stats, .. } = figures;
    html.raw("<section id=\"summary\"><h2 class=\"hidden\">In all</h2><dl class=\"figures\">");
    figure(
        html,
        "Hit ratio",
        number::percent(stats.hit_ratio()),
        "fresh or stale from the store, of all requests that did not bypass it",
    );
    let of = "hits, stale, misses, bypassing";
    figure(html, "Requests", number::count(stats.requests()), of);
    let saved = number::time(stats.handler_time_saved);
    figure(html, "Handler time saved", saved, "what handlers would have taken once more");
    let bytes = number::bytes(stats.bytes_from_store);
    figure(html, "Served from the store", bytes, "bytes of bodies");
    let bytes = number::bytes(stats.bytes_from_handlers);
    figure(html, "Made by handlers", bytes, "bytes of bodies");
    let since = HttpDate::from(stats.since);
    let span = number::span(figures.seconds_since(stats.since));
    let since = format!("since {since}, by this process, all workers");
    figure(html, "Counting for", span, &since);
    html.raw("</dl></section>");
}

fn figure(html: &mut Html, name: &'static str, value: String, meaning: &str) {
    html.raw("<div>").element("dt", name).element("dd class=\"value\"", value);
    html.element("dd class=\"meaning\"", meaning).raw("</div>");
}

#[expect(clippy::cast_precision_loss, reason = "numbers are drawn")]
pub(super) fn charts(html: &mut Html, figures: &Figures) {
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
    axis.lines(html, "Hit ratio", &ratio, &RATIO);
    let handlers =
        [Series { class: "miss", name: "p99", value: |step| step.handler_p99.as_secs_f64() }];
    axis.lines(html, "Handlers, p99", &handlers, &TIME);
    let hits = [Series { class: "hit", name: "p99", value: |step| step.hit_p99.as_secs_f64() }];
    axis.lines(html, "Hits, p99", &hits, &TIME);
    let rate = [Series { class: "hit", name: "per second", value: saved_per_second }];
    axis.lines(html, "Time saved", &rate, &TIME);
    if axis.steps().iter().any(|step| step.bytes.is_some()) {
        let bytes = [Series {
            class: "store",
            name: "stored",
            value: |step| step.bytes.unwrap_or(0) as f64,
        }];
        axis.lines(html, "Memory", &bytes, &BYTES);
    }
    html.raw("</div></section>");
}

const RATIO: Unit = Unit { show: |ratio| format!("{:.0} %", ratio * 100.0), top: |_| 1.0 };
const TIME: Unit = Unit {
    show: |seconds| number::time(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
    top: round_up,
};
const BYTES: Unit = Unit { show: |bytes| number::bytes(whole(bytes)), top: round_up_binary };

fn saved_per_second(step: &TimelineStep) -> f64 {
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
