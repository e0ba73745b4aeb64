//! What the next version of a project is made of (`domain §5`): a template with expressions such as
//! `#{Octopus.Version.LastMajor}`, and parts `i` (one more) and `c` (as it is). Pure.

use super::version;
use crate::base::clock::Moment;

/// The one of projects that say nothing else: the vendor's own default.
pub const USUAL: &str = "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}";

/// What a template is filled in with.
pub struct Known<'a> {
    /// The versions of the project.
    pub project: &'a [String],
    /// Those of the channel.
    pub channel: &'a [String],
    /// The name of the channel.
    pub channel_name: &'a str,
    /// Today, and what o'clock it is.
    pub now: Moment,
}

/// The next version by a template.
///
/// # Errors
/// A sentence, when the template has an expression that nothing is known of, or is not closed.
pub fn next(template: &str, known: &Known<'_>) -> Result<String, String> {
    if template == USUAL {
        return Ok(version::next(known.project.iter().map(String::as_str)));
    }
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("#{") {
        let (expression, after) = after.split_once('}').ok_or_else(|| format!("Close #{{{after} with a }}."))?;
        filled.push_str(before);
        filled.push_str(&value(expression.trim(), known).ok_or_else(|| {
            format!("Nothing is known of #{{{expression}}}. There are Octopus.Version.LastMajor and NextMajor, the same with Minor, Patch, Build, Revision and Suffix, Octopus.Version.Channel.LastMajor and so on, Octopus.Date.Year, Month, Day and DayOfYear, Octopus.Time.Hour, Minute and Second, and Octopus.Release.Channel.Name.")
        })?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(masked(&filled, known.project))
}

/// Whether a template can be filled in.
///
/// # Errors
/// As [`next`]; and when what it makes is no version.
pub fn check(template: &str, now: Moment) -> Result<(), String> {
    let known = Known { project: &[], channel: &[], channel_name: "Default", now };
    crate::base::names::version(&next(template, &known)?).map(drop)
}

fn highest(versions: &[String]) -> &str {
    versions.iter().map(String::as_str).max_by(|a, b| version::compare(a, b)).unwrap_or("0.0.0")
}

fn value(expression: &str, known: &Known<'_>) -> Option<String> {
    let name = expression.to_ascii_lowercase();
    if let Some(part) = name.strip_prefix("octopus.version.channel.") {
        return of_version(part, highest(known.channel));
    }
    if let Some(part) = name.strip_prefix("octopus.version.") {
        return of_version(part, highest(known.project));
    }
    // 2026-11-30T09:08:07.000+00:00
    let wire = known.now.wire();
    let number = |from: usize, to: usize| wire.get(from..to)?.parse::<u32>().ok().map(|number| number.to_string());
    match name.as_str() {
        "octopus.release.channel.name" => Some(known.channel_name.to_owned()),
        "octopus.date.year" => number(0, 4),
        "octopus.date.month" => number(5, 7),
        "octopus.date.day" => number(8, 10),
        "octopus.date.dayofyear" => day_of_year(&wire).map(|day| day.to_string()),
        "octopus.time.hour" => number(11, 13),
        "octopus.time.minute" => number(14, 16),
        "octopus.time.second" => number(17, 19),
        _ => None,
    }
}

fn day_of_year(wire: &str) -> Option<u32> {
    let number = |from: usize, to: usize| wire.get(from..to)?.parse::<u32>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30];
    Some(days.iter().take(month.saturating_sub(1) as usize).sum::<u32>() + day)
}

/// `LastMajor`, `NextPatch` and their like.
fn of_version(part: &str, highest: &str) -> Option<String> {
    let (one_more, part) = match (part.strip_prefix("last"), part.strip_prefix("next")) {
        (Some(part), _) => (false, part),
        (_, Some(part)) => (true, part),
        _ => return None,
    };
    let place = match part {
        "major" => 0,
        "minor" => 1,
        "patch" | "build" => 2,
        "revision" => 3,
        "suffix" => {
            let suffix = version::suffix(highest);
            return Some(if one_more { raised(suffix) } else { suffix.to_owned() });
        }
        _ => return None,
    };
    let number = version::numbers(highest).get(place).copied().unwrap_or(0);
    Some(number.saturating_add(u64::from(one_more)).to_string())
}

/// `beta.2` for `beta.1`; what has no number at its end stays.
fn raised(suffix: &str) -> String {
    let words = suffix.trim_end_matches(|c: char| c.is_ascii_digit());
    match suffix[words.len()..].parse::<u64>() {
        Ok(number) => format!("{words}{}", number.saturating_add(1)),
        Err(_) => suffix.to_owned(),
    }
}

/// Fills in the parts `i` and `c` from the highest version that fits the parts before them; 0 where there is none.
fn masked(text: &str, there: &[String]) -> String {
    let split = |text: &str| text.split(['.', '-']).map(str::to_owned).collect::<Vec<_>>();
    let parts = split(text);
    let is_mask = |part: &str| part.eq_ignore_ascii_case("i") || part.eq_ignore_ascii_case("c");
    if !parts.iter().any(|part| is_mask(part)) {
        return text.to_owned();
    }
    let first = parts.iter().position(|part| is_mask(part)).unwrap_or(0);
    let fits = |version: &&String| split(version.trim_start_matches(['v', 'V'])).get(..first) == parts.get(..first);
    let last = there.iter().filter(fits).max_by(|a, b| version::compare(a, b));
    let last = last.map(|version| split(version.trim_start_matches(['v', 'V']))).unwrap_or_default();
    let number = |place: usize| last.get(place).and_then(|part| part.parse::<u64>().ok());
    let (mut out, mut rest) = (String::with_capacity(text.len() + 4), text);
    for (place, part) in parts.iter().enumerate() {
        out.push_str(&match part.to_ascii_lowercase().as_str() {
            "i" => number(place).map_or(0, |number| number.saturating_add(1)).to_string(),
            "c" => number(place).unwrap_or(0).to_string(),
            _ => part.clone(),
        });
        rest = rest.get(part.len()..).unwrap_or_default();
        out.push_str(rest.get(..1).unwrap_or_default());
        rest = rest.get(1..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(template: &str, project: &[&str], channel: &[&str]) -> Result<String, String> {
        let texts = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let now = Moment::parse("2026-11-30T09:08:07+00:00").unwrap();
        next(template, &Known { project: &texts(project), channel: &texts(channel), channel_name: "Beta", now })
    }

    #[test]
    fn findings_h9_the_next_version_is_made_by_the_template() {
        let there = ["1.2.9", "1.3.4-beta.7", "0.9.99"];
        for (template, want) in [
            (USUAL, "1.3.5"),
            ("#{Octopus.Version.NextMajor}.0.0", "2.0.0"),
            ("#{Octopus.Version.LastMajor}.#{Octopus.Version.NextMinor}.0", "1.4.0"),
            ("7.#{octopus.version.lastminor}.#{ Octopus.Version.NextBuild }", "7.3.5"),
            ("1.3.4-#{Octopus.Version.NextSuffix}", "1.3.4-beta.8"),
            ("#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.0.#{Octopus.Version.NextRevision}", "1.3.0.1"),
            ("#{Octopus.Date.Year}.#{Octopus.Date.Month}.#{Octopus.Date.Day}", "2026.11.30"),
            ("#{Octopus.Date.Year}.#{Octopus.Date.DayOfYear}.i", "2026.334.0"),
            ("#{Octopus.Version.Channel.NextMajor}.0", "6.0"),
            ("1.0.0-#{Octopus.Release.Channel.Name}", "1.0.0-Beta"),
            ("1.2.i", "1.2.10"),
            ("c.i", "1.4"),
            ("1.3.4-beta.i", "1.3.4-beta.8"),
            ("5.c.i", "5.0.0"),
            ("8.1.1", "8.1.1"),
        ] {
            assert_eq!(made(template, &there, &["5.0"]).as_deref(), Ok(want), "{template}");
        }
        assert_eq!(made(USUAL, &[], &[]).as_deref(), Ok("0.0.1"));
        for template in ["#{Octopus.Version.LastFlavour}.1", "#{Octopus.Version.LastMajor", "1.#{My.Own}"] {
            assert!(made(template, &there, &[]).is_err(), "{template}");
        }
        let now = Moment::parse("2026-11-30T09:08:07+00:00").unwrap();
        assert!(check("1.#{Octopus.Version.NextMinor}.i", now).is_ok());
        assert!(check("not a version", now).is_err());
    }
}
