//! The flow: one exchange from its first byte to its record.
//!
//! A [`Guard`] holds a policy; [`Guard::begin`] makes an [`Exchange`], a sans-I/O state machine that a door
//! drives: it says what to read, what to forward, what to answer, and what became of every piece of a body.
//!
//! ```
//! use wardline::guard::{Caller, Guard, Step};
//! use wardline::identity::Identity;
//! use wardline::model::{HttpHead, Subject};
//! use wardline::policy::Policy;
//!
//! let policy = Policy::parse(
//!     "version: 1\nstate: memory\nservices:\n  vectors: {system: qdrant}\nrules:\n\
//!      \x20 - {name: read, who: ['user:ana'], operations: [vector.search], effect: allow}\n",
//!     "wardline.yaml",
//! ).unwrap();
//! let guard = Guard::new(policy);
//! let head = HttpHead {
//!     method: http::Method::GET,
//!     target: "/collections".into(),
//!     host: "localhost".into(),
//!     headers: http::HeaderMap::new(),
//! };
//! let mut exchange = guard.begin(Subject::Http(head), Caller::verified(Identity::new("ana")), "doc");
//! let Step::Answer(answer) = exchange.next_blocking() else { panic!("no rule allows a list") };
//! assert_eq!((answer.status.as_u16(), answer.code), (403, "default_deny"));
//! ```

#[cfg(any(feature = "key-urls", feature = "notify", feature = "objects"))]
mod agent;
mod answer;
mod behind;
mod body;
#[cfg(feature = "notify")]
mod collector;
#[cfg(feature = "notify")]
mod cosign;
mod direct;
mod driver;
mod edges;
mod exchange;
#[expect(clippy::module_inception, reason = "the type and its room share the field's name for it")]
mod guard;
#[cfg(feature = "key-urls")]
mod key_sets;
mod link;
mod lost;
mod metrics;
#[cfg(feature = "notify")]
mod notify;
#[cfg(feature = "objects")]
mod objects;
mod people;
mod policies;
mod replay;
mod running;
mod shared;
mod span;
mod step;
mod stores;
mod trial;
mod truth;
mod unmask;
mod worker;

#[cfg(feature = "key-urls")]
pub use agent::Client;
pub use answer::Answer;
#[cfg(feature = "notify")]
pub use collector::Collector;
#[cfg(feature = "notify")]
pub use cosign::cosign;
pub use direct::{Masked, Reading};
pub use driver::Carrying;
pub use exchange::Exchange;
pub use guard::{Caller, Guard};
pub use link::Link;
#[cfg(feature = "objects")]
pub use objects::Objects;
pub use replay::{Replay, Replayed};
pub use running::Running;
pub use step::{
    Abort, Done, Effect, Flow, Forward, LeaseRequest, Passage, RequestBody, ResponseBody, SpendRequest, Step,
};
pub use stores::{keeper, kept};
pub use trial::{Difference, Trial, try_case};
pub use truth::HeaderEdits;
