//! The policy: its text, what is hardly meant in it, and whether what stands in the file is in force.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::html;
use wardline::keys::hex;

use super::page::page;
use super::session::Session;
use super::{Console, ask};
use crate::Failure;

pub(super) async fn show(State(console): State<Arc<Console>>, session: Session) -> Result<Response, Failure> {
    let (text, wrong) = ask(Arc::clone(&console), |console| {
        let wrong = console.state.renew(&console.guard).err();
        let text = std::fs::read_to_string(console.state.path())?;
        Ok((text, wrong))
    })
    .await?;
    let policy = console.guard.policy();
    let body = html! {
        h1 { "Policy" }
        p.soft { (console.state.path().display().to_string()) ", in force here as " span.id { (hex(policy.digest())) } }
        @if let Some(wrong) = wrong {
            div.card {
                h2 { "What stands in the file is not in force" }
                p.said.no role="alert" { "The policy from before it was changed still holds." }
                @match &wrong {
                    Failure::Library(error) if !error.diagnostics().is_empty() => {
                        ul { @for found in error.diagnostics() { li { (found.to_string()) } } }
                    },
                    other => p { (other.sentence()) },
                }
            }
        }
        @if !policy.warnings().is_empty() {
            div.card {
                h2 { "Hardly meant" }
                ul { @for found in policy.warnings() { li { "line " (found.line) ": " (found.message) } } }
            }
        }
        h2 #text { "Text" }
        div.scroll role="region" aria-labelledby="text" tabindex="0" { pre { (text) } }
    };
    Ok(page(&session, "/policy", "Policy", &body).into_response())
}
