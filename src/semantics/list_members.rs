//! The members of a field that is a list of directives: each a name, with an argument or without (RFC 9110
//! s.5.6.1, RFC 9111 s.5.2).

/// What follows the `=` of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    Absent,
    Token(&'a [u8]),
    /// The inside of a quoted string, its backslashes still there.
    Quoted(&'a [u8]),
    /// Not of the grammar.
    Invalid,
}

/// The members of one line. A quoted string that does not end is no quoted string: what follows it
/// is read on, but only to restrict.
pub(super) struct Members<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> Members<'a> {
    pub(super) const fn of_line(line: &'a [u8]) -> Self {
        Self { rest: line, broken: false }
    }

    pub(super) fn next(&mut self) -> Option<(&'a [u8], Argument<'a>)> {
        while !self.rest.is_empty() {
            let quoted = !self.broken;
            let end = member_end(self.rest, quoted).or_else(|| {
                self.broken = true;
                member_end(self.rest, false)
            })?;
            let (member, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest.get(1..).unwrap_or_default();
            let member = member.trim_ascii();
            if !member.is_empty() {
                let (name, argument) = split_member(member);
                let argument = if self.broken { Argument::Invalid } else { argument };
                return Some((name, argument));
            }
        }
        None
    }
}

/// Where the first member ends: at a comma outside of quoted strings, or at the end; `None` inside
/// a quoted string that does not end.
pub(super) fn member_end(line: &[u8], quoted: bool) -> Option<usize> {
    let mut within = false;
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within => escaped = true,
            b'"' if quoted => within = !within,
            b',' if !within => return Some(at),
            _ => {}
        }
    }
    (!within).then_some(line.len())
}

fn split_member(member: &[u8]) -> (&[u8], Argument<'_>) {
    let Some(equals) = member.iter().position(|byte| *byte == b'=') else {
        return (member, Argument::Absent);
    };
    let (name, argument) = member.split_at(equals);
    let argument = argument.get(1..).unwrap_or_default();
    let bare = name.trim_ascii();
    let argument = match argument {
        // no white space is allowed around the equals sign
        _ if bare.len() != name.len() => Argument::Invalid,
        [b'"', inside @ .., b'"'] if is_inside(inside) => Argument::Quoted(inside),
        token if !token.is_empty() && token.iter().copied().all(is_token) => Argument::Token(token),
        _ => Argument::Invalid,
    };
    (bare, argument)
}

/// Whether no quote in it ends the quoted string early, and no backslash takes its last one away.
fn is_inside(quoted: &[u8]) -> bool {
    let mut escaped = false;
    for byte in quoted {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return false,
            _ => {}
        }
    }
    !escaped
}

/// Whether a byte may be in a token (RFC 9110 s.5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The inside of a quoted string without its quoting backslashes (RFC 9110 s.5.6.4).
pub(super) fn unescaped(inside: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = inside.iter().copied();
    std::iter::from_fn(move || match bytes.next()? {
        b'\\' => bytes.next(),
        byte => Some(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Argument::{Absent, Invalid, Quoted, Token},
        *,
    };

    type Member = (&'static str, Argument<'static>);

    fn members(line: &'static str) -> Vec<Member> {
        let mut members = Members::of_line(line.as_bytes());
        let member = || {
            members.next().map(|(name, argument)| (std::str::from_utf8(name).unwrap(), argument))
        };
        std::iter::from_fn(member).collect()
    }

    #[test]
    fn members_are_apart_at_commas_outside_of_quoted_strings() {
        for (line, expected) in [
            ("", vec![]),
            (" , ,", vec![]),
            ("a", vec![("a", Absent)]),
            ("a ,\tb=1", vec![("a", Absent), ("b", Token(b"1"))]),
            (r#"a="x,y", b"#, vec![("a", Quoted(b"x,y")), ("b", Absent)]),
            (r#"a="x\",y", b"#, vec![("a", Quoted(br#"x\",y"#)), ("b", Absent)]),
            (r#"a="x\\", b"#, vec![("a", Quoted(br"x\\")), ("b", Absent)]),
        ] {
            assert_eq!(members(line), expected, "{line}");
        }
    }

    #[test]
    fn argument_is_a_token_or_one_quoted_string() {
        for (line, expected) in [
            ("a=1", Token(b"1".as_slice())),
            ("a=", Invalid),
            ("a=x y", Invalid),
            ("a =1", Invalid),
            ("a= 1", Invalid),
            ("a=1=2", Invalid),
            (r#"a="""#, Quoted(b"")),
            (r#"a="1""#, Quoted(b"1")),
            (r#"a="1"2"#, Invalid),
            (r#"a="1"2"3""#, Invalid),
            (r#"a=1"2""#, Invalid),
            (r#"a="\\\"""#, Quoted(br#"\\\""#)),
        ] {
            assert_eq!(members(line), [("a", expected)], "{line}");
        }
    }

    #[test]
    fn quoted_string_that_does_not_end_is_read_on() {
        let restricting = [("a", Invalid), ("no-store", Invalid)];
        for line in [r#"a="x, no-store"#, r#"a="x\", no-store"#, r#"a=", no-store"#] {
            assert_eq!(members(line), restricting, "{line}");
        }
    }

    #[test]
    fn backslash_takes_the_quote_that_seems_to_end() {
        for (inside, is_whole) in [
            (r"x", true),
            (r"", true),
            (r"x\", false),
            (r"x\\", true),
            (r"x\\\", false),
            (r#"x"y"#, false),
            (r#"x\"y"#, true),
            (r#"x\\"y"#, false),
        ] {
            assert_eq!(is_inside(inside.as_bytes()), is_whole, "{inside}");
        }
    }

    #[test]
    fn backslashes_stand_for_what_follows_them() {
        for (inside, clear) in [("a", "a"), (r"\a\\b", r"a\b"), (r#"\""#, "\""), (r"a\", "a")] {
            assert!(unescaped(inside.as_bytes()).eq(clear.bytes()), "{inside}");
        }
    }
}
