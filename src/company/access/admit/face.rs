//! The company's face, for its sign-in page: what anybody may see who knows its address.

use crate::{base::error::Result, company::access::vault::Company};

/// The logo, as the company drew it anew when it was set; `None` without one.
pub fn logo(company: &Company) -> Result<Option<Vec<u8>>> {
    let read = |row: &rusqlite::Row<'_>| row.get(0);
    Ok(company.snapshot()?.with(|rows| rows.one("SELECT brand_logo FROM settings", [], read))?.flatten())
}
