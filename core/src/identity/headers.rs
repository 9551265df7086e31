//! Identity from headers that an authenticating proxy sets: believed from named peers only.
//!
//! The peer is the address of the socket, never a header such as `X-Forwarded-For`, which anybody can write.
//! A name given twice, or in two spellings (`x-user` and `x_user`, which some servers fold together), is
//! refused: two readers could take it for two people.
//!
//! ```
//! use http::HeaderMap;
//! use wardline::identity::{Network, TrustedHeaders};
//! let source = TrustedHeaders::new("x-user", Some("x-groups"), vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
//! let mut headers = HeaderMap::new();
//! headers.insert("x-user", "ana".parse().unwrap());
//! assert_eq!(source.resolve(&headers, "10.1.2.3".parse().ok()).unwrap().subject, "ana");
//! assert!(source.resolve(&headers, "192.0.2.1".parse().ok()).unwrap().is_anonymous());
//! ```

use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderMap, HeaderName};

use super::Identity;
use crate::error::{Error, ErrorKind};

/// Which headers carry the caller, and from whom they are believed.
#[derive(Debug, Clone)]
pub struct TrustedHeaders {
    subject: HeaderName,
    groups: Option<HeaderName>,
    address: Option<HeaderName>,
    peers: Vec<Network>,
}

impl TrustedHeaders {
    /// Believes `subject` and `groups` (a comma-separated list) from `peers`.
    ///
    /// # Errors
    /// A name that is no header name.
    pub fn new(subject: &str, groups: Option<&str>, peers: Vec<Network>) -> Result<Self, Error> {
        let name = |text: &str| {
            HeaderName::from_str(text)
                .map_err(|_| Error::new(ErrorKind::Input, "expected a header name such as x-user"))
        };
        Ok(Self { subject: name(subject)?, groups: groups.map(name).transpose()?, address: None, peers })
    }

    /// The same, believing this header of the same peers about the address that a request comes from.
    #[must_use]
    pub fn with_address(self, address: Option<HeaderName>) -> Self {
        Self { address, ..self }
    }

    /// The headers that only these peers may set.
    pub(super) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        std::iter::once(&self.subject).chain(&self.groups).chain(&self.address)
    }

    pub(super) fn believes(&self, peer: IpAddr) -> bool {
        self.peers.iter().any(|network| network.contains(peer))
    }

    /// The address that a request comes from: the peer's or, behind proxies that are believed, the last in their header that is
    /// none of them. `None` where that cannot be told.
    pub fn source(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        let peer = peer?;
        let Some(name) = self.address.as_ref().filter(|_| self.believes(peer)) else { return Some(peer) };
        // Each proxy appends whom it heard; what stands before the last stranger is that stranger's word.
        let mut heard = Vec::new();
        for value in headers.get_all(name) {
            let Ok(text) = value.to_str() else {
                heard.push(None);
                continue;
            };
            heard.extend(text.split(',').map(|address| address.trim().parse::<IpAddr>().ok()));
        }
        let stranger = heard.into_iter().rev().find(|address| address.is_none_or(|a| !self.believes(a)));
        stranger.unwrap_or(Some(peer))
    }

    /// The caller that the headers name; anonymous where they name none or the peer is not believed.
    ///
    /// # Errors
    /// A header that is repeated, has a twin in another spelling, or is not text.
    pub fn resolve(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Identity, Error> {
        if !peer.is_some_and(|peer| self.believes(peer)) {
            return Ok(Identity::anonymous());
        }
        let Some(subject) = only(headers, &self.subject)? else { return Ok(Identity::anonymous()) };
        let groups = match &self.groups {
            Some(name) => only(headers, name)?.unwrap_or_default(),
            None => "",
        };
        Ok(Identity::new(subject).with_groups(groups.split(',').map(str::trim).filter(|g| !g.is_empty())))
    }
}

/// Whether two names differ, and some servers take them for the same: `x-user` and `x_user`.
pub(super) fn fold_alike(name: &HeaderName, other: &HeaderName) -> bool {
    let (name, other) = (name.as_str(), other.as_str());
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name != other && name.len() == other.len() && name.bytes().map(fold).eq(other.bytes().map(fold))
}

