//! The forms of body that masking reads.

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
}

impl Format {
    /// The format of a `Content-Type` value; `None` for what masking cannot read: binary bodies, multipart, and
    /// any character encoding but UTF-8 and its subset ASCII.
    ///
    /// ```
    /// use wardline::mask::Format;
    /// assert_eq!(Format::of("application/problem+json; charset=UTF-8"), Some(Format::Json));
    /// assert_eq!(Format::of("text/plain; charset=utf-16"), None);
    /// ```
    pub fn of(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';');
        let essence = parts.next().unwrap_or("").trim().to_ascii_lowercase();
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
        match essence.as_str() {
            "application/json" | "text/json" => Some(Self::Json),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/jsonlines"
            | "application/json-lines"
            | "application/stream+json" => Some(Self::Ndjson),
            "text/event-stream" => Some(Self::Sse),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (content_type, format) in [
            ("Application/JSON", Some(Format::Json)),
            ("application/x-ndjson", Some(Format::Ndjson)),
            ("text/event-stream; charset=\"utf-8\"", Some(Format::Sse)),
            ("text/csv", Some(Format::Text)),
            ("application/x-www-form-urlencoded", Some(Format::Form)),
            ("application/octet-stream", None),
            ("multipart/form-data; boundary=x", None),
            ("application/json; charset=latin1", None),
            ("", None),
        ] {
            assert_eq!(Format::of(content_type), format, "{content_type}");
        }
    }
}
