//! Dates as people write them: read, moved by days, and written back in the same form.
//!
//! `1977-08-20` (also with a time behind it), `21.04.1954`, `02/21/1959`, `April 21, 1946`, `1 Apr 2000`. Where day and month
//! cannot be told apart, `/` has the month first and `.` and `-` the day. A year of two digits is one of the hundred years
//! that end with 2029.

use jiff::Span;
use jiff::civil::Date;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A date and the form it was written in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written<'v> {
    pub(super) date: Date,
    parts: Vec<(Part, &'v str)>,
    /// Days and months have two digits.
    padded: bool,
}

/// What a piece of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    /// In letters, of which so many are written; `None` is all.
    MonthName(Option<usize>),
    Day,
    /// `st`, `nd`, `rd` or `th`.
    Ordinal,
    Other,
}

impl<'v> Written<'v> {
    /// Reads a date; `None` where the text is no date of these forms.
    pub(super) fn read(value: &'v str) -> Option<Self> {
        // A time of day stays as it is.
        let (value, time) = match value.char_indices().nth(10) {
            Some((at, 'T' | 't' | ' ')) if value.get(..at)?.matches('-').count() == 2 => {
                value.split_at_checked(at)?
            }
            _ => (value, ""),
        };
        let mut parts: Vec<(Part, &str)> = words(value).map(|word| (Part::Other, word)).collect();
        let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit()) && word.len() <= 4;
        let places: Vec<usize> =
            parts.iter().enumerate().filter(|(_, (_, word))| number(word)).map(|(at, _)| at).collect();
        let named = parts.iter().position(|(_, word)| month(word).is_some());
        let roles = match (named, places.as_slice()) {
            (Some(at), [day, year]) => {
                let (Part::MonthName(_), _) = name_of(&mut parts, at)? else { return None };
                vec![(*day, Part::Day), (*year, Part::Year)]
            }
            (None, [a, b, c]) => {
                let roles = order(&parts, [*a, *b, *c])?;
                [*a, *b, *c].into_iter().zip(roles).collect()
            }
            _ => return None,
        };
        for (at, role) in roles {
            parts.get_mut(at)?.0 = role;
        }
        for at in 0..parts.len() {
            let after_day = at > 0 && parts.get(at - 1)?.0 == Part::Day;
            let (part, word) = parts.get_mut(at)?;
            let ordinal = ["st", "nd", "rd", "th"].iter().any(|end| word.eq_ignore_ascii_case(end));
            if *part == Part::Other && after_day && ordinal {
                *part = Part::Ordinal;
            } else if *part == Part::Other && word.chars().any(char::is_alphanumeric) {
                return None;
            }
        }
        let find = |role: Part| parts.iter().find(|(part, _)| *part == role).map(|(_, word)| *word);
        let year = find(Part::Year)?;
        let year = match (year.len(), year.parse::<i16>().ok()?) {
            (4, year) => year,
            (2, year @ 0..30) => 2000 + year,
            (2, year) => 1900 + year,
            _ => return None,
        };
        let of_month = match named {
            Some(at) => month(parts.get(at)?.1)?,
            None => find(Part::Month)?.parse().ok()?,
        };
        let day = find(Part::Day)?;
        let padded = [Some(day), find(Part::Month)].into_iter().flatten().all(|word| word.len() == 2);
        let date = Date::new(year, of_month, day.parse().ok()?).ok()?;
        parts.push((Part::Other, time));
        Some(Self { date, parts, padded })
    }

    /// The same form of the date so many days later; `None` beyond the calendar.
    pub(super) fn moved(&self, days: i64) -> Option<String> {
        let span: Span = Span::new().try_days(days).ok()?;
        let date = self.date.checked_add(span).ok().filter(|date| (1..=9999).contains(&date.year()))?;
        let mut text = String::new();
        for (part, word) in &self.parts {
            let padded = |number: i8| {
                if self.padded { format!("{number:02}") } else { number.to_string() }
            };
            text.push_str(&match part {
                Part::Year if word.len() == 2 => format!("{:02}", date.year() % 100),
                Part::Year => format!("{:04}", date.year()),
                Part::Month => padded(date.month()),
                Part::MonthName(letters) => in_case_of(word, month_name(date, *letters)?),
                Part::Day => padded(date.day()),
                Part::Ordinal => in_case_of(word, ordinal(date.day())),
                Part::Other => (*word).to_owned(),
            });
        }
        Some(text)
    }
}

/// Runs of digits, runs of letters, and what lies between.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = kind(rest.chars().next()?);
        let end = rest.char_indices().find(|(_, c)| kind(*c) != first).map_or(rest.len(), |(at, _)| at);
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    })
}

/// The number of a month, by its whole name or its first three letters (`sept` too).
fn month(word: &str) -> Option<i8> {
    let word = word.to_ascii_lowercase();
    let fits = |name: &&str| {
        **name == *word || name.get(..3) == Some(&*word) || (word == "sept" && name.starts_with("sept"))
    };
    let at = MONTHS.iter().position(fits)?;
    i8::try_from(at + 1).ok()
}

