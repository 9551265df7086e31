//! The guard's own answer in the form that its caller reads: a problem document, or the status of a gRPC call.
//!
//! A client of gRPC makes what it can of an HTTP status and throws the document away: it would not learn which
//! approval to wait for. So it gets a status, in the head of a response without a body where nothing was sent yet
//! (`grpc-status: 7`, `wardline-code: approval_required`, `wardline-approval: ...`), else in the trailers of the
//! body that was cut.

use std::collections::VecDeque;
use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header, request};
use wardline::guard::Answer;

use crate::response::GuardBody;

/// How a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A problem document.
    Problem,
    /// The head of one: the answer to HEAD.
    Head,
    /// A status of gRPC.
    Grpc,
}

impl Form {
    /// What the caller of this request reads. gRPC is spoken over HTTP/2 and later.
    pub(crate) fn of(parts: &request::Parts) -> Self {
        if parts.method == Method::HEAD {
            return Self::Head;
        }
        let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
        let rest = kind.split_at_checked("application/grpc".len());
        match rest {
            Some((name, rest))
                if name.eq_ignore_ascii_case(b"application/grpc")
                    && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
                    && parts.version >= Version::HTTP_2 =>
            {
                Self::Grpc
            }
            _ => Self::Problem,
        }
    }

    /// The answer, as a response.
    pub(crate) fn answer<R>(self, answer: &Answer) -> Response<GuardBody<R>> {
        if self == Self::Grpc {
            let mut response = Response::new(GuardBody::full(VecDeque::new(), None));
            *response.headers_mut() = trailers(answer);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            return response;
        }
        let body = Bytes::from(answer.body());
        let length = body.len();
        let body = match self {
            Self::Head => GuardBody::headless(Some(length as u64)),
            _ => GuardBody::full(VecDeque::from([body]), None),
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        response.headers_mut().extend(answer.headers());
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

/// The answer as the end of a gRPC call.
pub(crate) fn trailers(answer: &Answer) -> HeaderMap {
    let status = HeaderValue::from(code(answer.status));
    let mut fields = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), status)]);
    let texts = [
        ("grpc-message", Some(escaped(&answer.reason()))),
        ("wardline-code", Some(answer.code.to_owned())),
        ("wardline-record", answer.record.as_ref().map(ToString::to_string)),
        ("wardline-approval", answer.approval.as_ref().map(ToString::to_string)),
    ];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            fields.insert(HeaderName::from_static(name), value);
        }
    }
    fields
}

/// The status code of gRPC (`google.rpc.Code`) that says the same.
fn code(status: StatusCode) -> u16 {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => 3, // INVALID_ARGUMENT
        StatusCode::FORBIDDEN => 7,                                        // PERMISSION_DENIED
        StatusCode::PAYLOAD_TOO_LARGE => 8,                                // RESOURCE_EXHAUSTED
        StatusCode::SERVICE_UNAVAILABLE => 14,                             // UNAVAILABLE
        StatusCode::UNAUTHORIZED => 16,                                    // UNAUTHENTICATED
        _ => 13,                                                           // INTERNAL
    }
}

/// Percent-encoded, as `grpc-message` is: all but what ASCII prints, and the percent sign.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | ..=0x1F | 0x7F.. => {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(method: &str, version: Version, kind: &'static str) -> Form {
        let request = http::Request::builder().method(method).version(version).header("content-type", kind);
        Form::of(&request.body(()).unwrap_or_default().into_parts().0)
    }

    #[test]
    fn only_who_speaks_grpc_is_told_by_its_status() {
        for kind in ["application/grpc", "application/grpc+proto", "Application/gRPC; charset=utf-8"] {
            assert_eq!(form("POST", Version::HTTP_2, kind), Form::Grpc, "{kind}");
            assert_eq!(form("POST", Version::HTTP_11, kind), Form::Problem, "{kind}");
            assert_eq!(form("HEAD", Version::HTTP_2, kind), Form::Head, "{kind}");
        }
        for kind in ["application/grpc-web", "application/grpcx", "application/json", ""] {
            assert_eq!(form("POST", Version::HTTP_2, kind), Form::Problem, "{kind}");
        }
    }

    #[test]
    fn words_of_a_policy_become_a_header() {
        let answer = Answer::of("denied").because(Some("100 % geschützt\n"));
        assert_eq!(
            trailers(&answer).get("grpc-message").map(HeaderValue::as_bytes),
            Some(&b"100 %25 gesch%C3%BCtzt%0A"[..])
        );
    }

    #[test]
    fn every_answer_has_a_status_that_is_not_ok() {
        for (name, expected) in [
            ("malformed_body", "3"),
            ("denied", "7"),
            ("too_large_to_hold", "8"),
            ("unmaskable_response", "13"),
            ("guard_unavailable", "14"),
            ("credential_refused", "16"),
        ] {
            let fields = trailers(&Answer::of(name));
            assert_eq!(
                fields.get("grpc-status").map(HeaderValue::as_bytes),
                Some(expected.as_bytes()),
                "{name}"
            );
            assert_eq!(fields.get("wardline-code").map(HeaderValue::as_bytes), Some(name.as_bytes()));
        }
    }
}
