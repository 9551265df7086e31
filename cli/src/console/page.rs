//! What all pages share: the shell, the headers, and how what went wrong is said.
//!
//! Every value goes through maud, which escapes it; nothing here is ever made from text that is taken for markup.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use wardline::ErrorKind;
use wardline::clock::Timestamp;
use wardline::grant::ApprovalState;
use wardline::model::Risk;

use super::Console;
use super::session::Session;
use crate::Failure;

/// What a page says first, after a form.
#[derive(Deserialize)]
pub(super) struct Said {
    pub(super) done: Option<String>,
}

/// What a browser may do with our pages: show them, with our style, and send forms back to us.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cache-control", "no-store"),
];

const PAGES: [(&str, &str); 6] = [
    ("/", "Approvals"),
    ("/grants", "Grants"),
    ("/live", "Live"),
    ("/records", "Records"),
    ("/edges", "Edges"),
    ("/policy", "Policy"),
];

/// A whole page for somebody who is signed in. `at` is the address of the page's place in the navigation.
pub(super) fn page(session: &Session, at: &str, title: &str, body: &Markup) -> Html<String> {
    let navigation = html! {
        nav aria-label="Pages" {
            ul {
                @for (address, name) in PAGES {
                    li { a href=(address) aria-current=[(address == at).then_some("page")] { (name) } }
                }
            }
        }
        div.me {
            span { (session.who.subject) }
            form method="post" action="/logout" {
                (csrf(session))
                button.plain type="submit" { "Sign out" }
            }
        }
    };
    shell(title, &navigation, body)
}

/// A whole page for anybody.
pub(super) fn shell(title: &str, navigation: &Markup, body: &Markup) -> Html<String> {
    Html(
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " – Wardline" }
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header { div { a.name href="/" { "Wardline" } (navigation) } }
                    main #main tabindex="-1" { (body) }
                    footer { "Times are in UTC. The page shows what stood when it was loaded." }
                }
            }
        }
        .into_string(),
    )
}

/// The hidden field that shows that a form is of this session.
pub(super) fn csrf(session: &Session) -> Markup {
    html! { input type="hidden" name="csrf" value=(session.csrf); }
}

/// A moment, as machines and as people read it.
pub(super) fn time(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let shown = exact.split(['.', 'Z']).next().unwrap_or(&exact).replace('T', " ");
    html! { time datetime=(exact) { (shown) } }
}

/// A risk, as a bar and a number.
pub(super) fn risk(risk: Risk) -> Markup {
    let value = risk.value();
    html! { meter min="0" max="100" low="40" high="70" optimum="0" value=(value) { (value) } (value) }
}

/// Where an approval stands.
pub(super) fn state(state: ApprovalState) -> Markup {
    let look = match state {
        ApprovalState::Approved | ApprovalState::Used => "yes",
        ApprovalState::Denied => "no",
        ApprovalState::Pending => "wait",
        _ => "",
    };
    html! { span class={ "tag " (look) } { (state.name()) } }
}

/// The page for who is not signed in.
pub(super) fn signed_out(elsewhere: bool) -> impl IntoResponse {
    let body = html! {
        h1 { "Sign in" }
        @if elsewhere { div.row { a.button href="/oidc" { "Sign in at the identity provider" } } }
        p { "The console is opened by a link that serves once. Whoever runs it prints one:" }
        div.card { pre { "wardline console login --policy wardline.yaml --as NAME" } }
    };
    (StatusCode::UNAUTHORIZED, shell("Sign in", &html! {}, &body))
}

/// Why a page is not shown, in a sentence of ours.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = html! {
            h1 { "That did not work" }
            p.said.no role="alert" { (self.1) }
            p { a href="/" { "To the approvals" } }
        };
        (self.0, shell("That did not work", &html! {}, &body)).into_response()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = html! {
            h1 { "That did not work" }
            p.said.no role="alert" { (self.sentence()) }
            p { a href="/" { "To the approvals" } }
        };
        (self.status(), shell("That did not work", &html! {}, &body)).into_response()
    }
}

impl Failure {
    /// What is said of it.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Library(error) => format!("{error} [{}]", error.code()),
            Self::Usage(message) => message.clone(),
            Self::Io(_) => "reading or writing failed".to_owned(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Library(error) => match error.kind() {
                ErrorKind::Input => StatusCode::UNPROCESSABLE_ENTITY,
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Conflict => StatusCode::CONFLICT,
                ErrorKind::NotEligible => StatusCode::FORBIDDEN,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::Usage(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Io(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// After a form was carried out: the page that shows it. A browser that goes back sends nothing again.
pub(super) fn see(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// Puts the headers on whatever is answered, and answers only who asked for this console by its own name: a page elsewhere whose name was
/// pointed at this machine does not reach it.
pub(super) async fn guarded(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let counted = matches!(path, "/metrics" | "/healthz");
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let known =
        host.is_some_and(|host| console.origin.split_once("://").is_some_and(|(_, name)| name == host));
    let mut response = if counted || known {
        next.run(request).await
    } else {
        Refusal(StatusCode::MISDIRECTED_REQUEST, "The console answers under its own address only.")
            .into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if console.origin.starts_with("https:") {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}
