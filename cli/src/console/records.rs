//! The log: a search, whether it verifies, and one record whole.

use std::sync::{Arc, PoisonError};

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use wardline::ErrorKind;
use wardline::audit::{Cursor, Entry, Filter, Index, Page, VerifyReport};
use wardline::clock::{Clock, SystemClock, Timestamp};
use wardline::model::{RecordId, Verdict};

use super::page::{csrf, page, see, time};
use super::session::{Posted, Session};
use super::{Console, ask};
use crate::Failure;
use crate::args::Wanted;
use crate::commands::audit::{filter, verified, what};

/// How many records are listed.
const LISTED: usize = 100;

/// The fields of the search, empty where nothing was said.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Search {
    identity: String,
    operation: String,
    resource: String,
    service: String,
    verdict: String,
    from: String,
    until: String,
    /// The cursor of the record before which the page ends.
    before: String,
}

/// A page of the records that fit, newest first, and what verifying the logs found when it was asked for last.
pub(super) async fn search(
    State(console): State<Arc<Console>>,
    session: Session,
    Query(search): Query<Search>,
) -> Result<Response, Failure> {
    let (wanted, before, by) = (search.wanted(), search.before.clone(), session.who.subject.clone());
    let answered = ask(console, move |console| {
        let wanted = filter(&wanted, &console.folder)?;
        let page = match before.as_str() {
            "" => Page::newest(LISTED),
            before => Page::before(before.parse()?, LISTED),
        };
        let asked = serde_json::to_string(&wanted).map_err(std::io::Error::from)?;
        console.guard.note_reading(&by, "queried", &asked)?;
        let found = Index::open(&console.folder)?.page(&wanted, &page)?;
        Ok((found, console.verified.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    })
    .await;
    let (found, report, wrong) = match answered {
        Ok((found, report)) => (Some(found), Some(report), None),
        // What was typed and cannot be looked for is said above the form that holds it.
        Err(failure) if failure.status().is_client_error() => (None, None, Some(failure.sentence())),
        Err(failure) => return Err(failure),
    };
    let body = html! {
        @if let Some(wrong) = &wrong { p.said.no role="alert" { (wrong) } }
        h1 { "Records" }
        @if let Some(report) = &report { (standing(report.as_ref(), &session)) }
        (form(&search))
        @if let Some(found) = &found {
            @if !found.unread.is_empty() {
                p.said.no role="alert" { (found.unread.len()) " entries cannot be read." }
            }
            @match found.entries.first() {
                Some(oldest) => {
                    (table(&found.entries))
                    @if found.more { (older(&search, &oldest.cursor())) }
                }
                None => { div.card.empty { "No record fits." } }
            }
        }
    };
    Ok(page(&session, "/records", "Records", &body).into_response())
}

/// Verifies every byte of the logs, which takes as long as there is much of them: so it is asked for.
pub(super) async fn verify(State(console): State<Arc<Console>>, posted: Posted) -> Result<Response, Failure> {
    let by = posted.session.who.subject.clone();
    ask(console, move |console| {
        console.guard.note_reading(&by, "verified", "all logs")?;
        let report = verified(&console.guard.policy(), &console.folder, Vec::new())?;
        let mut newest = console.verified.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = Some((SystemClock.now(), report));
        Ok(())
    })
    .await?;
    Ok(see("/records").into_response())
}

/// One record, with every field that it has.
pub(super) async fn one(
    State(console): State<Arc<Console>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let by = session.who.subject.clone();
    let entries = ask(console, move |console| {
        console.guard.note_reading(&by, "shown", &id)?;
        let wanted = Filter { id: Some(RecordId::from(id)), ..Filter::default() };
        Ok(Index::open(&console.folder)?.page(&wanted, &Page::newest(LISTED))?.entries)
    })
    .await?;
    if entries.is_empty() {
        return Err(wardline::Error::new(ErrorKind::NotFound, "there is no such record").into());
    }
    let texts = entries.iter().map(serde_json::to_string_pretty).collect::<Result<Vec<_>, _>>();
    let texts = texts.map_err(std::io::Error::from)?;
    let body = html! {
        h1 { "Record" }
        p.soft { "It holds no value of a request: findings are name, place, length and a keyed digest." }
        @if let Some(id) = session_of(&entries) { p { a href={ "/sessions/" (path(id)) } { "Its session, as it went" } } }
        @for text in &texts { div.scroll role="region" aria-label="The record" tabindex="0" { pre { (text) } } }
        p { a href="/records" { "To the search" } }
    };
    Ok(page(&session, "/records", "Record", &body).into_response())
}

fn session_of(entries: &[Entry]) -> Option<&str> {
    entries.first()?.record.session.as_ref().map(|id| id.as_str())
}

/// A text as one part of an address.
fn path(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Whether the logs are what they were, and the button that asks.
fn standing(report: Option<&(Timestamp, VerifyReport)>, session: &Session) -> Markup {
    html! {
        @match report {
            Some((at, report)) => (verdict(*at, report)),
            None => p.said role="status" { "The logs were not verified since the console was started." },
        }
        form method="post" action="/records/verify" {
            (csrf(session))
            div.row { button type="submit" { "Verify the logs now" } }
        }
    }
}

fn verdict(at: Timestamp, report: &VerifyReport) -> Markup {
    let entries: u64 = report.logs.iter().map(|log| log.size).sum();
    let signed: u64 = report.logs.iter().map(|log| log.signed).sum();
    html! {
        @if report.is_sound() {
            p.said role="status" {
                "Verified at " (time(at)) ": " (report.logs.len()) " logs, " (entries) " entries, " (signed) " of them signed; all sound."
            }
        } @else {
            div.said.no role="alert" {
                "The log is not what it was, verified at " (time(at)) "."
                ul {
                    @for log in &report.logs {
                        @if let Some(fault) = &log.fault {
                            li { (log.slot) ": " (fault.what) @if let Some(index) = fault.index { " (entry " (index) ")" } }
                        }
                    }
                }
            }
        }
    }
}

fn form(search: &Search) -> Markup {
    let field = |name: &str, label: &str, hint: &str, value: &str| {
        html! {
            div {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(value) placeholder=(hint) autocomplete="off";
            }
        }
    };
    html! {
        div.card {
            form method="get" action="/records" role="search" {
                div.fields {
                    (field("identity", "Who", "ana, svc-*", &search.identity))
                    (field("operation", "Operation", "vector.*", &search.operation))
                    (field("resource", "Resource", "docs", &search.resource))
                    (field("service", "Service", "vectors", &search.service))
                    div {
                        label for="verdict" { "Verdict" }
                        select #verdict name="verdict" {
                            option value="" { "any" }
                            @for verdict in [Verdict::Allow, Verdict::Hold, Verdict::Deny] {
                                option value=(verdict.name()) selected[verdict.name() == search.verdict] { (verdict.name()) }
                            }
                        }
                    }
                    div { label for="from" { "Not before (UTC)" } input #from type="datetime-local" name="from" value=(search.from); }
                    div { label for="until" { "Before (UTC)" } input #until type="datetime-local" name="until" value=(search.until); }
                }
                div.row { button type="submit" { "Search" } a href="/records" { "Clear" } }
            }
        }
    }
}

/// The way to the records before these, under the same search.
fn older(search: &Search, oldest: &Cursor) -> Markup {
    html! {
        form method="get" action="/records" {
            @for (name, value) in search.fields() {
                @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
            }
            input type="hidden" name="before" value=(oldest);
            div.row { button type="submit" { "Older records" } }
        }
    }
}

fn table(entries: &[Entry]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { (entries.len()) " records that fit, last first" }
                thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "Service" } th scope="col" { "What" } th scope="col" { "Came of it" } } }
                tbody {
                    @for entry in entries.iter().rev() {
                        @let record = &entry.record;
                        tr {
                            td { a href={ "/records/" (record.id) } { (time(record.at)) } }
                            th scope="row" { (record.identity.as_ref().map_or("–", |identity| identity.subject.as_str())) }
                            td { (&*record.service) }
                            td { @for act in &record.acts { div { (act.operation) " on " code { (act.resource) } ", " (act.magnitude.to_string()) } } }
                            td { (what(entry)) @if let Some(because) = &record.because { div.soft { (&**because) } } }
                        }
                    }
                }
            }
        }
    }
}

impl Search {
    fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("identity", &self.identity),
            ("operation", &self.operation),
            ("resource", &self.resource),
            ("service", &self.service),
            ("verdict", &self.verdict),
            ("from", &self.from),
            ("until", &self.until),
        ]
    }

    /// The same as the command takes it.
    fn wanted(&self) -> Wanted {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        // A browser sends day and time without a zone; what else was written is taken as it is.
        let moment = |typed: &str| {
            text(typed).map(|typed| match typed.len() {
                16 => format!("{typed}:00Z"),
                19 => format!("{typed}Z"),
                _ => typed,
            })
        };
        Wanted {
            identity: text(&self.identity),
            operation: text(&self.operation),
            resource: text(&self.resource),
            service: text(&self.service),
            verdict: text(&self.verdict),
            from: moment(&self.from),
            until: moment(&self.until),
            ..Wanted::default()
        }
    }
}
