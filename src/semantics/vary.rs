//! Selecting fields and their normal forms (RFC 9111 s.4.1).

use std::cmp::Reverse;

use actix_web::http::header::HeaderName;

use super::{
    coding_choice::Codings,
    fields::Fields,
    list_members::member_end,
    names::{
        ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_ORIGIN,
        AUTHORIZATION, CONTENT_TYPE, COOKIE, FROM, HOST, IF_MODIFIED_SINCE, IF_RANGE,
        IF_UNMODIFIED_SINCE, ORIGIN, PROXY_AUTHORIZATION, RANGE, REFERER, USER_AGENT, VARY,
    },
    preference::{Preference, preference},
    verdict::Reason,
};

/// The request fields that selected a response: those of `Vary`, in lower case, sorted, once each.
///
/// `*` anywhere in the list, and a member that is no field name, say that no other request gets
/// this response. One that allows a single origin to read it was made for that `Origin`, whether
/// it says so or not.
pub(crate) fn selecting<S: Fields + ?Sized>(fields: &S) -> Result<Vec<HeaderName>, Reason> {
    let mut names = fields
        .all(&VARY)
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
        // `*` is a token, and so would be a name
        .map(|member| HeaderName::from_bytes(member).ok().filter(|name| name.as_str() != "*"))
        .collect::<Option<Vec<_>>>()
        .ok_or(Reason::VaryStar)?;
    if fields.all(&ACCESS_CONTROL_ALLOW_ORIGIN).any(|value| value.trim_ascii() != b"*") {
        names.push(ORIGIN.clone());
    }
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    Ok(names)
}

/// By what the variants of a URL are selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selecting {
    /// The request fields, in lower case, sorted, once each.
    pub names: Vec<HeaderName>,
    /// What is known of the codings, where `Accept-Encoding` is among the fields.
    pub(crate) codings: Codings,
}

impl From<Vec<HeaderName>> for Selecting {
    fn from(names: Vec<HeaderName>) -> Self {
        Self { names, codings: Codings::default() }
    }
}

impl Selecting {
    /// Whether there are no variants.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Selects by these fields too.
    pub(crate) fn add(&mut self, names: &[HeaderName]) {
        self.names.extend_from_slice(names);
        self.names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        self.names.dedup();
    }

    /// The request was answered with this response.
    pub(crate) fn learn<Q: Fields + ?Sized, S: Fields + ?Sized>(&mut self, req: &Q, res: &S) {
        if self.names.contains(&ACCEPT_ENCODING) {
            self.codings.learn(req, res);
        }
    }
}

/// Appends what the request says in the fields that select, so that two requests append the same bytes
/// only where those fields match (RFC 9111 s.4.1).
///
/// Each part has its length before it, and an absent field differs from an empty one. Lines of a
/// list are combined and the white space between its members does not count; a field that is no
/// list is compared as it is, line by line. Of `Accept-Encoding` only the coding is written that the
/// handler is known to choose for it, if one is.
pub(crate) fn write_selecting<Q: Fields + ?Sized>(
    req: &Q,
    selecting: &Selecting,
    out: &mut Vec<u8>,
) {
    for name in &selecting.names {
        frame(name.as_str().as_bytes(), out);
        let is_of_codings = *name == ACCEPT_ENCODING;
        let coding = if is_of_codings { selecting.codings.choice(req) } else { None };
        if let Some(coding) = coding {
            out.push(Form::Coding as u8);
            frame(coding.as_bytes(), out);
        } else if req.has(name) {
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
    Coding,
}

fn write_field<Q: Fields + ?Sized>(req: &Q, name: &HeaderName, out: &mut Vec<u8>) {
    if let Some(members) = members(req, name) {
        match weighted(&members, name) {
            Some(preferences) => write_weighted(&preferences, out),
            None => write_all(Form::List, &members, out),
        }
    } else {
        let lines: Vec<_> = req.all(name).map(<[u8]>::trim_ascii).collect();
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
        let mut rest = Some(line);
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
