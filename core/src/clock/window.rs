//! Hours of the week in a time zone.
//!
//! ```
//! use wardline::clock::{Timestamp, Window};
//! let nights: Window = "mon-fri 22:00-06:00 Europe/Berlin".parse().unwrap();
//! let at = |text: &str| nights.contains(text.parse::<Timestamp>().unwrap());
//! // Friday's night ends on Saturday morning; Sunday's never began.
//! assert!(at("2026-11-27T21:00:00Z") && at("2026-11-28T04:59:59Z"));
//! assert!(!at("2026-11-28T05:00:00Z") && !at("2026-11-30T03:00:00Z"));
//! ```

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;
use crate::error::{Error, ErrorKind};

/// Hours of the week, by the clock on the wall of a time zone: `[DAYS] [HH:MM-HH:MM] ZONE`. Days such as `mon-fri` or `sat,sun` are
/// those that it begins on, all where absent; without hours it is the whole day. Hours are half-open, and where they end before they
/// begin, they end on the next day. Where clocks are set back, an hour that comes twice counts twice.
///
/// Zones are those of the IANA database of the machine, such as `Europe/Berlin`, or `UTC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// One bit a weekday, Monday lowest.
    days: u8,
    /// Minutes after midnight; `until` may be 24:00.
    from: u16,
    until: u16,
    zone: TimeZone,
    name: Box<str>,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: u8 = 0x7f;
const MIDNIGHT: u16 = 24 * 60;

impl Window {
    /// Whether it is open at this instant.
    pub fn contains(&self, at: Timestamp) -> bool {
        let Ok(at) = jiff::Timestamp::from_millisecond(at.millis()) else { return false };
        let local = self.zone.to_datetime(at);
        let minute = minutes(local.hour().unsigned_abs(), local.minute().unsigned_abs());
        let today = local.date().weekday();
        if self.from < self.until {
            return self.begins_on(today) && (self.from..self.until).contains(&minute);
        }
        (self.begins_on(today) && minute >= self.from)
            || (self.begins_on(today.previous()) && minute < self.until)
    }

    /// The names of the time zones that there are.
    pub(crate) fn zones() -> impl Iterator<Item = String> {
        jiff::tz::db().available().map(|name| name.to_string())
    }

    fn begins_on(&self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }
}

fn minutes(hour: u8, minute: u8) -> u16 {
    u16::from(hour) * 60 + u16::from(minute)
}

/// `mon`, `mon-fri` or `fri-mon`, several separated by commas.
fn days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    text.split(',').try_fold(0, |set, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + DAYS.len() - first) % DAYS.len();
        Some((0..=count).fold(set, |set, ahead| set | 1 << ((first + ahead) % DAYS.len())))
    })
}

/// `HH:MM-HH:MM`.
fn hours(text: &str) -> Option<(u16, u16)> {
    let time = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let two = |digits: &str| {
            let is_plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u8>().ok().filter(|_| is_plain)
        };
        let (hour, minute) = (two(hour)?, two(minute)?);
        let time = minutes(hour, minute);
        (minute < 60 && time <= MIDNIGHT).then_some(time)
    };
    let (from, until) = text.split_once('-')?;
    let (from, until) = (time(from)?, time(until)?);
    // The same twice could mean all of the day or none of it.
    (from < MIDNIGHT && from != until).then_some((from, until))
}

