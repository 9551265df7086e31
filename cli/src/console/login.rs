//! Signing in by a link, and out. Opening the link signs nobody in: what previews links would use it up.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::html;

use super::page::{Refusal, see, shell};
use super::session::{Fields, Posted};
use super::{Console, ask};
use crate::Failure;

const USED: Refusal =
    Refusal(StatusCode::FORBIDDEN, "This link has been used, or its time is over. Ask for another one.");

/// Whom the link signs in, and the button that does it.
pub(super) async fn look(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let wanted = token.clone();
    let Some(by) = ask(console, move |console| Ok(console.links.look(&wanted))).await? else {
        return Ok(USED.into_response());
    };
    let body = html! {
        h1 { "Sign in" }
        div.card {
            p { "You are about to decide and look as " strong { (by) } "." }
            form method="post" action={ "/login/" (token) } {
                div.row { button type="submit" { "Continue as " (by) } }
            }
        }
    };
    Ok(shell("Sign in", &html! {}, &body).into_response())
}

/// Uses the link up.
pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    _own: Fields,
) -> Result<Response, Failure> {
    let cookie =
        ask(Arc::clone(&console), move |console| console.sessions.open(&console.links, &token)).await?;
    let Some(cookie) = cookie else { return Ok(USED.into_response()) };
    Ok(([(header::SET_COOKIE, console.set_cookie(&cookie))], see("/")).into_response())
}

/// Ends the session. Whoever signed in elsewhere is still so there, and is told where to end that: browsers follow no form to another site here.
pub(super) async fn leave(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    if let Some(cookie) = console.said(&headers) {
        console.sessions.close(cookie);
    }
    let forget = [(header::SET_COOKIE, console.set_cookie(""))];
    let Some(leaving) = posted.session.leaving else { return (forget, see("/")).into_response() };
    let body = html! {
        h1 { "Signed out" }
        div.card {
            p { "Your session here has ended. At the identity provider you are still signed in: whoever uses this browser next can come back without you." }
            div.row { a.button href=(leaving) { "Sign out there too" } a href="/" { "To the beginning" } }
        }
    };
    (forget, shell("Signed out", &html! {}, &body)).into_response()
}
