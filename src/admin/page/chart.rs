//! Charts of the last hour as inline SVG. The script has nothing to draw: it gets them anew.

#![expect(clippy::cast_precision_loss, reason = "numbers are drawn")]

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use super::{html::Html, number};
use crate::engine::stats::TimelineStep;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;
/// The spans of time that a chart can show, in seconds: the shortest that has all steps.
const SPANS: [u64; 3] = [360, 900, 3600];
/// How many bars are drawn at most: wider ones are sums of several steps.
const MAX_BARS: usize = 120;

/// What a chart is drawn from.
pub(super) struct Axis {
    now: SystemTime,
    seconds: u64,
    steps: Vec<TimelineStep>,
}

/// One colour of a chart.
pub(super) struct Series {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) value: fn(&TimelineStep) -> f64,
}

/// What a scale measures: how its numbers are shown, and what it ends at for this largest value.
pub(super) struct Unit {
    pub(super) show: fn(f64) -> String,
    pub(super) top: fn(f64) -> f64,
}

impl Axis {
    /// The steps of the last hour. One that has just begun says too little.
    pub(super) fn new(mut steps: Vec<TimelineStep>) -> Self {
        let now = steps.last().map_or(SystemTime::UNIX_EPOCH, |step| step.until);
        steps.retain(|step| step.span >= Duration::from_secs(2));
        let oldest = steps.first().map_or(0, |step| age(now, step) + step.span.as_secs());
        let seconds = SPANS.into_iter().find(|span| *span >= oldest).unwrap_or(3600);
        Self { now, seconds, steps }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn steps(&self) -> &[TimelineStep] {
        &self.steps
    }

    /// Steps that are drawn as one bar each: left end, width, and the steps.
    fn bars(&self) -> impl Iterator<Item = (f64, f64, &[TimelineStep])> {
        let together = self.steps.len().div_ceil(MAX_BARS).max(1);
        self.steps.chunks(together).filter_map(|steps| {
            let last = steps.last()?;
            let span: f64 = steps.iter().map(|step| step.span.as_secs_f64()).sum();
            let scale = WIDTH / self.seconds as f64;
            let width = span * scale;
            let end = WIDTH - age(self.now, last) as f64 * scale;
            Some((end - width, width, steps))
        })
    }

    /// Bars of rates on top of one another.
    pub(super) fn bars_of_rates(&self, html: &mut Html, title: &'static str, series: &[Series]) {
        let rate = |steps: &[TimelineStep], series: &Series| {
            let span: f64 = steps.iter().map(|step| step.span.as_secs_f64()).sum();
            steps.iter().map(series.value).sum::<f64>() / span.max(1.0)
        };
        let total = |steps: &[TimelineStep]| series.iter().map(|one| rate(steps, one)).sum::<f64>();
        let top = round_up(self.bars().map(|(_, _, steps)| total(steps)).fold(0.0, f64::max));
        let mut paths = vec![String::new(); series.len()];
        for (left, width, steps) in self.bars() {
            let mut bottom = HEIGHT;
            for (path, one) in paths.iter_mut().zip(series) {
                let height = rate(steps, one) / top * HEIGHT;
                if height > 0.0 {
                    bottom -= height;
                    let gap = (width * 0.15).min(1.0);
                    let _ = write!(
                        path,
                        "M{left:.1} {bottom:.1}h{:.1}v{height:.1}h-{:.1}z",
                        width - gap,
                        width - gap
                    );
                }
            }
        }
        let now = self.bars().last().map_or(0.0, |(_, _, steps)| total(steps));
        self.frame(html, title, series, [number::rate(top), number::rate(top / 2.0)], |html| {
            for (path, one) in paths.iter().zip(series) {
                html.raw("<path class=\"bar ").raw(one.class).raw("\" d=\"").text(path).raw("\"/>");
            }
        });
        html.raw("<figcaption class=\"aside\">now ")
            .text(number::rate(now))
            .raw("</figcaption></figure>");
    }

    /// Lines of what a step has one value of. A value of zero or less is a gap.
    pub(super) fn lines(
        &self,
        html: &mut Html,
        title: &'static str,
        series: &[Series],
        unit: &Unit,
    ) {
        let values = || series.iter().flat_map(|one| self.steps.iter().map(one.value));
        let (top, show) = ((unit.top)(values().fold(0.0, f64::max)), unit.show);
        let latest =
            |one: &Series| self.steps.iter().rev().map(one.value).find(|value| *value > 0.0);
        self.frame(html, title, series, [show(top), show(top / 2.0)], |html| {
            for one in series {
                html.raw("<path class=\"line ").raw(one.class).raw("\" d=\"");
                html.text(self.line(one, top)).raw("\"/>");
            }
        });
        html.raw("<figcaption class=\"aside\">");
        for one in series {
            let shown = latest(one).map_or_else(|| number::NONE.to_owned(), show);
            html.text(one.name).raw(" ").element("b", shown).raw(" ");
        }
        html.raw("</figcaption></figure>");
    }

    fn line(&self, series: &Series, top: f64) -> String {
        let (mut path, mut is_drawn) = (String::new(), false);
        let scale = WIDTH / self.seconds as f64;
        for step in &self.steps {
            let value = (series.value)(step);
            if value <= 0.0 {
                is_drawn = false;
                continue;
            }
            let y = HEIGHT - (value / top).min(1.0) * HEIGHT;
            let end = WIDTH - age(self.now, step) as f64 * scale;
            let start = end - step.span.as_secs_f64() * scale;
            let command = if is_drawn { 'L' } else { 'M' };
            let _ = write!(path, "{command}{start:.1} {y:.1}H{end:.1}");
            is_drawn = true;
        }
        path
    }

    /// Title, legend and axes of a chart around what `draw` draws; the figure stays open.
    fn frame(
        &self,
        html: &mut Html,
        title: &'static str,
        series: &[Series],
        scale: [String; 2],
        draw: impl FnOnce(&mut Html),
    ) {
        let [top, middle] = scale;
        html.raw("<figure><figcaption>").element("b", title);
        html.raw("<ul class=\"legend\">");
        for one in series {
            html.raw("<li class=\"").raw(one.class).raw("\">").text(one.name).raw("</li>");
        }
        html.raw("</ul></figcaption><div class=\"plot\"><div class=\"scale\">");
        html.element("span", top).element("span", middle).element("span", "0");
        html.raw("</div><svg viewBox=\"0 0 600 100\" preserveAspectRatio=\"none\" role=\"img\" ");
        html.raw("aria-label=\"").text(title).raw("\">");
        html.raw("<path class=\"grid\" d=\"M0 .5H600M0 50H600M0 99.5H600M200 0V100M400 0V100\"/>");
        draw(html);
        html.raw("</svg><div class=\"times\">");
        for part in [3, 2, 1] {
            let ago = number::span(self.seconds * part / 3);
            let ago = ago.trim_end_matches(" 0 s");
            html.raw("<span>−").text(ago).raw("</span>");
        }
        html.raw("<span>now</span></div></div>");
    }
}

/// How long before now a step ended, in seconds.
fn age(now: SystemTime, step: &TimelineStep) -> u64 {
    let age = now.duration_since(step.until).unwrap_or_default();
    age.as_secs() + u64::from(age.subsec_millis() >= 500)
}

/// The next of 1, 2, 5, 10, 20, … that is not below.
pub(super) fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|part| part * unit)
        .find(|top| *top >= value)
        .unwrap_or(unit * 10.0)
}

/// The next power of two that is not below.
pub(super) fn round_up_binary(value: f64) -> f64 {
    if value <= 1.0 { 1.0 } else { value.log2().ceil().exp2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let tops = [0.0, 0.03, 1.0, 1.2, 4.9, 51.0, 700.0].map(round_up);
        for (top, expected) in tops.into_iter().zip([1.0, 0.05, 1.0, 2.0, 5.0, 100.0, 1000.0]) {
            assert!((top - expected).abs() < expected / 1e6, "{top} {expected}");
        }
        assert!((round_up_binary(70_000.0) - 131_072.0).abs() < 0.1);
    }
}
