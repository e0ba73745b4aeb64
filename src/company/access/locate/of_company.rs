//! Where that is which belongs to the company: people, their teams, roles and keys.

use super::{Found, Locate, Within, Word};
use crate::{
    base::{
        error::Result,
        ids::{ApiKey, Id, ScopedUserRole, Team, User, UserRole},
        names,
    },
    company::access::{
        permissions::{self as catalogue, Info, Permission},
        policy::Ids,
        rows::Rows,
    },
};

impl Locate for Team {
    fn view() -> Option<&'static Info> {
        Some(catalogue::TeamView::INFO)
    }
    /// By id, by the conventional id of a built-in team (`access-rules §6`), or by name.
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<Team>::parse(word.text).map_or(0, |id| id.0);
        let space = if let Within::Space(space) = within { Some(space) } else { None };
        // Nobody gets between an id and what it means by calling a team so, nor before a team of the company by making one
        // of the same name in a space. Two spaces' teams of one name are two.
        let sql = "SELECT id, space_id, tenant_id, rank FROM (
                     SELECT id, space_id, tenant_id, CASE
                       WHEN id = ?1 THEN 0
                       WHEN 'teams-' || builtin || COALESCE('-spaces-' || space_id, '') = ?2 THEN 1
                       WHEN (space_id IS NULL) = (?3 IS NULL) THEN 2
                       ELSE 3 END AS rank
                     FROM teams
                     WHERE (id = ?1 OR name_key = ?2 OR 'teams-' || builtin || COALESCE('-spaces-' || space_id, '') = ?2)
                       AND (?3 IS NULL OR space_id IS NULL OR space_id = ?3))
                   ORDER BY rank, id";
        let read = |row: &rusqlite::Row<'_>| {
            let found =
                Found { id: row.get(0)?, space: row.get(1)?, tenants: of_tenant(row.get(2)?), ..Found::default() };
            Ok((row.get::<_, i64>(3)?, found))
        };
        let found = rows.all(sql, (id, names::key(word.text), space), read)?;
        let nearest = found.first().map(|(rank, _)| *rank);
        Ok(found.into_iter().filter(|(rank, _)| Some(*rank) == nearest).map(|(_, found)| found).collect())
    }
    fn is_behind_its_tenant() -> bool {
        true
    }
}

/// The tenant whose own people a team is for.
fn of_tenant(tenant: Option<i64>) -> Ids {
    tenant.map_or(Ids::Any, Ids::One)
}

impl Locate for UserRole {
    fn view() -> Option<&'static Info> {
        Some(catalogue::UserRoleView::INFO)
    }
    fn find(rows: &Rows<'_>, _: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<UserRole>::parse(word.text).map_or(0, |id| id.0);
        let sql = "SELECT id FROM user_roles WHERE id = ?1 OR name_key = ?2 OR 'userroles-' || builtin = ?2
                   ORDER BY id = ?1 DESC, ('userroles-' || builtin = ?2) IS TRUE DESC LIMIT 1";
        rows.all(sql, (id, names::key(word.text)), |row| Ok(Found { id: row.get(0)?, ..Found::default() }))
    }
}

impl Locate for ScopedUserRole {
    fn view() -> Option<&'static Info> {
        Some(catalogue::TeamView::INFO)
    }
    fn find(rows: &Rows<'_>, _: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<ScopedUserRole>::parse(word.text).map_or(0, |id| id.0);
        let sql =
            "SELECT s.id, t.space_id, t.tenant_id FROM scoped_roles s JOIN teams t ON t.id = s.team_id WHERE s.id = ?1";
        rows.all(sql, [id], |row| {
            Ok(Found { id: row.get(0)?, space: row.get(1)?, tenants: of_tenant(row.get(2)?), ..Found::default() })
        })
    }
    fn is_behind_its_tenant() -> bool {
        true
    }
}

impl Locate for User {
    fn view() -> Option<&'static Info> {
        Some(catalogue::UserView::INFO)
    }
    fn find(rows: &Rows<'_>, _: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<User>::parse(word.text).map_or(0, |id| id.0);
        let read = |row: &rusqlite::Row<'_>| Ok(Found { id: row.get(0)?, ..Found::default() });
        let found = rows.all("SELECT id FROM users WHERE id = ?1", [id], read)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let sql = "SELECT id FROM users WHERE username_key IN (?1, ?2) OR email_key IN (?1, ?2) ORDER BY id";
        rows.all(sql, names::account_keys(word.text), read)
    }
}

impl Locate for ApiKey {
    fn view() -> Option<&'static Info> {
        Some(catalogue::UserView::INFO)
    }
    fn find(rows: &Rows<'_>, _: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<ApiKey>::parse(word.text).map_or(0, |id| id.0);
        rows.all("SELECT id FROM api_keys WHERE id = ?1", [id], |row| Ok(Found { id: row.get(0)?, ..Found::default() }))
    }
}
