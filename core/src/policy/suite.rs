//! Cases beside a policy: requests, and what the policy must make of each. `NAME.test.yaml` holds those of `NAME.yaml`.
//!
//! ```
//! use wardline::policy::Suite;
//! let suite = Suite::parse("
//! cases:
//!   - name: a stranger exports nothing
//!     request: {url: http://vectors/collections/docs/points/scroll, method: POST, body: '{\"with_vector\": true}'}
//!     expect: {verdict: deny, operations: [vector.export]}
//! ", "rag.test.yaml").unwrap();
//! assert_eq!((suite.cases.len(), suite.policy.to_str()), (1, Some("rag.yaml")));
//! ```

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::Policy;
use super::document::{self, File, Findings, Node, SUITE, Shape};
use super::draft;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::glob::Glob;
use crate::grant::Grant;
use crate::identity::{Hop, HopProof, Identity};
use crate::model::{HttpHead, Verdict};

/// The cases of one file.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The policy that they are about.
    pub policy: PathBuf,
    /// In the order of the text.
    pub cases: Vec<Case>,
}

/// One request, and what must become of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where it stands in the text, from 1.
    pub line: usize,
    /// What time it is.
    pub at: Timestamp,
    /// Who asks.
    pub identity: Identity,
    /// The address that it comes from.
    pub source: Option<IpAddr>,
    /// Grants beside those of the policy.
    pub grants: Vec<Grant>,
    /// The head of the request.
    pub head: HttpHead,
    /// Its body.
    pub body: Vec<u8>,
    /// What the service answers, where the request reaches it.
    pub response: Option<Response>,
    /// What must become of it.
    pub expect: Expect,
}

/// What a service answers.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// What must become of a request; `None` may be anything.
#[derive(Debug, Clone)]
pub struct Expect {
    /// What is decided, whether or not the service's mode carries it out.
    pub verdict: Verdict,
    /// Why.
    pub code: Option<String>,
    /// What it does: each operation fits one of these, and each of these one.
    pub operations: Option<Vec<Glob>>,
    /// The rules that decide, sorted.
    pub rules: Option<Vec<String>>,
    /// What the service gets.
    pub request_body: Option<String>,
    /// What the caller gets.
    pub response_body: Option<String>,
}

/// 2026-01-01T12:00:00Z: a case means the same whenever it is run.
const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

impl Suite {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// Where it cannot be read, or everything that is wrong with it, each with line and column.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&super::text_of(path)?, &path.display().to_string())
    }

    /// Reads cases from their text; `file` is where it comes from.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with line and column.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let mut findings = Findings::new(file);
        let Some(root) = document::read(text, File::MAIN, &mut findings) else {
            return Err(Error::policy(findings.sorted()));
        };
        document::check(&root, &Shape::Keys(&SUITE), &mut findings);
        let nodes = root.get("cases").map(Node::elements).unwrap_or_default();
        let cases = nodes.iter().filter_map(|node| case(node, &mut findings)).collect();
        let beside = |name: &str| Path::new(file).with_file_name(name);
        let policy = match (draft::text(&root, "policy"), file.strip_suffix(".test.yaml")) {
            (Some(name), _) => beside(name),
            (None, Some(stem)) => PathBuf::from(format!("{stem}.yaml")),
            (None, None) => {
                let message = "`policy` is missing: this file is not called NAME.test.yaml";
                findings.add(root.place, "missing_key", message);
                PathBuf::new()
            }
        };
        if !findings.is_sound() {
            return Err(Error::policy(findings.sorted()));
        }
        Ok(Self { policy, cases })
    }
}

impl Policy {
    /// The same policy for one case: its state in memory, and with the grants of the case.
    #[must_use]
    pub fn for_case(self, case: &Case) -> Self {
        let mut policy = self.in_memory();
        // A case has no history: all of it would be seen for the first time.
        policy.watch = None;
        policy.grants.extend(case.grants.iter().cloned());
        policy
    }
}

