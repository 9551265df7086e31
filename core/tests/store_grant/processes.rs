//! Many threads and many real processes on one store: this test binary runs itself again in another role.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use wardline::grant::{Answer, Approvals, Consumed, Grants, Leased, Snapshot, Take};
use wardline::identity::Identity;
use wardline::model::{ApprovalId, GrantId};
use wardline::store::{MemoryStore, Put, Store};

use crate::{export, on_each_shared_store, open, opening, person, races, revocation, terms};

const QUOTA: u64 = 2_000;

/// Leases blocks and spends them until nothing is left; answers what was spent.
fn drain(store: &dyn Store, id: &GrantId) -> u64 {
    let grants = Grants::new(store);
    let mut spent = 0;
    loop {
        match grants.lease(id, Take::NONE, Take::between(1, 40)).unwrap() {
            Leased::Taken(mut lease) => {
                // Every other block is not needed to its end: the rest goes back.
                let amount = lease.held().amount;
                let needed = if spent % 2 == 0 { amount } else { amount.div_ceil(2) };
                assert!(lease.spend(needed));
                spent += needed;
                grants.give_back(lease).unwrap();
            }
            Leased::Refused(_) => return spent,
        }
    }
}

#[test]
fn threads_together_never_exceed_a_quota() {
    let memory = MemoryStore::new();
    let race = |stores: Vec<&dyn Store>| {
        let grants = Grants::new(stores[0]);
        let id = grants
            .issue(&terms(&format!(r#""until": "1h", "quota": ["rows", {QUOTA}]"#)), "cleo")
            .unwrap()
            .id;
        let spent: u64 = thread::scope(|scope| {
            let threads: Vec<_> = stores.iter().map(|store| scope.spawn(|| drain(*store, &id))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        let grant = grants.find(&id).unwrap().unwrap();
        assert_eq!((spent, grant.quota_left()), (QUOTA, Some(0)));
    };
    race(vec![&memory; 8]);
    on_each_shared_store(|name| {
        // As processes have it: a connection for each pair of threads, all on one store.
        let stores: Vec<_> = (0..4).map(|_| open(name)).collect();
        race(stores.iter().chain(&stores).map(|store| &**store).collect());
    });
}

#[test]
fn processes_together_never_exceed_a_quota_and_use_an_approval_once() {
    on_each_shared_store(|name| {
        let store = open(name);
        let grants = Grants::new(&*store);
        let approvals = Approvals::new(&*store);
        let quota = terms(&format!(r#""until": "1h", "quota": ["rows", {QUOTA}]"#));
        let id = grants.issue(&quota, "cleo").unwrap().id;
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        // One is killed in the middle of its writes; the others must not notice.
        let mut victim = start("scribble", name, &[]);
        let given = [("GRANT", id.as_str()), ("APPROVAL", held.id.as_str())];
        let children: Vec<Child> = (0..4).map(|_| start("race", name, &given)).collect();
        thread::sleep(Duration::from_millis(150));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let told = finish(children);
        let [spent, uses] = ["SPENT ", "USES "].map(|what| sum(&told, what));
        assert_eq!((spent, uses), (QUOTA, 1));
        assert_eq!(grants.find(&id).unwrap().unwrap().quota_left(), Some(0));
        // All rows of the killed process are whole, and the store takes more.
        for row in store.read_since("scribbles", 0).unwrap().rows {
            assert_eq!(row.value.len(), 5_000);
        }
        assert!(matches!(store.put("t", "after", None, b"").unwrap(), Put::Done(_)));
        if !name.contains("://") {
            let check = rusqlite::Connection::open(name).unwrap();
            let sound = check.query_row("PRAGMA integrity_check", (), |r| r.get::<_, String>(0));
            assert_eq!(sound.unwrap(), "ok");
        }
    });
}

#[test]
fn processes_that_ask_at_once_get_the_same_approval() {
    on_each_shared_store(|name| {
        // Nobody has made the tables yet: that is part of the race.
        finish((0..4).map(|_| start("open", name, &[])).collect());
        let listed = Approvals::new(&*open(name)).list(None).unwrap();
        assert_eq!(listed.len(), 20, "each of 20 requests has one approval, whoever asked first");
    });
}

#[test]
fn a_revocation_is_seen_by_another_process_at_its_next_refresh() {
    on_each_shared_store(|name| {
        let store = open(name);
        let id = Grants::new(&*store).issue(&terms(r#""until": "1h""#), "cleo").unwrap().id;
        let view = Snapshot::load(&*store).unwrap();
        finish(vec![start("revoke", name, &[("GRANT", id.as_str())])]);
        let view = view.refresh(&*store).unwrap();
        let ana = Identity::new("ana");
        assert!(view.covering(&ana, "qdrant", &export("docs"), store.now().unwrap()).is_none());
    });
}

/// Waits until all have ended well, and answers what they told.
pub(crate) fn finish(children: Vec<Child>) -> Vec<String> {
    let ended = children.into_iter().map(|child| child.wait_with_output().unwrap());
    ended
        .map(|output| {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        })
        .collect()
}

/// The sum of the numbers that they told behind a word.
pub(crate) fn sum(told: &[String], word: &str) -> u64 {
    let number = |text: &String| -> u64 {
        let rest = text.split(word).nth(1).unwrap_or_else(|| panic!("{text}"));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    told.iter().map(number).sum()
}

/// Starts this binary again as `role`.
pub(crate) fn start(role: &str, store: &str, given: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::in_another_process", "--nocapture"])
        .env("WARDLINE_TEST_ROLE", role)
        .env("WARDLINE_TEST_STORE", store)
        .envs(given.iter().map(|(name, value)| (format!("WARDLINE_TEST_{name}"), value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the other processes do; does nothing where nobody gave a role.
#[test]
fn in_another_process() {
    let Ok(role) = std::env::var("WARDLINE_TEST_ROLE") else { return };
    let given = |name: &str| std::env::var(format!("WARDLINE_TEST_{name}")).unwrap_or_default();
    let store = open(&given("STORE"));
    let store = &*store;
    let grant = GrantId::from(given("GRANT").as_str());
    match role.as_str() {
        "race" => {
            let id = ApprovalId::from(given("APPROVAL").as_str());
            let digest = "a".repeat(64);
            let used = Approvals::new(store).consume(&id, &digest).unwrap();
            println!("USES {} SPENT {} ", u64::from(matches!(used, Consumed::Now(_))), drain(store, &grant));
        }
        "scribble" => {
            for n in 0_u64.. {
                let _ = store.put("scribbles", &n.to_string(), None, &[7; 5_000]).unwrap();
            }
        }
        "open" => {
            for n in 0..20 {
                let mut asked = opening('a');
                asked.digest = format!("{n:064x}");
                Approvals::new(store).open_or_find(&asked).unwrap();
            }
        }
        "revoke" => {
            Grants::new(store).revoke(&grant, "dora", "leaked token").unwrap();
        }
        "watch" => revocation::watch(given("POLICY").as_ref()),
        other => races::play(other, store, given),
    }
}
