//! Time as the engine sees it: a `Timestamp` in milliseconds and a [`Clock`] that tests can hold still.
//!
//! Expiry is always computed from `now`, never set by a timer, so every room that judges time takes a
//! `Timestamp` and only the guard owns a clock.
//!
//! ```
//! use wardline::clock::Timestamp;
//! let t: Timestamp = "2026-11-25T06:25:00Z".parse().unwrap();
//! assert_eq!(t.to_string(), "2026-11-25T06:25:00Z");
//! assert_eq!((t + std::time::Duration::from_secs(90)).to_string(), "2026-11-25T06:26:30Z");
//! ```

mod window;

use std::fmt::{self, Write as _};
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use window::Window;

use crate::error::{Error, ErrorKind};

/// Milliseconds since the Unix epoch, UTC. Written as RFC 3339 wherever a person reads it, and never beyond what can be written so: what is
/// made of a greater or smaller number is the last or the first instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant that can be written, in the year -9999.
    pub const MIN: Self = Self(-377_705_023_201_000);

    /// The last instant that can be written, in the year 9999.
    pub const MAX: Self = Self(253_402_207_200_999);

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        match millis {
            ..=-377_705_023_201_000 => Self::MIN,
            253_402_207_200_999.. => Self::MAX,
            _ => Self(millis),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, length: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, length: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{at}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse::<jiff::Timestamp>().map(|t| Self::from_millis(t.as_millisecond())).map_err(|_| {
            Error::new(ErrorKind::Input, "expected a time such as 2026-11-25T06:25:00Z (RFC 3339)")
        })
    }
}

/// A text where a person may read it, and else the milliseconds.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            let millis = i64::deserialize(deserializer)?;
            // Taken for another instant it would not be written again as it was read.
            let kept = Some(Self::from_millis(millis)).filter(|kept| kept.0 == millis);
            kept.ok_or_else(|| serde::de::Error::custom("expected a time before the year 10000"))
        }
    }
}

/// Where `now` comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The wall clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that moves only when told to: for tests and for replay.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves the clock on.
    pub fn advance(&self, length: Duration) {
        self.0.fetch_add(i64::try_from(length.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Reads a length of time such as `250ms`, `30s`, `15m`, `8h` or `7d`; parts add up (`1h30m`).
///
/// # Errors
/// Anything else is an [`ErrorKind::Input`] error that names the accepted forms.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong =
        || Error::new(ErrorKind::Input, "expected a length of time such as 250ms, 30s, 15m, 8h or 7d");
    let (mut total, mut number, mut digits) = (0_u64, 0_u64, false);
    let mut rest = text.trim().chars().peekable();
    if rest.peek().is_none() {
        return Err(wrong());
    }
    while let Some(c) = rest.next() {
        if let Some(digit) = c.to_digit(10) {
            number =
                number.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit))).ok_or_else(wrong)?;
            digits = true;
            continue;
        }
        let unit = match c {
            'm' if rest.next_if_eq(&'s').is_some() => 1,
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => return Err(wrong()),
        };
        if !digits {
            return Err(wrong());
        }
        total = number.checked_mul(unit).and_then(|n| n.checked_add(total)).ok_or_else(wrong)?;
        (number, digits) = (0, false);
    }
    if digits { Err(wrong()) } else { Ok(Duration::from_millis(total)) }
}

/// A length of time as [`parse_duration`] reads it: `1d2h`, `250ms`; what is less than a millisecond is left out.
pub fn duration_text(length: Duration) -> String {
    let mut left = length.as_millis();
    let mut text = String::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if left >= millis {
            let _ = write!(text, "{}{unit}", left / millis);
            left %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_their_parts_and_refuse_bare_numbers() {
        assert_eq!(parse_duration("1h30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_duration("250ms").unwrap(), Duration::from_millis(250));
        for wrong in ["", "10", "m", "5y", "1h5", "-3s", "99999999999999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn no_time_is_beyond_what_can_be_written() {
        assert_eq!(Timestamp::MIN.0, jiff::Timestamp::MIN.as_millisecond());
        assert_eq!(Timestamp::MAX.0, jiff::Timestamp::MAX.as_millisecond());
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(end.to_string().parse::<Timestamp>().unwrap(), end);
        }
        let day = Duration::from_secs(86_400);
        assert_eq!(
            (Timestamp::from_millis(i64::MAX), Timestamp::from_millis(i64::MIN)),
            (Timestamp::MAX, Timestamp::MIN)
        );
        assert_eq!((Timestamp::MAX + day, Timestamp::MIN - day), (Timestamp::MAX, Timestamp::MIN));
        assert_eq!(Timestamp::MAX - day + day, Timestamp::MAX);
    }

    #[test]
    fn a_length_is_written_as_it_is_read() {
        for text in ["0s", "1ms", "8h", "1h30m", "1d2h3m4s5ms", "366d"] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), text);
        }
        assert_eq!(duration_text(Duration::from_secs(5_400)), "1h30m");
        assert_eq!(duration_text(Duration::from_micros(900)), "0s");
    }

    #[test]
    fn a_timestamp_survives_text() {
        let t = Timestamp::from_millis(1_764_051_900_123);
        assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t);
        assert_eq!((t - Duration::from_secs(1)).since(t), Duration::ZERO);
    }
}
