//! The console as a browser meets it, without a socket.

mod oidc;
mod records;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use clap::Parser;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use wardline::grant::{Answer, Terms};
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::{ApiKeys, Identity};
use wardline::model::{Act, ApprovalId, Call, Operation, Subject};

use super::{Console, Links, Provider};
use crate::args::{Args, Command};

const ORIGIN: &str = "http://127.0.0.1:7878";
const HOSTILE: &str = "<script>alert(1)</script>\"'&";
const POLICY: &str = "
version: 1
state: ./state
groups: {security: [sam, kim]}
services: {vectors: {system: qdrant}}
rules:
  - {name: bulk, who: ['user:*'], operations: [vector.export], effect: hold}
approval: {steps: [{from: [security], need: 1}]}
";

/// A console over a state folder, and the guard of a service on the same state.
struct Desk {
    folder: tempfile::TempDir,
    guard: Guard,
    router: Router,
    runtime: tokio::runtime::Runtime,
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Page {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Somebody's browser.
struct Browser<'d> {
    desk: &'d Desk,
    cookie: String,
    csrf: String,
}

impl Desk {
    fn new() -> Self {
        Self::at(ORIGIN)
    }

    fn at(origin: &str) -> Self {
        Self::under(origin, POLICY)
    }

    fn under(origin: &str, policy: &str) -> Self {
        Self::signing_in_at(None, origin, policy)
    }

    fn signing_in_at(provider: Option<Provider>, origin: &str, policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wardline.yaml");
        std::fs::write(&path, policy).unwrap();
        let args = ["wardline", "console", "serve", "--policy", path.to_str().unwrap(), "--as", "sam"];
        let Command::Console(args) = Args::try_parse_from(args).unwrap().command else { panic!("console") };
        let crate::args::Console::Serve(serve) = *args else { panic!("serve") };
        let mut keys = ApiKeys::default();
        let digest = wardline::keys::unhex(&super::session::digest("the-key-of-kim")).unwrap();
        assert!(keys.add(digest, Identity::new("kim"), None));
        let console = Console::new(serve.state, origin.to_owned(), keys, provider).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { guard: Guard::from_file(&path).unwrap(), router: Arc::new(console).router(), runtime, folder }
    }

    fn hold(&self, by: &str, resource: &str) -> ApprovalId {
        let call =
            Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorExport, resource)] };
        let mut exchange = self.guard.begin(Subject::Call(call), Caller::verified(Identity::new(by)), "test");
        let Step::Answer(held) = exchange.next_blocking() else { panic!("a hold") };
        held.approval.unwrap()
    }

    fn votes(&self, id: &ApprovalId) -> Vec<(String, Answer)> {
        let all = self.guard.approvals(None).unwrap();
        let one = all.into_iter().find(|one| one.id == *id).unwrap();
        one.votes.into_iter().map(|vote| (vote.by, vote.answer)).collect()
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, "127.0.0.1:7878");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            Page { status: parts.status, headers: parts.headers, body }
        })
    }

    fn token(&self, by: &str) -> String {
        Links::of(&self.folder.path().join("state")).mint(by).unwrap()
    }

    fn sign_in(&self, by: &str) -> Browser<'_> {
        let page = self.send("POST", &format!("/login/{}", self.token(by)), &FORM, "");
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut browser = Browser { desk: self, cookie, csrf: String::new() };
        let home = browser.get("/");
        let (_, rest) = home.body.split_once("name=\"csrf\" value=\"").unwrap();
        browser.csrf = rest.split('"').next().unwrap().to_owned();
        browser
    }
}

const FORM: [(&str, &str); 2] = [("origin", ORIGIN), ("content-type", "application/x-www-form-urlencoded")];