/// The one value of a header; empty counts as absent.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Error> {
    let refuse = |what: &str| Err(Error::new(ErrorKind::Input, format!("the header {name} {what}")));
    if headers.keys().any(|other| fold_alike(name, other)) {
        return refuse("has a twin in another spelling");
    }
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => refuse("is repeated"),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim()).filter(|t| !t.is_empty())),
            Err(_) => refuse("is not text"),
        },
    }
}

/// A network in CIDR notation (RFC 4632, RFC 4291), or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether every address of `other` lies in it.
    pub fn covers(&self, other: Self) -> bool {
        self.prefix <= other.prefix
            && self.address.is_ipv4() == other.address.is_ipv4()
            && self.contains(other.address)
    }

    /// Whether `peer` lies in it. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                shared(a.to_bits().into(), b.to_bits().into(), 32 - u32::from(self.prefix))
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.to_bits(), b.to_bits(), 128 - u32::from(self.prefix)),
            _ => false,
        }
    }
}

fn shared(a: u128, b: u128, host_bits: u32) -> bool {
    (a ^ b).checked_shr(host_bits).unwrap_or(0) == 0
}

impl FromStr for Network {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong =
            || Error::new(ErrorKind::Input, "expected an address or a network such as 10.0.0.0/8 or ::1");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(widest), |p| p.parse::<u8>().map_err(|_| wrong()))?;
        if prefix > widest { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> TrustedHeaders {
        TrustedHeaders::new("x-user", Some("x-groups"), vec!["127.0.0.1".parse().unwrap()]).unwrap()
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_str(name).unwrap(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn smuggled_names_are_refused_and_strangers_are_anonymous() {
        let local = "127.0.0.1".parse().ok();
        let ana = source().resolve(&headers(&[("x-user", "ana"), ("x-groups", "ml, ops,")]), local).unwrap();
        assert_eq!((ana.subject.as_str(), ana.groups), ("ana", vec!["ml".to_owned(), "ops".to_owned()]));
        assert!(source().resolve(&headers(&[("x-user", "ana"), ("x-user", "root")]), local).is_err());
        assert!(source().resolve(&headers(&[("x-user", "ana"), ("x_user", "root")]), local).is_err());
        assert!(source().resolve(&headers(&[("x-user", "ana")]), None).unwrap().is_anonymous());
        assert!(
            source().resolve(&headers(&[("x-user", "ana")]), "10.0.0.1".parse().ok()).unwrap().is_anonymous()
        );
        assert!(source().resolve(&headers(&[("x-user", " ")]), local).unwrap().is_anonymous());
    }

    #[test]
    fn the_last_stranger_in_the_line_is_where_it_comes_from() {
        let trusted = source().with_address(HeaderName::from_str("x-forwarded-for").ok());
        let told = |values: &[&str], peer: &str| {
            let pairs: Vec<_> = values.iter().map(|value| ("x-forwarded-for", *value)).collect();
            trusted.source(&headers(&pairs), peer.parse().ok()).map(|address| address.to_string())
        };
        let local = "127.0.0.1";
        assert_eq!(told(&["6.6.6.6, 9.9.9.9, 127.0.0.1"], local).as_deref(), Some("9.9.9.9"));
        assert_eq!(told(&["6.6.6.6", "9.9.9.9"], local).as_deref(), Some("9.9.9.9"));
        assert_eq!(told(&["9.9.9.9"], "8.8.8.8").as_deref(), Some("8.8.8.8"));
        assert_eq!(told(&[], local).as_deref(), Some(local));
        assert_eq!(told(&["9.9.9.9, unknown"], local), None);
        assert_eq!(trusted.source(&HeaderMap::new(), None), None);
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("fd00::/8", "fdff::1", "fe80::1"),
            ("127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()) && !network.contains(outside.parse().unwrap()));
        }
        let covers = |a: &str, b: &str| a.parse::<Network>().unwrap().covers(b.parse().unwrap());
        assert!(covers("10.0.0.0/8", "10.1.0.0/16") && covers("10.0.0.1", "10.0.0.1"));
        assert!(!covers("10.1.0.0/16", "10.0.0.0/8") && !covers("10.0.0.0/8", "fd00::/64"));
        for wrong in ["", "10.0.0.0/33", "::/129", "localhost", "10.0.0.0/"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
