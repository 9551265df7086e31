//! The layer: a guard, and how it learns who is calling.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::Extensions;
use http::request::Parts;
use tower_layer::Layer;
use wardline::guard::{Caller, Guard};
use wardline::identity::Identity;

use crate::service::GuardService;

/// Wraps services and clients so that every request passes a [`Guard`]. See the [crate's page](crate).
#[derive(Clone)]
pub struct GuardLayer {
    shared: Arc<Settings>,
}

/// The address of the socket that a request came from, as a request extension: for hosts that have no type of
/// their own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

type IdentityOf = Arc<dyn Fn(&Parts) -> Option<Identity> + Send + Sync>;
type PeerOf = Arc<dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) guard: Guard,
    /// Which way requests go, as records say it.
    pub(crate) door: &'static str,
    caller: Option<Identity>,
    identity: Option<IdentityOf>,
    peer: Option<PeerOf>,
}

impl GuardLayer {
    /// Guards a service: requests that come in.
    pub fn new(guard: Guard) -> Self {
        Self::with(Settings { guard, door: "tower", caller: None, identity: None, peer: None })
    }

    /// Guards a client: requests that go out. They are this identity's, unless a request carries another one in
    /// its extensions (the caller on whose behalf it is made).
    ///
    /// ```
    /// use tower_layer::Layer;
    /// # let policy = wardline::policy::Policy::parse("version: 1\nstate: memory\nservices:\n  v: {system: qdrant}\n", "w.yaml")?;
    /// # let client = ();
    /// let guard = wardline::guard::Guard::new(policy);
    /// let identity = wardline::identity::Identity::new("svc-ingest");
    /// let client = wardline_tower::GuardLayer::egress(guard, identity).layer(client);
    /// # Ok::<(), wardline::Error>(())
    /// ```
    pub fn egress(guard: Guard, caller: Identity) -> Self {
        Self::with(Settings { guard, door: "tower-egress", caller: Some(caller), identity: None, peer: None })
    }

    /// Reads the caller from a request whose authenticating layer does not put an
    /// [`Identity`] into its extensions. `None` leaves it to those and to the policy's trusted headers.
    #[must_use]
    pub fn identity(self, read: impl Fn(&Parts) -> Option<Identity> + Send + Sync + 'static) -> Self {
        Self::with(Settings { identity: Some(Arc::new(read)), ..(*self.shared).clone() })
    }

    /// Reads the address of the socket's peer from a request's extensions.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// # let policy = wardline::policy::Policy::parse("version: 1\nstate: memory\nservices:\n  v: {system: qdrant}\n", "w.yaml")?;
    /// # let guard = wardline::guard::Guard::new(policy);
    /// wardline_tower::GuardLayer::new(guard)
    ///     .peer(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    /// # Ok::<(), wardline::Error>(())
    /// ```
    #[must_use]
    pub fn peer(self, read: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        Self::with(Settings { peer: Some(Arc::new(read)), ..(*self.shared).clone() })
    }

    fn with(settings: Settings) -> Self {
        Self { shared: Arc::new(settings) }
    }
}

impl Settings {
    pub(crate) fn caller(&self, parts: &Parts) -> Caller {
        let identity = self.identity.as_ref().and_then(|read| read(parts));
        let read = self.peer.as_ref().and_then(|read| read(&parts.extensions));
        let peer = read.or_else(|| parts.extensions.get::<PeerAddr>().map(|peer| peer.0.ip()));
        let handed_on = || parts.extensions.get::<Arc<Identity>>().map(|identity| Identity::clone(identity));
        let known = identity.or_else(|| parts.extensions.get().cloned()).or_else(handed_on);
        match known.or_else(|| self.caller.clone()) {
            Some(identity) => Caller::verified(identity).at(peer),
            None => Caller::peer(peer).presenting(parts.extensions.get().cloned()),
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService::new(inner, self.shared.clone())
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer")
            .field("guard", &self.guard)
            .field("door", &self.door)
            .finish_non_exhaustive()
    }
}
