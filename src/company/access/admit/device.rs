//! Browsers in which somebody has signed in before: a sealed word in a cookie says so. Its budget of failures is its
//! own, and a sign-in from anywhere else is told by mail.
//!
//! The word is sealed with the company's key for one user: at another company, or for another person, it is nothing.

use super::From;
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::Result,
        secret::{self, Secret},
    },
    company::access::{rows::Rows, vault::Company},
};

/// How long a browser is known, in milliseconds: as long as browsers keep a cookie.
pub const DEVICE_LIFE: i64 = 400 * DAY;
/// So many people can be known in one browser at one company.
const MOST: usize = 5;

/// A word that makes a browser known for a person.
fn issue(company: &Company, user: i64) -> Result<String> {
    let text = Secret::new(format!("{}.{}", clock::now().0, data_encoding::HEXLOWER.encode(&secret::random::<12>())));
    Ok(data_encoding::BASE64URL_NOPAD.encode(&company.seal().seal("devices", "word", user, &text)?))
}

/// The name of the browser that a request came from, if that person signed in with it before and no reset came between.
pub(super) fn known(company: &Company, rows: &Rows<'_>, user: i64, from: &From) -> Result<Option<String>> {
    let words = from.device.split('~').take(MOST).filter(|word| !word.is_empty() && word.len() < 300);
    let mut found = None;
    for word in words {
        let Ok(sealed) = data_encoding::BASE64URL_NOPAD.decode(word.as_bytes()) else { continue };
        let Ok(text) = company.seal().open("devices", "word", user, &sealed) else { continue };
        let Some((issued, name)) = text.expose().split_once('.') else { continue };
        if let Ok(issued) = issued.parse() {
            found = Some((Moment(issued), name.to_owned()));
        }
    }
    let Some((issued, name)) = found else { return Ok(None) };
    let since = rows.one("SELECT devices_since FROM users WHERE id = ?1", [user], |row| row.get::<_, Moment>(0))?;
    let now = clock::now();
    let fresh = since.is_some_and(|since| issued >= since) && now.0 - issued.0 < DEVICE_LIFE;
    Ok(fresh.then_some(name))
}

/// The cookie for a browser in which this person has just signed in; `None` when it is known already.
pub(super) fn remember(company: &Company, rows: &Rows<'_>, user: i64, from: &From) -> Result<Option<String>> {
    if known(company, rows, user, from)?.is_some() {
        return Ok(None);
    }
    let mut words = vec![issue(company, user)?];
    words.extend(
        from.device.split('~').filter(|word| !word.is_empty() && word.len() < 300).take(MOST - 1).map(str::to_owned),
    );
    Ok(Some(words.join("~")))
}
