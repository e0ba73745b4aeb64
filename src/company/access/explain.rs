//! A refusal in facts: what was missing, where, why, and which teams have it (`access-rules §7`).

use super::{
    grants::{Whose, load},
    permissions::{Info, Permission, TeamView},
    policy::{self, Check, Grants, Ids, Reason},
    rows::Rows,
};
use crate::base::{
    clock,
    error::{Denied, Result},
    ids::{Environment, Kind, Project, ProjectGroup, Space, Team, Tenant},
};

/// Tells why a question was answered with no.
pub(super) fn denied(rows: &Rows<'_>, grants: &Grants, info: &'static Info, check: &Check, reason: Reason) -> Result<Denied> {
    let mut place = Vec::new();
    let mut context = Vec::new();
    let group = if matches!(check.projects, Ids::Any) && info.groups { &check.groups } else { &Ids::Any };
    for (key, word, prefix, table, ids) in [
        ("ProjectGroupId", ProjectGroup::WORD, ProjectGroup::PREFIX, "project_groups", group),
        ("ProjectId", Project::WORD, Project::PREFIX, "projects", &check.projects),
        ("EnvironmentId", Environment::WORD, Environment::PREFIX, "environments", &check.environments),
        ("TenantId", Tenant::WORD, Tenant::PREFIX, "tenants", &check.tenants),
    ] {
        let Some(id) = ids.first().filter(|id| *id > 0) else { continue };
        if let Some(name) = name_of(rows, table, id)? {
            place.push(format!("{word} {name}"));
        }
        context.push((key, format!("{prefix}-{id}")));
    }
    if let Some(space) = check.space {
        context.insert(0, ("SpaceId", format!("{}-{space}", Space::PREFIX)));
        if place.is_empty()
            && info.in_space()
            && let Some(name) = name_of(rows, "spaces", space)?
        {
            place.push(format!("{} {name}", Space::WORD));
        }
    }

    let mut see_teams = Check::new(false);
    see_teams.space = check.space;
    let sees = |check: &Check| grants.decide(TeamView::INFO, check, clock::now).is_ok();
    let teams = if sees(&see_teams) || sees(&Check::new(false)) { Some(holders(rows, info, check)?) } else { None };
    Ok(Denied {
        permission: info.name,
        meaning: info.meaning,
        place: place.join(", "),
        context,
        reason: reason.words().to_owned(),
        teams,
    })
}

fn name_of(rows: &Rows<'_>, table: &str, id: i64) -> Result<Option<String>> {
    rows.one(&format!("SELECT name FROM {table} WHERE id = ?1"), [id], |row| row.get(0))
}

/// The teams with a grant that answers the question with yes.
fn holders(rows: &Rows<'_>, info: &'static Info, check: &Check) -> Result<Vec<(String, String)>> {
    let mut teams: Vec<i64> = load(rows, Whose::AnyTeam)?
        .into_iter()
        .filter(|carried| carried.permissions.contains(&info.key))
        .filter(|carried| policy::covers(&carried.grant, info, check, clock::now).is_ok())
        .map(|carried| carried.grant.team)
        .collect();
    teams.sort_unstable();
    teams.dedup();
    let mut named = Vec::new();
    for team in teams {
        if let Some(name) = rows.one("SELECT name FROM teams WHERE id = ?1", [team], |row| row.get::<_, String>(0))? {
            named.push((format!("{}-{team}", Team::PREFIX), name));
        }
    }
    Ok(named)
}
