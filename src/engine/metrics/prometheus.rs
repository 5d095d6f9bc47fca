//! Metrics as the text that Prometheus reads, version 0.0.4.

use std::fmt::{self, Write as _};

use super::{
    list::all,
    metric::{Kind, Labels, Metric, Value},
};
use crate::{counting::histogram::Histogram, engine::stats::Stats};

/// The exposition of these statistics.
pub(in crate::engine) fn text(stats: &Stats) -> String {
    let mut text = String::new();
    for metric in all() {
        // writing to a string does not fail
        let _ = write_metric(&mut text, metric, stats);
    }
    text
}

fn write_metric(text: &mut String, metric: &Metric, stats: &Stats) -> fmt::Result {
    let Metric { name, kind, help, read } = metric;
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let mut samples = String::new();
    let mut result = Ok(());
    read(stats, &mut |labels, value| {
        let written = write_sample(&mut samples, name, labels, value);
        result = result.and(written);
    });
    if !samples.is_empty() {
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}")?;
    }
    result
}

fn write_sample(
    text: &mut String,
    name: &str,
    labels: Labels<'_>,
    value: Value<'_>,
) -> fmt::Result {
    match value {
        Value::Count(count) => writeln!(text, "{name}{} {count}", Shown(labels, None)),
        Value::Number(number) => writeln!(text, "{name}{} {number}", Shown(labels, None)),
        Value::Times(times) => write_histogram(text, name, labels, times),
    }
}

/// A histogram with a bucket for each doubling, also where it is empty: finer ones would be hundreds of
/// lines, and ones that come and go break rates.
fn write_histogram(
    text: &mut String,
    name: &str,
    labels: Labels<'_>,
    times: &Histogram,
) -> fmt::Result {
    for (bound, below) in times.doublings() {
        let bound = bound.as_secs_f64().to_string();
        writeln!(text, "{name}_bucket{} {below}", Shown(labels, Some(&bound)))?;
    }
    writeln!(text, "{name}_bucket{} {}", Shown(labels, Some("+Inf")), times.count())?;
    writeln!(text, "{name}_sum{} {}", Shown(labels, None), times.sum().as_secs_f64())?;
    writeln!(text, "{name}_count{} {}", Shown(labels, None), times.count())
}

/// Labels, and the bound of a bucket.
struct Shown<'a>(Labels<'a>, Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(labels, bound) = self;
        let bound = bound.map(|bound| ("le", bound));
        let mut labels = labels.iter().copied().chain(bound).peekable();
        if labels.peek().is_none() {
            return Ok(());
        }
        f.write_char('{')?;
        while let Some((name, value)) = labels.next() {
            let comma = if labels.peek().is_some() { "," } else { "" };
            write!(f, "{name}=\"{}\"{comma}", Escaped(value))?;
        }
        f.write_char('}')
    }
}

/// The value of a label, of which only three characters have a meaning.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        engine::stats::{Counters, Running},
        semantics::{date::Timestamp, verdict::Verdict},
    };

    #[test]
    fn text_has_samples_with_escaped_labels_and_histograms() {
        let counters = Counters::new(Timestamp::from_millis(1500));
        let worker = counters.worker_counters(vec!["/a\\\"\n{id}".to_owned()]);
        worker.count(Some(0), &Verdict::Hit { left: Duration::ZERO });
        worker.handler_took(None, None, Duration::from_micros(1));
        worker.handler_took(None, None, Duration::from_nanos(1500));
        let text = text(&counters.read(None, Running::default()));
        for line in [
            "# TYPE http_cache_requests_total counter",
            r#"http_cache_requests_total{verdict="hit",reason="",rule="/a\\\"\n{id}"} 1"#,
            r#"http_cache_handler_duration_seconds_bucket{rule="",le="0.000001024"} 1"#,
            r#"http_cache_handler_duration_seconds_bucket{rule="",le="0.000002048"} 2"#,
            r#"http_cache_handler_duration_seconds_bucket{rule="",le="+Inf"} 2"#,
            r#"http_cache_handler_duration_seconds_sum{rule=""} 0.0000025"#,
            "http_cache_start_time_seconds 1.5",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("http_cache_entries"), "what is not known is left out");
    }
}
