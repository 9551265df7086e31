//! What the audit log costs: handing a record over, its bytes, durable appends beside what the disk itself allows, verifying every byte, and questions
//! over many records.
//!
//! ```text
//! cargo run --release -p wardline-benches --bin audit-log -- FOLDER RECORDS
//! ```
//!
//! FOLDER lies on the disk that is meant, and is left with the log that was written.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use wardline::audit::{
    Ending, Filter, Found, Index, Journal, Kind, Log, Matched, NoKeeper, Outcome, Page, Passed, Record, Term,
    Weighed, verify,
};
use wardline::clock::Timestamp;
use wardline::glob::Glob;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Census, Operation, Risk, SessionId, Subject, Verdict};
use wardline::policy::Policy;

/// Records written under one sync, as a busy guard gathers them.
const GROUPS: [usize; 4] = [1, 16, 256, 4_096];
/// Records in a group while the first segment is filled, and the room of a segment.
const GROUP: usize = 256;
const SEGMENT: usize = 64 << 20;
/// How long each rate is taken.
const LENGTH: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("expected FOLDER and RECORDS".into());
    };
    let (folder, count) = (Path::new(&folder), count.parse::<u64>()?);
    let bytes = encoded()?;
    handed_over(folder)?;
    rates(folder, bytes)?;
    questions(folder, count)
}

/// How long the bytes of a record and what it says take, and how many bytes they are.
fn encoded() -> Result<usize, Box<dyn std::error::Error>> {
    const ROUNDS: u32 = 100;
    let records: Vec<Record> = (0..1_000).map(typical).collect();
    let entries = records.iter().map(Record::canonical).collect::<Result<Vec<_>, _>>()?;
    let json = records.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()?;
    let mean = |all: &[Vec<u8>]| all.iter().map(Vec::len).sum::<usize>() / all.len().max(1);
    let mut out = Vec::with_capacity(1_024);
    let started = Instant::now();
    for record in (0..ROUNDS).flat_map(|_| &records) {
        out.clear();
        record.canonical_into(&mut out)?;
        black_box(&out);
    }
    let (writing, count) = (started.elapsed(), ROUNDS * 1_000);
    let started = Instant::now();
    for entry in (0..ROUNDS).flat_map(|_| &entries) {
        black_box(Record::read(entry)?);
    }
    println!(
        "a typical record: {} bytes, {} as JSON; written in {:.2} us, read in {:.2} us",
        mean(&entries),
        mean(&json),
        ms(writing / count) * 1_000.0,
        ms(started.elapsed() / count) * 1_000.0,
    );
    Ok(mean(&entries))
}

/// What the thread of a request pays to hand its record over: the last call of an exchange.
fn handed_over(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let state = folder.join("handed-over");
    let text = format!(
        "version: 1\nstate: {}\nservices: {{vectors: {{system: qdrant}}}}\n\
         rules: [{{name: search, who: ['user:*'], operations: ['vector.*'], effect: allow}}]\n",
        state.display()
    );
    let guard = Guard::new(Policy::parse(&text, "bench.yaml").map_err(|e| e.to_string())?);
    let mut times = Vec::new();
    for round in 0..100_000 {
        let acts = vec![Act::new(Operation::VectorSearch, "docs")];
        let call = Call { service: "vectors".into(), acts };
        let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new("ana")), "bench");
        assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
        let started = Instant::now();
        exchange.finish(Ending::Complete);
        times.push(started.elapsed());
        if round % 4_096 == 0 {
            guard.flush()?;
        }
    }
    drop(guard);
    std::fs::remove_dir_all(&state)?;
    times.sort();
    println!(
        "handed over in {:.2} us (p50), {:.2} us (p99)",
        ms(times[50_000]) * 1_000.0,
        ms(times[99_000]) * 1_000.0
    );
    Ok(())
}

