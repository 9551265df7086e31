use super::*;
use http::{HeaderValue, Method};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct World {
    services: Vec<(Hops, Keys)>,
}

impl World {
    /// Services that know each other; the first authenticates callers.
    fn new(names: &[&str]) -> Self {
        let keys: Vec<Keys> = (1..).zip(names).map(|(root, _)| Keys::from_root([root; 32])).collect();
        let public = |name: &str, keys: &Keys| {
            Hops::new(name, None, Duration::from_secs(60), Vec::new()).key(keys).unwrap().public()
        };
        let peers: Vec<Peer> = names
            .iter()
            .zip(&keys)
            .enumerate()
            .map(|(at, (name, keys))| Peer { key: public(name, keys), begins: at == 0 })
            .collect();
        let hops = names.iter().map(|name| Hops::new(name, None, Duration::from_secs(60), peers.clone()));
        Self { services: hops.zip(keys).collect() }
    }

    fn seal(&self, from: usize, identity: &Identity, to: &str, at: i64) -> String {
        let (hops, keys) = &self.services[from];
        let trace = head("", Some(TRACE)).trace_id().map(str::to_owned);
        hops.seal((identity, trace.as_deref()), to, Timestamp::from_millis(at * 1_000), keys).unwrap()
    }

    fn receive(&self, to: usize, text: &str, known: Identity, at: i64) -> Result<Identity, &'static str> {
        let mut identity = known;
        let head = head(text, Some(TRACE));
        let at = Timestamp::from_millis(at * 1_000);
        self.services[to].0.through(&head, &mut identity, at).map_err(|refused| refused.because)?;
        Ok(identity)
    }
}

fn head(seal: &str, trace: Option<&str>) -> HttpHead {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER, seal.parse().unwrap());
    if let Some(trace) = trace {
        headers.insert("traceparent", trace.parse().unwrap());
    }
    HttpHead { method: Method::GET, target: "/".to_owned(), host: "x".to_owned(), headers }
}

fn workloads(identity: &Identity) -> Vec<(&str, HopProof)> {
    identity.hops.iter().map(|hop| (hop.workload.as_str(), hop.verified_by)).collect()
}

fn ana() -> Identity {
    Identity::new("ana").with_groups(["training"])
}

#[test]
fn a_request_comes_through_the_services_that_sealed_it() {
    let world = World::new(&["gateway", "ingest", "registry"]);
    let first = world.seal(0, &ana(), "ingest", 1_000);
    let at_ingest = world.receive(1, &first, Identity::anonymous(), 1_010).unwrap();
    assert_eq!((at_ingest.subject.as_str(), &at_ingest.groups), ("ana", &vec!["training".to_owned()]));
    assert_eq!(workloads(&at_ingest), [("gateway", HopProof::Seal)]);
    let second = world.seal(1, &at_ingest, "registry", 1_020);
    // The service's own credential, or the caller's that it passed on, says nothing else.
    for known in [Identity::anonymous(), Identity::new("ingest"), ana()] {
        let at_registry = world.receive(2, &second, known, 1_030).unwrap();
        assert_eq!(at_registry.subject, "ana");
        assert_eq!(workloads(&at_registry), [("gateway", HopProof::Seal), ("ingest", HopProof::Seal)]);
    }
    let other = world.receive(2, &second, Identity::new("mallory"), 1_030).unwrap_err();
    assert_eq!(other, "the seal of hops is another caller's");
    let text = format!("{at_ingest:?}");
    let (payload, _) = first.split_once('.').unwrap();
    assert!(!text.contains(payload) && !serde_json::to_string(&at_ingest).unwrap().contains(payload));
}