impl FromStr for Window {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |message: &str| Error::new(ErrorKind::Input, message);
        let form = "expected days, hours and a time zone, such as mon-fri 22:00-06:00 Europe/Berlin";
        let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
        let name = words.pop().ok_or_else(|| wrong(form))?;
        let read = match *words.as_slice() {
            [] => Some(EVERY_DAY).zip(Some((0, MIDNIGHT))),
            [one] if one.contains(':') => Some(EVERY_DAY).zip(hours(one)),
            [one] => days(one).zip(Some((0, MIDNIGHT))),
            [first, second] => days(first).zip(hours(second)),
            _ => None,
        };
        let (days, (from, until)) = read.ok_or_else(|| wrong(form))?;
        let zone = TimeZone::get(name)
            .map_err(|_| wrong("there is no such time zone: expected one such as UTC or Europe/Berlin"))?;
        Ok(Self { days, from, until, zone, name: name.into() })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != EVERY_DAY {
            let named = DAYS.iter().enumerate().filter(|(day, _)| self.days & (1 << day) != 0);
            write!(f, "{} ", named.map(|(_, name)| *name).collect::<Vec<_>>().join(","))?;
        }
        if (self.from, self.until) != (0, MIDNIGHT) {
            let (from, until) = (self.from, self.until);
            write!(f, "{:02}:{:02}-{:02}:{:02} ", from / 60, from % 60, until / 60, until % 60)?;
        }
        f.write_str(&self.name)
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(window: &str, at: &str) -> bool {
        window.parse::<Window>().unwrap().contains(at.parse().unwrap())
    }

    #[test]
    fn hours_are_those_of_the_zone_and_half_open() {
        let office = "mon-fri 09:00-17:00 Europe/Berlin";
        for (at, is) in [
            ("2026-11-27T08:00:00Z", true),
            ("2026-11-27T07:59:59Z", false),
            ("2026-11-27T15:59:59Z", true),
            ("2026-11-27T16:00:00Z", false),
            ("2026-11-28T10:00:00Z", false),
            // In summer the zone is an hour further ahead.
            ("2026-07-03T07:00:00Z", true),
            ("2026-07-03T15:00:00Z", false),
        ] {
            assert_eq!(open(office, at), is, "{at}");
        }
        assert!(open("sat,sun UTC", "2026-11-28T23:59:59Z") && !open("sat,sun UTC", "2026-11-30T00:00:00Z"));
        assert!(open("12:00-24:00 UTC", "2026-11-28T23:59:59Z") && open("UTC", "2026-11-28T00:00:00Z"));
        assert!(open("fri-mon UTC", "2026-11-30T10:00:00Z") && !open("fri-mon UTC", "2026-12-01T10:00:00Z"));
    }

    #[test]
    fn a_night_belongs_to_the_day_that_it_began_on() {
        let sunday = "sun 22:00-06:00 UTC";
        assert!(open(sunday, "2026-11-29T22:00:00Z") && open(sunday, "2026-11-30T05:59:00Z"));
        assert!(!open(sunday, "2026-11-29T05:00:00Z") && !open(sunday, "2026-11-30T22:00:00Z"));
    }

    #[test]
    fn an_hour_that_is_skipped_or_comes_twice_is_judged_by_the_wall() {
        let small = "02:00-03:00 Europe/Berlin";
        // 2026-03-29: there is no such hour. 2026-10-25: it comes twice.
        assert!(!open(small, "2026-03-29T00:59:59Z") && !open(small, "2026-03-29T01:00:00Z"));
        assert!(open(small, "2026-10-25T00:30:00Z") && open(small, "2026-10-25T01:30:00Z"));
        assert!(!open(small, "2026-10-25T02:00:00Z"));
    }

    #[test]
    fn it_reads_back_as_it_is_written_and_refuses_what_is_none() {
        for text in ["UTC", "mon,tue UTC", "22:00-06:00 Asia/Tokyo", "sat,sun 00:00-12:30 Europe/Berlin"] {
            let window: Window = text.parse().unwrap();
            assert_eq!(window.to_string(), text);
            assert_eq!(
                serde_json::from_str::<Window>(&serde_json::to_string(&window).unwrap()).unwrap(),
                window
            );
        }
        for wrong in [
            "",
            "mon-fri",
            "09:00-17:00",
            "mon-fri 9:00-17:00 UTC",
            "09:00-09:00 UTC",
            "24:00-01:00 UTC",
            "09:60-10:00 UTC",
            "09:00-24:01 UTC",
            "mon-fri 09:00 UTC",
            "montag UTC",
            "mon 09:00-10:00 x UTC",
            "09:00-17:00 Mars/Base",
            "+9:00-10:00 UTC",
        ] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong:?}");
        }
    }
}
