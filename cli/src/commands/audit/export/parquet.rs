//! Entries as columns (Apache Parquet), as DuckDB, Spark, DataFusion and Athena read them.
//!
//! One row is one entry of a log: an exchange that was on disk before it was forwarded has two, `begin` and `end`. What a column has no
//! room for stands in `json`, the record as it was written.

use std::borrow::Cow;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use wardline::audit::{Followed, Passed};
use wardline::identity::Identity;

/// What stands in a column.
enum Column {
    Text(fn(&Followed) -> Option<Cow<'_, str>>),
    Number(fn(&Followed) -> Option<i64>),
    Time(fn(&Followed) -> Option<i64>),
    Texts(fn(&Followed) -> Vec<&str>),
}

use Column::{Number, Text, Texts, Time};

/// The columns of every file, in order. New ones are added behind these, so that old and new files are read together.
const COLUMNS: [(&str, Column); 39] = [
    ("log", Text(|entry| Some(entry.log.as_str().into()))),
    ("log_index", Number(|entry| i64::try_from(entry.index).ok())),
    ("began_at", Time(|entry| Some(entry.record.at.millis()))),
    ("ended_at", Time(|entry| entry.record.ended_at.map(|ended| ended.millis()))),
    ("record_id", Text(|entry| Some(entry.record.id.as_str().into()))),
    ("kind", Text(|entry| Some(entry.record.kind.name().into()))),
    ("identity", Text(|entry| identity(entry).map(|who| who.subject.as_str().into()))),
    ("groups", Texts(|entry| identity(entry).map_or_else(Vec::new, |who| each(&who.groups)))),
    (
        "hops",
        Texts(|entry| {
            identity(entry)
                .map_or_else(Vec::new, |who| who.hops.iter().map(|hop| hop.workload.as_str()).collect())
        }),
    ),
    ("session", Text(|entry| entry.record.session.as_ref().map(|id| id.as_str().into()))),
    ("service", Text(|entry| Some((*entry.record.service).into()))),
    ("system", Text(|entry| entry.record.system.as_deref().map(Into::into))),
    ("door", Text(|entry| entry.record.door.as_deref().map(Into::into))),
    ("source", Text(|entry| entry.record.source.map(|ip| ip.to_string().into()))),
    ("method", Text(|entry| entry.record.method.as_deref().map(Into::into))),
    ("route", Text(|entry| entry.record.entry.as_deref().map(Into::into))),
    ("status", Number(|entry| entry.record.status.map(i64::from))),
    ("operations", Texts(|entry| entry.record.acts.iter().map(|act| act.operation.name()).collect())),
    ("resources", Texts(|entry| entry.record.acts.iter().map(|act| act.resource.as_str()).collect())),
    ("risk", Number(|entry| entry.record.risk.as_ref().map(|risk| i64::from(risk.total.value())))),
    ("decided", Text(|entry| entry.record.decided.map(|verdict| verdict.name().into()))),
    ("enforced", Text(|entry| entry.record.enforced.map(|verdict| verdict.name().into()))),
    ("code", Text(|entry| entry.record.code.as_deref().map(Into::into))),
    ("because", Text(|entry| entry.record.because.as_deref().map(Into::into))),
    ("outcome", Text(|entry| entry.record.outcome.as_ref().map(|outcome| outcome.result.name().into()))),
    ("grant_id", Text(|entry| entry.record.grant.as_ref().map(|id| id.as_str().into()))),
    ("approval_id", Text(|entry| entry.record.approval.as_ref().map(|id| id.as_str().into()))),
    ("policy_digest", Text(|entry| entry.record.policy.as_deref().map(Into::into))),
    ("step", Text(|entry| entry.record.change.as_ref().map(|change| change.step.as_str().into()))),
    ("step_by", Text(|entry| entry.record.change.as_ref().map(|change| change.by.as_str().into()))),
    (
        "request_bytes",
        Number(|entry| entry.record.request.as_ref().and_then(|passed| i64::try_from(passed.bytes).ok())),
    ),
    (
        "response_bytes",
        Number(|entry| entry.record.response.as_ref().and_then(|passed| i64::try_from(passed.bytes).ok())),
    ),
    ("vectors_out", Number(|entry| out(entry).and_then(|census| i64::try_from(census.vectors).ok()))),
    ("rows_out", Number(|entry| out(entry).and_then(|census| i64::try_from(census.rows).ok()))),
    (
        "vector_ids",
        Texts(|entry| {
            entry
                .record
                .passed()
                .filter_map(|passed| passed.census.as_ref())
                .flat_map(|census| each(&census.ids))
                .collect()
        }),
    ),
    (
        "entities",
        Texts(|entry| {
            entry.record.passed().flat_map(|passed| passed.totals.keys().map(|name| &**name)).collect()
        }),
    ),
    (
        "value_digests",
        Texts(|entry| {
            entry.record.passed().flat_map(Passed::found).map(|found| found.digest.as_str()).collect()
        }),
    ),
    ("surviving", Number(surviving)),
    ("json", Text(|entry| serde_json::to_string(&entry.record).ok().map(Cow::Owned))),
];

fn identity(entry: &Followed) -> Option<&Identity> {
    entry.record.identity.as_deref()
}

fn out(entry: &Followed) -> Option<&wardline::model::Census> {
    entry.record.response.as_ref()?.census.as_ref()
}

/// How many values survived masking; nothing where nobody looked, or could not read what went on.
fn surviving(entry: &Followed) -> Option<i64> {
    let looked = entry.record.passed().filter_map(|passed| passed.reread.as_ref());
    let counts: Option<Vec<u64>> = looked.map(|reread| reread.surviving).collect();
    let counts = counts.filter(|counts| !counts.is_empty())?;
    i64::try_from(counts.iter().sum::<u64>()).ok()
}

fn each<T: AsRef<str>>(texts: &[T]) -> Vec<&str> {
    texts.iter().map(AsRef::as_ref).collect()
}

/// The bytes of a file of these entries.
pub(super) fn file(entries: &[&Followed]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(&schema())?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut rows = file.next_row_group()?;
    for (_, column) in &COLUMNS {
        match column {
            Text(of) => texts(&mut rows, entries.iter().map(|entry| of(entry)))?,
            Number(of) | Time(of) => numbers(&mut rows, entries.iter().map(|entry| of(entry)))?,
            Texts(of) => lists(&mut rows, entries.iter().map(|entry| of(entry)))?,
        }
    }
    rows.close()?;
    file.into_inner()
}

fn schema() -> String {
    let columns = COLUMNS.iter().map(|(name, column)| match column {
        Text(_) => format!("optional binary {name} (STRING);"),
        Number(_) => format!("optional int64 {name};"),
        Time(_) => format!("optional int64 {name} (TIMESTAMP(MILLIS, true));"),
        Texts(_) => format!(
            "optional group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }}"
        ),
    });
    format!("message entry {{ {} }}", columns.collect::<String>())
}

type Rows<'r> = SerializedRowGroupWriter<'r, Vec<u8>>;

fn texts<'e>(
    rows: &mut Rows<'_>,
    values: impl Iterator<Item = Option<Cow<'e, str>>>,
) -> Result<(), ParquetError> {
    let (mut levels, mut there) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value.map(|text| ByteArray::from(text.into_owned().into_bytes())));
    }
    let Some(mut column) = rows.next_column()? else { return Ok(()) };
    column.typed::<ByteArrayType>().write_batch(&there, Some(&levels), None)?;
    column.close()
}

fn numbers(rows: &mut Rows<'_>, values: impl Iterator<Item = Option<i64>>) -> Result<(), ParquetError> {
    let (mut levels, mut there) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    let Some(mut column) = rows.next_column()? else { return Ok(()) };
    column.typed::<Int64Type>().write_batch(&there, Some(&levels), None)?;
    column.close()
}

/// Lists that may be empty: 1 tells a list without elements, 2 an element; what repeats is of the same row.
fn lists<'e>(rows: &mut Rows<'_>, values: impl Iterator<Item = Vec<&'e str>>) -> Result<(), ParquetError> {
    let (mut levels, mut repeats, mut there) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        if value.is_empty() {
            levels.push(1);
            repeats.push(0);
        }
        for (place, text) in value.into_iter().enumerate() {
            levels.push(2);
            repeats.push(i16::from(place > 0));
            there.push(ByteArray::from(text.as_bytes().to_vec()));
        }
    }
    let Some(mut column) = rows.next_column()? else { return Ok(()) };
    column.typed::<ByteArrayType>().write_batch(&there, Some(&levels), Some(&repeats))?;
    column.close()
}
