//! The circumstances of a request that a rule speaks of: what is vouched of the caller, what it came through, from where, and when.

use std::net::IpAddr;

use super::decision::Facts;
use super::scope::Reach;
use crate::clock::Window;
use crate::glob::Glob;
use crate::identity::{HopProof, Network};

/// Conditions beside who, what and to what. An empty list is no condition; of a list one must fit, of claims every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) claims: Box<[Claim]>,
    /// Workloads that the request came through.
    pub(super) via: Box<[Glob]>,
    pub(super) networks: Box<[Network]>,
    pub(super) when: Box<[Window]>,
}

/// A claim by its name, and the values that fit.
type Claim = (Box<str>, Box<[Glob]>);

impl Setting {
    pub(super) fn fits(&self, facts: &Facts<'_>, reach: Reach) -> bool {
        self.has_claims(facts, reach)
            && self.has_hop(facts, reach)
            && self.has_network(facts, reach)
            && self.is_open(facts)
    }

    /// Nobody vouches for the claims of a caller that nobody authenticated. Of several values one must fit; a claim that says what rules
    /// cannot speak of permits nothing by that, and restrains.
    pub(super) fn has_claims(&self, facts: &Facts<'_>, reach: Reach) -> bool {
        self.claims.iter().all(|(name, values)| {
            let claim = facts.identity.claims.get(&**name).filter(|_| !facts.identity.is_anonymous());
            claim.is_some_and(|claim| claim.fits(values) || (reach == Reach::Possibly && claim.says_more()))
        })
    }

    /// A hop that is only claimed permits nothing, and restrains.
    pub(super) fn has_hop(&self, facts: &Facts<'_>, reach: Reach) -> bool {
        let mut hops = facts.identity.hops.iter();
        self.via.is_empty()
            || hops.any(|hop| {
                (reach == Reach::Possibly || hop.verified_by != HopProof::Claimed)
                    && self.via.iter().any(|glob| glob.matches(&hop.workload))
            })
    }

    pub(super) fn has_network(&self, facts: &Facts<'_>, reach: Reach) -> bool {
        let within = |source: IpAddr| self.networks.iter().any(|network| network.contains(source));
        self.networks.is_empty() || facts.source.map_or(reach == Reach::Possibly, within)
    }

    pub(super) fn is_open(&self, facts: &Facts<'_>) -> bool {
        self.when.is_empty() || self.when.iter().any(|window| window.contains(facts.at))
    }

    /// Whether whatever fits `other` fits this. Windows that are written differently are taken for different.
    pub(super) fn covers(&self, other: &Self) -> bool {
        fn all<T>(mine: &[T], others: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
            mine.is_empty()
                || (!others.is_empty()
                    && others.iter().all(|other| mine.iter().any(|one| covers(one, other))))
        }
        let claims = self.claims.iter().all(|(name, values)| {
            let mut named = other.claims.iter().filter(|(other, _)| other == name);
            named.any(|(_, others)| all(values, others, Glob::covers))
        });
        claims
            && all(&self.via, &other.via, Glob::covers)
            && all(&self.networks, &other.networks, |mine, other| mine.covers(*other))
            && all(&self.when, &other.when, PartialEq::eq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Hop, Identity};

    fn setting(claims: &[(&str, &str)], via: &[&str], networks: &[&str], when: &[&str]) -> Setting {
        let glob = |text: &str| Glob::new(text).unwrap();
        Setting {
            claims: claims.iter().map(|(name, value)| ((*name).into(), [glob(value)].into())).collect(),
            via: via.iter().map(|text| glob(text)).collect(),
            networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
            when: when.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn what_is_not_known_permits_nothing_and_restrains() {
        let mut ana = Identity::new("ana");
        let hop = |verified_by| Hop { workload: "ingest".to_owned(), verified_by };
        let inside = setting(&[], &[], &["10.0.0.0/8"], &[]);
        let through = setting(&[], &["ing*"], &[], &[]);
        let fits = |setting: &Setting, identity: &Identity, source: Option<&str>| {
            let source = source.map(|text| text.parse().unwrap());
            let facts = Facts { source, ..Facts::of(identity, None, &[]) };
            (setting.fits(&facts, Reach::Surely), setting.fits(&facts, Reach::Possibly))
        };
        assert_eq!(fits(&inside, &ana, Some("10.1.2.3")), (true, true));
        assert_eq!(fits(&inside, &ana, Some("11.1.2.3")), (false, false));
        assert_eq!(fits(&inside, &ana, None), (false, true));
        assert_eq!(fits(&through, &ana, None), (false, false));
        ana.hops = vec![hop(HopProof::Claimed)];
        assert_eq!(fits(&through, &ana, None), (false, true));
        ana.hops = vec![hop(HopProof::Mtls)];
        assert_eq!(fits(&through, &ana, None), (true, true));
    }

    #[test]
    fn every_claim_must_fit_and_nobody_vouches_for_those_of_a_stranger() {
        let both = setting(&[("tenant", "acme"), ("role", "r*")], &[], &[], &[]);
        let with = |subject: &str, claims: &[(&str, &str)]| {
            let mut who = Identity::new(subject);
            who.claims = claims.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            both.fits(&Facts::of(&who, None, &[]), Reach::Possibly)
        };
        assert!(with("ana", &[("tenant", "acme"), ("role", "reader")]));
        assert!(!with("ana", &[("tenant", "acme")]));
        assert!(!with("ana", &[("tenant", "other"), ("role", "reader")]));
        assert!(!with(Identity::ANONYMOUS, &[("tenant", "acme"), ("role", "reader")]));
    }

    #[test]
    fn one_value_of_several_fits_and_what_cannot_be_read_restrains() {
        let reader = setting(&[("roles", "read*")], &[], &[], &[]);
        for (roles, surely, possibly) in [
            (r#"["writer", "reader"]"#, true, true),
            (r#"["writer", {"name": "reader"}]"#, false, true),
            (r#"{"reader": true}"#, false, true),
            (r#"["writer"]"#, false, false),
            ("[]", false, false),
        ] {
            let mut who = Identity::new("ana");
            who.claims.insert("roles".to_owned(), serde_json::from_str(roles).unwrap());
            let fits = |reach| reader.fits(&Facts::of(&who, None, &[]), reach);
            assert_eq!((fits(Reach::Surely), fits(Reach::Possibly)), (surely, possibly), "{roles}");
        }
    }

    #[test]
    fn covering_is_about_sets() {
        let any = Setting::default();
        for (wide, narrow) in [
            (setting(&[("t", "a*")], &[], &[], &[]), setting(&[("t", "ab"), ("u", "x")], &[], &[], &[])),
            (setting(&[], &["*"], &[], &[]), setting(&[], &["a", "b*"], &[], &[])),
            (setting(&[], &[], &["10.0.0.0/8"], &[]), setting(&[], &[], &["10.2.0.0/16", "10.9.9.9"], &[])),
            (setting(&[], &[], &[], &["UTC", "sat UTC"]), setting(&[], &[], &[], &["sat UTC"])),
        ] {
            assert!(any.covers(&wide) && wide.covers(&narrow) && wide.covers(&wide));
            assert!(!wide.covers(&any) && !narrow.covers(&wide));
        }
    }
}
