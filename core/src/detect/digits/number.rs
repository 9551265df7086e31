//! Numbers with a fixed grouping and rules of their own, such as national ids.

use saphyr::Yaml;

use super::{Run, is_glued_after, is_glued_before};
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::words::Sense;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Number {
    shapes: Vec<Shape>,
    check: fn(&[u8]) -> bool,
}

/// A grouping, e.g. `ddd-dd-dddd`, and whether it counts without a context word.
#[derive(Debug, Clone)]
struct Shape {
    groups: Vec<usize>,
    separator: u8,
    alone: bool,
}

impl Number {
    /// Reads `alone` and `told` (groupings that count by themselves, and those that need a context word) and `check`.
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let mut shapes = Vec::new();
        for (key, alone) in [("alone", true), ("told", false)] {
            for text in strings(row, key)? {
                let separator = text.bytes().find(|b| *b != b'd').unwrap_or(0);
                let groups = text.split(|c| c != 'd').map(str::len).collect();
                shapes.push(Shape { groups, separator, alone });
            }
        }
        let check = match row.as_mapping_get("check")?.as_str()? {
            "us_ssn" => us_ssn,
            _ => return None,
        };
        (!shapes.is_empty()).then_some(Self { shapes, check })
    }
}

pub(in crate::detect) fn attempt(
    input: &Input<'_>,
    at: usize,
    number: &Number,
    sense: &Sense<'_>,
) -> Attempt {
    if is_glued_before(input, at) {
        return Attempt::none(at);
    }
    Attempt { low: at, hit: read(input, at, number, sense) }
}

fn read(input: &Input<'_>, at: usize, number: &Number, sense: &Sense<'_>) -> Option<Hit> {
    let run = Run::read(input, at, b"- .")?;
    for shape in &number.shapes {
        let groups = run.groups().get(..shape.groups.len()).unwrap_or_default();
        let fits = groups.len() == shape.groups.len()
            && groups.iter().zip(&shape.groups).all(|(group, length)| group.length == *length)
            && groups.iter().skip(1).all(|group| group.separator == shape.separator);
        let Some(last) = groups.last().filter(|_| fits) else { continue };
        if !run.may_end(groups.len() - 1)
            || !(number.check)(run.digits(last.digits))
            || is_glued_after(input, last.end)
        {
            continue;
        }
        let told = sense.holds(input, at) || (!shape.alone && sense.follows(input, last.end));
        if shape.alone || told {
            return Some(Hit { start: at, end: last.end, score: if told { 95 } else { 80 }, open: false });
        }
    }
    None
}

/// Social Security Administration: no area 000, 666 or 900-999, no group 00, no serial 0000.
fn us_ssn(digits: &[u8]) -> bool {
    let [a, b, c, d, e, f, g, h, i] = digits else { return false };
    let area = [*a, *b, *c];
    area != [0; 3] && area != [6; 3] && *a != 9 && [*d, *e] != [0; 2] && [*f, *g, *h, *i] != [0; 4]
}