impl Browser<'_> {
    fn get(&self, path: &str) -> Page {
        self.desk.send("GET", path, &[("cookie", &self.cookie)], "")
    }

    fn post(&self, path: &str, fields: &str) -> Page {
        let cookie = [("cookie", self.cookie.as_str())];
        let body = format!("csrf={}&{fields}", self.csrf);
        self.desk.send("POST", path, &[&FORM[..], &cookie].concat(), &body)
    }
}

#[test]
fn a_link_signs_in_once_and_looking_uses_nothing_up() {
    let desk = Desk::new();
    let path = format!("/login/{}", desk.token("sam"));
    for _ in 0..2 {
        let page = desk.send("GET", &path, &[], "");
        assert!(page.status.is_success() && page.body.contains("Continue as sam"), "{}", page.body);
        assert_eq!(page.header("set-cookie"), "");
    }
    assert_eq!(desk.send("POST", &path, &FORM[1..], "").status, StatusCode::FORBIDDEN);
    let signed = desk.send("POST", &path, &FORM, "");
    assert_eq!(signed.status, StatusCode::SEE_OTHER);
    let cookie = signed.header("set-cookie");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    for method in ["GET", "POST"] {
        assert_eq!(desk.send(method, &path, &FORM, "").status, StatusCode::FORBIDDEN);
    }
    let token = desk.token("sam");
    let kept: Vec<String> = std::fs::read_dir(desk.folder.path().join("state/console"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(kept.len() == 1 && !kept[0].contains(&token));
    assert_eq!(desk.send("GET", "/login/..%2F..%2Froot.key", &[], "").status, StatusCode::FORBIDDEN);
}

#[test]
fn nobody_sees_a_page_without_signing_in_and_nobody_after_signing_out() {
    let desk = Desk::new();
    let id = desk.hold("ana", "docs");
    let pages = ["/", "/grants", "/records", "/policy", &format!("/approvals/{id}"), "/records/rec_1"];
    let browser = desk.sign_in("sam");
    assert!(browser.get("/").status.is_success());
    assert_eq!(browser.post("/logout", "").status, StatusCode::SEE_OTHER);
    for path in pages {
        for page in [desk.send("GET", path, &[], ""), browser.get(path)] {
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(!page.body.contains("ana") && !page.body.contains("bulk"), "{path}");
        }
    }
}

#[test]
fn every_answer_forbids_scripts_frames_and_copies() {
    let desk = Desk::new();
    let browser = desk.sign_in("sam");
    for path in
        ["/", "/grants", "/records", "/policy", "/style.css", "/nowhere", "/a/x.y", "/healthz", "/metrics"]
    {
        let page = browser.get(path);
        let rules = page.header("content-security-policy");
        assert!(rules.starts_with("default-src 'none'") && !rules.contains("script"), "{path} {rules}");
        assert!(rules.contains("frame-ancestors 'none'") && !rules.contains("unsafe"), "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!page.body.contains("<script") && !page.body.contains(" style="), "{path}");
    }
    let public = Desk::at("https://wardline.example.org");
    let token = public.token("sam");
    let from = [("origin", "https://wardline.example.org"), ("host", "wardline.example.org"), FORM[1]];
    let signed = public.send("POST", &format!("/login/{token}"), &from, "");
    assert!(
        signed.header("set-cookie").starts_with("__Host-wardline=")
            && signed.header("set-cookie").ends_with("; Secure")
    );
    assert!(!signed.header("strict-transport-security").is_empty());
}

#[test]
fn a_form_from_elsewhere_decides_nothing() {
    let desk = Desk::new();
    let id = desk.hold("ana", "docs");
    let path = format!("/approvals/{id}");
    let browser = desk.sign_in("sam");
    let own = format!("csrf={}&answer=approve", browser.csrf);
    let cookie = ("cookie", browser.cookie.as_str());
    let others = format!("csrf={}&answer=approve", desk.sign_in("kim").csrf);
    for (headers, body) in [
        (vec![("origin", "https://evil.test"), FORM[1], cookie], own.as_str()),
        (vec![("origin", "null"), FORM[1], cookie], own.as_str()),
        (vec![("sec-fetch-site", "cross-site"), FORM[1], cookie], own.as_str()),
        (vec![FORM[1], cookie], own.as_str()),
        (vec![FORM[0], FORM[1], cookie], "answer=approve"),
        (vec![FORM[0], FORM[1], cookie], others.as_str()),
    ] {
        let page = desk.send("POST", &path, &headers, body);
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{headers:?} {body}");
    }
    let rebound = desk.send("POST", &path, &[("host", "evil.test"), FORM[0], FORM[1], cookie], &own);
    assert_eq!(rebound.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(desk.send("POST", &path, &FORM, &own).status, StatusCode::UNAUTHORIZED);
    assert!(desk.votes(&id).is_empty());
    let same = [("sec-fetch-site", "same-origin"), FORM[1], cookie];
    assert_eq!(desk.send("POST", &path, &same, &own).status, StatusCode::SEE_OTHER);
    assert_eq!(desk.votes(&id).len(), 1);
}

#[test]
fn people_decide_and_the_core_says_who_may() {
    let desk = Desk::new();
    let (first, second, own) =
        (desk.hold("ana", "docs"), desk.hold("ana", "notes"), desk.hold("sam", "docs"));
    let sam = desk.sign_in("sam");
    let list = sam.get("/");
    assert!(list.body.contains("3 requests wait") && list.body.contains("Not for you"), "{}", list.body);
    let one = sam.get(&format!("/approvals/{first}"));
    for told in ["vector.export", "docs", "bulk", "1 of security", "The like of it before", "Approve", "Deny"]
    {
        assert!(one.body.contains(told), "{told}: {}", one.body);
    }
    assert_eq!(sam.post(&format!("/approvals/{first}"), "answer=approve").status, StatusCode::SEE_OTHER);
    let silent = sam.post(&format!("/approvals/{second}"), "answer=deny&reason=+");
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        silent.body.contains("A denial says why") && silent.body.contains("Your decision"),
        "{}",
        silent.body
    );
    assert!(desk.votes(&second).is_empty());
    assert_eq!(
        sam.post(&format!("/approvals/{second}"), "answer=deny&reason=no").status,
        StatusCode::SEE_OTHER
    );
    let refused = sam.post(&format!("/approvals/{own}"), "answer=approve");
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("nobody votes on a request that they stand behind"), "{}", refused.body);
    let eve = desk.sign_in("eve").post(&format!("/approvals/{own}"), "answer=approve");
    assert_eq!((eve.status, desk.votes(&own)), (StatusCode::FORBIDDEN, vec![]));
    assert_eq!(desk.votes(&first), [("sam".to_owned(), Answer::Approve)]);
    assert_eq!(desk.votes(&second), [("sam".to_owned(), Answer::Deny)]);
    assert_eq!(sam.get("/approvals/apr_none").status, StatusCode::NOT_FOUND);
    // Who leaves the group votes no more, though the console has been running all the time.
    std::fs::write(desk.folder.path().join("wardline.yaml"), POLICY.replace("sam, kim", "kim")).unwrap();
    let third = desk.hold("ana", "more");
    assert_eq!(sam.post(&format!("/approvals/{third}"), "answer=approve").status, StatusCode::FORBIDDEN);
}

#[test]
fn a_request_is_talked_about_and_taken_back_by_who_asked() {
    let desk = Desk::new();
    let id = desk.hold("ana", "docs");
    let (sam, ana, eve) = (desk.sign_in("sam"), desk.sign_in("ana"), desk.sign_in("eve"));
    let (page, comments, cancel) =
        (format!("/approvals/{id}"), format!("/approvals/{id}/comments"), format!("/approvals/{id}/cancel"));
    assert!(sam.get(&page).body.contains("Ask, or answer") && !sam.get(&page).body.contains("Take it back"));
    assert!(!eve.get(&page).body.contains("Ask, or answer"));
    assert_eq!(sam.post(&comments, "text=why+%3Cb%3Eall%3C/b%3E%3F").status, StatusCode::SEE_OTHER);
    assert_eq!(ana.post(&comments, "text=the+migration").status, StatusCode::SEE_OTHER);
    let refused = eve.post(&comments, "text=me+too");
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("only those behind a request"), "{}", refused.body);
    assert_eq!(sam.post(&comments, "text=+").status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = ana.get(&page).body;
    assert!(shown.contains("why &lt;b&gt;all&lt;/b&gt;?") && shown.contains("the migration"), "{shown}");
    // No form of another page says or takes back anything.
    let cookie = [("cookie", ana.cookie.as_str())];
    let foreign = desk.send("POST", &cancel, &[&FORM[..], &cookie].concat(), "reason=x");
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(sam.post(&cancel, "reason=x").status, StatusCode::FORBIDDEN);
    assert!(shown.contains("Take it back"));
    assert_eq!(ana.post(&cancel, "reason=").status, StatusCode::SEE_OTHER);
    assert!(ana.get("/?done=cancel").body.contains("Your request is taken back."));
    assert!(ana.get(&page).body.contains("cancelled") && desk.votes(&id).is_empty());
    assert_eq!(ana.post(&cancel, "reason=").status, StatusCode::CONFLICT);
}

#[test]
fn a_grant_that_is_asked_for_is_decided_like_a_request() {
    let desk = Desk::new();
    let terms: Terms = serde_json::from_value(json!({
        "scope": {"who": ["user:ana"], "services": ["vectors"], "operations": ["vector.export"], "resources": ["docs"]},
        "until": "3h", "quota": ["vectors", 5000], "reason": "the migration", "ticket": "OPS-7",
    }))
    .unwrap();
    let id = desk.guard.request_grant(terms, "ana").unwrap().id;
    let sam = desk.sign_in("sam");
    assert!(sam.get("/").body.contains("ana asks for a grant"));
    let one = sam.get(&format!("/approvals/{id}")).body;
    for told in ["the migration", "OPS-7", "5000 vectors", "180 minutes from the deciding vote", "user:ana"] {
        assert!(one.contains(told), "{told}: {one}");
    }
    assert_eq!(sam.post(&format!("/approvals/{id}"), "answer=approve").status, StatusCode::SEE_OTHER);
    assert_eq!(desk.guard.grants().unwrap().len(), 1);
}

#[test]
fn grants_are_listed_and_ended() {
    let desk = Desk::new();
    let terms: Terms = serde_json::from_value(json!({
        "scope": {"who": ["user:ana"], "services": ["*"], "operations": ["vector.export"], "resources": ["docs"]},
        "until": "3h", "quota": ["vectors", 5000], "reason": HOSTILE,
    }))
    .unwrap();
    let grant = desk.guard.issue_grant(terms, "lee").unwrap();
    let browser = desk.sign_in("kim");
    let list = browser.get("/grants");
    assert!(list.body.contains("user:ana") && list.body.contains("5000 vectors"), "{}", list.body);
    assert!(!list.body.contains("<script"));
    let path = format!("/grants/{}/revoke", grant.id);
    assert_eq!(browser.post(&path, "reason=").status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.post(&path, "reason=over").status, StatusCode::SEE_OTHER);
    assert_eq!(browser.post(&path, "reason=over").status, StatusCode::CONFLICT);
    let revoked = desk.guard.grants().unwrap().pop().unwrap().revoked.unwrap();
    assert_eq!((revoked.by.as_str(), revoked.reason.as_str()), ("kim", "over"));
}

#[test]
fn only_who_may_end_a_grant_is_offered_to() {
    let desk = Desk::under(ORIGIN, &POLICY.replace("rules:", "granting: {issuers: [security]}\nrules:"));
    let terms: Terms = serde_json::from_value(json!({
        "scope": {"who": ["user:ana"], "services": ["*"], "operations": ["vector.export"], "resources": ["docs"]},
        "until": "3h", "reason": "migration",
    }))
    .unwrap();
    let grant = desk.guard.issue_grant(terms, "kim").unwrap();
    let (bo, path) = (desk.sign_in("bo"), format!("/grants/{}/revoke", grant.id));
    assert!(!bo.get("/grants").body.contains("Revoke now"));
    assert_eq!(bo.post(&path, "reason=over").status, StatusCode::FORBIDDEN);
    let ana = desk.sign_in("ana");
    assert!(ana.get("/grants").body.contains("Revoke now"));
    assert_eq!(ana.post(&path, "reason=over").status, StatusCode::SEE_OTHER);
}

#[test]
fn the_glass_is_broken_by_whom_the_policy_names_with_a_reason() {
    let policy = POLICY
        .replace("groups: {", "groups: {oncall: [ana], ")
        .replace("need: 1}]", "need: 2}], break_glass: [oncall]");
    let desk = Desk::under(ORIGIN, &policy);
    let path = format!("/approvals/{}", desk.hold("ana", "docs"));
    let sam = desk.sign_in("sam");
    assert!(!sam.get(&path).body.contains("Break the glass"));
    assert_eq!(sam.post(&path, "answer=break&reason=fire").status, StatusCode::FORBIDDEN);
    // One's own request too: nobody else may be there.
    let ana = desk.sign_in("ana");
    let page = ana.get(&path).body;
    assert!(page.contains("Break the glass") && page.contains("Not for you"), "{page}");
    assert_eq!(ana.post(&path, "answer=break&reason=").status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ana.post(&path, "answer=break&reason=fire").status, StatusCode::SEE_OTHER);
    assert!(ana.get("/?done=break").body.contains("You broke the glass"));
    let all = desk.guard.approvals(None).unwrap();
    assert!(all[0].is_broken() && all[0].votes[0].reason.as_deref() == Some("fire"));
}

#[test]
fn what_runs_is_listed_until_it_ends() {
    let desk = Desk::under(
        ORIGIN,
        &POLICY
            .replace("effect: hold}", "effect: allow}")
            .replace("rules:", "durable_from: 0\nthresholds: {hold: never, deny: never}\nrules:"),
    );
    let browser = desk.sign_in("sam");
    assert!(browser.get("/live").body.contains("Nothing runs"));
    let call = Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorExport, HOSTILE)] };
    let mut exchange = desk.guard.begin(Subject::Call(call), Caller::verified(Identity::new("ana")), "test");
    assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
    let page = browser.get("/live").body;
    assert!(page.contains("The oldest 1 of 1") && page.contains(">ana<"), "{page}");
    assert!(!page.contains("<script"));
    exchange.finish(wardline::audit::Ending::Complete);
    desk.guard.flush().unwrap();
    assert!(browser.get("/live").body.contains("Nothing runs"));
}

