//! What is settled for the company as a whole. So far it is shown; changing it comes later.

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
}

/// Shows them.
pub fn show(granted: &Granted<'_, ConfigureServer>) -> Result<Settings> {
    granted.read(sql::company)
}

mod sql {
    use super::*;
    use crate::{base::error::Error, company::access::Rows};

    pub fn company(rows: &Rows<'_>) -> Result<Settings> {
        let found = rows.one("SELECT name, slug, id, created_at FROM company", [], |row| {
            Ok(Settings { name: row.get(0)?, slug: row.get(1)?, id: row.get(2)?, created_at: row.get(3)? })
        })?;
        found.ok_or_else(|| Error::internal("the company's file does not name its company"))
    }
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
