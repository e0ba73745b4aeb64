//! The statements of answers.

use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{Id, UserRole},
    },
    company::access::{Rows, is_in_everyone, permissions::CATALOGUE},
};
use std::collections::HashMap;

/// The projects of each project group.
pub fn groups(rows: &Rows<'_>) -> Result<HashMap<i64, Vec<i64>>> {
    let pairs: Vec<(i64, i64)> =
        rows.all("SELECT group_id, id FROM projects", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut groups: HashMap<i64, Vec<i64>> = HashMap::new();
    pairs.into_iter().for_each(|(group, project)| groups.entry(group).or_default().push(project));
    Ok(groups)
}

/// Every user role's wire id and name.
pub fn roles(rows: &Rows<'_>) -> Result<HashMap<i64, (String, String)>> {
    let all = rows.all("SELECT id, builtin, name FROM user_roles", [], |row| {
        let (id, builtin): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
        let wire = builtin.map_or_else(|| Id::<UserRole>::new(id).to_string(), |word| format!("userroles-{word}"));
        Ok((id, (wire, row.get(2)?)))
    })?;
    Ok(all.into_iter().collect())
}

/// The teams of a user with their spaces, Everyone among them.
pub fn teams_of(rows: &Rows<'_>, user: i64) -> Result<Vec<(i64, Option<i64>)>> {
    rows.all(
        concat!(
            "SELECT id, space_id FROM teams t WHERE builtin = 'everyone' AND ",
            is_in_everyone!("?1"),
            " OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = ?1)"
        ),
        [user],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The environments that count as production: those called so, and those of the last phase of a lifecycle. A lifecycle
/// without phases has one for each environment of its space, in their order.
pub fn production(rows: &Rows<'_>) -> Result<Vec<i64>> {
    rows.all(
        "SELECT id FROM environments WHERE name_key IN ('production', 'prod', 'live')
         UNION SELECT e.environment_id FROM phases p JOIN phase_environments e ON e.phase_id = p.id
            WHERE p.position = (SELECT max(position) FROM phases l WHERE l.lifecycle_id = p.lifecycle_id)
         UNION SELECT (SELECT id FROM environments e WHERE e.space_id = l.space_id ORDER BY sort_order DESC, id DESC LIMIT 1)
            FROM lifecycles l WHERE NOT EXISTS (SELECT 1 FROM phases p WHERE p.lifecycle_id = l.id)
              AND EXISTS (SELECT 1 FROM environments e WHERE e.space_id = l.space_id)",
        [],
        |row| row.get(0),
    )
}

/// A person as the review looks at them.
pub struct Looked {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub state: String,
    pub has_second_factor: bool,
    pub created_at: Moment,
    pub last_seen_at: Option<Moment>,
}

/// Everybody, by name.
pub fn looked(rows: &Rows<'_>) -> Result<Vec<Looked>> {
    rows.all(
        "SELECT id, username, email, state, EXISTS (SELECT 1 FROM factors f WHERE f.user_id = u.id), created_at, last_seen_at
         FROM users u ORDER BY display_name COLLATE NOCASE, id",
        [],
        |row| {
            Ok(Looked {
                id: row.get(0)?,
                username: row.get(1)?,
                email: row.get(2)?,
                state: row.get(3)?,
                has_second_factor: row.get(4)?,
                created_at: row.get(5)?,
                last_seen_at: row.get(6)?,
            })
        },
    )
}

/// The day on which each permission was last used, by its key.
pub type Days = Vec<Option<i64>>;

/// The day on which each permission was last used, by user.
pub fn uses(rows: &Rows<'_>) -> Result<HashMap<i64, Days>> {
    let keys: HashMap<&str, usize> = CATALOGUE.iter().map(|info| (info.name, info.key)).collect();
    // A name that this program does not know is of no permission.
    let all: Vec<(i64, Option<usize>, i64)> =
        rows.all("SELECT user_id, permission, day FROM permission_uses ORDER BY user_id", [], |row| {
            Ok((row.get(0)?, keys.get(row.get_ref(1)?.as_str()?).copied(), row.get(2)?))
        })?;
    let mut uses: HashMap<i64, Days> = HashMap::new();
    for of_user in all.chunk_by(|one, next| one.0 == next.0) {
        let mut days = vec![None; CATALOGUE.len()];
        for (_, key, day) in of_user {
            if let Some(place) = key.and_then(|key| days.get_mut(key)) {
                *place = Some(*day);
            }
        }
        uses.extend(of_user.first().map(|(user, ..)| (*user, days)));
    }
    Ok(uses)
}

/// Since when each role is on its team.
pub fn assigned(rows: &Rows<'_>) -> Result<HashMap<i64, Moment>> {
    let all: Vec<(i64, Moment)> =
        rows.all("SELECT id, since FROM scoped_roles", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(all.into_iter().collect())
}

/// Since when each person is in each team.
pub fn joined(rows: &Rows<'_>) -> Result<HashMap<(i64, i64), Moment>> {
    let all: Vec<(i64, i64, Moment)> = rows.all("SELECT user_id, team_id, since FROM team_members", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    Ok(all.into_iter().map(|(user, team, since)| ((user, team), since)).collect())
}

/// A review that somebody signed off: when, who, their note, and what they had before them.
pub type SignedOff = (Moment, String, String, i64, i64);

/// The last reviews that were signed off, the newest first.
pub fn signed_off(rows: &Rows<'_>, most: i64) -> Result<Vec<SignedOff>> {
    rows.all("SELECT at, reviewer, note, people, unused FROM access_reviews ORDER BY id DESC LIMIT ?1", [most], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })
}