fn name_of<'p, 'v>(parts: &'p mut [(Part, &'v str)], at: usize) -> Option<&'p (Part, &'v str)> {
    let slot = parts.get_mut(at)?;
    let whole = MONTHS.iter().any(|name| name.eq_ignore_ascii_case(slot.1));
    slot.0 = Part::MonthName((!whole || slot.1.len() == 3).then_some(3));
    Some(slot)
}

fn month_name(date: Date, letters: Option<usize>) -> Option<&'static str> {
    let name = MONTHS.get(usize::try_from(date.month()).ok()?.checked_sub(1)?)?;
    name.get(..letters.unwrap_or(name.len()))
}

/// What each of three numbers is, from their lengths, their separator and their values.
fn order(parts: &[(Part, &str)], at: [usize; 3]) -> Option<[Part; 3]> {
    let [a, b, c] = at.map(|at| parts.get(at).map_or("", |(_, word)| *word));
    let [first, second, _] = at.map(|at| parts.get(at + 1).map_or("", |(_, word)| *word));
    let separator = Some(first).filter(|sign| *sign == second && ["-", ".", "/"].contains(sign))?;
    let beyond = |word: &str| word.parse::<u8>().is_ok_and(|number| number > 12);
    match (a.len(), b.len(), c.len()) {
        (4, 1..=2, 1..=2) => Some([Part::Year, Part::Month, Part::Day]),
        (1..=2, 1..=2, 4) | (1..=2, 2, 2) if separator != "-" || c.len() == 4 => {
            let month_first = if separator == "/" { !beyond(a) } else { beyond(b) };
            let (first, second) =
                if month_first { (Part::Month, Part::Day) } else { (Part::Day, Part::Month) };
            Some([first, second, Part::Year])
        }
        _ => None,
    }
}

fn ordinal(day: i8) -> &'static str {
    match (day / 10, day % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// `word` in capitals, or with one, as `model` has them.
fn in_case_of(model: &str, word: &str) -> String {
    let upper = |c: char| c.is_ascii_uppercase();
    if model.len() > 1 && model.chars().all(upper) {
        return word.to_ascii_uppercase();
    }
    let mut text = word.to_owned();
    if model.starts_with(upper)
        && let Some(first) = text.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use proptest::prelude::*;

    #[test]
    fn each_form_stays_itself() {
        for (value, later) in [
            ("1977-08-20", "1977-09-19"),
            ("1977-8-5", "1977-9-4"),
            ("1977-08-20T10:15:00Z", "1977-09-19T10:15:00Z"),
            ("21.04.1954", "21.05.1954"),
            ("02/21/1959", "03/23/1959"),
            ("21/02/1959", "23/03/1959"),
            ("12/18/1948", "01/17/1949"),
            ("1/5/1948", "2/4/1948"),
            ("31.12.99", "30.01.00"),
            ("April 21, 1946", "May 21, 1946"),
            ("1 Apr 2000", "1 May 2000"),
            ("AUG 22nd, 1979", "SEP 21st, 1979"),
            ("22. august 1979", "21. september 1979"),
            ("Sept 3, 1980", "Oct 3, 1980"),
        ] {
            assert_eq!(
                Written::read(value).and_then(|date| date.moved(30)).as_deref(),
                Some(later),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_left_to_others() {
        for value in [
            "",
            "1977",
            "1977-13-01",
            "31.02.1980",
            "20-08-77",
            "tomorrow",
            "May",
            "April 1946",
            "1.2.3.4",
            "10:15:00",
            "12 monkeys 1995",
        ] {
            assert_eq!(Written::read(value), None, "{value}");
        }
        assert_eq!(Written::read("9999-12-31").unwrap().moved(1), None);
    }

    proptest! {
        #[test]
        fn intervals_stay(first in 0_i64..30_000, second in 0_i64..30_000, days in -1_000_i64..1_000, form in 0_usize..4) {
            let at = |days: i64| Date::constant(1930, 1, 1).checked_add(days.days()).unwrap();
            let write = |date: Date| match form {
                0 => date.strftime("%Y-%m-%d").to_string(),
                1 => date.strftime("%d.%m.%Y").to_string(),
                2 => date.strftime("%m/%d/%Y").to_string(),
                _ => date.strftime("%B %-d, %Y").to_string(),
            };
            let moved = |date: Date| {
                let text = Written::read(&write(date)).unwrap().moved(days).unwrap();
                Written::read(&text).unwrap().date
            };
            let (a, b) = (moved(at(first)), moved(at(second)));
            prop_assert_eq!((b - a).get_days(), i32::try_from(second - first).unwrap());
            prop_assert_eq!(a, at(first + days));
        }
    }
}
