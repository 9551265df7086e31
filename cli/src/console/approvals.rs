//! Held requests: what waits, what was decided, and one of them with what a person decides by.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use wardline::ErrorKind;
use wardline::clock::{Clock, SystemClock, Timestamp};
use wardline::grant::{Answer, Approval, ApprovalRefusal, ApprovalState, Terms, Until};
use wardline::identity::{Claim, Identity};
use wardline::model::ApprovalId;

use super::page::{Said, csrf, page, risk, see, state, time};
use super::session::{Posted, Session};
use super::{Console, answer, ask};
use crate::{Failure, words};

/// How many decided requests are listed.
const LISTED: usize = 50;

/// The answer by which somebody who is signed in breaks the glass; links and programs do not.
const BREAK: &str = "break";

/// What waits, and what was decided.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    session: Session,
    Query(said): Query<Said>,
) -> Result<Response, Failure> {
    let by = session.who.clone();
    let (pending, all) = ask(console, move |console| {
        // A policy that cannot be read is told of by the page that shows it; what waits is listed by the one in force.
        let _ = console.state.renew(&console.guard);
        Ok((console.guard.pending_for(by)?, console.guard.approvals(None)?))
    })
    .await?;
    let now = SystemClock.now();
    let decided: Vec<&Approval> =
        all.iter().rev().filter(|one| one.state(now) != ApprovalState::Pending).take(LISTED).collect();
    let body = html! {
        @match said.done.as_deref() {
            Some("approve") => p.said role="status" { "Your approval is recorded." },
            Some("deny") => p.said role="status" { "Your denial is recorded." },
            Some("cancel") => p.said role="status" { "Your request is taken back." },
            Some(BREAK) => p.said role="status" { "You broke the glass. It is marked in the record and told." },
            _ => {}
        }
        h1 { "Approvals" }
        @if pending.is_empty() {
            p.soft { "Nothing waits for a decision." }
        } @else {
            p.soft { (pending.len()) @if pending.len() == 1 { " request waits" } @else { " requests wait" } " for a decision." }
        }
        @for (approval, refusal) in &pending { (card(approval, *refusal)) }
        @if !decided.is_empty() {
            h2 { "Decided" }
            (table("The newest decisions, last first", &decided, now))
        }
    };
    Ok(page(&session, "/", "Approvals", &body).into_response())
}

/// One request that waits.
fn card(approval: &Approval, refusal: Option<ApprovalRefusal>) -> Markup {
    let address = format!("/approvals/{}", approval.id);
    html! {
        article.card {
            h2 { a href=(address) { (asks(approval)) } }
            dl {
                dt { "What" }
                dd { ul { @for what in approval.what() { li { (what) } } } }
                @if let Some(terms) = &approval.wants { dt { "Because" } dd { (terms.reason) } }
                dt { "Takes" }
                dd { (words::steps(approval)) @if !approval.votes.is_empty() { "; " (words::votes(approval)) } }
                dt { "Open until" }
                dd { (time(approval.pending_until)) }
            }
            div.row {
                @match refusal {
                    None => a.button href=(address) { "Decide" },
                    Some(refusal) => { a href=(address) { "Look" } span.soft { "Not for you: " (refusal.to_string()) "." } },
                }
            }
        }
    }
}