#[test]
fn names_of_callers_stay_text_on_every_page() {
    let desk = Desk::new();
    let id = desk.hold(HOSTILE, HOSTILE);
    desk.guard.flush().unwrap();
    let browser = desk.sign_in(HOSTILE);
    let link = desk.guard.link(&id, "sam", std::time::Duration::from_secs(60)).unwrap();
    let one = browser.get("/records");
    let record = one.body.split_once("/records/rec_").unwrap().1.split('"').next().unwrap();
    for path in [
        "/",
        &format!("/approvals/{id}"),
        "/records",
        &format!("/records/rec_{record}"),
        "/policy",
        &format!("/a/{link}"),
        "/grants",
        "/live",
        "/edges",
    ] {
        let page = browser.get(path);
        assert!(page.status.is_success(), "{path}");
        assert!(!page.body.contains("<script") && page.body.contains("&lt;script&gt;"), "{path}");
    }
    let typed = browser.get("/records?identity=%22%3E%3Cscript%3E");
    assert!(
        !typed.body.contains("<script") && typed.body.contains("&quot;&gt;&lt;script&gt;"),
        "{}",
        typed.body
    );
}

#[test]
fn records_are_searched_and_the_logs_verified() {
    let desk = Desk::new();
    desk.hold("ana", "docs");
    desk.hold("bo", "notes");
    desk.guard.flush().unwrap();
    let browser = desk.sign_in("sam");
    let verified = || {
        assert_eq!(browser.post("/records/verify", "").status, StatusCode::SEE_OTHER);
        browser.get("/records")
    };
    let all = browser.get("/records");
    assert!(
        all.body.contains("were not verified") && all.body.contains(">ana<") && all.body.contains(">bo<"),
        "{}",
        all.body
    );
    let all = verified();
    assert!(all.body.contains("Verified at") && all.body.contains("all sound"), "{}", all.body);
    let forged = [FORM[0], FORM[1], ("cookie", browser.cookie.as_str())];
    assert_eq!(desk.send("POST", "/records/verify", &forged, "").status, StatusCode::FORBIDDEN);
    let some =
        browser.get("/records?identity=an*&operation=vector.*&verdict=hold&from=2020-01-01T00:00&until=");
    assert!(some.body.contains(">ana<") && !some.body.contains(">bo<"), "{}", some.body);
    assert!(browser.get("/records?from=2999-01-01T00:00").body.contains("No record fits"));
    let wrong = browser.get("/records?from=yesterday");
    assert!(
        wrong.body.contains("expected a time") && wrong.body.contains("value=\"yesterday\""),
        "{}",
        wrong.body
    );
    // One byte of one log is changed.
    let log = desk.folder.path().join("state/log");
    let slots = std::fs::read_dir(&log).unwrap().flatten();
    let segments = slots.filter_map(|slot| std::fs::read_dir(slot.path().join("seg")).ok());
    let mut read =
        segments.flatten().flatten().map(|file| (file.path(), std::fs::read(file.path()).unwrap()));
    let at = |bytes: &[u8]| bytes.windows(3).position(|three| three == b"ana");
    let (seg, mut bytes) = read.find(|(_, bytes)| at(bytes).is_some()).unwrap();
    let at = at(&bytes).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&seg, bytes).unwrap();
    assert!(browser.get("/records").body.contains("all sound"), "as it was found, and when");
    assert!(verified().body.contains("The log is not what it was"));
}

