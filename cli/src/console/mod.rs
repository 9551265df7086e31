//! `wardline console`: the page on which people decide about held requests and see what the guard knows.
//!
//! Rendered here, without a script and without a build step; it works by keyboard alone. It decides nothing: who may vote, whose own request it
//! is and what a vote does are [`Guard`](wardline::guard::Guard)'s to say. Everybody who is signed in sees all of it; whoever can write the state
//! folder can make links, as they could vote by the command.

mod api;
mod approvals;
mod counts;
mod edges;
mod grants;
mod link;
mod live;
mod login;
mod oidc;
mod page;
mod policy;
mod records;
mod session;
mod sessions;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use wardline::audit::VerifyReport;
use wardline::clock::Timestamp;
use wardline::grant::{Answer, Approval};
use wardline::guard::Guard;
use wardline::identity::{ApiKeys, Identity};
use wardline::model::ApprovalId;

pub(crate) use oidc::Provider;
pub(crate) use session::{LINK, Links};

use crate::Failure;
use crate::commands::audit;
use crate::state::State;
use page::Refusal;
use session::Sessions;

/// The largest form or message that is read, in bytes.
const LARGEST: usize = 32 << 10;

/// What all pages work with.
pub(crate) struct Console {
    guard: Guard,
    state: State,
    folder: PathBuf,
    /// Scheme, host and port under which browsers reach it.
    origin: String,
    links: Links,
    sessions: Sessions,
    keys: ApiKeys,
    provider: Option<Provider>,
    /// What the newest verifying of the logs found, and when.
    verified: Mutex<Option<(Timestamp, VerifyReport)>>,
}

impl Console {
    /// The console of a policy's state, reached under `origin`. `keys` are those of programs that answer approvals.
    pub(crate) fn new(
        state: State,
        origin: String,
        keys: ApiKeys,
        provider: Option<Provider>,
    ) -> Result<Self, Failure> {
        let folder = audit::folder(&state)?;
        let guard = state.guard()?;
        guard.check()?;
        let links = Links::of(&folder);
        let (sessions, verified) = (Sessions::default(), Mutex::default());
        Ok(Self { guard, state, folder, origin, links, sessions, keys, provider, verified })
    }

    /// Reads the policy again; whether another one is in force now.
    pub(crate) async fn reload(self: Arc<Self>) -> Result<bool, Failure> {
        ask(self, |console| console.state.renew(&console.guard)).await
    }

    /// All that it answers to.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        let console = self;
        Router::new()
            .route("/", get(approvals::list))
            .route("/approvals/{id}", get(approvals::one).post(approvals::decide))
            .route("/approvals/{id}/comments", post(approvals::comment))
            .route("/approvals/{id}/cancel", post(approvals::cancel))
            .route("/grants", get(grants::list))
            .route("/grants/{id}/revoke", post(grants::revoke))
            .route("/live", get(live::list))
            .route("/edges", get(edges::show))
            .route("/records", get(records::search))
            .route("/records/verify", post(records::verify))
            .route("/records/{id}", get(records::one))
            .route("/sessions/{id}", get(sessions::one))
            .route("/policy", get(policy::show))
            .route("/login/{token}", get(login::look).post(login::enter))
            .route("/oidc", get(oidc::begin))
            .route("/oidc/callback", get(oidc::end))
            .route("/logout", post(login::leave))
            .route("/a/{token}", get(link::look).post(link::answer_by))
            .route("/api/approvals/{id}/{answer}", post(api::answer_by))
            .route("/metrics", get(counts::metrics))
            .route("/healthz", get(counts::health))
            .route("/style.css", get(style))
            .route("/icon.svg", get(icon))
            .fallback(|| async { Refusal(StatusCode::NOT_FOUND, "There is no such page.") })
            .layer(DefaultBodyLimit::max(LARGEST))
            .layer(from_fn_with_state(Arc::clone(&console), page::guarded))
            .with_state(console)
    }

    /// A person's answer, judged by the policy as it stands now. A denial says why.
    fn vote(
        &self,
        id: &ApprovalId,
        by: impl Into<Identity>,
        answer: Answer,
        reason: &str,
    ) -> Result<Approval, Failure> {
        self.state.renew(&self.guard)?;
        Ok(self.guard.vote(id, by, answer, said(answer, reason)?)?)
    }
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css"))
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("icon.svg"))
}

/// The reason of an answer, where there is one; a denial without one is refused.
fn said(answer: Answer, reason: &str) -> Result<Option<&str>, Failure> {
    let reason = Some(reason.trim()).filter(|text| !text.is_empty());
    match (answer, reason) {
        (Answer::Deny, None) => Err(Failure::Usage("A denial says why.".to_owned())),
        (Answer::BreakGlass, None) => Err(Failure::Usage("Whoever breaks the glass says why.".to_owned())),
        (_, reason) => Ok(reason),
    }
}

/// Which answer a button, or the end of an address, means.
fn answer(word: &str) -> Option<Answer> {
    match word {
        "approve" => Some(Answer::Approve),
        "deny" => Some(Answer::Deny),
        _ => None,
    }
}

/// Asks the store or the log, on a thread that may wait for them.
async fn ask<T: Send + 'static>(
    console: Arc<Console>,
    work: impl FnOnce(&Console) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(move || work(&console)).await;
    done.unwrap_or_else(|_| Err(Failure::Io(std::io::Error::other("the question was given up"))))
}
