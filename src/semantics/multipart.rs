//! Several ranges in one answer: `multipart/byteranges` (RFC 9110 s.14.6).

use std::ops::Range;

use actix_web::http::header::HeaderValue;

use super::range::content_range;

/// What stands between the parts. Any number will do that an attacker who writes the body cannot
/// know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boundary(pub u128);

/// A piece of the body, to be sent one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// These bytes.
    Text(Vec<u8>),
    /// These bytes of the stored body.
    Body(Range<u64>),
}

impl Boundary {
    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/byteranges; boundary={:032x}", self.0))
            .unwrap_or_else(|_| HeaderValue::from_static("multipart/byteranges"))
    }

    /// The body that carries `parts` of a stored body of `length` bytes, whose `Content-Type` is
    /// repeated in each part.
    pub(crate) fn segments(
        self,
        content_type: Option<&[u8]>,
        parts: &[Range<u64>],
        length: u64,
    ) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(2 * parts.len() + 1);
        for (place, part) in parts.iter().enumerate() {
            let head = self.head(place == 0, content_type, part, length);
            segments.push(Segment::Text(head));
            segments.push(Segment::Body(part.clone()));
        }
        segments.push(Segment::Text(format!("\r\n--{:032x}--\r\n", self.0).into_bytes()));
        segments
    }

    fn head(
        self,
        is_first: bool,
        content_type: Option<&[u8]>,
        part: &Range<u64>,
        length: u64,
    ) -> Vec<u8> {
        let line_end = if is_first { "" } else { "\r\n" };
        let mut head = format!("{line_end}--{:032x}\r\n", self.0).into_bytes();
        if let Some(content_type) = content_type {
            push_field(&mut head, b"Content-Type: ", content_type);
        }
        push_field(&mut head, b"Content-Range: ", content_range(part, length).as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// The value of `Content-Length`.
pub(crate) fn total_length(segments: &[Segment]) -> u64 {
    let length = |segment: &Segment| match segment {
        Segment::Text(text) => text.len() as u64,
        Segment::Body(part) => part.end.saturating_sub(part.start),
    };
    segments.iter().map(length).fold(0, u64::saturating_add)
}

fn push_field(head: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    head.extend_from_slice(name);
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_full() {
        let boundary = Boundary(0xab);
        let segments = boundary.segments(Some(b"text/plain"), &[0..2, 4..6], 10);
        let written = segments.iter().flat_map(|segment| match segment {
            Segment::Text(text) => text.clone(),
            // the stored body is "0123456789"
            Segment::Body(part) => {
                part.clone().flat_map(|at| at.to_string().into_bytes()).collect()
            }
        });
        let written = written.collect();
        let line = "000000000000000000000000000000ab";
        let expected = format!(
            "--{line}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
             --{line}\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/10\r\n\r\n45\r\n\
             --{line}--\r\n"
        );
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(total_length(&segments), expected.len() as u64);
        assert_eq!(boundary.content_type(), format!("multipart/byteranges; boundary={line}"));
    }
}
