//! Where requests come from, as digests: what is kept tells places apart and names none.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{PoisonError, RwLock};

use crate::identity::{HopProof, Identity};
use crate::keys::{KeyedDigest, Keys, Purpose};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 address; `None` where the address is not known.
    pub network: Option<u64>,
    /// What sent it: the nearest workload that somebody vouches for, or else the address; 0 where neither is known.
    pub sender: u64,
}

/// Makes digests of places and credentials. Those of addresses are remembered: a digest costs more than a decision.
pub(super) struct Places {
    key: KeyedDigest,
    /// Of each address those of its network and of itself.
    known: RwLock<HashMap<IpAddr, (u64, u64)>>,
}

/// So many addresses are remembered at once.
const MOST: usize = 4_096;

impl Places {
    pub(super) fn new(keys: &Keys) -> Self {
        Self { key: keys.within(Purpose::Digest, &[b"wardline/watch/1"]), known: RwLock::default() }
    }

    pub(super) fn place(&self, source: Option<IpAddr>, identity: &Identity) -> Place {
        let (network, address) = source.map(|source| self.address(source.to_canonical())).unzip();
        let vouched = identity.hops.iter().rev().find(|hop| hop.verified_by != HopProof::Claimed);
        let workload = vouched.map(|hop| self.digest(&[b"workload", hop.workload.as_bytes()]));
        Place { network, sender: workload.or(address).unwrap_or(0) }
    }

    pub(super) fn credential(&self, presented: &[u8]) -> u64 {
        self.digest(&[b"credential", presented])
    }

    pub(super) fn id(&self, id: &[u8]) -> u64 {
        self.digest(&[b"id", id])
    }

    fn address(&self, source: IpAddr) -> (u64, u64) {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&source) {
            return *known;
        }
        let digest = |what: &[u8], address: IpAddr| match address {
            IpAddr::V4(address) => self.digest(&[what, &address.octets()]),
            IpAddr::V6(address) => self.digest(&[what, &address.octets()]),
        };
        let digests = (digest(b"network", network(source)), digest(b"address", source));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(source, digests);
        digests
    }

    fn digest(&self, fields: &[&[u8]]) -> u64 {
        let mut digest = self.key.clone();
        fields.iter().for_each(|field| digest.field(field));
        let bytes = digest.finish();
        bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// The network of an address, which is what a provider or a site mostly has in one hand.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            [a, b, c, 0].into()
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Hop;

    #[test]
    fn networks_are_told_apart_by_their_first_bits() {
        let places = Places::new(&Keys::from_root([3; 32]));
        let ana = Identity::new("ana");
        let network = |text: &str| places.place(text.parse().ok(), &ana).network;
        for (one, two, same) in [
            ("192.0.2.1", "192.0.2.250", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("192.0.2.1", "::ffff:192.0.2.9", true),
            ("2001:db8:1:2::1", "2001:db8:1:ffff::9", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
        ] {
            assert_eq!(network(one) == network(two), same, "{one} {two}");
        }
        assert_eq!(places.place(None, &ana), Place { network: None, sender: 0 });
    }

    #[test]
    fn a_workload_that_somebody_vouches_for_stands_for_its_address() {
        let places = Places::new(&Keys::from_root([3; 32]));
        let mut ana = Identity::new("ana");
        let sender = |who: &Identity, text: &str| places.place(text.parse().ok(), who).sender;
        assert_ne!(sender(&ana, "192.0.2.1"), sender(&ana, "192.0.2.2"));
        ana.hops = vec![Hop { workload: "job".into(), verified_by: HopProof::Claimed }];
        assert_ne!(sender(&ana, "192.0.2.1"), sender(&ana, "192.0.2.2"));
        ana.hops = vec![Hop { workload: "job".into(), verified_by: HopProof::Mtls }];
        assert_eq!(sender(&ana, "192.0.2.1"), sender(&ana, "192.0.2.2"));
    }
}
