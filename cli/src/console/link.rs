//! The page of a signed link: one approval, for one person, who need not be signed in. Opening it decides nothing.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;
use wardline::clock::{Clock, SystemClock};
use wardline::guard::Link;

use super::approvals::{asks, choice, facts};
use super::page::{see, shell, state};
use super::session::Fields;
use super::{Console, answer, ask, said};
use crate::Failure;

pub(super) async fn look(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    show(console, token, None).await
}

/// What the person of the link decided.
pub(super) async fn answer_by(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let Some(answer) = answer(fields.get("answer")) else {
        return Err(Failure::Usage("Expected approve or deny.".to_owned()));
    };
    let (reason, by) = (fields.get("reason").to_owned(), token.clone());
    let done = ask(Arc::clone(&console), move |console| {
        console.state.renew(&console.guard)?;
        Ok(console.guard.vote_by_link(&by, answer, said(answer, &reason)?)?)
    })
    .await;
    match done {
        Ok(_) => Ok(see(&format!("/a/{token}"))),
        Err(failure) => show(console, token, Some(&failure)).await,
    }
}

async fn show(console: Arc<Console>, token: String, wrong: Option<&Failure>) -> Result<Response, Failure> {
    let followed = token.clone();
    let link: Link = ask(console, move |console| Ok(console.guard.follow(&followed)?)).await?;
    let approval = &link.approval;
    let body = html! {
        @if let Some(wrong) = wrong { p.said.no role="alert" { (wrong.sentence()) } }
        h1 { (asks(approval)) }
        p { (state(approval.state(SystemClock.now()))) " " span.id { (approval.id) } }
        (facts(approval))
        @match link.refusal {
            None => div.card {
                h2 { "Your decision as " (link.by) }
                form method="post" action={ "/a/" (token) } { (choice(approval)) }
            },
            Some(refusal) => p.said.wait role="status" { "There is nothing to decide here any more: " (refusal.to_string()) "." },
        }
    };
    let status = wrong.map_or(StatusCode::OK, Failure::status);
    Ok((status, shell("Approval", &html! {}, &body)).into_response())
}