/// Groups made durable, beside as many bytes written to a preallocated file and synced. The log is past its first segment, whose zeros it writes as it
/// goes, as the file has its zeros; those of the segment that follows are written meanwhile, and count.
fn rates(folder: &Path, bytes: usize) -> Result<(), Box<dyn std::error::Error>> {
    for group in GROUPS {
        let records: Vec<Record> = (0..group as u64).map(typical).collect();
        let state = folder.join(format!("rate-{group}"));
        let mut log = Log::open(&state, Box::new(NoKeeper))?;
        let filling: Vec<Record> = (0..GROUP as u64).map(typical).collect();
        for _ in 0..(SEGMENT + SEGMENT / 16) / (bytes * GROUP) {
            log.append(&filling)?;
        }
        let (mut appended, started) = (0, Instant::now());
        while started.elapsed() < LENGTH {
            log.append(&records)?;
            appended += group;
        }
        let ours = appended as f64 / started.elapsed().as_secs_f64();
        drop(log);
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).open(state.join("limit"))?;
        let block = vec![7_u8; bytes * group];
        let room = 1 << 30;
        file.write_all(&vec![0; room])?;
        file.sync_all()?;
        let (mut written, mut at, started) = (0, 0, Instant::now());
        while started.elapsed() < LENGTH {
            if at + block.len() > room {
                at = 0;
            }
            file.seek(SeekFrom::Start(at as u64))?;
            file.write_all(&block)?;
            file.sync_data()?;
            (at, written) = (at + block.len(), written + group);
        }
        let limit = written as f64 / started.elapsed().as_secs_f64();
        std::fs::remove_dir_all(&state)?;
        println!(
            "groups of {group}: {ours:.0} records/s durable; the disk allows {limit:.0} ({:.0} %)",
            ours / limit * 100.0
        );
    }
    Ok(())
}

