//! Many processes at once, on everything that may happen once only.
//!
//! `WARDLINE_RACES=10000` sets how many approvals; the default keeps the suite quick.

use wardline::grant::{Answer, ApprovalState, Approvals, Consumed, Grants, Leased, Outcome, Take};
use wardline::model::{ApprovalId, GrantId};
use wardline::store::Store;

use crate::processes::{finish, start, sum};
use crate::{on_each_shared_store, open, opening, person, terms};

const PROCESSES: usize = 8;
const THREADS: usize = 8;
const USES: u64 = 300;
const QUOTA: u64 = 3_000;

fn count() -> usize {
    std::env::var("WARDLINE_RACES").map_or(200, |count| count.parse().unwrap())
}

/// Each approval is opened by two processes and settled by three, one of which may deny every tenth.
#[test]
fn approvals_opened_and_settled_by_eight_processes_are_neither_lost_nor_doubled() {
    on_each_shared_store(|name| {
        let count = count();
        drop(open(name));
        let all = |role: &str| {
            let ours: Vec<String> = (0..PROCESSES).map(|n| n.to_string()).collect();
            let children =
                ours.iter().map(|n| start(role, name, &[("NUMBER", n), ("COUNT", &count.to_string())]));
            finish(children.collect())
        };
        let opened = all("open-many");
        let store = open(name);
        let approvals = Approvals::new(&*store);
        let listed = approvals.list(None).unwrap();
        assert_eq!(listed.len(), count, "one approval for each request, whoever came first");
        assert_eq!(sum(&opened, "OPENED "), count as u64, "and one of them opened it");
        let settled = all("settle-many");
        let now = store.now().unwrap();
        let (mut used, mut denied) = (0, 0);
        for approval in approvals.list(None).unwrap() {
            let mut voters: Vec<&str> = approval.votes.iter().map(|vote| vote.by.as_str()).collect();
            voters.sort_unstable();
            voters.dedup();
            assert_eq!(voters.len(), approval.votes.len(), "nobody votes twice");
            match approval.state(now) {
                ApprovalState::Used => used += 1,
                ApprovalState::Denied => denied += 1,
                other => panic!("{other:?}: {approval:?}"),
            }
            let stands = matches!(
                &approval.outcome,
                Some(Outcome::Approved { used_at: Some(_), .. } | Outcome::Denied { .. })
            );
            assert!(stands);
        }
        assert_eq!(sum(&settled, "USES "), used, "each that was used was used by one");
        assert_eq!(used + denied, count as u64);
        assert_eq!(sum(&settled, "DENIED "), denied);
    });
}

#[test]
fn eight_processes_of_eight_threads_each_never_exceed_uses_or_a_quota() {
    on_each_shared_store(|name| {
        let store = open(name);
        let grants = Grants::new(&*store);
        let issue = |more: &str| grants.issue(&terms(more), "cleo").unwrap().id;
        let uses = issue(&format!(r#""until": "1h", "uses": {USES}"#));
        let quota = issue(&format!(r#""until": "1h", "quota": ["rows", {QUOTA}]"#));
        let given = [("USES", uses.as_str()), ("QUOTA", quota.as_str())];
        let told = finish((0..PROCESSES).map(|_| start("spend-many", name, &given)).collect());
        assert_eq!([sum(&told, "USED "), sum(&told, "SPENT ")], [USES, QUOTA]);
        let [uses, quota] = [uses, quota].map(|id| grants.find(&id).unwrap().unwrap());
        assert_eq!((uses.uses_left(), quota.quota_left()), (Some(0), Some(0)));
    });
}

/// What each of the processes does; tells in numbers what came of it.
pub(crate) fn play(role: &str, store: &dyn Store, given: impl Fn(&str) -> String) {
    match role {
        "spend-many" => {
            let ids = ["USES", "QUOTA"].map(|name| GrantId::from(given(name).as_str()));
            let spent = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| spend(store, &ids))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            let total = |of: fn(&(u64, u64)) -> u64| spent.iter().map(of).sum::<u64>();
            println!("USED {} SPENT {} ", total(|both| both.0), total(|both| both.1));
        }
        _ => {
            let [number, count]: [usize; 2] = ["NUMBER", "COUNT"].map(|name| given(name).parse().unwrap());
            let mine = |others: usize| {
                move |n: &usize| (0..=others).any(|other| (number + other) % PROCESSES == n % PROCESSES)
            };
            match role {
                "open-many" => {
                    println!("OPENED {} ", (0..count).filter(mine(1)).filter(|n| opened(store, *n)).count())
                }
                _ => settle(store, number, (0..count).filter(mine(2))),
            }
        }
    }
}

fn digest(n: usize) -> String {
    format!("{n:064x}")
}

fn opened(store: &dyn Store, n: usize) -> bool {
    let mut asked = opening('a');
    asked.digest = digest(n);
    Approvals::new(store).open_or_find(&asked).unwrap().opened
}

fn settle(store: &dyn Store, number: usize, mine: impl Iterator<Item = usize>) {
    let approvals = Approvals::new(store);
    let voter = person(&format!("sam-{number}"), &["sec"]);
    let (mut uses, mut denied) = (0, 0);
    for n in mine {
        let id = store.get(Approvals::BY_DIGEST, &digest(n)).unwrap().unwrap().value;
        let id = ApprovalId::from(std::str::from_utf8(&id).unwrap());
        let answer = if n % 10 == 9 && number.is_multiple_of(2) { Answer::Deny } else { Answer::Approve };
        match approvals.vote(&id, &voter, answer, None) {
            Ok(_) => denied += u64::from(answer == Answer::Deny),
            // Another was first, and settled it.
            Err(e) => assert_eq!(e.code(), "conflict", "{e}"),
        }
        uses += u64::from(matches!(approvals.consume(&id, &digest(n)).unwrap(), Consumed::Now(_)));
    }
    println!("USES {uses} DENIED {denied} ");
}

/// Uses and spends until both grants have nothing left.
fn spend(store: &dyn Store, [uses, quota]: &[GrantId; 2]) -> (u64, u64) {
    let grants = Grants::new(store);
    let (mut used, mut spent) = (0, 0);
    loop {
        let one = grants.lease(uses, Take::exactly(1), Take::NONE).unwrap();
        let block = grants.lease(quota, Take::NONE, Take::between(1, 24)).unwrap();
        let over = matches!((&one, &block), (Leased::Refused(_), Leased::Refused(_)));
        if let Leased::Taken(mut lease) = one {
            assert!(lease.spend_use());
            used += 1;
        }
        if let Leased::Taken(mut lease) = block {
            // A part of each block goes back, so that the last of it is contended for.
            let part = lease.held().amount.div_ceil(2);
            assert!(lease.spend(part));
            spent += part;
            grants.give_back(lease).unwrap();
        }
        if over {
            return (used, spent);
        }
    }
}
