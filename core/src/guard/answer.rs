//! What a caller gets instead of the service's response: a problem document (RFC 9457) with a stable code.
//!
//! Built here once, so that every door sends the same bytes.

use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::model::{ApprovalId, RecordId};

/// An answer of the guard's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stable code, for machines.
    pub code: &'static str,
    /// What happened, for people; never payload.
    pub detail: String,
    /// The ticket, where the request is held (to wait for) or was denied by people (who said why).
    pub approval: Option<ApprovalId>,
    /// When to try again, in seconds.
    pub retry_after: Option<u64>,
    /// The record of this exchange.
    pub record: Option<RecordId>,
}

/// Each code, its status and its sentence.
const CODES: &[(&str, StatusCode, &str)] = &[
    ("denied", StatusCode::FORBIDDEN, "A rule of this service's policy denies the request."),
    ("default_deny", StatusCode::FORBIDDEN, "No rule of this service's policy allows the request."),
    ("risk_denied", StatusCode::FORBIDDEN, "The request is riskier than this service's policy permits."),
    ("grant_required", StatusCode::FORBIDDEN, "The request needs a live grant that covers it."),
    ("grant_exhausted", StatusCode::FORBIDDEN, "The grant is used up."),
    ("grant_expired", StatusCode::FORBIDDEN, "The grant has ended."),
    ("grant_revoked", StatusCode::FORBIDDEN, "The grant was revoked."),
    ("grant_not_started", StatusCode::FORBIDDEN, "The grant has not begun."),
    (
        "approval_required",
        StatusCode::FORBIDDEN,
        "The request is held until people approve it; retry it unchanged.",
    ),
    (
        "risk_approval_required",
        StatusCode::FORBIDDEN,
        "The request is held for its risk until people approve it; retry it unchanged.",
    ),
    (
        "unusual_approval_required",
        StatusCode::FORBIDDEN,
        "The request is unlike what its caller did before; it is held until people approve it; retry it unchanged.",
    ),
    (
        "default_hold",
        StatusCode::FORBIDDEN,
        "No rule allows the request; it is held until people approve it; retry it unchanged.",
    ),
    ("budget_spent", StatusCode::FORBIDDEN, "The budget of different items is used up for now."),
    (
        "budget_approval_required",
        StatusCode::FORBIDDEN,
        "The request may exceed its budget; it is held until people approve it; retry it unchanged.",
    ),
    (
        "denied_value",
        StatusCode::FORBIDDEN,
        "The request holds a value that this service's policy does not let in.",
    ),
    (
        "denied_response",
        StatusCode::FORBIDDEN,
        "The response holds a value that this service's policy does not let out.",
    ),
    (
        "canary_in_response",
        StatusCode::FORBIDDEN,
        "The response holds what nobody has a reason to read; what its caller asks next is judged by that.",
    ),
    (
        "unsearchable_response",
        StatusCode::BAD_GATEWAY,
        "The response cannot be searched for what must not leave.",
    ),
    ("approval_denied", StatusCode::FORBIDDEN, "People denied the request."),
    ("identity_refused", StatusCode::BAD_REQUEST, "What names the caller is ambiguous."),
    ("credential_refused", StatusCode::UNAUTHORIZED, "The token or key does not hold."),
    (
        "malformed_body",
        StatusCode::BAD_REQUEST,
        "The request body is not well-formed, so it cannot be judged.",
    ),
    (
        "ambiguous_request",
        StatusCode::BAD_REQUEST,
        "A field that decides is repeated, of another type than expected, or too many.",
    ),
    (
        "unsupported_coding",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The body's content coding cannot be decoded.",
    ),
    (
        "unmaskable_request",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The request body is of a kind that cannot be masked.",
    ),
    ("upgrade_refused", StatusCode::FORBIDDEN, "A connection upgrade would leave the guard's sight."),
    ("too_large_to_inspect", StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large to be judged."),
    (
        "too_large_to_hold",
        StatusCode::PAYLOAD_TOO_LARGE,
        "The request is too large to be held; it needs a grant.",
    ),
    ("unmaskable_response", StatusCode::BAD_GATEWAY, "The response cannot be masked as the policy asks."),
    (
        "malformed_response",
        StatusCode::BAD_GATEWAY,
        "The response is not well-formed, so it cannot be masked.",
    ),
    ("uncountable_response", StatusCode::BAD_GATEWAY, "The response cannot be counted against its quota."),
    (
        "unstrippable_response",
        StatusCode::BAD_GATEWAY,
        "The response carries vectors, or may, where they cannot be left out.",
    ),
    ("guard_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The guard cannot decide now, so nothing passes."),
];

impl Answer {
    /// The answer of a code; one that is not in the table is a defect and answers `guard_unavailable`.
    pub fn of(code: &str) -> Self {
        let row = CODES.iter().find(|row| row.0 == code).or_else(|| CODES.last());
        let (code, status, detail) =
            row.copied().unwrap_or(("guard_unavailable", StatusCode::SERVICE_UNAVAILABLE, ""));
        Self { status, code, detail: detail.to_owned(), approval: None, retry_after: None, record: None }
    }

    /// The same with the words of the rule that decided.
    #[must_use]
    pub fn because(mut self, text: Option<&str>) -> Self {
        if let Some(text) = text {
            text.clone_into(&mut self.detail);
        }
        self
    }

    /// The headers of the answer. Nobody may cache it.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        if let Some(seconds) = self.retry_after {
            headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750: the client gets itself another token.
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.push((header::WWW_AUTHENTICATE, challenge));
        }
        headers
    }

    /// The problem document.
    pub fn body(&self) -> Vec<u8> {
        #[derive(serde::Serialize)]
        struct Problem<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            approval: Option<&'a ApprovalId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            record: Option<&'a RecordId>,
        }
        let problem = Problem {
            r#type: format!("urn:wardline:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Refused"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            approval: self.approval.as_ref(),
            record: self.record.as_ref(),
        };
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

/// So that it can be returned as an error, where nothing is sent to anybody.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Answer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_names_its_ticket_and_when_to_retry() {
        let mut answer = Answer::of("approval_required");
        answer.approval = Some("apr_1".into());
        answer.retry_after = Some(5);
        let body: serde_json::Value = serde_json::from_slice(&answer.body()).unwrap();
        assert_eq!(body["status"], 403);
        assert_eq!(body["code"], "approval_required");
        assert_eq!(body["approval"], "apr_1");
        assert!(answer.headers().iter().any(|(name, value)| name == header::RETRY_AFTER && value == "5"));
    }

    #[test]
    fn a_code_out_of_the_table_fails_closed() {
        assert_eq!(Answer::of("no such code").status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
