//! Detection without a policy.

use pyo3::prelude::*;
use serde::Serialize;
use wardline::detect::{Context, Detectors, entity};
use wardline::model::Finding;
use wardline::{Error, ErrorKind};

use crate::border;

#[derive(Serialize)]
struct Found {
    start: usize,
    end: usize,
    entity: &'static str,
    group: &'static str,
    score: u8,
}

/// Finds personal data and secrets in a text: all entities of the catalogue, or those named.
///
/// Offsets count characters of a `str` and bytes of a `bytes`; spans are half-open.
#[pyfunction]
#[pyo3(signature = (text, entities=None))]
pub(crate) fn detect<'py>(
    py: Python<'py>,
    text: &Bound<'py, PyAny>,
    entities: Option<Vec<String>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (bytes, is_text) = border::text_or_bytes(text)?;
    let bytes = &*bytes;
    let found = border::working(py, || {
        let detectors = match entities {
            None => Detectors::all(),
            Some(names) => Detectors::compile(
                &names
                    .iter()
                    .map(|name| {
                        entity(name).ok_or_else(|| {
                            Error::new(
                                ErrorKind::Input,
                                "an entity is named that the catalogue does not have",
                            )
                        })
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            ),
        };
        let mut findings = Vec::new();
        detectors.scan(bytes, 0, &Context::default(), &mut findings);
        Ok(if is_text { by_character(bytes, &findings) } else { findings.iter().map(found).collect() })
    })?;
    border::to_python(py, &found)
}

fn found(finding: &Finding) -> Found {
    Found {
        start: finding.span.start,
        end: finding.span.end,
        entity: finding.entity.name,
        group: finding.entity.group.name(),
        score: finding.score,
    }
}

/// The findings with offsets in characters: one pass, for they are sorted and do not overlap.
fn by_character(text: &[u8], findings: &[Finding]) -> Vec<Found> {
    let (mut at, mut characters) = (0, 0);
    let mut count = |to: usize| {
        // Every byte but a continuation byte begins a character.
        let between = text.get(at..to).unwrap_or_default();
        characters += between.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        at = to;
        characters
    };
    findings
        .iter()
        .map(|finding| {
            let (start, end) = (count(finding.span.start), count(finding.span.end));
            Found { start, end, ..found(finding) }
        })
        .collect()
}
