//! The records that are written.

use wardline::audit::{Ending, Found, Kind, Matched, Outcome, Passed, Record, Term, Weighed};
use wardline::clock::Timestamp;
use wardline::identity::Identity;
use wardline::model::{Act, Census, Operation, Risk, SessionId, Verdict};

pub(crate) fn id(n: u64) -> String {
    format!("rec_{:012x}7{:03x}8000{n:012x}", at(n).millis(), n % 4_096)
}

pub(crate) fn session(n: u64) -> SessionId {
    format!("ses_0193a5c27c1e7abc8000{:012x}", n / 20).into()
}

pub(crate) fn at(n: u64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000 + i64::try_from(n).unwrap_or(0))
}

/// A search that a rule allowed, three vectors and two findings.
pub(crate) fn typical(n: u64) -> Record {
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
