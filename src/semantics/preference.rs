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
