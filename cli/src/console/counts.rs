//! What a monitor asks: whether the store and the log are there, and how much waits and lives. Never who or what.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use wardline::clock::{Clock, SystemClock};
use wardline::grant::ApprovalState;

use super::grants::lives;
use super::{Console, ask};
use crate::Failure;

/// Counts of the store in the text format of OpenMetrics 1.0. What exchanges do is counted by the processes that carry them.
pub(super) async fn metrics(State(console): State<Arc<Console>>) -> Result<Response, Failure> {
    let (approvals, grants) =
        ask(console, |console| Ok((console.guard.approvals(None)?, console.guard.grants()?))).await?;
    let now = SystemClock.now();
    let mut text = String::from(
        "# TYPE wardline_approvals gauge\n# HELP wardline_approvals Approvals in the store by state.\n",
    );
    let states = [
        ApprovalState::Pending,
        ApprovalState::Approved,
        ApprovalState::Denied,
        ApprovalState::Expired,
        ApprovalState::Used,
        ApprovalState::Cancelled,
    ];
    for state in states {
        let count = approvals.iter().filter(|approval| approval.state(now) == state).count();
        let _ = writeln!(text, "wardline_approvals{{state=\"{state}\"}} {count}");
    }
    let live = grants.iter().filter(|grant| lives(grant, now)).count();
    let _ = write!(
        text,
        "# TYPE wardline_grants_live gauge\n# HELP wardline_grants_live Grants that have not ended.\nwardline_grants_live {live}\n# EOF\n"
    );
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Whether the store answers.
pub(super) async fn health(State(console): State<Arc<Console>>) -> (StatusCode, &'static str) {
    match ask(console, |console| Ok(console.guard.revision()?)).await {
        Ok(_) => (StatusCode::OK, "ok\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}
