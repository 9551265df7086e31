//! One decision beside other engines, in one run: 50 rules and live grants of single users, asked by users, most of whom have none.
//!
//! `cargo run --release` in this folder. Every engine answers the same requests, and each answer is held against that of the first.
//! What a request is made of is built beforehand where an engine takes it so; text is parsed within the time where it takes text.

use std::hint::black_box;
use std::time::{Duration, Instant};

mod casbin_peer;
mod cedar_peer;
mod regorus_peer;
mod wardline_peer;

/// Who wants to do what to which collection.
#[derive(Clone)]
pub struct Asked {
    pub user: String,
    pub team: String,
    pub operation: &'static str,
    pub collection: String,
}

pub const OPERATIONS: [&str; 4] = ["vector.search", "collection.drop", "vector.export", "vector.upsert"];

/// 50 rules: 48 of teams, which may do something to their own collections, or may not, or need a grant; and two for everybody.
pub struct Rule {
    pub team: Option<usize>,
    pub operations: &'static [&'static str],
    pub effect: &'static str,
}

pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = (0..48)
        .map(|n| Rule {
            team: Some(n),
            operations: &OPERATIONS[n % 4..=n % 4],
            effect: ["allow", "deny", "grant", "allow"][n % 4],
        })
        .collect();
    rules.push(Rule { team: None, operations: &OPERATIONS[..1], effect: "allow" });
    rules.push(Rule { team: None, operations: &OPERATIONS[2..3], effect: "grant" });
    rules
}

/// Requests that look random and are the same in every run.
fn requests(count: usize, grants: usize) -> Vec<Asked> {
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    (0..count)
        .map(|_| Asked {
            user: format!("user-{}", next(grants * 2)),
            team: format!("team-{}", next(60)),
            operation: OPERATIONS[next(4)],
            collection: if next(2) == 0 { "docs".to_owned() } else { format!("docs-{}-eu", next(60)) },
        })
        .collect()
}

/// Times each request by itself; answers with what was decided.
fn time(name: &str, requests: &[Asked], mut decide: impl FnMut(usize) -> bool) -> Vec<bool> {
    for at in 0..requests.len() / 10 {
        black_box(decide(at));
    }
    let mut took = Vec::with_capacity(requests.len());
    let mut said = Vec::with_capacity(requests.len());
    for at in 0..requests.len() {
        let start = Instant::now();
        let allowed = black_box(decide(at));
        took.push(start.elapsed());
        said.push(allowed);
    }
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_nanos();
    let allowed = said.iter().filter(|allowed| **allowed).count();
    println!("{name:<46} p50 {:>9} ns  p99 {:>9} ns  {allowed} of {} allowed", at(50), at(99), said.len());
    said
}

fn main() {
    let clock = {
        let mut all: Vec<Duration> = (0..10_000).map(|_| Instant::now().elapsed()).collect();
        all.sort_unstable();
        all[5_000]
    };
    println!("reading the clock takes {} ns, which is in every figure", clock.as_nanos());
    for (rules_more, grants) in [(0, 1_000), (4_950, 100_000)] {
        let requests = requests(20_000, grants);
        let own = wardline_peer::Peer::new(rules_more, grants, &requests);
        let name = format!("wardline, {} rules, {grants} grants", 50 + rules_more);
        time(&name, &requests, |at| own.decide(at));
    }
    let grants = 1_000;
    let requests = requests(4_000, grants);
    let own = wardline_peer::Peer::new(0, grants, &requests);
    let expected = time("wardline", &requests, |at| own.decide(at));
    let same = |name: &str, said: Vec<bool>| {
        let other = said.iter().zip(&expected).filter(|(a, b)| a != b).count();
        println!("{name}: {other} of {} answers differ from wardline's", said.len());
    };
    let cedar = cedar_peer::Peer::new(grants, &requests);
    same("cedar", time("cedar-policy, requests made beforehand", &requests, |at| cedar.decide(at)));
    let mut rego = regorus_peer::Peer::new(grants, &requests);
    same("regorus", time("regorus, input parsed per call", &requests, |at| rego.decide(at)));
    let casbin = casbin_peer::Peer::new(grants, &requests);
    let few = &requests[..400];
    same("casbin", time("casbin", few, |at| casbin.decide(at)));
}
