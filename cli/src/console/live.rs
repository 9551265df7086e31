//! What runs now in all processes of the state folder, oldest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use wardline::audit::{self, Entry};

use super::page::{page, risk, time};
use super::session::Session;
use super::{Console, ask};
use crate::Failure;

/// How many are listed.
const LISTED: usize = 200;

pub(super) async fn list(State(console): State<Arc<Console>>, session: Session) -> Result<Response, Failure> {
    let running = ask(console, |console| Ok(audit::running(&console.folder)?)).await?;
    let body = html! {
        h1 { "Live" }
        p.soft { "Exchanges that have begun and not ended, in all processes on this state. Known before it ends is what the policy has on disk before it is forwarded (" code { "durable_from" } "); revoking its grant cuts it within a second." }
        @if running.is_empty() {
            div.card.empty { "Nothing runs that is known before it ends." }
        } @else {
            (table(running.get(..LISTED).unwrap_or(&running), running.len()))
        }
    };
    Ok(page(&session, "/live", "Live", &body).into_response())
}

fn table(running: &[Entry], all: usize) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "The oldest " (running.len()) " of " (all) " that run" }
                thead {
                    tr {
                        th scope="col" { "Since" } th scope="col" { "Who" } th scope="col" { "Service" } th scope="col" { "What" }
                        th scope="col" { "Risk" } th scope="col" { "By" }
                    }
                }
                tbody {
                    @for Entry { record, .. } in running {
                        tr {
                            td { a href={ "/records/" (record.id) } { (time(record.at)) } }
                            th scope="row" {
                                @if let Some(identity) = &record.identity {
                                    (identity.subject)
                                    @for hop in &identity.hops { div.soft { "through " (hop.workload) } }
                                }
                            }
                            td { (&*record.service) }
                            td { @for act in &record.acts { div { (act.operation) " on " code { (act.resource) } ", " (act.magnitude.to_string()) } } }
                            td { @if let Some(weighed) = &record.risk { (risk(weighed.total)) } }
                            td {
                                @match (&record.grant, &record.approval) {
                                    (Some(grant), _) => span.id { (grant) },
                                    (None, Some(approval)) => a href={ "/approvals/" (approval) } { span.id { (approval) } },
                                    (None, None) => { @for matched in &record.rules { div { (&*matched.rule) } } },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