/// Requests in rows.
fn table(caption: &str, approvals: &[&Approval], now: Timestamp) -> Markup {
    html! {
        div.scroll {
            table {
                caption { (caption) }
                thead { tr { th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Votes" } th scope="col" { "Asked" } } }
                tbody {
                    @for approval in approvals {
                        tr {
                            th scope="row" { a href={ "/approvals/" (approval.id) } { (approval.identity.subject) } }
                            td { @for what in approval.what() { div { (what) } } }
                            td { (state(approval.state(now))) }
                            td { (words::votes(approval)) }
                            td { (time(approval.opened_at)) }
                        }
                    }
                }
            }
        }
    }
}

/// One request.
pub(super) async fn one(
    State(console): State<Arc<Console>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    show(console, session, &id, None).await
}

/// What somebody decided. What is refused is said on the same page.
pub(super) async fn decide(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let word = posted.field("answer").to_owned();
    let answer = if word == BREAK { Some(Answer::BreakGlass) } else { answer(&word) };
    let Some(answer) = answer else {
        return Err(Failure::Usage("Expected approve or deny.".to_owned()));
    };
    let reason = posted.field("reason").to_owned();
    step(console, posted, &id, &format!("/?done={word}"), move |console, id, by| {
        console.vote(id, by, answer, &reason)
    })
    .await
}

/// What somebody says about a request, beside the votes.
pub(super) async fn comment(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let text = posted.field("text").to_owned();
    step(console, posted, &id, &format!("/approvals/{id}"), move |console, id, by| {
        Ok(console.guard.comment(id, by, &text)?)
    })
    .await
}

/// Who asked takes it back.
pub(super) async fn cancel(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Failure> {
    let reason = posted.field("reason").to_owned();
    step(console, posted, &id, "/?done=cancel", move |console, id, by| {
        Ok(console.guard.cancel(id, by, &reason)?)
    })
    .await
}

/// One step of whoever is signed in on a request, and the page that follows; what is refused is said on the page of the request.
async fn step(
    console: Arc<Console>,
    posted: Posted,
    id: &str,
    next: &str,
    take: impl FnOnce(&Console, &ApprovalId, Identity) -> Result<Approval, Failure> + Send + 'static,
) -> Result<Response, Failure> {
    let (by, wanted) = (posted.session.who.clone(), ApprovalId::from(id));
    match ask(Arc::clone(&console), move |console| take(console, &wanted, by)).await {
        Ok(_) => Ok(see(next)),
        Err(failure) => refused(console, posted.session, id, &failure).await,
    }
}

/// The page of a request with what is wrong.
async fn refused(
    console: Arc<Console>,
    session: Session,
    id: &str,
    failure: &Failure,
) -> Result<Response, Failure> {
    let shown = show(console, session, id, Some(failure.sentence())).await?;
    Ok((failure.status(), shown).into_response())
}

async fn show(
    console: Arc<Console>,
    session: Session,
    id: &str,
    wrong: Option<String>,
) -> Result<Response, Failure> {
    let (by, wanted) = (session.who.clone(), ApprovalId::from(id));
    let (approval, refusal, breaks, comments, cancels, alike) = ask(console, move |console| {
        let all = console.guard.approvals(None)?;
        let gone = || wardline::Error::new(ErrorKind::NotFound, "there is no such approval");
        let approval = all.iter().find(|one| one.id == wanted).cloned().ok_or_else(gone)?;
        let pending = console.guard.pending_for(by.clone())?;
        let refusal = pending.into_iter().find(|(one, _)| one.id == wanted).map(|(_, refusal)| refusal);
        let alike: Vec<Approval> = words::alike(&approval, &all).into_iter().take(LISTED).cloned().collect();
        let breaks = refusal.is_some() && console.guard.may_break_glass(&approval, by.clone())?;
        let comments = console.guard.may_comment(&approval, by.clone())?;
        let cancels = console.guard.may_cancel(&approval, by)?;
        Ok((approval, refusal, breaks, comments, cancels, alike))
    })
    .await?;
    let now = SystemClock.now();
    let body = html! {
        @if let Some(wrong) = &wrong { p.said.no role="alert" { (wrong) } }
        h1 { (asks(&approval)) }
        p { (state(approval.state(now))) " " span.id { (approval.id) } }
        (facts(&approval))
        @match refusal {
            Some(None) => {
                div.card {
                    h2 { "Your decision" }
                    form method="post" action={ "/approvals/" (approval.id) } { (csrf(&session)) (choice(&approval)) }
                }
            },
            Some(Some(refusal)) => p.said.wait { "Not for you: " (refusal.to_string()) "." },
            None => {
                @if approval.state(now) == ApprovalState::Approved {
                    div.card {
                        h2 { "Stop it" }
                        p { "It is approved and not used yet. A denial still ends it." }
                        form method="post" action={ "/approvals/" (approval.id) } { (csrf(&session)) (reason(true)) div.row { (deny()) } }
                    }
                }
            },
        }
        @if breaks { (break_glass(&approval, &session)) }
        (said_about(&approval, comments, &session))
        @if cancels { (take_back(&approval, &session)) }
        @if !alike.is_empty() {
            h2 { "The like of it before" }
            (table("Requests of the same caller that do the same, last first", &alike.iter().collect::<Vec<_>>(), now))
        }
    };
    Ok(page(&session, "/", "Approval", &body).into_response())
}

/// What a person decides by.
pub(super) fn facts(approval: &Approval) -> Markup {
    let identity = &approval.identity;
    html! {
        div.card {
            h2 { "The request" }
            dl {
                dt { "Who" }
                dd {
                    (identity.subject)
                    @if !identity.groups.is_empty() { span.soft { " of " (identity.groups.join(", ")) } }
                    @if let Some(issuer) = &identity.issuer { span.soft { ", known by " (issuer) } }
                }
                @if !identity.hops.is_empty() {
                    dt { "Through" }
                    dd { ul { @for hop in &identity.hops { li { (words::hop(hop)) } } } }
                }
                @for (name, value) in &identity.claims { dt { (name) } dd { (said(value)) } }
                @if let Some(by) = words::held(approval) { dt { "Held by" } dd { (by) } }
                dt { "Takes" }
                dd { (words::steps(approval)) @if approval.reason_required { "; each says why" } }
                dt { "Votes" }
                dd {
                    @if approval.votes.is_empty() { "none" }
                    ul { @for vote in &approval.votes { li { (words::vote(vote)) ", " (time(vote.at)) } } }
                }
                dt { "Asked" }
                dd { (time(approval.opened_at)) }
                dt { "Open until" }
                dd { (time(approval.pending_until)) }
            }
        }
        @if !approval.acts.is_empty() { (acts(approval)) }
        @if let Some(terms) = &approval.wants { (wanted(terms)) }
    }
}

/// What was said about a request, and where somebody who may says more.
fn said_about(approval: &Approval, may: bool, session: &Session) -> Markup {
    html! {
        @if may || !approval.comments.is_empty() {
            div.card {
                h2 { "Comments" }
                @if !approval.comments.is_empty() {
                    ul { @for one in &approval.comments { li { (one.by) ", " (time(one.at)) ": " (one.text) } } }
                }
                @if may {
                    form method="post" action={ "/approvals/" (approval.id) "/comments" } {
                        (csrf(session))
                        label for="comment" { "Ask, or answer; it decides nothing" }
                        textarea #comment name="text" maxlength="4000" required {}
                        div.row { button type="submit" { "Comment" } }
                    }
                }
            }
        }
    }
}

/// For who asked.
fn take_back(approval: &Approval, session: &Session) -> Markup {
    html! {
        details.card {
            summary { "Take it back" }
            p { "It is your own request: nobody has to decide about it any more, and it does not go on." }
            form method="post" action={ "/approvals/" (approval.id) "/cancel" } {
                (csrf(session))
                label for="taken-back" { "Reason (if you like)" }
                textarea #taken-back name="reason" maxlength="4000" {}
                div.row { button.no type="submit" { "Take it back" } }
            }
        }
    }
}

/// What a claim says.
fn said(claim: &Claim) -> String {
    let more = claim.says_more().then(|| "and what is no plain value".to_owned());
    claim.values().iter().cloned().chain(more).collect::<Vec<_>>().join(", ")
}

/// Who asks whom, or for what.
pub(super) fn asks(approval: &Approval) -> String {
    let who = &approval.identity.subject;
    match approval.wants {
        Some(_) => format!("{who} asks for a grant"),
        None => format!("{who} asks {}", approval.service),
    }
}

/// What a held request does.
fn acts(approval: &Approval) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "What it does: exactly this request, once" }
                thead { tr { th scope="col" { "Operation" } th scope="col" { "On" } th scope="col" { "How much" } th scope="col" { "Risk" } } }
                tbody {
                    @for act in &approval.acts {
                        tr { th scope="row" { (act.operation) } td { code { (act.resource) } } td { (act.magnitude.to_string()) } td { (risk(act.risk)) } }
                    }
                }
            }
        }
    }
}

