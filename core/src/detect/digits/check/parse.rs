//! Reads the lines of a row's `check`.

use super::{Form, Rest, Step, Wanted, named};

/// One line.
pub(super) fn step(line: &str) -> Option<Step> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let rest: Vec<&str> = words.collect();
    Some(match name {
        "luhn" => luhn(&rest)?,
        "verhoeff" if rest.is_empty() => Step::Verhoeff,
        "mod11_10" if rest.is_empty() => Step::Mod11_10,
        "weigh" => weigh(&rest)?,
        "number" => {
            let ranges = rest.first()?.split('+').map(range).collect::<Option<_>>()?;
            Step::Number { ranges, rest: rest_of(rest.get(1..)?)? }
        }
        "date" => date(&rest)?,
        "in" | "not" => {
            let (from, to) = range(rest.first()?)?;
            let ranges = rest.iter().skip(1).map(|text| numbers(text)).collect::<Option<Vec<_>>>()?;
            (!ranges.is_empty()).then_some(())?;
            Step::Range { from, to, ranges, within: name == "in" }
        }
        _ if rest.is_empty() => Step::Named(named::by_name(name)?),
        _ => return None,
    })
}

fn luhn(words: &[&str]) -> Option<Step> {
    match words {
        [] => Some(Step::Luhn { prefix: Vec::new(), from: 0, to: usize::MAX }),
        ["prefix", digits] => Some(Step::Luhn { prefix: digits.as_bytes().into(), from: 0, to: usize::MAX }),
        [part] => {
            let (from, to) = range(part)?;
            Some(Step::Luhn { prefix: Vec::new(), from, to })
        }
        _ => None,
    }
}

fn weigh(words: &[&str]) -> Option<Step> {
    let (from, words) = match words {
        ["from", from, rest @ ..] => (from.parse().ok()?, rest),
        _ => (0, words),
    };
    let split = words.iter().position(|word| *word == "mod")?;
    let (weights, rest) = words.split_at_checked(split)?;
    let lists = weights.split(|word| *word == "or");
    let weights = lists.map(|list| list.iter().map(|word| word.parse().ok()).collect());
    let weights: Vec<Vec<i32>> = weights.collect::<Option<_>>()?;
    if weights.iter().any(Vec::is_empty) {
        return None;
    }
    Some(Step::Weigh { from, weights, rest: rest_of(rest)? })
}

/// `mod 11 minus plus 1 at 9 map 0123456789X`.
fn rest_of(words: &[&str]) -> Option<Rest> {
    let mut words = words.iter().copied();
    let (mut modulo, mut minus, mut plus, mut wanted) = (0, false, 0, None);
    while let Some(word) = words.next() {
        match word {
            "mod" => modulo = words.next()?.parse().ok().filter(|&modulo| modulo > 1)?,
            "minus" => minus = true,
            "plus" => plus = words.next()?.parse().ok()?,
            "=" => wanted = Some(Wanted::Is(words.next()?.parse().ok()?)),
            "at" => {
                let place = words.next()?;
                wanted = Some(match range(place) {
                    Some((from, to)) => Wanted::Decimal(from, to),
                    None => Wanted::Mapped(place.parse().ok()?, b"0123456789".to_vec()),
                });
            }
            "map" => match &mut wanted {
                Some(Wanted::Mapped(_, map)) => *map = words.next()?.as_bytes().into(),
                _ => return None,
            },
            _ => return None,
        }
    }
    (modulo > 0).then_some(())?;
    Some(Rest { modulo, minus, plus, wanted: wanted? })
}

fn date(words: &[&str]) -> Option<Step> {
    let [form, "at", at, added @ ..] = words else { return None };
    let form = match *form {
        "yymmdd" => Form::YearMonthDay,
        "yyyymmdd" => Form::LongYearMonthDay,
        "ddmmyy" => Form::DayMonthYear,
        "ddmmyyyy" => Form::DayMonthLongYear,
        "mmdd" => Form::MonthDay,
        "ddmm" => Form::DayMonth,
        _ => return None,
    };
    let (mut months, mut days) = (Vec::new(), Vec::new());
    let mut into_days = None;
    for word in added {
        match *word {
            "months" => into_days = Some(false),
            "days" => into_days = Some(true),
            number => (if into_days? { &mut days } else { &mut months }).push(number.parse().ok()?),
        }
    }
    Some(Step::Date { at: at.parse().ok()?, form, months, days })
}

/// `a..b`.
fn range(text: &str) -> Option<(usize, usize)> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some((from, to))
}

/// `a` or `a-b`, both included.
fn numbers(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}