fn questions(folder: &Path, count: u64) -> Result<(), Box<dyn std::error::Error>> {
    let state = folder.join("questions");
    let mut log = Log::open(&state, Box::new(NoKeeper))?;
    let started = Instant::now();
    let mut signed = Instant::now();
    for first in (0..count).step_by(4_096) {
        let records: Vec<Record> = (first..count.min(first + 4_096)).map(typical).collect();
        log.append(&records)?;
        if signed.elapsed() > Duration::from_secs(1) {
            log.checkpoint()?;
            signed = Instant::now();
        }
    }
    drop(log);
    per_second("written, made and signed", count, started);
    let started = Instant::now();
    let report = verify(&state, &[])?;
    assert!(report.is_sound());
    per_second("verified", count, started);
    let started = Instant::now();
    let mut index = Index::open(&state)?;
    index.page(&Filter::default(), &Page::newest(1))?;
    per_second("indexed", count, started);
    // What was written ahead of the file itself goes into it with the last one who has it open.
    drop(index);
    let size = std::fs::metadata(state.join("index.db"))?.len();
    let mut index = Index::open(&state)?;
    println!("the index: {} bytes a record", size / count.max(1));
    let glob = |text: &str| Glob::new(text).ok();
    let middle = count / 2;
    let asked = [
        ("identity", Filter { identity: glob("user-17"), ..Filter::default() }),
        ("identity by pattern", Filter { identity: glob("user-1*"), ..Filter::default() }),
        ("operation", Filter { operation: glob("vector.export"), ..Filter::default() }),
        ("resource", Filter { resource: glob("docs-7"), ..Filter::default() }),
        ("verdict deny", Filter { verdict: Some(Verdict::Deny), ..Filter::default() }),
        ("session", Filter { session: Some(session(middle)), ..Filter::default() }),
        ("vector id", Filter { vector: Some(format!("v{}", middle % 1_000_000)), ..Filter::default() }),
        ("value", Filter { value: Some(format!("{:016x}", middle % 100_000)), ..Filter::default() }),
        ("entity", Filter { entity: glob("email"), ..Filter::default() }),
        ("outcome", Filter { outcome: Some(Ending::Failed), ..Filter::default() }),
        ("record", Filter { id: Some(id(middle).as_str().into()), ..Filter::default() }),
        ("time", Filter { from: Some(at(middle)), until: Some(at(middle + 50)), ..Filter::default() }),
        (
            "identity and verdict",
            Filter { identity: glob("user-17"), verdict: Some(Verdict::Deny), ..Filter::default() },
        ),
        (
            "operation and time",
            Filter {
                operation: glob("vector.search"),
                from: Some(at(middle)),
                until: Some(at(middle + 50_000)),
                ..Filter::default()
            },
        ),
        // Each of them has many, and no record has both.
        (
            "search and failed",
            Filter { operation: glob("vector.search"), outcome: Some(Ending::Failed), ..Filter::default() },
        ),
        ("everybody", Filter { identity: glob("user-*"), ..Filter::default() }),
        ("nobody", Filter { identity: glob("nobody"), ..Filter::default() }),
    ];
    for (name, filter) in asked {
        let mut times: Vec<Duration> = Vec::new();
        let mut found = 0;
        for _ in 0..11 {
            let started = Instant::now();
            found = index.page(&filter, &Page::newest(100))?.entries.len();
            times.push(started.elapsed());
        }
        times.sort();
        println!("{name}: {found} found in {:.2} ms (first {:.2} ms)", ms(times[5]), ms(times[10]));
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn per_second(what: &str, count: u64, started: Instant) {
    let took = started.elapsed().as_secs_f64();
    println!("{what}: {count} records in {took:.1} s, {:.0} a second", count as f64 / took);
}

fn id(n: u64) -> String {
    format!("rec_{:012x}7{:03x}8000{n:012x}", at(n).millis(), n % 4_096)
}

fn session(n: u64) -> SessionId {
    format!("ses_0193a5c27c1e7abc8000{:012x}", n / 20).into()
}

fn at(n: u64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000 + i64::try_from(n).unwrap_or(0))
}

/// A search that a rule allowed, three vectors and two findings.
fn typical(n: u64) -> Record {
    let mut record = Record::new(Kind::Exchange, id(n).as_str().into(), at(n));
    record.ended_at = Some(at(n + 3));
    record.session = Some(session(n));
    record.service = "vectors".into();
    record.system = Some("qdrant".into());
    record.door = Some("tower".into());
    record.identity = Some(Identity::new(format!("user-{}", n % 1_000)).with_groups(["analysts"]).into());
    record.entry = Some("/collections/{collection_name}/points/search".into());
    record.method = Some("POST".into());
    record.status = Some(200);
    let operation = if n.is_multiple_of(50) { Operation::VectorExport } else { Operation::VectorSearch };
    record.acts = vec![Act::new(operation, format!("docs-{}", n % 50))];
    record.risk =
        Some(Weighed { total: Risk::new(20), terms: vec![Term { name: "base".into(), points: 20 }] });
    record.rules = vec![Matched { rule: "analysts-search".into(), verdict: Verdict::Allow, code: None }];
    let verdict = if n.is_multiple_of(97) { Verdict::Deny } else { Verdict::Allow };
    (record.decided, record.enforced) = (Some(verdict), Some(verdict));
    record.code = Some("allowed".into());
    record.policy = Some("5f1c7a0e9b2d4c6f8a1b3d5e7f9012345f1c7a0e9b2d4c6f8a1b3d5e7f901234".into());
    let ids = (0..3).map(|place| format!("v{}", (n + place * 333_333) % 1_000_000)).collect();
    let census = Census { rows: 3, ids, ..Census::default() };
    let found = |place: u64| Found {
        name: "email".into(),
        path: format!("result[{place}].payload.mail"),
        length: 18,
        digest: format!("{:016x}", (n + place * 50_000) % 100_000),
    };
    record.response = Some(
        Passed {
            bytes: 2_048,
            findings: vec![found(0), found(1)],
            totals: [("email".into(), 2)].into_iter().collect(),
            census: Some(census),
            ..Passed::default()
        }
        .into(),
    );
    record.outcome = Some(Outcome {
        result: if n.is_multiple_of(1_000) { Ending::Failed } else { Ending::Complete },
        reason: None,
    });
    record
}
