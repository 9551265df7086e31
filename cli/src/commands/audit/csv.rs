//! Records as a table for a spreadsheet: one row an exchange or step, the fields that people sort and filter by.

use wardline::audit::{Entry, Passed};

use crate::{Failure, Streams};

const COLUMNS: [&str; 27] = [
    "at",
    "record",
    "kind",
    "identity",
    "hops",
    "session",
    "service",
    "method",
    "entry",
    "operations",
    "resources",
    "magnitudes",
    "risk",
    "decided",
    "enforced",
    "code",
    "outcome",
    "status",
    "grant",
    "approval",
    "vectors_out",
    "rows_out",
    "findings",
    "because",
    "step",
    "by",
    "log",
];

/// Writes a heading and a row a record (RFC 4180).
pub(crate) fn write(entries: &[Entry], streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(&mut streams.out);
    let failed = |e: csv::Error| Failure::Io(std::io::Error::other(e));
    table.write_record(COLUMNS).map_err(failed)?;
    for entry in entries {
        table.write_record(row(entry).map(plain)).map_err(failed)?;
    }
    table.flush()?;
    Ok(())
}

fn row(entry: &Entry) -> [String; 27] {
    let record = &entry.record;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let acts = |each: &dyn Fn(&wardline::model::Act) -> String| {
        record.acts.iter().map(each).collect::<Vec<_>>().join("; ")
    };
    let (identity, change) = (record.identity.as_ref(), record.change.as_ref());
    let hops: Vec<&str> =
        identity.iter().flat_map(|who| &who.hops).map(|hop| hop.workload.as_str()).collect();
    let census = record.response.as_ref().and_then(|passed| passed.census.as_ref());
    let totals: Vec<String> = record
        .passed()
        .flat_map(|passed: &Passed| &passed.totals)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    [
        record.at.to_string(),
        record.id.to_string(),
        record.kind.name().to_owned(),
        text(identity.map(|who| who.subject.as_str())),
        hops.join("; "),
        text(record.session.as_ref().map(|id| id.as_str())),
        record.service.to_string(),
        text(record.method.as_deref()),
        text(record.entry.as_deref()),
        acts(&|act| act.operation.to_string()),
        acts(&|act| act.resource.clone()),
        acts(&|act| act.magnitude.to_string()),
        record.risk.as_ref().map(|risk| risk.total.to_string()).unwrap_or_default(),
        text(record.decided.map(|verdict| verdict.name())),
        text(record.enforced.map(|verdict| verdict.name())),
        text(record.code.as_deref()),
        text(record.outcome.as_ref().map(|outcome| outcome.result.name())),
        record.status.map(|status| status.to_string()).unwrap_or_default(),
        text(record.grant.as_ref().map(|id| id.as_str())),
        text(record.approval.as_ref().map(|id| id.as_str())),
        census.map(|census| census.vectors.to_string()).unwrap_or_default(),
        census.map(|census| census.rows.to_string()).unwrap_or_default(),
        totals.join("; "),
        text(change.map_or(record.because.as_deref(), |change| change.reason.as_deref())),
        text(change.map(|change| change.step.as_str())),
        text(change.map(|change| change.by.as_str())),
        entry.slot.clone(),
    ]
}

/// A cell that no spreadsheet takes for a formula.
fn plain(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline::audit::{Kind, Record};
    use wardline::clock::Timestamp;
    use wardline::identity::Identity;

    #[test]
    fn a_name_is_neither_a_formula_nor_two_cells() {
        let mut record = Record::new(Kind::Exchange, "rec_1".into(), Timestamp::from_millis(0));
        record.identity = Some(Identity::new("=cmd(), \"x\"").into());
        let entry = Entry { slot: "w0001".to_owned(), index: 0, complete: true, record };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        write(&[entry], &mut Streams { input: &mut [].as_slice(), out: &mut out, err: &mut err }).unwrap();
        let mut lines = std::str::from_utf8(&out).unwrap().lines();
        assert_eq!(lines.next().unwrap().split(',').count(), COLUMNS.len());
        assert!(
            lines.next().unwrap().starts_with(r#"1970-01-01T00:00:00Z,rec_1,exchange,"'=cmd(), ""x""",,"#),
            "{lines:?}"
        );
    }
}
