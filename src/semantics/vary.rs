//! Selecting fields and their normal forms (RFC 9111 s.4.1).

use std::cmp::Reverse;

use actix_web::http::header::{HeaderName, HeaderValue};

use super::{
    cache_control::member_end,
    fields::Fields,
    names::{
        ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_ORIGIN,
        AUTHORIZATION, CONTENT_TYPE, COOKIE, FROM, HOST, IF_MODIFIED_SINCE, IF_RANGE,
        IF_UNMODIFIED_SINCE, ORIGIN, PROXY_AUTHORIZATION, RANGE, REFERER, USER_AGENT, VARY,
    },
    verdict::WhyNot,
};

/// The request fields that selected a response: those of `Vary`, in lower case, sorted, once each.
///
/// `*` anywhere in the list, and a member that is no field name, say that no other request gets
/// this response. One that allows a single origin to read it was made for that `Origin`, whether
/// it says so or not.
pub(crate) fn selecting<S: Fields + ?Sized>(fields: &S) -> Result<Vec<HeaderName>, WhyNot> {
    let mut names = fields
        .all(&VARY)
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
        // `*` is a token, and so would be a name
        .map(|member| HeaderName::from_bytes(member).ok().filter(|name| name.as_str() != "*"))
        .collect::<Option<Vec<_>>>()
        .ok_or(WhyNot::VaryStar)?;
    let is_any = |value: &HeaderValue| value.as_bytes().trim_ascii() == b"*";
    if fields.all(&ACCESS_CONTROL_ALLOW_ORIGIN).any(|value| !is_any(value)) {
        names.push(ORIGIN.clone());
    }
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    Ok(names)
}

/// Appends what the request says in the fields `names`, so that two requests append the same bytes
/// only where those fields match (RFC 9111 s.4.1).
///
/// Each part has its length before it, and an absent field differs from an empty one. Lines of a
/// list are combined and the white space between its members does not count; a field that is no
/// list is compared as it is, line by line.
pub(crate) fn write_selecting<Q: Fields + ?Sized>(
    req: &Q,
    names: &[HeaderName],
    out: &mut Vec<u8>,
) {
    for name in names {
        frame(name.as_str().as_bytes(), out);
        if req.has(name) {
            write_field(req, name, out);
        } else {
            out.push(Form::Absent as u8);
        }
    }
}

/// How the value of a field is written.
#[derive(Clone, Copy)]
enum Form {
    Absent,
    Lines,
    List,
    Weighted,
}

fn write_field<Q: Fields + ?Sized>(req: &Q, name: &HeaderName, out: &mut Vec<u8>) {
    if let Some(members) = members(req, name) {
        match weighted(&members, name) {
            Some(preferences) => write_weighted(&preferences, out),
            None => write_all(Form::List, &members, out),
        }
    } else {
        let lines: Vec<_> = req.all(name).map(|line| line.as_bytes().trim_ascii()).collect();
        write_all(Form::Lines, &lines, out);
    }
}

/// The members of a list over all its lines, empty ones too; `None` where the field is no list or
/// a quoted string in it does not end.
fn members<'a, Q: Fields + ?Sized>(req: &'a Q, name: &'a HeaderName) -> Option<Vec<&'a [u8]>> {
    if is_singleton(name) {
        return None;
    }
    let mut members = Vec::new();
    for line in req.all(name) {
        let mut rest = Some(line.as_bytes());
        while let Some(list) = rest {
            let (member, after) = list.split_at_checked(member_end(list, true)?)?;
            members.push(member.trim_ascii());
            rest = after.get(1..);
        }
    }
    Some(members)
}

/// Fields in whose value a comma is a character like any other.
fn is_singleton(name: &HeaderName) -> bool {
    let singletons: [&HeaderName; 12] = [
        &AUTHORIZATION,
        &CONTENT_TYPE,
        &COOKIE,
        &FROM,
        &HOST,
        &IF_MODIFIED_SINCE,
        &IF_RANGE,
        &IF_UNMODIFIED_SINCE,
        &ORIGIN,
        &PROXY_AUTHORIZATION,
        &RANGE,
        &REFERER,
    ];
    *name == USER_AGENT || singletons.contains(&name)
}

/// A value in lower case with its weight in thousandths.
pub(super) type Preference = (Vec<u8>, u16);

/// The members of a field of preferences in their normal order; `None` where the field is another
/// one or is not of the grammar.
fn weighted(members: &[&[u8]], name: &HeaderName) -> Option<Vec<Preference>> {
    let of_encodings = *name == ACCEPT_ENCODING;
    if !of_encodings && *name != ACCEPT_LANGUAGE && *name != ACCEPT_CHARSET {
        return None;
    }
    let stated = members.iter().filter(|member| !member.is_empty());
    let mut preferences = stated.map(|member| preference(member)).collect::<Option<Vec<_>>>()?;
    if of_encodings {
        // RFC 9110 s.12.5.3: a set, in which only the weight counts
        preferences.sort_unstable();
        preferences.dedup();
        let contradicts = preferences.windows(2).any(|pair| match pair {
            [(one, _), (other, _)] => one == other,
            _ => false,
        });
        return (!contradicts).then_some(preferences);
    }
    // some take the first of equal weight (RFC 9110 s.12.5.4), so that order stays
    preferences.sort_by_key(|(_, weight)| Reverse(*weight));
    Some(preferences)
}

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

fn write_all(form: Form, parts: &[&[u8]], out: &mut Vec<u8>) {
    out.push(form as u8);
    write_length(parts.len(), out);
    for part in parts {
        frame(part, out);
    }
}

fn write_weighted(preferences: &[Preference], out: &mut Vec<u8>) {
    out.push(Form::Weighted as u8);
    write_length(preferences.len(), out);
    for (value, weight) in preferences {
        frame(value, out);
        out.extend_from_slice(&weight.to_be_bytes());
    }
}

fn frame(part: &[u8], out: &mut Vec<u8>) {
    write_length(part.len(), out);
    out.extend_from_slice(part);
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests;
