//! Where callers come from, as a policy says it.

use std::sync::Arc;
use std::time::Duration;

use super::document::{Findings, Node, clip};
use super::draft::{duration, entries, list, read_secret, text};
use super::notify::entry_may_call;
use super::sense;
use super::text_beside;
use crate::identity::{
    ApiKeys, Certificates, FetchedKeys, Hops, Identity, Issuer, IssuerKeys, Keys, Peer, Sources, Tokens,
    TrustedHeaders,
};
use crate::keys::{PublicKey, is_name, unhex};

/// What the tokens of an issuer may be signed with, where the policy does not say.
const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];
const LEEWAY: Duration = Duration::from_secs(60);
/// How often a key set is fetched.
const EVERY: Duration = Duration::from_secs(300);
/// How long seals hold.
const LIFETIME: Duration = Duration::from_secs(60);
const KEY_HEADER: &str = "x-api-key";

/// The sources that `root` names, and the texts of its key sets, for the digest of the policy.
pub(super) fn read(root: &Node, findings: &mut Findings) -> (Option<Sources>, Vec<String>) {
    let Some(node) = root.get("identity") else { return (None, Vec::new()) };
    let forwarded = node.get("certificates").is_some_and(|node| node.get("header").is_some());
    let needs = [
        ("trusted_peers", node.get("headers").is_some() || forwarded),
        ("headers", node.get("trusted_peers").is_some() && !forwarded),
    ];
    for (other, needed) in needs {
        if needed && node.get(other).is_none() {
            let message = format!("`{other}` is missing: headers are believed from named peers only");
            findings.add(node.place, "missing_key", message);
        }
    }
    let headers = node.get("headers");
    let mut texts = Vec::new();
    let sources = Sources {
        headers: headers.and_then(|headers| trusted(headers, node)),
        session: headers.and_then(|headers| text(headers, "session")?.parse().ok()),
        tokens: node.get("tokens").map(|tokens| issuers(tokens, &mut texts, findings)),
        certificates: node.get("certificates").map(|certificates| Certificates {
            trust_domains: list(certificates, "trust_domains", |name| Some(name.to_owned()))
                .unwrap_or_default(),
            header: text(certificates, "header").and_then(|name| name.parse().ok()),
            peers: list(node, "trusted_peers", |peer| peer.parse().ok()).unwrap_or_default(),
        }),
        keys: node.get("api_keys").and_then(|node| {
            let header = text(node, "header").unwrap_or(KEY_HEADER).parse().ok()?;
            Some((header, holders(node, findings)))
        }),
        hops: node.get("hops").and_then(|hops| sealing(hops, root, findings)),
    };
    (Some(sources), texts)
}

/// Who this service is among those that seal.
fn sealing(node: &Node, root: &Node, findings: &mut Findings) -> Option<Hops> {
    let name = text(node, "name")?;
    if let Some(node) = node.get("name").filter(|_| !is_name(name)) {
        findings.add(node.place, "bad_name", "the name of a key has no white space and no plus");
    }
    let key = node.get("key");
    let secret = key.and_then(|key| read_secret(key, findings.name(key.place.file)));
    match key {
        Some(key) => sense::secret(key, findings),
        None if text(root, "state") == Some("memory") => {
            let message =
                "`key` is missing: a state that is kept in memory has no key that others could know";
            findings.add(node.place, "missing_key", message);
        }
        None => {}
    }
    let lifetime = duration(node, "lifetime").unwrap_or(LIFETIME);
    if lifetime > Hops::LONGEST_LIFETIME {
        let place = node.get("lifetime").map_or(node.place, |node| node.place);
        findings.add(place, "too_long", "a seal holds for 1h at most");
    }
    let mut peers: Vec<Peer> = Vec::new();
    for peer in node.get("peers").map(Node::elements).unwrap_or_default() {
        let Some(key) = peer.get("key") else { continue };
        match key.text().map(PublicKey::read) {
            Some(Ok(public)) => {
                peers.push(Peer { key: public, begins: text(peer, "begins") == Some("true") })
            }
            Some(Err(error)) => findings.add(key.place, "bad_key", error.to_string()),
            None => {}
        }
    }
    Some(Hops::new(name, secret, lifetime, peers))
}

