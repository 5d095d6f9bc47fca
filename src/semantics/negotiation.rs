//! Which of the codings that are stored of a response a request is given (RFC 9110 s.12.5.3), and the
//! entity tag of each form (s.8.8.3.3).

use actix_web::http::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};

use super::{
    cache_control::{Directives, Flag},
    fields::{Fields, ResponseView},
    names::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DIGEST, CONTENT_ENCODING, CONTENT_LENGTH,
        CONTENT_MD5, CONTENT_TYPE, DIGEST, IF_NONE_MATCH, REPR_DIGEST, VARY,
    },
    preference::preference,
    validation::names_tag,
};

/// A coding in which the cache packs bodies. Of those that a client wants alike, the first is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `gzip` (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them, in the order in which they are preferred.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The name in `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The number by which it is written.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The coding of this number.
    #[cfg(feature = "redis")]
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    fn is_named(self, name: &[u8]) -> bool {
        name == self.name().as_bytes() || (self == Self::Gzip && name == b"x-gzip")
    }
}

/// What a request accepts, in thousandths; what is not there is not stated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accepted {
    codings: [Option<u16>; Coding::ALL.len()],
    identity: Option<u16>,
    others: Option<u16>,
}

impl Accepted {
    /// What this request accepts. A member that is not of the grammar counts as none; of two that name one
    /// coding the lower weight counts.
    pub(crate) fn of<Q: Fields + ?Sized>(req: &Q) -> Self {
        let mut accepted = Self::default();
        let members = req.all(&ACCEPT_ENCODING).flat_map(|line| line.split(|byte| *byte == b','));
        for (name, weight) in members.filter_map(|member| preference(member.trim_ascii())) {
            if let Some(place) = accepted.place(&name) {
                *place = Some(place.map_or(weight, |before| before.min(weight)));
            }
        }
        accepted
    }

    fn place(&mut self, name: &[u8]) -> Option<&mut Option<u16>> {
        match name {
            b"*" => Some(&mut self.others),
            b"identity" => Some(&mut self.identity),
            name => {
                let mut codings = Coding::ALL.into_iter().zip(&mut self.codings);
                codings.find(|(coding, _)| coding.is_named(name)).map(|(_, place)| place)
            }
        }
    }

    /// How much the coding is wanted; zero where it is not accepted.
    pub(crate) fn weight(&self, coding: Coding) -> u16 {
        let stated = self.codings.get(usize::from(coding.number())).copied().flatten();
        stated.or(self.others).unwrap_or_default()
    }

    /// Whether the body as it is may be given; `None` where the request says nothing of it, so that it is
    /// accepted and wanted less than whatever is named.
    fn identity(&self) -> Option<u16> {
        self.identity.or(self.others.filter(|others| *others == 0))
    }

    /// The coding that the request is given, of those that there are; `None` for the body as it is.
    pub(crate) fn choose(&self, there: impl Iterator<Item = Coding>) -> Option<Coding> {
        let wanted = there.map(|coding| (coding, self.weight(coding)));
        let wanted = wanted.filter(|(_, weight)| *weight > 0);
        // the last of the largest would be taken: so the most preferred one comes last
        let best = wanted.max_by_key(|(coding, weight)| (*weight, u8::MAX - coding.number()));
        best.filter(|(_, weight)| *weight >= self.identity().unwrap_or_default())
            .map(|(coding, _)| coding)
    }

    /// Whether the body as it is is not refused.
    #[cfg(test)]
    fn accepts_identity(&self) -> bool {
        self.identity() != Some(0)
    }
}

/// The tag of the form in this coding: `"abc"` becomes `"abc-br"`.
pub(crate) fn tag_of_form(tag: &[u8], coding: Coding) -> Option<HeaderValue> {
    let tag = tag.trim_ascii();
    let (start, end) = tag.strip_suffix(b"\"").map_or((tag, &b""[..]), |start| (start, b"\""));
    HeaderValue::from_bytes(&[start, b"-", coding.name().as_bytes(), end].concat()).ok()
}

/// The tag that the client names in `If-None-Match` of a form that it could be given: the chosen one, the
/// body as it is, or another coding that it accepts. A coding that is not there counts where the tag of the
/// body as it is is strong, as then the same bytes have been packed.
pub(crate) fn known_tag<Q: Fields + ?Sized>(
    req: &Q,
    tag: &[u8],
    chosen: Option<Coding>,
    is_there: impl Fn(Coding) -> bool,
) -> Option<HeaderValue> {
    if !req.has(&IF_NONE_MATCH) {
        return None;
    }
    let accepted = Accepted::of(req);
    let is_strong = !tag.trim_ascii().starts_with(b"W/");
    let of = |form: Option<Coding>| match form {
        Some(coding) => tag_of_form(tag, coding),
        None => HeaderValue::from_bytes(tag.trim_ascii()).ok(),
    };
    let others = Coding::ALL
        .into_iter()
        .filter(|coding| accepted.weight(*coding) > 0 && (is_strong || is_there(*coding)));
    let forms = [chosen, None].into_iter().chain(others.map(Some));
    forms.filter_map(of).find(|form| names_tag(req, form.as_bytes()))
}

/// Whether the cache may pack a response with this head: a 200 of a type that gets smaller, that nobody has
/// packed, and whose handler neither chooses a coding by itself nor forbids to change it.
pub(crate) fn is_packable<F: Fields + ?Sized>(res: &ResponseView<'_, F>) -> bool {
    let is_negotiated = |line: &[u8]| {
        let mut names = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name.eq_ignore_ascii_case(b"accept-encoding"))
    };
    res.status == StatusCode::OK
        && !res.fields.has(&CONTENT_ENCODING)
        && res.fields.first(&CONTENT_TYPE).is_some_and(is_text_like)
        && !res.fields.all(&VARY).any(is_negotiated)
        && !Directives::parse(res.fields, &CACHE_CONTROL).says(Flag::NoTransform)
}

/// Whether the fields of the body as it is are left out of a packed form.
pub(crate) fn is_of_plain_body(name: &HeaderName) -> bool {
    [&CONTENT_LENGTH, &CONTENT_MD5, &CONTENT_DIGEST, &DIGEST, &REPR_DIGEST].contains(&name)
}

/// Types whose bodies get much smaller.
fn is_text_like(value: &[u8]) -> bool {
    const TYPES: [&[u8]; 9] = [
        b"application/json",
        b"application/javascript",
        b"application/ecmascript",
        b"application/xml",
        b"application/wasm",
        b"application/x-ndjson",
        b"application/graphql",
        b"application/vnd.ms-fontobject",
        b"font/ttf",
    ];
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let media_type = value.get(..end).unwrap_or_default().trim_ascii().to_ascii_lowercase();
    media_type.starts_with(b"text/") && media_type != b"text/event-stream"
        || TYPES.contains(&media_type.as_slice())
        || media_type.ends_with(b"+json")
        || media_type.ends_with(b"+xml")
}

#[cfg(test)]
mod tests;
