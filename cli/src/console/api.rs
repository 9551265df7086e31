//! Answering an approval by a call: `POST /api/approvals/{id}/approve` or `deny`, with a bearer token; `comment` says the `text` of its body,
//! and `cancel` takes one's own request back.
//!
//! The token is an API key, known by its SHA-256, or that of a signed link, which answers only. No cookie counts here, so no page elsewhere can make a browser
//! call it. Answers are JSON; what went wrong is told as RFC 9457 has it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use wardline::clock::{Clock, SystemClock};
use wardline::grant::Answer;
use wardline::model::ApprovalId;

use super::{Console, answer, ask, said};
use crate::Failure;

/// What may be said beside the answer.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    text: String,
}

/// What is done.
#[derive(Clone, Copy)]
enum Deed {
    Vote(Answer),
    Comment,
    Cancel,
}

pub(super) async fn answer_by(
    State(console): State<Arc<Console>>,
    Path((id, word)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let deed = match word.as_str() {
        "comment" => Deed::Comment,
        "cancel" => Deed::Cancel,
        word => match answer(word) {
            Some(answer) => Deed::Vote(answer),
            None => {
                return problem(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "expected approve, deny, comment or cancel",
                );
            }
        },
    };
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) =
        bearer.and_then(|text| text.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"))
    else {
        return unknown();
    };
    let token = token.1.trim().to_owned();
    let message = if body.is_empty() { Ok(Message::default()) } else { serde_json::from_slice(&body) };
    let Ok(Message { reason, text }) = message else {
        let expected = "expected a JSON object with the reason, or the text of a comment";
        return problem(StatusCode::BAD_REQUEST, "invalid_input", expected);
    };
    let id = ApprovalId::from(id);
    let done = ask(console, move |console| {
        if let Ok(holder) = console.keys.verify(&token, SystemClock.now()) {
            let by = holder.subject.as_str();
            return Ok(Some(match deed {
                Deed::Vote(answer) => console.vote(&id, by, answer, &reason)?,
                Deed::Comment => console.guard.comment(&id, by, &text)?,
                Deed::Cancel => console.guard.cancel(&id, by, &reason)?,
            }));
        }
        let Deed::Vote(answer) = deed else { return Ok(None) };
        console.state.renew(&console.guard)?;
        match console.guard.follow(&token) {
            Ok(link) if link.approval.id == id => {
                Ok(Some(console.guard.vote_by_link(&token, answer, said(answer, &reason)?)?))
            }
            _ => Ok(None),
        }
    })
    .await;
    match done {
        Ok(Some(approval)) => {
            let state = approval.state(SystemClock.now());
            axum::Json(json!({"id": approval.id, "state": state, "votes": approval.votes, "comments": approval.comments})).into_response()
        }
        Ok(None) => unknown(),
        Err(failure) => {
            let code = match &failure {
                Failure::Library(error) => error.code(),
                Failure::Usage(_) => "invalid_input",
                Failure::Io(_) => "store_unavailable",
            };
            problem(failure.status(), code, &failure.sentence())
        }
    }
}

/// A token that is nobody's, or another approval's.
fn unknown() -> Response {
    let told = problem(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "expected an API key or the token of this approval's link",
    );
    ([(header::WWW_AUTHENTICATE, "Bearer")], told).into_response()
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail});
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
