//! Tests of `large`.

use super::*;

#[test]
fn parts_make_up_the_whole() {
    let encoded = Encoded { head: "abcde".into(), body: "fghij".into() };
    for length in 1..12 {
        let parts = (0..10).step_by(length).map(|at| part(&encoded, at, length));
        assert_eq!(parts.collect::<Vec<_>>().concat(), b"abcdefghij", "{length}");
    }
    assert_eq!(part(&encoded, 10, 5), b"");
}
