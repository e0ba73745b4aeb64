//! The statements of settings.

use super::{Brand, General, Settings, SignIn, Trail, missing, rules};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
    },
    company::access::{Rows, Writing},
};

pub fn company(rows: &Rows<'_>) -> Result<Settings> {
    let rules = rules(rows)?;
    rows.one("SELECT name, slug, id, created_at FROM company", [], |row| {
        Ok(Settings { name: row.get(0)?, slug: row.get(1)?, id: row.get(2)?, created_at: row.get(3)?, rules })
    })?
    .ok_or_else(missing)
}

pub fn people_and_running(rows: &Rows<'_>) -> Result<(i64, i64)> {
    Ok((
        rows.number("SELECT count(*) FROM users WHERE is_service = 0 AND state IN ('active', 'invited')", [])?,
        rows.number("SELECT count(*) FROM tasks WHERE state IN ('Executing', 'Cancelling')", [])?,
    ))
}

pub fn set_general(tx: &Writing<'_>, to: &General) -> Result<()> {
    tx.run("UPDATE company SET name = ?1", [&to.name])?;
    tx.run("UPDATE settings SET time_zone = ?1, from_address = ?2", (&to.time_zone, &to.from_address))?;
    tx.run(
        "UPDATE settings SET customers_in_everyone = ?1 WHERE customers_in_everyone <> ?1",
        [to.customers_in_everyone],
    )?;
    Ok(())
}

pub fn set_trail(tx: &Writing<'_>, to: &Trail) -> Result<()> {
    tx.run(
        "UPDATE settings SET checkpoint_syslog = ?1, checkpoint_webhook = ?2, retention_days = ?3",
        (to.checkpoint_syslog, &to.checkpoint_webhook, to.retention_days),
    )?;
    Ok(())
}

pub fn set_sign_in(tx: &Writing<'_>, to: &SignIn, since: Moment) -> Result<()> {
    tx.run(
        "UPDATE settings SET second_factor = ?1, second_factor_permissions = ?2, second_factor_since = ?3, grace_days = ?4,
                password_min = ?5, session_idle_minutes = ?6, session_absolute_minutes = ?7, people_may_have_keys = ?8,
                key_days_max = ?9, key_days_usual = ?10, access_by_people_only = ?11",
        (
            to.second_factor.word(),
            serde_json::to_string(&to.second_factor_permissions)?,
            since,
            to.grace_days,
            to.password_min,
            to.session_idle_minutes,
            to.session_absolute_minutes,
            to.people_may_have_keys,
            to.key_days_max,
            to.key_days_usual,
            to.access_by_people_only,
        ),
    )?;
    // Sessions that are there end no later than new ones.
    let longest = to.session_absolute_minutes * clock::MINUTE;
    tx.run("UPDATE sessions SET expires_at = min(expires_at, created_at + ?1) WHERE stage = 'full'", [longest])?;
    Ok(())
}

pub fn set_brand(tx: &Writing<'_>, to: &Brand) -> Result<()> {
    tx.run(
        "UPDATE settings SET brand_name = ?1, brand_accent = ?2, names_product = ?3",
        (&to.name, &to.accent, to.names_product),
    )?;
    Ok(())
}

pub fn set_logo(tx: &Writing<'_>, logo: Option<(&[u8], &str)>) -> Result<()> {
    let (bytes, digest) = logo.unzip();
    tx.run("UPDATE settings SET brand_logo = ?1, brand_logo_digest = ?2", (bytes, digest))?;
    Ok(())
}
