//! A session as it went: its exchanges, with what was kept of their bodies, and the steps of the approvals and grants that they went through.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use maud::html;
use wardline::ErrorKind;

use super::page::page;
use super::session::Session;
use super::{Console, ask};
use crate::Failure;
use crate::commands::audit::session::{Bodies, callers, gather, heading, told};

pub(super) async fn one(
    State(console): State<Arc<Console>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (by, asked) = (session.who.subject.clone(), id.clone());
    let (story, unread, kept) = ask(console, move |console| {
        console.guard.note_reading(&by, "session", &asked)?;
        let (story, unread) = gather(&console.folder, &asked)?;
        let bodies = |entry| Bodies::of(&console.folder, entry).lines(entry);
        let kept: Vec<Vec<String>> = story.iter().map(bodies).collect();
        Ok::<_, Failure>((story, unread, kept))
    })
    .await?;
    let Some(begun) = story.first().map(|entry| entry.record.at) else {
        return Err(wardline::Error::new(ErrorKind::NotFound, "there is no session of that id").into());
    };
    let several = callers(&story).len() > 1;
    let body = html! {
        h1 { "Session" }
        p { (heading(&id, &story)) }
        @if !unread.is_empty() { p.said.no role="alert" { (unread.len()) " entries cannot be read." } }
        div.scroll {
            table {
                caption { "What happened, first to last" }
                thead { tr { th scope="col" { "After" } th scope="col" { "What" } } }
                tbody {
                    @for (entry, kept) in story.iter().zip(&kept) {
                        tr {
                            th scope="row" { (format!("{:.3} s", entry.record.at.since(begun).as_secs_f64())) }
                            td {
                                @if entry.record.change.is_none() {
                                    a href={ "/records/" (entry.record.id) } { (told(entry, several)) }
                                } @else { (told(entry, several)) }
                                @for line in kept { br; code { (line) } }
                            }
                        }
                    }
                }
            }
        }
        p { a href="/records" { "To the search" } }
    };
    Ok(page(&session, "/records", "Session", &body).into_response())
}
