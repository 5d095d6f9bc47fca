//! Tests of buckets, sums and quantiles.

use proptest::prelude::*;

use super::*;

fn histogram(times: impl IntoIterator<Item = Duration>) -> Histogram {
    let counting = OwnHistogram::default();
    times.into_iter().for_each(|time| counting.add(time));
    counting.read()
}

#[test]
fn quantiles_are_right_to_an_eighth() {
    let (short, long) = (Duration::from_micros(100), Duration::from_secs(1));
    let times = histogram(std::iter::repeat_n(short, 99).chain([long]));
    assert_eq!(times.count(), 100);
    let within = |q, time: Duration| (time..=time + time / 8).contains(&times.quantile(q));
    assert!(within(0.5, short));
    assert!(within(1.0, long));
    assert_eq!(times.sum(), short * 99 + long);
    assert_eq!(times.mean(), times.sum() / 100);
    assert_eq!(histogram([]).mean(), Duration::ZERO);
}

#[test]
fn shortest_and_longest_times_are_counted() {
    let both = histogram([Duration::MAX, Duration::ZERO]);
    let below: Vec<_> = both.buckets().map(|(below, _)| below.as_nanos()).collect();
    assert_eq!(below, [1 << 7, 1 << 51]);
}

#[test]
fn readings_are_merged_and_compared() {
    let (short, long) = (Duration::from_micros(100), Duration::from_secs(1));
    let mut both = histogram([short]);
    both.merge(&histogram([long]));
    assert_eq!(both, histogram([short, long]));
    assert_eq!(both.since(&histogram([short])), histogram([long]));
}

#[test]
fn histogram_serializes_to_its_documented_shape() {
    let times = histogram([Duration::from_nanos(1024), Duration::from_nanos(3)]);
    let expected = serde_json::json!({
        "count": 2,
        "sum_seconds": 1.027e-6,
        "p50_seconds": 1.28e-7,
        "p99_seconds": 1.152e-6,
        "buckets": [
            { "below_seconds": 1.28e-7, "count": 1 },
            { "below_seconds": 1.152e-6, "count": 1 },
        ],
    });
    assert_eq!(serde_json::to_value(times).unwrap(), expected);
}

proptest! {
    #[test]
    fn every_time_is_in_the_bucket_that_says_so(nanos in 0..1_u64 << 50) {
        let bucket = bucket_of(nanos);
        let begin = if bucket == 0 { 0 } else { end_of(bucket - 1) };
        prop_assert!((begin..end_of(bucket)).contains(&nanos), "{bucket}");
    }
}
