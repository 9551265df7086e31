//! What a caller gets instead of the service's response: a problem document (RFC 9457) with a stable code.
//!
//! Built here once, so that every door sends the same bytes. At a system whose clients read errors in a form of its own, the document has that form, and the
//! members of the problem document beside it.

use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::classify::{Cause, Refusals};
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
    /// How the clients of the system that was asked are told.
    pub(crate) refusals: Option<&'static Refusals>,
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
        Self {
            status,
            code,
            detail: detail.to_owned(),
            approval: None,
            retry_after: None,
            record: None,
            refusals: None,
        }
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
        let kind = self.refusals.map_or("application/problem+json", Refusals::content_type);
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
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
        if let Some(refusals) = self.refusals {
            self.caused(|cause| {
                headers.extend(refusals.headers(cause).filter_map(|(name, value)| {
                    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                    Some((name, HeaderValue::try_from(value).ok()?))
                }));
            });
        }
        headers
    }

    /// The problem document; at a system whose clients read another form, that form.
    pub fn body(&self) -> Vec<u8> {
        let Some(refusals) = self.refusals else { return self.problem(|_| true) };
        let theirs = self.caused(|cause| refusals.write(cause));
        if !refusals.is_json() {
            return theirs.into_bytes();
        }
        // Theirs stands in front: some clients quote no more than the beginning of an answer.
        let ours = self.problem(|member| !refusals.says(member));
        [b"{", theirs.as_bytes(), b",", ours.get(1..).unwrap_or_default()].concat()
    }

    /// What there is to tell in a system's own words.
    fn caused<T>(&self, tell: impl FnOnce(&Cause<'_>) -> T) -> T {
        let record = self.record.as_ref().map(ToString::to_string).unwrap_or_default();
        tell(&Cause {
            reason: &self.reason(),
            code: self.code,
            status: self.status.as_u16(),
            record: &record,
        })
    }

    /// What happened, for people who see nothing else: with the approval, where there is one.
    pub fn reason(&self) -> String {
        match &self.approval {
            Some(approval) => format!("{} (approval {approval})", self.detail),
            None => self.detail.clone(),
        }
    }

    /// The members of the problem document that are wanted.
    fn problem(&self, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
        #[derive(serde::Serialize)]
        struct Problem<'a> {
            r#type: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            title: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            approval: Option<&'a ApprovalId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            record: Option<&'a RecordId>,
        }
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let problem = Problem {
            r#type: format!("urn:wardline:problem:{}", self.code),
            title: wanted("title").then_some(title),
            status: wanted("status").then_some(self.status.as_u16()),
            detail: wanted("detail").then_some(&self.detail),
            code: wanted("code").then_some(self.code),
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

    /// Each code, at each system whose clients read a form of its own.
    fn at_each_system() -> impl Iterator<Item = (&'static str, &'static Refusals, Answer)> {
        let systems = crate::classify::systems().iter();
        let forms = systems.flat_map(|system| system.refusals().iter().map(|form| (system.name(), form)));
        forms.flat_map(|(name, refusals)| {
            CODES.iter().map(move |(code, ..)| {
                let mut answer = Answer::of(code).because(Some("a \"rule\" \\ of\n<ours> & \u{1}theirs"));
                answer.approval = Some("apr_0199".into());
                answer.record = Some("rec_0199".into());
                answer.refusals = Some(refusals);
                (name, refusals, answer)
            })
        })
    }

    #[test]
    fn every_form_says_why_and_what_to_wait_for() {
        let mut systems = std::collections::BTreeSet::new();
        for (system, refusals, answer) in at_each_system() {
            systems.insert(system);
            let body = String::from_utf8(answer.body()).unwrap();
            let kind = &answer.headers()[0].1;
            if !refusals.is_json() {
                assert_eq!(kind, "application/xml");
                assert!(
                    body.contains(
                        "a &quot;rule&quot; \\ of\n&lt;ours&gt; &amp; \u{fffd}theirs (approval apr_0199)"
                    ),
                    "{body}"
                );
                continue;
            }
            assert_eq!(kind, "application/json");
            let document: serde_json::Value = serde_json::from_str(&body).unwrap();
            let theirs =
                refusals.members.iter().map(|member| document[member].to_string()).collect::<String>();
            let reason = serde_json::to_string(&answer.reason()).unwrap();
            assert!(theirs.contains(reason.trim_matches('"')), "{system}: {body}");
            // What the guard says of itself is there in any case.
            assert_eq!(document["type"], format!("urn:wardline:problem:{}", answer.code), "{system}");
            assert_eq!(
                (&document["approval"], &document["record"]),
                (&"apr_0199".into(), &"rec_0199".into())
            );
            for (member, value) in [("detail", answer.detail.as_str()), ("code", answer.code)] {
                assert!(refusals.says(member) || document[member] == value, "{system}: {body}");
            }
            assert!(
                body.starts_with(&format!("{{\"{}\":", refusals.members[0])),
                "theirs stands in front: {body}"
            );
        }
        assert!(systems.len() > 30, "{systems:?}");
    }

    #[test]
    fn headers_say_it_where_a_body_cannot() {
        let mut systems = std::collections::BTreeSet::new();
        for (system, refusals, answer) in at_each_system() {
            let headers = answer.headers();
            let names: std::collections::BTreeSet<_> =
                headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.len(), headers.len(), "{system}: {names:?}");
            for (name, value) in &headers {
                let value = value.to_str().expect("every host can say it");
                if name == "x-error-message" {
                    systems.insert(system);
                    assert_eq!(value, "a \"rule\" \\ of <ours> &  theirs (approval apr_0199)");
                }
                let word = refusals.word(answer.status.as_u16());
                assert!(name != "x-error-code" || Some(value) == word, "{system}: {value}");
            }
        }
        assert!(systems.contains("hfhub"), "{systems:?}");
        let mut answer = Answer::of("denied").because(Some("größer"));
        answer.refusals = at_each_system().find(|(system, ..)| *system == "hfhub").map(|(_, form, _)| form);
        assert!(answer.headers().iter().any(|(_, value)| value == "gr??er"));
    }

    #[test]
    fn a_member_comes_once_and_every_status_has_its_word() {
        for (system, refusals, answer) in at_each_system() {
            let body = String::from_utf8(answer.body()).unwrap();
            let ours = ["type", "title", "status", "detail", "code", "approval", "record"];
            let depth_one = |member: &str| {
                let mut depth = 0_i32;
                let marks = body.char_indices().filter(|(at, c)| {
                    depth += i32::from(matches!(c, '{' | '[')) - i32::from(matches!(c, '}' | ']'));
                    *c == '"'
                        && depth == 1
                        && body.get(*at..).is_some_and(|rest| rest.starts_with(&format!("\"{member}\":")))
                });
                marks.count()
            };
            if refusals.is_json() {
                let twice = ours.iter().find(|member| depth_one(member) > 1);
                assert_eq!(twice, None, "{system}: {body}");
            }
            let word = refusals.word(answer.status.as_u16());
            assert!(!refusals.asks_word() || word.is_some(), "{system}: no word for {}", answer.status);
        }
    }

    #[test]
    fn a_code_out_of_the_table_fails_closed() {
        assert_eq!(Answer::of("no such code").status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