#[test]
fn a_policy_that_is_wrong_is_shown_beside_the_one_in_force() {
    let desk = Desk::new();
    let browser = desk.sign_in("sam");
    assert!(browser.get("/policy").body.contains("operations: [vector.export]"));
    std::fs::write(desk.folder.path().join("wardline.yaml"), format!("{POLICY}\nruels: []\n")).unwrap();
    let page = browser.get("/policy");
    assert!(page.body.contains("is not in force") && page.body.contains("unknown_key"), "{}", page.body);
    let id = desk.hold("ana", "docs");
    let refused = browser.post(&format!("/approvals/{id}"), "answer=approve");
    assert!(!refused.status.is_success() && desk.votes(&id).is_empty());
}

#[test]
fn a_signed_link_answers_one_approval_once_and_looking_decides_nothing() {
    let desk = Desk::new();
    let id = desk.hold("ana", "docs");
    let token = desk.guard.link(&id, "sam", std::time::Duration::from_secs(60)).unwrap();
    let path = format!("/a/{token}");
    let page = desk.send("GET", &path, &[], "");
    assert!(page.status.is_success() && page.body.contains("Your decision as sam"), "{}", page.body);
    assert_eq!(desk.send("POST", &path, &FORM[1..], "answer=approve").status, StatusCode::FORBIDDEN);
    assert_eq!(desk.send("POST", &path, &FORM, "answer=deny").status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(desk.votes(&id).is_empty());
    assert_eq!(desk.send("POST", &path, &FORM, "answer=approve").status, StatusCode::SEE_OTHER);
    assert_eq!(desk.send("POST", &path, &FORM, "answer=deny&reason=no").status, StatusCode::CONFLICT);
    assert!(desk.send("GET", &path, &[], "").body.contains("nothing to decide here any more"));
    assert_eq!(desk.votes(&id), [("sam".to_owned(), Answer::Approve)]);
    assert_eq!(desk.send("GET", &format!("{path}x"), &[], "").status, StatusCode::FORBIDDEN);
}

#[test]
fn programs_answer_with_a_key_or_a_link_and_are_told_what_is_wrong() {
    let desk = Desk::new();
    let (first, second) = (desk.hold("ana", "docs"), desk.hold("ana", "notes"));
    let call = |path: &str, token: &str, body: &str| {
        desk.send("POST", path, &[("authorization", &format!("Bearer {token}"))], body)
    };
    let (approve, deny) =
        (format!("/api/approvals/{first}/approve"), format!("/api/approvals/{second}/deny"));
    for token in ["", "the-key-of-bob", "x.y"] {
        let page = call(&approve, token, "");
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.header("content-type"), "application/problem+json");
        assert_eq!(page.json()["code"], "unauthenticated");
    }
    assert_eq!(desk.send("POST", &approve, &[], "").status, StatusCode::UNAUTHORIZED);
    let done = call(&approve, "the-key-of-kim", "");
    assert_eq!((done.status, &done.json()["state"]), (StatusCode::OK, &json!("approved")));
    let again = call(&approve, "the-key-of-kim", "");
    assert_eq!((again.status, &again.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(call(&deny, "the-key-of-kim", "").status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(call(&deny, "the-key-of-kim", r#"{"why": "x"}"#).status, StatusCode::BAD_REQUEST);
    let comment = format!("/api/approvals/{second}/comment");
    let said = call(&comment, "the-key-of-kim", r#"{"text": "which part?"}"#);
    assert_eq!((said.status, &said.json()["comments"][0]["text"]), (StatusCode::OK, &json!("which part?")));
    let cancel = format!("/api/approvals/{second}/cancel");
    assert_eq!(call(&cancel, "the-key-of-kim", "").status, StatusCode::FORBIDDEN, "another's request");
    let link = desk.guard.link(&second, "sam", std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(call(&approve, &link, "").status, StatusCode::UNAUTHORIZED, "the link of another approval");
    assert_eq!(
        call(&comment, &link, r#"{"text": "x"}"#).status,
        StatusCode::UNAUTHORIZED,
        "a link only answers"
    );
    let denied = call(&deny, &link, r#"{"reason": "not now"}"#);
    assert_eq!((denied.status, &denied.json()["state"]), (StatusCode::OK, &json!("denied")));
    assert_eq!(desk.votes(&second), [("sam".to_owned(), Answer::Deny)]);
    // A session's cookie counts for nothing here.
    let browser = desk.sign_in("sam");
    let third = desk.hold("ana", "more");
    assert_eq!(browser.post(&format!("/api/approvals/{third}/approve"), "").status, StatusCode::UNAUTHORIZED);
}

#[test]
fn counts_name_nobody() {
    let desk = Desk::new();
    desk.hold("ana", "payroll");
    let page = desk.send("GET", "/metrics", &[("host", "10.0.0.7:7878")], "");
    assert!(page.body.contains("wardline_approvals{state=\"pending\"} 1\n"), "{}", page.body);
    assert!(page.body.contains("wardline_grants_live 0\n") && page.body.ends_with("# EOF\n"));
    assert!(!page.body.contains("ana") && !page.body.contains("payroll"));
    assert_eq!(desk.send("GET", "/healthz", &[], "").body, "ok\n");
}
