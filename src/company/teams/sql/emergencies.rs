//! The statements of emergencies.

use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{Id, Team as Kind, User},
    },
    company::{
        access::{Rows, Writing},
        teams::model::Emergency,
    },
};
use rusqlite::Row;

const EMERGENCY: &str = "SELECT e.id, e.team_id, e.user_id, u.display_name, e.reason, e.began_at, e.ends_at, e.ended_at
    FROM emergencies e JOIN users u ON u.id = e.user_id";

fn read_emergency(row: &Row<'_>) -> rusqlite::Result<Emergency> {
    Ok(Emergency {
        id: row.get(0)?,
        team: row.get(1)?,
        user: row.get(2)?,
        name: Some(row.get(3)?),
        reason: row.get(4)?,
        began_at: row.get(5)?,
        until: row.get(6)?,
        ended_at: row.get(7)?,
    })
}

pub fn emergency(rows: &Rows<'_>, id: i64) -> Result<Option<Emergency>> {
    rows.one(&format!("{EMERGENCY} WHERE e.id = ?1"), [id], read_emergency)
}

/// The emergencies of a team, the newest first.
pub fn emergencies(rows: &Rows<'_>, team: Id<Kind>, most: i64) -> Result<Vec<Emergency>> {
    rows.all(&format!("{EMERGENCY} WHERE e.team_id = ?1 ORDER BY e.id DESC LIMIT ?2"), (team, most), read_emergency)
}

pub fn insert_emergency(
    tx: &Writing<'_>,
    team: Id<Kind>,
    user: Id<User>,
    reason: &str,
    now: Moment,
    until: Moment,
) -> Result<i64> {
    tx.insert(
        "INSERT INTO emergencies (team_id, user_id, reason, began_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (team, user, reason, now, until),
    )
}

pub fn end_emergency(tx: &Writing<'_>, id: i64, at: Moment) -> Result<()> {
    tx.run("UPDATE emergencies SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL", (id, at))?;
    Ok(())
}

/// Ends those of a team, or of one of its members.
pub fn end_emergencies(tx: &Writing<'_>, team: Id<Kind>, user: Option<Id<User>>, now: Moment) -> Result<()> {
    tx.run(
        "UPDATE emergencies SET ended_at = min(?3, ends_at)
         WHERE team_id = ?1 AND (?2 IS NULL OR user_id = ?2) AND ended_at IS NULL",
        (team, user, now),
    )?;
    Ok(())
}

/// Those that were not ended, of a team or of somebody.
pub fn open_emergencies(rows: &Rows<'_>, team: Option<Id<Kind>>, user: Option<Id<User>>) -> Result<Vec<Emergency>> {
    let sql = format!(
        "{EMERGENCY} WHERE e.ended_at IS NULL AND (?1 IS NULL OR e.team_id = ?1) AND (?2 IS NULL OR e.user_id = ?2)"
    );
    rows.all(&sql, (team, user), read_emergency)
}

pub fn emergencies_that_ended(rows: &Rows<'_>, now: Moment, most: i64) -> Result<Vec<Emergency>> {
    let sql = format!("{EMERGENCY} WHERE e.ended_at IS NULL AND e.ends_at <= ?1 ORDER BY e.ends_at LIMIT ?2");
    rows.all(&sql, (now, most), read_emergency)
}
