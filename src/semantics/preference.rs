//! What a client prefers, with a weight (RFC 9110 s.12.4.2).

/// A value in lower case with its weight in thousandths.
pub(super) type Preference = (Vec<u8>, u16);

/// One member of a list of preferences (RFC 9110 s.12.4.2); `None` where it is not of the grammar.
pub(super) fn preference(member: &[u8]) -> Option<Preference> {
    let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let value = parts.next().filter(|value| !value.is_empty())?.to_ascii_lowercase();
    let weight = match parts.next() {
        Some([b'q' | b'Q', b'=', number @ ..]) => thousandths(number)?,
        Some(_) => return None,
        None => 1000,
    };
    parts.next().is_none().then_some((value, weight))
}

/// A weight (RFC 9110 s.12.4.2): from 0 to 1 with at most three decimals.
fn thousandths(number: &[u8]) -> Option<u16> {
    let (whole, decimals) = match number {
        [whole] | [whole, b'.'] => (whole, [].as_slice()),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut thousandths = 0;
    for place in 0..3 {
        let digit = decimals.get(place).copied().unwrap_or(b'0');
        thousandths = thousandths * 10 + u16::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
    }
    match (whole, thousandths) {
        (b'0', part) => Some(part),
        (b'1', 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_has_at_most_three_decimals_and_is_at_most_one() {
        for (member, expected) in [
            ("gzip", Some(("gzip", 1000))),
            ("GZip ; Q=0.5", Some(("gzip", 500))),
            ("gzip;q=1", Some(("gzip", 1000))),
            ("gzip;q=1.", Some(("gzip", 1000))),
            ("gzip;q=1.000", Some(("gzip", 1000))),
            ("gzip;q=0.", Some(("gzip", 0))),
            ("gzip;q=0.001", Some(("gzip", 1))),
            ("gzip;q=0.09", Some(("gzip", 90))),
            ("gzip;q=0.1234", None),
            ("gzip;q=1.001", None),
            ("gzip;q=2", None),
            ("gzip;q=", None),
            ("gzip;q=.5", None),
            ("gzip;q=0,5", None),
            ("gzip;q=0.:", None),
            ("gzip;q=0./", None),
            ("gzip;level=1", None),
            ("gzip;q=1;q=1", None),
            (";q=1", None),
            ("", None),
        ] {
            let read = preference(member.as_bytes());
            let expected = expected.map(|(name, weight)| (name.as_bytes().to_vec(), weight));
            assert_eq!(read, expected, "{member}");
        }
    }
}