/// Reads a case; what the table of keys refuses has been reported already.
fn case(node: &Node, findings: &mut Findings) -> Option<Case> {
    let text = |node: &Node, key| draft::text(node, key).map(str::to_owned);
    let (request, expect) = (node.get("request")?, node.get("expect")?);
    let body = text(request, "body").unwrap_or_default().into_bytes();
    let method = Method::from_bytes(draft::text(request, "method").unwrap_or("GET").as_bytes());
    let url = request.get("url")?;
    let Ok(method) = method else {
        findings.add(request.get("method")?.place, "bad_method", "expected an HTTP method such as POST");
        return None;
    };
    let (host, target) = match url.text()?.split_once("://") {
        Some((_, rest)) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        None => ("localhost", url.text()?),
    };
    if !target.is_empty() && !target.starts_with('/') {
        let message = "expected a URL with a path, or a path that begins with /";
        findings.add(url.place, "bad_url", message);
        return None;
    }
    let mut head = HttpHead {
        method,
        target: if target.is_empty() { "/" } else { target }.to_owned(),
        host: host.to_owned(),
        headers: headers(request, !body.is_empty()),
    };
    if let Ok(host) = HeaderValue::from_str(host) {
        head.headers.entry(http::header::HOST).or_insert(host);
    }
    if !body.is_empty() {
        head.headers.entry(http::header::CONTENT_LENGTH).or_insert(body.len().into());
    }
    let response = node.get("response").and_then(|node| {
        let status = draft::text(node, "status").unwrap_or("200").parse().ok()?;
        let Ok(status) = StatusCode::from_u16(status) else {
            findings.add(node.get("status")?.place, "bad_status", "expected an HTTP status such as 200");
            return None;
        };
        let body = text(node, "body")?.into_bytes();
        let mut headers = headers(node, true);
        headers.entry(http::header::CONTENT_LENGTH).or_insert(body.len().into());
        Some(Response { status, headers, body })
    });
    let mut rules = draft::list(expect, "rules", |name| Some(name.to_owned()));
    rules.iter_mut().for_each(|rules| rules.sort_unstable());
    Some(Case {
        name: text(node, "name")?,
        line: node.place.line,
        at: draft::text(node, "at").and_then(|at| at.parse().ok()).unwrap_or(NOON),
        identity: node.get("who").map_or_else(|| Some(Identity::anonymous()), caller)?,
        source: draft::text(node, "from").and_then(|address| address.parse().ok()),
        grants: draft::case_grants(node),
        head,
        body,
        response,
        expect: Expect {
            verdict: match draft::text(expect, "verdict")? {
                "allow" => Verdict::Allow,
                "hold" => Verdict::Hold,
                _ => Verdict::Deny,
            },
            code: text(expect, "code"),
            operations: draft::globs(expect, "operations"),
            rules,
            request_body: text(expect, "request_body"),
            response_body: text(expect, "response_body"),
        },
    })
}

fn caller(node: &Node) -> Option<Identity> {
    let groups = draft::list(node, "groups", |group| Some(group.to_owned())).unwrap_or_default();
    let mut identity = Identity::new(draft::text(node, "subject")?).with_groups(groups);
    for (name, value) in draft::entries(node, "claims") {
        let claim = match value.text() {
            Some(one) => one.into(),
            None => value.elements().iter().filter_map(Node::text).collect(),
        };
        identity.claims.insert(name.to_owned(), claim);
    }
    let hop = |workload: &str| Some(Hop { workload: workload.to_owned(), verified_by: HopProof::Seal });
    identity.hops = draft::list(node, "via", hop).unwrap_or_default();
    Some(identity)
}

fn headers(node: &Node, has_body: bool) -> HeaderMap {
    let mut headers: HeaderMap = draft::entries(node, "headers")
        .filter_map(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.text()?).ok()?))
        })
        .collect();
    if has_body {
        let json = HeaderValue::from_static("application/json");
        headers.entry(http::header::CONTENT_TYPE).or_insert(json);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let wrong = "
cases:
  - name: a
    request: {url: notes, method: 'GET'}
    expect: {verdict: maybe}
  - name: b
    request: {url: /x, method: 'G T'}
    response: {status: 99999, body: x}
    expects: {verdict: allow}
";
        let error = Suite::parse(wrong, "x.test.yaml").unwrap_err();
        let found: Vec<_> = error.diagnostics().iter().map(|d| (d.line, d.code)).collect();
        assert_eq!(found, [(4, "bad_url"), (5, "unknown_value"), (6, "missing_key"), (9, "unknown_key")]);
        assert!(Suite::parse("", "x.test.yaml").is_err());
        // Which policy it is about is said, or told by its name.
        let plain = "cases: [{name: a, request: {url: /}, expect: {verdict: deny}}]";
        let error = Suite::parse(plain, "cases.yaml").unwrap_err();
        assert_eq!(error.diagnostics()[0].code, "missing_key");
    }

    #[test]
    fn what_is_not_said_is_what_most_mean() {
        let text = "
policy: other/p.yaml
cases:
  - name: a
    at: 2026-02-03T04:05:06Z
    who: {subject: ana, groups: [ml], claims: {tenant: acme, roles: [a, b]}}
    request: {url: 'https://db:6333/collections?x=1', headers: {x-a: b}, body: '{}'}
    response: {body: '{}'}
    expect: {verdict: hold, rules: [b, a]}
";
        let suite = Suite::parse(text, "folder/x.test.yaml").unwrap();
        assert_eq!(suite.policy, Path::new("folder/other/p.yaml"));
        let case = &suite.cases[0];
        assert_eq!((case.head.host.as_str(), case.head.target.as_str()), ("db:6333", "/collections?x=1"));
        assert_eq!(
            (case.head.headers["content-type"].as_bytes(), &case.head.headers["x-a"]),
            (&b"application/json"[..], &"b".parse().unwrap())
        );
        assert_eq!(case.response.as_ref().map(|response| response.status), Some(StatusCode::OK));
        assert_eq!(
            (
                case.at.to_string(),
                case.identity.claims["tenant"].only(),
                case.identity.claims["roles"].values()
            ),
            ("2026-02-03T04:05:06Z".to_owned(), Some("acme"), &["a".to_owned(), "b".to_owned()][..])
        );
        assert_eq!(case.expect.rules, Some(vec!["a".to_owned(), "b".to_owned()]));
        let plain =
            Suite::parse("cases: [{name: a, request: {url: /}, expect: {verdict: deny}}]", "p.test.yaml")
                .unwrap();
        let case = &plain.cases[0];
        assert!(case.identity.is_anonymous() && case.at.to_string() == "2026-01-01T12:00:00Z");
        assert_eq!((plain.policy.as_path(), case.head.method.as_str()), (Path::new("p.yaml"), "GET"));
    }
}
