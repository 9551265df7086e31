//! Who does what at which service: a picture, and the same as a table for who reads rather than looks.
//!
//! The picture is drawn here and has no script: callers on the left, operations of each service on the right, a line for each edge, the
//! wider the more often it was gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use wardline::model::Operation;

use super::page::{page, time};
use super::session::Session;
use super::{Console, ask};
use crate::Failure;
use crate::commands::edges::{Row, rows};

/// How many edges are drawn and listed: more is no picture.
const SHOWN: usize = 200;
/// Of the picture, in its own units: the height of a line of text, the places of the two columns, the width of all.
const LINE: usize = 22;
const LEFT: usize = 300;
const RIGHT: usize = 640;
const WIDTH: usize = 960;
/// Longer names are cut in the picture; the table has them whole.
const NAME: usize = 38;

pub(super) async fn show(State(console): State<Arc<Console>>, session: Session) -> Result<Response, Failure> {
    let profiles = ask(console, |console| Ok(console.guard.edges()?)).await?;
    let mut all = rows(&profiles);
    all.sort_by_key(|row| std::cmp::Reverse(row.last));
    let shown = all.get(..SHOWN).unwrap_or(&all);
    let body = html! {
        h1 { "Edges" }
        p.soft { "What each caller did at which service, as far as a policy on this state watches (" code { "watch" } ")." }
        @if shown.is_empty() {
            div.card.empty { "Nothing was learnt yet." }
        } @else {
            @if shown.len() < all.len() { p.said.wait role="status" { "The " (shown.len()) " newest of " (all.len()) " edges; " code { "wardline edges" } " tells all." } }
            div.card.scroll role="region" aria-label="Picture of the edges" tabindex="0" { (picture(shown)) }
            (table(shown))
        }
    };
    Ok(page(&session, "/edges", "Edges", &body).into_response())
}

/// Where each name stands.
struct Places<'a> {
    callers: BTreeMap<(&'a str, Option<&'a str>), usize>,
    services: BTreeMap<&'a str, usize>,
    operations: BTreeMap<(&'a str, Operation), usize>,
    height: usize,
}

impl<'a> Places<'a> {
    fn of(rows: &[Row<'a>]) -> Self {
        let (mut callers, mut operations) = (BTreeMap::new(), BTreeMap::new());
        for row in rows {
            callers.insert((row.subject, row.issuer), 0);
            operations.insert((row.service, row.operation), 0);
        }
        let mut left = LINE;
        for place in callers.values_mut() {
            *place = left;
            left += LINE;
        }
        let (mut services, mut right) = (BTreeMap::new(), 0);
        for ((service, _), place) in &mut operations {
            services.entry(*service).or_insert_with(|| {
                right += LINE;
                right
            });
            right += LINE;
            *place = right;
        }
        Self { callers, services, operations, height: left.max(right + LINE) + LINE / 2 }
    }
}

fn picture(rows: &[Row<'_>]) -> Markup {
    let places = Places::of(rows);
    let middle = |y: usize| y.saturating_sub(LINE / 4);
    html! {
        svg.edges xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (places.height) } width=(WIDTH) height=(places.height)
            role="img" aria-labelledby="edges-title edges-said" {
            title #edges-title { "Who does what at which service" }
            desc #edges-said {
                (places.callers.len()) " callers, " (places.operations.len()) " operations at " (places.services.len()) " services, "
                (rows.len()) " edges; the table below tells each."
            }
            @for row in rows {
                @let from = middle(places.callers.get(&(row.subject, row.issuer)).copied().unwrap_or_default());
                @let to = middle(places.operations.get(&(row.service, row.operation)).copied().unwrap_or_default());
                path.line d={ "M" (LEFT + 8) " " (from) " C" ((LEFT + RIGHT) / 2) " " (from) " " ((LEFT + RIGHT) / 2) " " (to) " " (RIGHT - 8) " " (to) }
                    stroke-width=(width(row.count)) {
                    title { (row.subject) " did " (row.operation) " at " (row.service) ", " (row.count) " times" }
                }
            }
            @for ((subject, _), y) in &places.callers { text x=(LEFT) y=(y) text-anchor="end" { (short(subject)) } }
            @for (service, y) in &places.services { text.service x=(RIGHT) y=(y) { (short(service)) } }
            @for ((_, operation), y) in &places.operations { text x=(RIGHT + 12) y=(y) { (operation) } }
        }
    }
}

/// Ten times as often is one wider.
fn width(count: u64) -> u32 {
    1 + count.max(1).ilog10()
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['\u{2026}']).collect()
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "The same as a table, what was done last first" }
                thead {
                    tr {
                        th scope="col" { "Who" } th scope="col" { "Service" } th scope="col" { "Operation" } th scope="col" { "How often" }
                        th scope="col" { "First" } th scope="col" { "Last" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (row.subject) @if let Some(issuer) = row.issuer { div.soft { "of " (issuer) } } }
                            td { (row.service) } td { (row.operation) } td { (row.count) } td { (time(row.first)) } td { (time(row.last)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline::clock::Timestamp;

    #[test]
    fn no_two_names_stand_in_one_place_and_hostile_ones_stay_text() {
        let at = Timestamp::from_millis(0);
        let row = |subject, service, operation, count| Row {
            subject,
            issuer: None,
            service,
            operation,
            count,
            first: at,
            last: at,
        };
        let long = "x".repeat(100);
        let rows = [
            row("ana", "vectors", Operation::VectorSearch, 1),
            row("ana", "vectors", Operation::VectorExport, 1_000),
            row("</svg><script>", "models", Operation::ModelList, 99),
            row(&long, "models", Operation::ModelList, 100),
        ];
        let places = Places::of(&rows);
        let mut left: Vec<_> = places.callers.values().collect();
        let mut right: Vec<_> = places.operations.values().chain(places.services.values()).collect();
        let (callers, others) = (left.len(), right.len());
        left.dedup();
        right.sort_unstable();
        right.dedup();
        assert_eq!((left.len(), right.len()), (callers, others));
        assert!(right.iter().chain(&left).all(|y| **y < places.height));
        let drawn = picture(&rows).into_string();
        assert_eq!(drawn.matches("<path").count(), rows.len());
        assert!(!drawn.contains("<script") && drawn.matches("</svg>").count() == 1, "{drawn}");
        assert!(drawn.contains("stroke-width=\"4\"") && drawn.contains('\u{2026}'), "{drawn}");
    }
}
