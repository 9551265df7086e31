//! Wardline as a Tower layer: a service or a client under guard, in its own process.
//!
//! [`GuardLayer`] wraps any `tower::Service<http::Request<_>, Response = http::Response<_>>` whose bodies are
//! [`http_body::Body`]s: an axum `Router`, a hyper service, a client. It only moves bytes between the service and
//! an [`Exchange`](wardline::guard::Exchange); every decision is made in the `wardline` crate.
//!
//! - The verdict comes first: a request that is denied or held never reaches the service, and its body is only
//!   read where it decides (so an `Expect: 100-continue` upload that is denied is never sent).
//! - Bodies stream. What need not change goes on as it came; what changes is held back no longer than the
//!   longest match still possible; trailers pass; a body that must not go on is aborted, never ended.
//! - The service's own error type stays: answers of the guard are responses, so `Infallible` stays infallible. Who
//!   calls by gRPC gets a status (`PERMISSION_DENIED`) instead of a problem document, also where a body is cut.
//!
//! ```
//! use axum::{Router, routing::get};
//! use wardline::guard::Guard;
//! use wardline::policy::Policy;
//! use wardline_tower::GuardLayer;
//!
//! let policy = Policy::parse(
//!     "version: 1\nstate: memory\nservices:\n  vectors: {system: qdrant}\nrules:\n\
//!      \x20 - {name: health, who: ['*'], operations: [health.check], effect: allow}\n",
//!     "wardline.yaml",
//! )?;
//! let app: Router = Router::new()
//!     .route("/healthz", get(|| async { "ok" }))
//!     .layer(GuardLayer::new(Guard::new(policy)));
//! # Ok::<(), wardline::Error>(())
//! ```
//!
//! **Who calls.** An [`Identity`](wardline::identity::Identity) in the request's extensions, put there by the layer
//! that authenticated it, or what [`GuardLayer::identity`] reads. Else the policy's trusted headers, if the
//! socket's peer is one that they are believed from: tell the layer where the peer stands
//! ([`PeerAddr`], or [`GuardLayer::peer`] for axum's `ConnectInfo`).
//!
//! The service finds the caller as an `Arc<Identity>` in the extensions. A request that it sends on through
//! [`GuardLayer::egress`] and that carries it there goes out as that caller's, with the seal of the services it came through.
//!
//! **Where it stands.** Outside of every layer that compresses or caches (add it last), and around the whole
//! `Router` rather than in a nested one, whose services see a shortened path.
#![forbid(unsafe_code)]

mod body;
mod collected;
mod future;
mod lane;
mod layer;
mod refusal;
mod response;
mod service;
mod shared;

pub use body::RequestBody;
pub use future::ResponseFuture;
pub use layer::{GuardLayer, PeerAddr};
pub use response::{Cut, GuardBody};
pub use service::GuardService;

/// An error of a body, as hosts take it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The Rust of the README and of the book is compiled like any other example.
#[cfg(doctest)]
mod shown {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/src/start.md")]
    struct Start;
    #[doc = include_str!("../../docs/src/hosts/tower.md")]
    struct Tower;
}
