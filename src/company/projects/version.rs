//! The order of release versions and the one that comes next (`domain §5`). Pure.
//!
//! A version is any text of a version-like form, so the order is that of SemVer where it applies and still an order
//! where it does not: number by number, then a pre-release below the release.

use std::cmp::Ordering;

/// A version taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts<'a> {
    numbers: Vec<u64>,
    pre: Vec<&'a str>,
}

fn parts(version: &str) -> Parts<'_> {
    let version = version.trim().trim_start_matches(['v', 'V']);
    let version = version.split_once('+').map_or(version, |(before, _)| before);
    let (core, pre) = version.split_once('-').map_or((version, ""), |(core, pre)| (core, pre));
    let mut numbers: Vec<u64> = core.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    Parts { numbers, pre: pre.split('.').filter(|part| !part.is_empty()).collect() }
}

/// The numbers of a version, without zeros at the end.
pub fn numbers(version: &str) -> Vec<u64> {
    parts(version).numbers
}

/// What stands behind the first hyphen of a version, without what it was built from.
pub fn suffix(version: &str) -> &str {
    let version = version.split_once('+').map_or(version, |(before, _)| before);
    version.split_once('-').map_or("", |(_, suffix)| suffix)
}

/// Which of two versions is higher.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (left, right) = (parts(a), parts(b));
    let longest = left.numbers.len().max(right.numbers.len());
    let number = |of: &Parts<'_>, place: usize| of.numbers.get(place).copied().unwrap_or(0);
    let core = (0..longest).map(|place| number(&left, place).cmp(&number(&right, place))).find(|order| order.is_ne());
    core.unwrap_or_else(|| match (left.pre.is_empty(), right.pre.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => compare_pre(&left.pre, &right.pre),
    })
}

fn compare_pre(left: &[&str], right: &[&str]) -> Ordering {
    for (a, b) in left.iter().zip(right) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// The version after the highest of those there are: its patch number plus one, 0.0.1 when there are none.
pub fn next<'a>(versions: impl Iterator<Item = &'a str> + Clone) -> String {
    let Some(highest) = versions.clone().max_by(|a, b| compare(a, b)) else { return "0.0.1".into() };
    let numbers = parts(highest).numbers;
    let number = |place: usize| numbers.get(place).copied().unwrap_or(0);
    let mut patch = number(2).saturating_add(1);
    loop {
        let wish = format!("{}.{}.{patch}", number(0), number(1));
        if patch == u64::MAX || !versions.clone().any(|taken| taken.eq_ignore_ascii_case(&wish)) {
            return wish;
        }
        patch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_order() {
        let rising = [
            "0.0.1",
            "0.0.2",
            "0.0.10",
            "0.1",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0",
            "1.0.0.1",
            "v1.2",
            "2026.3.1",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("1.0", "1.0.0+build.3"), Ordering::Equal);
    }

    #[test]
    fn the_next_one_raises_the_patch_of_the_highest() {
        for (there, want) in [
            (vec![], "0.0.1"),
            (vec!["0.0.1"], "0.0.2"),
            (vec!["1.2.9", "1.2.10", "0.9.99"], "1.2.11"),
            (vec!["1.2"], "1.2.1"),
            (vec!["2"], "2.0.1"),
            (vec!["2.0.0-beta.1"], "2.0.1"),
            (vec!["1.0.0.7"], "1.0.1"),
            (vec!["v1.0.0", "V1.0.1"], "1.0.2"),
            (vec!["abc1"], "0.0.1"),
            (vec!["99999999999999999999999.1"], "0.1.1"),
        ] {
            assert_eq!(next(there.iter().copied()), want, "{there:?}");
        }
    }
}
