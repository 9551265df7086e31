//! Grants: which live, and the button that ends one.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use wardline::clock::{Clock, SystemClock, Timestamp};
use wardline::grant::{Grant, GrantState};
use wardline::model::GrantId;

use super::page::{Said, csrf, page, see, time};
use super::session::{Posted, Session};
use super::{Console, ask};
use crate::Failure;

/// How many ended grants are listed.
const LISTED: usize = 50;

pub(super) async fn list(
    State(console): State<Arc<Console>>,
    session: Session,
    Query(said): Query<Said>,
) -> Result<Response, Failure> {
    let by = session.who.clone();
    let (grants, endable) = ask(console, move |console| {
        // A policy that cannot be read is told of by the page that shows it.
        let _ = console.state.renew(&console.guard);
        let grants = console.guard.grants()?;
        let mut endable = grants.clone();
        endable.retain(|grant| console.guard.may_end(grant, by.clone()));
        Ok((grants, endable))
    })
    .await?;
    let endable: HashSet<&GrantId> = endable.iter().map(|grant| &grant.id).collect();
    let now = SystemClock.now();
    let (live, ended): (Vec<&Grant>, Vec<&Grant>) = grants.iter().rev().partition(|grant| lives(grant, now));
    let body = html! {
        @if said.done.is_some() { p.said role="status" { "The grant is revoked, in every process within a second." } }
        h1 { "Grants" }
        p.soft { "Permission that ends. Grants are issued by " code { "wardline grant issue" } "." }
        @if live.is_empty() { div.card.empty { "No grant lives." } } @else { (table("Grants that live, newest first", &live, now, Some((&session, &endable)))) }
        @if !ended.is_empty() {
            h2 { "Ended" }
            (table("Grants that have ended, newest first", ended.get(..LISTED).unwrap_or(&ended), now, None))
        }
    };
    Ok(page(&session, "/grants", "Grants", &body).into_response())
}

/// Whether it permits something now or later.
pub(super) fn lives(grant: &Grant, now: Timestamp) -> bool {
    matches!(grant.state(now), GrantState::Active | GrantState::Scheduled | GrantState::Exhausted)
}

/// Ends a grant.
pub(super) async fn revoke(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let (by, reason) = (posted.session.who.clone(), posted.field("reason").to_owned());
    ask(console, move |console| {
        console.state.renew(&console.guard)?;
        Ok(console.guard.revoke_grant(&GrantId::from(id), by, &reason)?)
    })
    .await?;
    Ok(see("/grants?done=revoke"))
}

/// `ends` is who looks, and which of the grants they may end.
fn table(
    caption: &str,
    grants: &[&Grant],
    now: Timestamp,
    ends: Option<(&Session, &HashSet<&GrantId>)>,
) -> Markup {
    html! {
        div.scroll {
            table {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { "Who" } th scope="col" { "May" } th scope="col" { "State" } th scope="col" { "Left" }
                        th scope="col" { "Until" } th scope="col" { "Issued" }
                        @if ends.is_some() { th scope="col" { "End it" } }
                    }
                }
                tbody {
                    @for grant in grants {
                        tr {
                            th scope="row" { (list_of(&grant.scope.who)) div.id { (grant.id) } }
                            td {
                                (list_of(&grant.scope.operations)) " on " code { (list_of(&grant.scope.resources)) } " at " (list_of(&grant.scope.services))
                                @for window in &grant.when { div.soft { (window.to_string()) } }
                            }
                            td { (state(grant.state(now))) }
                            td { (left(grant)) }
                            td { (time(grant.until)) }
                            td {
                                "by " (grant.issued_by) ": " (grant.reason)
                                @if let Some(ticket) = &grant.ticket { div.soft { (ticket) } }
                                @if let Some(parent) = &grant.parent { div.soft { "handed on from " span.id { (parent) } } }
                                @if let Some(revoked) = &grant.revoked { div.soft { "revoked by " (revoked.by) ": " (revoked.reason) } }
                            }
                            @if let Some((session, endable)) = ends {
                                td { @if endable.contains(&grant.id) { (ending(grant, session)) } @else { span.soft { "not yours" } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn ending(grant: &Grant, session: &Session) -> Markup {
    let field = format!("reason-{}", grant.id);
    html! {
        details {
            summary { "Revoke" }
            form method="post" action={ "/grants/" (grant.id) "/revoke" } {
                (csrf(session))
                label for=(field) { "Reason" }
                input id=(field) name="reason" required maxlength="4000";
                div.row { button.no type="submit" { "Revoke now" } }
            }
        }
    }
}

fn state(state: GrantState) -> Markup {
    let (look, name) = match state {
        GrantState::Scheduled => ("wait", "scheduled"),
        GrantState::Active => ("yes", "active"),
        GrantState::Exhausted => ("wait", "exhausted"),
        GrantState::Expired => ("", "expired"),
        GrantState::Revoked => ("no", "revoked"),
        _ => ("", "unknown"),
    };
    html! { span class={ "tag " (look) } { (name) } }
}

fn left(grant: &Grant) -> String {
    let uses = grant.uses_left().map(|uses| format!("{uses} uses"));
    let quota = grant.quota.zip(grant.quota_left()).map(|((unit, _), left)| format!("{left} {unit}"));
    match (uses, quota) {
        (Some(uses), Some(quota)) => format!("{quota}, {uses}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "no limit but time".to_owned(),
    }
}

fn list_of<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
