//! The one place that reads the clock.

#![allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]

use jiff::{
    Timestamp, Unit,
    tz::{Offset, TimeZone},
};

/// A moment, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub i64);

/// Now.
pub fn now() -> Moment {
    Moment(Timestamp::now().as_millisecond())
}

/// Milliseconds in a minute.
pub const MINUTE: i64 = 60_000;
/// Milliseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Milliseconds in a day.
pub const DAY: i64 = 24 * HOUR;

impl Moment {
    /// This moment plus some milliseconds.
    pub fn plus(self, milliseconds: i64) -> Moment {
        Moment(self.0 + milliseconds)
    }
    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
    /// `2026-01-31T10:00:00.000+00:00`, as the wire wants it.
    pub fn wire(self) -> String {
        let time = Offset::UTC.to_datetime(self.timestamp());
        let Ok(year @ 0..=9999) = u32::try_from(time.year()) else {
            return time.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
        };
        let mut text = *b"0000-00-00T00:00:00.000+00:00";
        let mut put = |from: usize, to: usize, mut number: u32| {
            for place in text[from..to].iter_mut().rev() {
                *place = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        let two = |number: i8| number.unsigned_abs().into();
        put(0, 4, year);
        put(5, 7, two(time.month()));
        put(8, 10, two(time.day()));
        put(11, 13, two(time.hour()));
        put(14, 16, two(time.minute()));
        put(17, 19, two(time.second()));
        put(20, 23, time.millisecond().unsigned_abs().into());
        String::from_utf8_lossy(&text).into_owned()
    }
    /// Reads an ISO 8601 moment; without an offset it is UTC, without a time the beginning of the day. What lies after the
    /// last moment there is, in the year 9999, is that moment.
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(Moment(time.as_millisecond()));
        }
        // A zone in brackets, or a designator that was not read above, is not passed over.
        if text.contains(['[', 'Z', 'z', '+']) || text.get(10..).is_some_and(|time| time.contains('-')) {
            return None;
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let time = civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let time = time.or_else(|cause| if civil.year() == 9999 { Ok(Timestamp::MAX) } else { Err(cause) }).ok()?;
        Some(Moment(time.as_millisecond()))
    }
    /// Reads a day (`2026-01-31`) or a time of a day (`2026-01-31T10:00`, also with seconds) of a time zone of the IANA
    /// database; of a day the first moment, or with `last` the last. An unknown zone is UTC.
    pub fn parse_in(text: &str, zone: &str, last: bool) -> Option<Moment> {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let text = text.trim();
        let (civil, span) = match text.parse::<jiff::civil::Date>() {
            Ok(day) if !text.contains(['T', ' ']) => (day.at(0, 0, 0, 0), jiff::Span::new().days(1)),
            _ => {
                let length = if text.matches(':').count() >= 2 {
                    jiff::Span::new().seconds(1)
                } else {
                    jiff::Span::new().minutes(1)
                };
                (text.parse::<jiff::civil::DateTime>().ok()?, length)
            }
        };
        let civil = if last { civil.checked_add(span).ok()? } else { civil };
        let moment = civil.to_zoned(zone).ok()?.timestamp().as_millisecond();
        Some(Moment(if last { moment - 1 } else { moment }))
    }
    /// `2026-01-31 11:00:00 +01:00`: this moment as the clocks of a time zone show it. An unknown zone is UTC.
    pub fn in_zone(self, zone: &str) -> String {
        if zone == "UTC" {
            return self.exact();
        }
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        self.timestamp().to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }
    /// `2026-01-31 10:00:00 UTC`, for the title of a relative time.
    pub fn exact(self) -> String {
        self.timestamp().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
    /// `20260131T100000Z`, for file names.
    pub fn compact(self) -> String {
        self.timestamp().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
    }
    /// `10:00:00`, for log lines.
    pub fn time_of_day(self) -> String {
        self.timestamp().to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
    }
    /// "4 minutes ago", "in 3 days", "just now".
    pub fn relative_to(self, now: Moment) -> String {
        let distance = (now.0 - self.0).abs();
        let (count, unit) = match distance {
            d if d < MINUTE => return if self.0 > now.0 + 1000 { "in a moment".into() } else { "just now".into() },
            d if d < HOUR => (d / MINUTE, "minute"),
            d if d < DAY => (d / HOUR, "hour"),
            d if d < 60 * DAY => (d / DAY, "day"),
            d if d < 730 * DAY => (d / (30 * DAY), "month"),
            d => (d / (365 * DAY), "year"),
        };
        let plural = if count == 1 { "" } else { "s" };
        if self.0 <= now.0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
    }
    /// "4 minutes ago".
    pub fn relative(self) -> String {
        self.relative_to(now())
    }
}

/// "5 seconds", "2 minutes 10 seconds": how long something took, for people.
pub fn duration(milliseconds: i64) -> String {
    let seconds = (milliseconds.max(0) + 500) / 1000;
    let plural = |n: i64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match seconds {
        s if s < 60 => plural(s, "second"),
        s if s < 3600 => format!("{} {}", plural(s / 60, "minute"), plural(s % 60, "second")),
        s => format!("{} {}", plural(s / 3600, "hour"), plural(s % 3600 / 60, "minute")),
    }
}

/// "12 hours", "14 days", "90 minutes": a length that was set, in the largest unit that says it exactly.
pub fn length(minutes: i64) -> String {
    let (count, unit) = match minutes {
        m if m % 1440 == 0 && m >= 2880 => (m / 1440, "day"),
        m if m % 60 == 0 && m >= 60 => (m / 60, "hour"),
        m => (m, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Minutes, from what [`length`] says, short forms of it, or a number of minutes.
pub fn minutes_of(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "m" | "min" | "minute" | "minutes" => 1,
        "h" | "hour" | "hours" => 60,
        "d" | "day" | "days" => 1440,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// Milliseconds as a span of .NET, `[D.]HH:MM:SS`, in whole seconds, at least one.
pub fn span(milliseconds: i64) -> String {
    let seconds = (milliseconds / 1000).max(1);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days}.{time}") } else { time }
}

/// Milliseconds of a span of .NET: `[D.]HH:MM[:SS[.fraction]]`, with any number of digits for the days.
pub fn milliseconds_of_span(text: &str) -> Option<i64> {
    let digits =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten();
    let text = text.trim();
    let (days, time) = match text.split_once('.') {
        Some((days, time)) if !days.contains(':') => (digits(days)?, time),
        _ => (0, text),
    };
    let parts: Vec<&str> = time.split(':').collect();
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, *seconds),
        _ => return None,
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    digits(fraction)?;
    let (hours, minutes, seconds) = (digits(hours)?, digits(minutes)?, digits(seconds)?);
    if hours > 23 || minutes > 59 || seconds > 59 || days > 10_000 {
        return None;
    }
    let part = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + part)
}

/// Rounds down to the whole day, UTC.
pub fn day_of(moment: Moment) -> String {
    let zoned = moment.timestamp().to_zoned(TimeZone::UTC);
    zoned.round(Unit::Second).unwrap_or(zoned).strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_as_people_say_them_and_read_back() {
        for (minutes, words) in [
            (5, "5 minutes"),
            (60, "1 hour"),
            (90, "90 minutes"),
            (720, "12 hours"),
            (1440, "24 hours"),
            (20_160, "14 days"),
        ] {
            assert_eq!(length(minutes), words);
            assert_eq!(minutes_of(words), Some(minutes));
        }
        for (text, minutes) in [
            ("12h", Some(720)),
            (" 30 ", Some(30)),
            ("2 D", Some(2880)),
            ("", None),
            ("h", None),
            ("soon", None),
            ("-3", None),
        ] {
            assert_eq!(minutes_of(text), minutes, "{text}");
        }
    }

    #[test]
    fn relative_times_read_like_speech() {
        let now = Moment(1_000 * DAY);
        for (ago, words) in [
            (0, "just now"),
            (59_000, "just now"),
            (MINUTE, "1 minute ago"),
            (3 * HOUR, "3 hours ago"),
            (-3 * DAY, "in 3 days"),
            (90 * DAY, "3 months ago"),
            (800 * DAY, "2 years ago"),
        ] {
            assert_eq!(Moment(now.0 - ago).relative_to(now), words);
        }
    }

    #[test]
    fn days_and_times_are_read_on_the_clocks_of_a_zone() {
        let read = |text, zone, last| Moment::parse_in(text, zone, last).map(Moment::wire);
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(read("2026-01-31", "Europe/Berlin", false), is("2026-01-30T23:00:00.000+00:00"));
        assert_eq!(read("2026-01-31", "Europe/Berlin", true), is("2026-01-31T22:59:59.999+00:00"));
        assert_eq!(read("2026-07-01T10:00", "Europe/Berlin", false), is("2026-07-01T08:00:00.000+00:00"));
        assert_eq!(read("2026-07-01T10:00", "Europe/Berlin", true), is("2026-07-01T08:00:59.999+00:00"));
        assert_eq!(read("2026-07-01T10:00:05", "Nowhere/Land", true), is("2026-07-01T10:00:05.999+00:00"));
        // The day on which the clocks are put forward has twenty-three hours.
        assert_eq!(read("2026-03-29", "Europe/Berlin", true), is("2026-03-29T21:59:59.999+00:00"));
        assert_eq!(read("yesterday", "UTC", false), None);
        assert_eq!(Moment(1_769_853_600_000).in_zone("Europe/Berlin"), "2026-01-31 11:00:00 +01:00");
    }

    #[test]
    fn the_wire_form_has_milliseconds_and_offset() {
        assert_eq!(Moment(1_769_853_600_000).wire(), "2026-01-31T10:00:00.000+00:00");
        for number in [0, -1, 1, 999, 1_709_251_199_999, 4_102_444_800_001, -62_135_596_800_000, -99_999_999_999_999] {
            let moment = Moment(number);
            let by_library =
                moment.timestamp().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string();
            assert_eq!(moment.wire(), by_library);
        }
        assert_eq!(Moment::parse("2026-01-31T10:00:00.000+00:00"), Some(Moment(1_769_853_600_000)));
        assert_eq!(Moment::parse(""), None);
    }
}
