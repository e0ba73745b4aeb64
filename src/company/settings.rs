//! What is settled for the company as a whole: its name, its rules of sign-in, its face, its limits. The door looks the
//! rules up by [`rules`]; here they are shown and changed.

pub(in crate::company) use super::access::rules::rules;
pub use super::access::rules::{Limits, Rules, SecondFactor};

use super::access::{Granted, permissions::ConfigureServer};
use crate::base::{clock::Moment, error::Result};

/// The company as it is written down in its file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// First path segment of its addresses.
    pub slug: String,
    /// Its id, for ever.
    pub id: String,
    /// When it was founded.
    pub created_at: Moment,
    /// Its rules, face and limits.
    pub rules: Rules,
}

/// Shows what is written down of the company itself.
pub fn show(granted: &Granted<'_, ConfigureServer>) -> Result<Settings> {
    granted.read(sql::company)
}

mod sql {
    use super::*;
    use crate::{base::error::Error, company::access::Rows};

    pub fn company(rows: &Rows<'_>) -> Result<Settings> {
        let found = rows.one("SELECT name, slug, id, created_at FROM company", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        let found = match found {
            Some((name, slug, id, created_at)) => Some(Settings { name, slug, id, created_at, rules: rules(rows)? }),
            None => None,
        };
        found.ok_or_else(|| Error::internal("the company's file does not name its company"))
    }
}

#[test]
fn a_new_company_begins_with_the_usual_rules() {
    use super::access::permissions::ConfigureServer;
    let harbour = super::testing::harbour();
    let ada = harbour.ada();
    assert_eq!(ada.ask(ConfigureServer {}).unwrap().read(rules).unwrap(), Rules::default());
}

#[test]
fn the_company_is_shown_to_who_may_configure_it() {
    use super::access::permissions::ConfigureServer;
    let harbour = super::testing::harbour();
    let ada = harbour.ada();
    let shown = show(&ada.ask(ConfigureServer {}).unwrap()).unwrap();
    assert_eq!((shown.name.as_str(), shown.slug.as_str()), ("Harbour", "harbour"));
    assert!(harbour.person("Ben", &[]).ask(ConfigureServer {}).is_err());
}
