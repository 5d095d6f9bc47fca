//! Path patterns of rules, read before the router reads them: it panics where it cannot.

use actix_router::ResourceDef;
use regex::Regex;

use super::error::ConfigError;

/// How many parts of a path the router captures; it panics where there are more.
const MAX_CAPTURES: usize = 16;

/// A path pattern as actix writes it.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

/// What a pattern is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `{name}`: some characters of one segment.
    Segment,
    /// `{name:regex}`.
    Regex(String),
    /// `{name}*` or `{name:.*}` at the end: everything, or nothing.
    Tail,
}

impl Pattern {
    /// Reads a pattern and compiles it for the router.
    pub(super) fn compile(pattern: &str) -> Result<ResourceDef, ConfigError> {
        Self::read(pattern).map(|_| ResourceDef::new(pattern))
    }

    /// Reads a pattern. What this accepts the router accepts too.
    pub(super) fn read(pattern: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: &str| ConfigError::new("rule", format!("`{pattern}` {problem}"));
        if !pattern.starts_with('/') {
            return Err(refuse("does not begin with `/`"));
        }
        let (tokens, regex) = tokens(pattern).map_err(refuse)?;
        let regex = Regex::new(&regex).map_err(|_| refuse("is not a path pattern"))?;
        if regex.capture_names().flatten().count() > MAX_CAPTURES {
            return Err(refuse("captures more than 16 parts of a path"));
        }
        Ok(Self { tokens })
    }

    /// Whether every path that `other` matches is matched by this one, as far as that can be told.
    pub(super) fn covers(&self, other: &Self) -> bool {
        covers(&self.tokens, &other.tokens)
    }

    /// The segments that all matched paths begin with.
    pub(super) fn literal_prefix(&self) -> String {
        let chars = self.tokens.iter().map_while(|token| match token {
            Token::Char(char) => Some(*char),
            _ => None,
        });
        let literal: String = chars.collect();
        if literal.chars().count() == self.tokens.len() {
            return literal;
        }
        literal.rfind('/').and_then(|slash| literal.get(..slash)).unwrap_or_default().to_owned()
    }
}

/// The pattern's tokens, and the regular expression that the router makes of it.
fn tokens(pattern: &str) -> Result<(Vec<Token>, String), &'static str> {
    let mut tokens = Vec::new();
    let mut regex = "((?s-m)^".to_owned();
    let mut rest = pattern;
    let mut has_tail = false;
    while let Some((text, from)) = rest.find('{').and_then(|at| rest.split_at_checked(at)) {
        tokens.extend(text.chars().map(Token::Char));
        regex.push_str(&regex::escape(text));
        let close = closing_brace(from).ok_or("has a brace without its partner")?;
        let inner = from.get(1..close).unwrap_or_default();
        rest = from.get(close + 1..).unwrap_or_default();
        if rest == "*" {
            (has_tail, rest) = (true, "");
        }
        let (name, part) = capture(inner, has_tail)?;
        regex.extend(["(?P<", name, ">", part, ")"]);
        tokens.push(match part {
            "[^/]+" => Token::Segment,
            ".*" if rest.is_empty() => Token::Tail,
            own => Token::Regex(own.to_owned()),
        });
    }
    if rest.ends_with('*') {
        return Err("has a tail without a name: it would match nothing; write `{tail}*`");
    }
    tokens.extend(rest.chars().map(Token::Char));
    regex.push_str(&regex::escape(rest));
    regex.push_str(if has_tail { ")" } else { ")$" });
    Ok((tokens, regex))
}

/// The name of what is captured, and the regular expression that it matches.
fn capture(inner: &str, is_tail: bool) -> Result<(&str, &str), &'static str> {
    match inner.split_once(':') {
        Some(_) if is_tail => Err("has a tail with a regular expression of its own"),
        Some(named) => Ok(named),
        None if is_tail => Ok((inner, ".*")),
        None => Ok((inner, "[^/]+")),
    }
}

/// Where the brace ends with which `text` begins.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, char)| {
        depth = match char {
            '{' => depth + 1,
            '}' => depth.saturating_sub(1),
            _ => depth,
        };
        (depth == 0).then_some(at)
    })
}

fn covers(one: &[Token], other: &[Token]) -> bool {
    let Some((first, rest)) = one.split_first() else { return other.is_empty() };
    if *first == Token::Tail {
        return true;
    }
    if other.first() == Some(first) && covers(rest, other.get(1..).unwrap_or_default()) {
        return true;
    }
    let ends_segment = matches!(rest.first(), None | Some(Token::Char('/')));
    if *first != Token::Segment || !ends_segment {
        return false;
    }
    let in_segment = |token: &&Token| {
        matches!(token, Token::Segment) || matches!(token, Token::Char(char) if *char != '/')
    };
    let length = other.iter().take_while(in_segment).count();
    length > 0 && covers(rest, other.get(length..).unwrap_or_default())
}

#[cfg(test)]
mod tests;
