//! What the audit log costs: handing a record over, its bytes, durable appends beside what the disk itself allows, verifying every byte, and questions
//! over many records.
//!
//! ```text
//! cargo run --release -p wardline-benches --bin audit-log -- FOLDER RECORDS
//! cargo run --release -p wardline-benches --bin audit-log -- FOLDER by 16
//! ```
//!
//! FOLDER lies on the disk that is meant, and is left with the log that was written. The second form has durable appends in groups of that size alone.

mod rates;
mod sample;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use sample::{at, id, session, typical};
use wardline::audit::{Ending, Filter, Index, Journal, Log, NoKeeper, Page, Record, verify};
use wardline::glob::Glob;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Operation, Subject, Verdict};
use wardline::policy::Policy;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("expected FOLDER and RECORDS".into());
    };
    let folder = Path::new(&folder);
    let bytes = encoded()?;
    if count == "by" {
        let group = arguments.next().ok_or("expected how many are synced together")?.parse()?;
        return rates::rates(folder, bytes, Some(group));
    }
    let count = count.parse::<u64>()?;
    handed_over(folder)?;
    rates::rates(folder, bytes, None)?;
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
