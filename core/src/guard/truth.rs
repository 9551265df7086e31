//! HTTP truth: what headers may still say once a body can change.
//!
//! A kept `ETag` or digest is a hash of the clear bytes: it leaks them to a guess and revalidates stale clear
//! text. A range is a slice of bytes that no longer exist. Where nothing can change, nothing is touched.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// Changes to a list of headers, in this order: remove, then set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// Headers to take out, every occurrence.
    pub remove: Vec<HeaderName>,
    /// Headers to put in, replacing any of their name.
    pub set: Vec<(HeaderName, HeaderValue)>,
}

impl HeaderEdits {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// Takes those of these headers out that are there.
    fn remove_of(&mut self, headers: &HeaderMap, names: &[HeaderName]) {
        self.remove.extend(names.iter().filter(|name| headers.contains_key(*name)).cloned());
    }

    /// Carries the changes out.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// How messages of gRPC may be packed, and how they are.
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Hashes of a body, as validators or for integrity (RFC 9110, 9530, 3230, 1864).
const BODY_HASHES: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// The one value of a header that decides how a body is read. Repeated, or not text, it has two readings: `Err`.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// What the request must stop asking for when its response may change: ranges and revalidation of bytes that
/// the caller will never see, and codings that would have to be undone.
pub(super) fn request_of_changing_response(method: &Method, headers: &HeaderMap, edits: &mut HeaderEdits) {
    edits.remove_of(headers, &[header::RANGE, header::IF_RANGE, GRPC_ACCEPT_ENCODING]);
    if method == Method::GET || method == Method::HEAD {
        edits.remove_of(headers, &[header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE]);
    }
    edits.set.push((header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
}

/// What a request must stop saying about a body that was changed; `length` where it is known.
pub(super) fn request_with_changed_body(length: Option<usize>, edits: &mut HeaderEdits) {
    edits.remove.extend([header::CONTENT_ENCODING, header::CONTENT_LENGTH]);
    edits.remove.extend(BODY_HASHES);
    if let Some(length) = length {
        // A length and a transfer coding together are two readings (RFC 9112, section 6.3).
        edits.remove.push(header::TRANSFER_ENCODING);
        edits.set.push((header::CONTENT_LENGTH, HeaderValue::from(length)));
    }
}

/// What a response must stop saying when its body may change, and that it is for whoever asked: others may get other bodies of it.
pub(super) fn response_with_changing_body(headers: &HeaderMap, edits: &mut HeaderEdits) {
    const OF_ITS_BYTES: [HeaderName; 4] =
        [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG, header::ACCEPT_RANGES];
    edits.set.extend(for_one(headers).map(|value| (header::CACHE_CONTROL, value)));
    edits.remove_of(headers, &OF_ITS_BYTES);
    edits.remove_of(headers, &BODY_HASHES);
}

/// The `Cache-Control` by which no cache that several callers share keeps a response (RFC 9111, section 5.2.2); `None` where it says so.
fn for_one(headers: &HeaderMap) -> Option<HeaderValue> {
    const SHARED: [&str; 3] = ["public", "s-maxage", "proxy-revalidate"];
    if !headers.contains_key(header::CACHE_CONTROL) {
        return Some(HeaderValue::from_static("private"));
    }
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let said: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let is = |directive: &str, name: &str| directive.eq_ignore_ascii_case(name);
    // With names of fields behind it, `private` is about those alone.
    if said.iter().any(|directive| is(directive, "private") || is(directive, "no-store")) {
        return None;
    }
    let stays = |directive: &&str| {
        let name = directive.split('=').next().unwrap_or_default();
        !directive.is_empty() && !SHARED.iter().any(|shared| is(name, shared))
    };
    let all: Vec<&str> = std::iter::once("private").chain(said.into_iter().filter(stays)).collect();
    Some(HeaderValue::from_str(&all.join(", ")).unwrap_or(HeaderValue::from_static("private")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_who_asks_is_for_no_shared_cache() {
        for (said, says) in [
            (&[][..], Some("private")),
            (&["public, max-age=600"], Some("private, max-age=600")),
            (&["max-age=60, S-MaxAge=600", "must-revalidate"], Some("private, max-age=60, must-revalidate")),
            (&["private=\"set-cookie\", max-age=5"], Some("private, private=\"set-cookie\", max-age=5")),
            (&["Private, max-age=5"], None),
            (&["no-store"], None),
        ] {
            let mut headers = HeaderMap::new();
            said.iter().for_each(|value| {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            });
            assert_eq!(for_one(&headers).as_ref().and_then(|value| value.to_str().ok()), says, "{said:?}");
        }
    }
}
