//! The forms of body that masking reads.

use std::borrow::Cow;
use std::fmt;

use crate::coding::Packing;
use crate::protobuf::Schema;

/// The forms of body that masking reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// One JSON document (RFC 8259).
    Json,
    /// JSON documents, one a line.
    Ndjson,
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// Any text in UTF-8.
    Text,
    /// `application/x-www-form-urlencoded` (WHATWG URL, section 5).
    Form,
    /// A table whose first row names its columns (RFC 4180).
    Csv {
        /// What stands between two cells.
        separator: u8,
    },
    /// `multipart/form-data` (RFC 7578) and the other kinds of multipart (RFC 2046).
    Multipart(Boundary),
    /// Messages of gRPC of this kind, each behind its length, and some perhaps packed so; which kind it is the catalogue tells.
    Grpc(Schema, Packing),
}

/// What separates the parts of a multipart body: 1 to 70 characters (RFC 2046, section 5.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Boundary {
    text: [u8; 70],
    length: usize,
}

impl fmt::Debug for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Boundary({:?})", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl Boundary {
    fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        if text.is_empty() || text.ends_with(' ') || !text.bytes().all(allowed) {
            return None;
        }
        let mut boundary = Self { text: [0; 70], length: text.len() };
        boundary.text.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(boundary)
    }

    /// As it stands in the header.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

impl Format {
    /// Whether a census can be taken of it by the places of a catalogue: a plain text and a form have none, and a table is read cell by cell (`vector::FileCounter`).
    pub fn is_counted(self) -> bool {
        !matches!(self, Self::Text | Self::Form | Self::Csv { .. })
    }

    /// The format of a `Content-Type` value; `None` for what masking cannot read: binary bodies, and any character encoding but UTF-8 and its subset ASCII.
    ///
    /// ```
    /// use wardline::mask::Format;
    /// assert_eq!(Format::of("application/problem+json; charset=UTF-8"), Some(Format::Json));
    /// assert_eq!(Format::of("text/plain; charset=utf-16"), None);
    /// ```
    pub fn of(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';');
        let essence = parts.next().unwrap_or("").trim();
        // Nearly all write it in small letters, which need no copy.
        let essence = match essence.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(essence.to_ascii_lowercase()),
            false => Cow::Borrowed(essence),
        };
        if essence.starts_with("multipart/") {
            return boundary(content_type).map(Self::Multipart);
        }
        for parameter in parts {
            if let Some((name, value)) = parameter.split_once('=')
                && name.trim().eq_ignore_ascii_case("charset")
            {
                let value = value.trim().trim_matches('"');
                if !["utf-8", "utf8", "us-ascii", "ascii"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(value))
                {
                    return None;
                }
            }
        }
        match &*essence {
            "application/json" | "text/json" => Some(Self::Json),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/jsonlines"
            | "application/json-lines"
            | "application/stream+json" => Some(Self::Ndjson),
            "text/event-stream" => Some(Self::Sse),
            "text/csv" | "application/csv" => Some(Self::Csv { separator: b',' }),
            "text/tab-separated-values" => Some(Self::Csv { separator: b'\t' }),
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/xml"
            | "application/yaml"
            | "application/x-yaml"
            | "application/javascript"
            | "application/sql"
            | "application/graphql" => Some(Self::Text),
            other if other.ends_with("+json") => Some(Self::Json),
            other if other.ends_with("+xml") || other.starts_with("text/") => Some(Self::Text),
            _ => None,
        }
    }
}

/// The one `boundary` of a content type; of two, nobody knows which the service takes.
fn boundary(content_type: &str) -> Option<Boundary> {
    let mut found = None;
    let mut rest = content_type.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, more) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at_checked(after.find(';').unwrap_or(after.len()))?,
        };
        if name.trim().eq_ignore_ascii_case("boundary")
            && found.replace(Boundary::new(value.trim())?).is_some()
        {
            return None;
        }
        let more = more.trim_start();
        match more.strip_prefix(';').map(str::trim) {
            Some("") => return found,
            Some(next) => rest = next,
            None if more.is_empty() => return found,
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (content_type, format) in [
            ("Application/JSON", Some(Format::Json)),
            ("application/x-ndjson", Some(Format::Ndjson)),
            ("text/event-stream; charset=\"utf-8\"", Some(Format::Sse)),
            ("text/tab-separated-values", Some(Format::Csv { separator: b'\t' })),
            ("text/csv", Some(Format::Csv { separator: b',' })),
            ("application/x-www-form-urlencoded", Some(Format::Form)),
            ("application/octet-stream", None),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=x; Boundary=y", None),
            ("multipart/form-data; boundary=", None),
            ("application/json; charset=latin1", None),
            ("", None),
        ] {
            assert_eq!(Format::of(content_type), format, "{content_type}");
        }
    }

    #[test]
    fn boundaries() {
        for (content_type, boundary) in [
            ("multipart/form-data; boundary=x", "x"),
            ("Multipart/Mixed; charset=utf-8; BOUNDARY=\"a b:c\"; x=y", "a b:c"),
        ] {
            let Some(Format::Multipart(found)) = Format::of(content_type) else { panic!("{content_type}") };
            assert_eq!(found.as_bytes(), boundary.as_bytes());
        }
    }
}
