//! Tests of `large`.

use super::*;

const OPERATE: Duration = Duration::from_millis(80);

fn large() -> Arc<LargeValues> {
    LargeValues::new(Timeouts { connect: OPERATE, response: OPERATE })
}

#[test]
fn parts_make_up_the_whole() {
    let encoded = Encoded { head: "abcde".into(), body: "fghij".into() };
    for length in 1..12 {
        let parts = (0..10).step_by(length).map(|at| part(&encoded, at, length));
        assert_eq!(parts.collect::<Vec<_>>().concat(), b"abcdefghij", "{length}");
    }
    assert_eq!(part(&encoded, 10, 5), b"");
}

#[test]
fn pieces_fit_the_line() {
    let large = large();
    let millis = Duration::from_millis;
    assert_eq!(large.next_piece(100_000, millis(10)), 100_000, "as long as it is to take");
    assert_eq!(large.next_piece(100_000, millis(20)), 50_000);
    assert_eq!(large.next_piece(100_000, millis(1)), 200_000, "no more than twice as large");
    assert_eq!(large.next_piece(100_000, millis(1000)), MIN_PIECE);
    assert_eq!(large.next_piece(MAX_PIECE, Duration::ZERO), MAX_PIECE);
}

#[test]
fn late_value_is_left_alone() {
    let large = large();
    assert_eq!(large.first_piece(&[1; 16]), FIRST_PIECE);
    large.learn([1; 16], None);
    assert!(large.first_piece(&[1; 16]) == PEEK && !large.is_backing_off(&[1; 16]));
    large.learn([1; 16], Some(BACKOFF));
    assert!(large.is_backing_off(&[1; 16]) && !large.is_backing_off(&[2; 16]));
}