fn trusted(headers: &Node, node: &Node) -> Option<TrustedHeaders> {
    let peers = list(node, "trusted_peers", |peer| peer.parse().ok())?;
    let address = text(headers, "address").and_then(|name| name.parse().ok());
    let trusted = TrustedHeaders::new(text(headers, "subject")?, text(headers, "groups"), peers).ok()?;
    Some(trusted.with_address(address))
}

fn issuers(tokens: &Node, texts: &mut Vec<String>, findings: &mut Findings) -> Tokens {
    let mut issuers: Vec<Issuer> = Vec::new();
    for node in tokens.elements() {
        let (Some(name), Some(keys)) = (node.get("issuer"), node.get("keys")) else { continue };
        let Some(issuer) = name.text() else { continue };
        if issuers.iter().any(|other| other.name == issuer) {
            let message = format!("{} has its entry already", clip(issuer));
            findings.add(name.place, "duplicate_name", message);
        }
        let Some(set) = key_set(keys, texts, findings) else { continue };
        let texts = |key| list(node, key, |text| Some(text.to_owned()));
        let algorithms = texts("algorithms").unwrap_or_else(|| ALGORITHMS.map(str::to_owned).into());
        issuers.push(Issuer {
            name: issuer.to_owned(),
            audience: texts("audience").unwrap_or_default(),
            keys: set,
            algorithms: algorithms.iter().filter_map(|name| name.parse().ok()).collect(),
            subject: text(node, "subject").unwrap_or("sub").to_owned(),
            groups: texts("groups").unwrap_or_default(),
            claims: texts("claims").unwrap_or_default(),
            bound: text(node, "bound") == Some("required"),
            leeway: duration(node, "leeway").unwrap_or(LEEWAY),
        });
    }
    Tokens::new(issuers)
}

/// The keys of an issuer: those of a file, which counts as part of the policy, or those at an address.
fn key_set(node: &Node, texts: &mut Vec<String>, findings: &mut Findings) -> Option<IssuerKeys> {
    let Some(file) = node.text() else {
        let url = node.get("url")?;
        let text_of = url.text()?;
        if let Err(why) = entry_may_call(text_of, text(node, "danger_plain_http") == Some("true")) {
            findings.add(url.place, "bad_url", why);
        }
        let every = duration(node, "every").unwrap_or(EVERY);
        return Some(IssuerKeys::Fetched(Arc::new(FetchedKeys::new(text_of.to_owned(), every))));
    };
    let read = text_beside(findings, node.place.file, file)
        .and_then(|(_, text)| Ok((Keys::parse(&text).map_err(|error| error.to_string())?, text)));
    match read {
        Ok((set, text)) => {
            texts.push(text);
            Some(IssuerKeys::Fixed(Arc::new(set)))
        }
        Err(why) => {
            findings.add(node.place, "bad_keys", format!("cannot use {}: {why}", clip(file)));
            None
        }
    }
}

fn holders(node: &Node, findings: &mut Findings) -> ApiKeys {
    let mut keys = ApiKeys::default();
    for (name, holder) in entries(node, "keys") {
        let Some(digest) = holder.get("sha256") else { continue };
        let Some(sha256) = digest.text().and_then(unhex) else { continue };
        let groups = list(holder, "groups", |group| Some(group.to_owned())).unwrap_or_default();
        let identity = Identity::new(name).with_groups(groups);
        let until = text(holder, "until").and_then(|at| at.parse().ok());
        if !keys.add(sha256, identity, until) {
            findings.add(digest.place, "duplicate_key", "this key is somebody else's already");
        }
    }
    keys
}