/// The grant that is asked for.
fn wanted(terms: &Terms) -> Markup {
    let list = |texts: Vec<String>| texts.join(", ");
    html! {
        div.card {
            h2 { "The grant that is asked for" }
            dl {
                dt { "For" }
                dd { (list(terms.scope.who.iter().map(ToString::to_string).collect())) }
                dt { "May" }
                dd {
                    (list(terms.scope.operations.iter().map(ToString::to_string).collect()))
                    " on " code { (list(terms.scope.resources.iter().map(ToString::to_string).collect())) }
                    " at " (list(terms.scope.services.iter().map(ToString::to_string).collect()))
                }
                dt { "Lasts" }
                dd {
                    @match terms.until { Until::At(end) => { "until " (time(end)) }, Until::Lasting(length) => { (length.as_secs() / 60) " minutes from the deciding vote" } }
                    @for window in &terms.when { ", on " (window.to_string()) }
                }
                @if let Some(uses) = terms.uses { dt { "Uses" } dd { (uses) } }
                @if let Some((unit, most)) = terms.quota { dt { "At most" } dd { (most) " " (unit.to_string()) } }
                @if let Some(ticket) = &terms.ticket { dt { "Ticket" } dd { (ticket) } }
                dt { "Because" }
                dd { (terms.reason) }
            }
        }
    }
}

/// The fields of a decision.
pub(super) fn choice(approval: &Approval) -> Markup {
    html! {
        (reason(approval.reason_required))
        div.row {
            button type="submit" name="answer" value="approve" { "Approve" }
            (deny())
        }
    }
}

/// For who may go on without the others. A field of its own, so that nobody breaks the glass with the reason of an approval.
fn break_glass(approval: &Approval, session: &Session) -> Markup {
    html! {
        details.card {
            summary { "Break the glass" }
            p { "In an emergency it goes on by your word alone. It is marked in the record, and everybody is told whom the policy names." }
            form method="post" action={ "/approvals/" (approval.id) } {
                (csrf(session))
                label for="emergency" { "What the emergency is" }
                textarea #emergency name="reason" maxlength="4000" required {}
                div.row { button.no type="submit" name="answer" value=(BREAK) { "Break the glass" } }
            }
        }
    }
}

fn reason(required: bool) -> Markup {
    html! {
        label for="reason" { "Reason" @if !required { " (a denial needs one)" } }
        textarea #reason name="reason" maxlength="4000" required[required] {}
    }
}

fn deny() -> Markup {
    html! { button.no type="submit" name="answer" value="deny" { "Deny" } }
}