#[test]
fn nobody_between_can_cut_extend_or_divert_it() {
    let world = World::new(&["gateway", "ingest", "registry", "other"]);
    let first = world.seal(0, &ana(), "ingest", 1_000);
    let at_ingest = world.receive(1, &first, Identity::anonymous(), 1_010).unwrap();
    let second = world.seal(1, &at_ingest, "registry", 1_010);
    let (link, last) = second.split_once('~').unwrap();
    let refused = |to, text: &str| world.receive(to, text, Identity::anonymous(), 1_010).unwrap_err();
    // The first link taken out, and the two the other way round.
    assert!(refused(2, last).contains("missing"));
    assert!(refused(2, &format!("{last}~{link}")).contains("missing"));
    // Begun anew in the caller's name by one who may speak for itself only.
    let anew = world.seal(1, &ana(), "registry", 1_010);
    assert!(refused(2, &anew).contains("may not name callers"));
    let itself = world.seal(1, &Identity::new("ingest"), "registry", 1_010);
    assert_eq!(world.receive(2, &itself, Identity::anonymous(), 1_010).unwrap().subject, "ingest");
    // Taken by one whom it was not for: handed in, or made longer.
    assert!(refused(3, &second).contains("another service"));
    let mut stolen = Identity::anonymous();
    stolen.seal = at_ingest.seal.clone();
    let longer = world.seal(3, &stolen, "registry", 1_010);
    assert!(refused(2, &longer).contains("added by another"));
    // A link of a service that nobody here knows.
    let strangers = World::new(&["x", "gateway"]);
    assert!(refused(2, &strangers.seal(1, &ana(), "registry", 1_010)).contains("nobody whose links"));
}

#[test]
fn it_holds_for_its_time_and_trace() {
    let world = World::new(&["gateway", "ingest", "registry"]);
    let first = world.seal(0, &ana(), "ingest", 1_000);
    let receive = |text: &str, at| world.receive(1, text, Identity::anonymous(), at);
    assert!(receive(&first, 971).is_ok() && receive(&first, 1_089).is_ok());
    assert!(receive(&first, 969).is_err() && receive(&first, 1_090).is_err());
    // What was kept until its time was over is not made longer.
    let kept = receive(&first, 1_010).unwrap();
    let late = world.seal(1, &kept, "registry", 1_091);
    assert!(world.receive(2, &late, Identity::anonymous(), 1_091).unwrap_err().contains("did not hold"));
    let (hops, _) = &world.services[1];
    let at = Timestamp::from_millis(1_010_000);
    for trace in [None, Some(TRACE.replace("0af7", "0af8"))] {
        let refused = hops.through(&head(&first, trace.as_deref()), &mut Identity::anonymous(), at);
        assert_eq!(refused.unwrap_err().because, "the seal of hops is of another trace");
    }
}

#[test]
fn every_changed_byte_shows() {
    let world = World::new(&["gateway", "ingest", "registry"]);
    let first = world.seal(0, &ana(), "ingest", 1_000);
    let at_ingest = world.receive(1, &first, Identity::anonymous(), 1_010).unwrap();
    let second = world.seal(1, &at_ingest, "registry", 1_010);
    for at in 0..second.len() {
        for other in [b'A', b'B', b'~', b'.'] {
            let mut bytes = second.clone().into_bytes();
            if std::mem::replace(&mut bytes[at], other) == other {
                continue;
            }
            let text = String::from_utf8(bytes).unwrap();
            assert!(world.receive(2, &text, Identity::anonymous(), 1_010).is_err(), "byte {at}");
        }
    }
}

#[test]
fn twins_and_repeated_ones_are_refused_and_none_is_none() {
    let world = World::new(&["gateway", "ingest"]);
    let first = world.seal(0, &ana(), "ingest", 1_000);
    let at = Timestamp::from_millis(1_010_000);
    let mut head = head(&first, Some(TRACE));
    head.headers.append(HEADER, HeaderValue::from_str(&first).unwrap());
    let through = |head: &HttpHead| world.services[1].0.through(head, &mut Identity::anonymous(), at);
    assert!(through(&head).is_err());
    head.headers.remove(HEADER);
    head.headers.insert("wardline_hop", HeaderValue::from_str(&first).unwrap());
    assert!(through(&head).is_err());
    assert_eq!(Hops::seals(&head.headers).count(), 1);
    head.headers.clear();
    assert!(through(&head).is_ok());
}

#[test]
fn what_tls_says_of_the_nearest_is_not_said_twice() {
    let world = World::new(&["gateway", "ingest"]);
    let first = world.seal(0, &ana(), "ingest", 1_000);
    let with = |workload: &str| {
        let mut known = Identity::anonymous();
        known.hops.push(Hop { workload: workload.to_owned(), verified_by: HopProof::Mtls });
        let through = world.receive(1, &first, known, 1_000).unwrap();
        through.hops.into_iter().map(|hop| hop.workload).collect::<Vec<_>>()
    };
    assert_eq!(with("gateway"), ["gateway"]);
    assert_eq!(with("proxy"), ["gateway", "proxy"]);
}
