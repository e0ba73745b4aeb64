//! A refusal in facts: what was missing, where, why, and which teams have it (`access-rules §7`).

use super::{
    grants::Carried,
    permissions::{EnvironmentView, Info, Permission, TeamView, TenantView},
    policy::{self, Check, Grants, Ids, Limit, Reason},
    rows::Rows,
};
use crate::base::{
    clock,
    error::{Denied, Result},
    ids::{Environment, Kind, Project, ProjectGroup, Runbook, Space, Team, Tenant},
};
use std::sync::Arc;

/// Tells why a question was answered with no.
pub(super) fn denied(
    rows: &Rows<'_>,
    grants: &Grants,
    info: &'static Info,
    check: &Check,
    reason: Reason,
    of_teams: impl FnOnce(&Rows<'_>) -> Result<Arc<[Carried]>>,
) -> Result<Denied> {
    let mut place = Vec::new();
    let mut context = Vec::new();
    let mut question = vec![("permission", info.name.to_owned())];
    let lacking = Lacking::of(grants, info, check);
    let group = if matches!(check.projects, Ids::Any) && info.groups { &check.groups } else { &Ids::Any };
    for (key, word, prefix, table, ids) in [
        ("ProjectGroupId", ProjectGroup::WORD, ProjectGroup::PREFIX, "project_groups", group),
        ("ProjectId", Project::WORD, Project::PREFIX, "projects", &check.projects),
        ("EnvironmentId", Environment::WORD, Environment::PREFIX, "environments", &check.environments),
        ("TenantId", Tenant::WORD, Tenant::PREFIX, "tenants", &check.tenants),
        ("RunbookId", Runbook::WORD, Runbook::PREFIX, "runbooks", &check.runbooks),
    ] {
        let Some(id) = ids.first().filter(|id| *id > 0) else { continue };
        if let Some(name) = name_of(rows, table, id)? {
            if lacking.is_none() {
                place.push(format!("{word} {name}"));
            }
            question.push((word.rsplit(' ').next().unwrap_or(word), name));
        }
        context.push((key, format!("{prefix}-{id}")));
    }
    if let Some(lacking) = &lacking {
        place = lacking.words(rows, grants, check)?;
    }
    if info.tenants && check.tenants == Ids::None {
        question.push(("tenant", "none".to_owned()));
    }
    if let Some(space) = check.space {
        context.insert(0, ("SpaceId", format!("{}-{space}", Space::PREFIX)));
        question.push(("space", format!("{}-{space}", Space::PREFIX)));
        if place.is_empty()
            && info.in_space()
            && let Some(name) = name_of(rows, "spaces", space)?
        {
            place.push(format!("{} {name}", Space::WORD));
        }
    }

    let sees = |space: Option<i64>| {
        let mut question = Check::new(false);
        question.space = space;
        grants.decide(TeamView::INFO, &question, clock::now).is_ok()
    };
    // Of the teams that have it, those are named that the visitor sees: the company's only to who sees the company's
    // teams, those of a space only to who sees that space's (`access-rules §7`).
    let (outside, inside) = (sees(None), check.space.is_some_and(|space| sees(Some(space))));
    let teams = match outside || inside {
        true => Some(holders(rows, &of_teams(rows)?, grants, info, check, (outside, inside))?),
        false => None,
    };
    Ok(Denied {
        permission: info.name,
        meaning: info.meaning,
        place: place.join(", "),
        context,
        reason: reason.words().to_owned(),
        teams,
        question: is_askable(info, check).then_some(question),
    })
}

/// Of a change of something with several values: those that the role which comes nearest leaves out.
struct Lacking {
    environments: Vec<i64>,
    tenants: Vec<i64>,
    /// Work beyond single tenants: for none, or by tag for whichever have it.
    beyond: bool,
}

impl Lacking {
    /// `None` for a question about single things: they are all named.
    fn of(grants: &Grants, info: &Info, check: &Check) -> Option<Lacking> {
        let several = |ids: &Ids| matches!(ids, Ids::Many(_) | Ids::Every);
        if !check.all || !(several(&check.environments) || several(&check.tenants)) {
            return None;
        }
        let outside = |honoured: bool, limit: &Limit, ids: &Ids| -> Vec<i64> {
            let all: &[i64] = match ids {
                Ids::One(id) => std::slice::from_ref(id),
                Ids::Many(ids) => ids,
                Ids::Every => &[-1],
                Ids::Any | Ids::None => &[],
            };
            all.iter().copied().filter(|id| honoured && !limit.has(*id)).collect()
        };
        let now = clock::now();
        let here = |grant: &&policy::Grant| grant.space == check.space && grant.until.is_none_or(|until| until > now);
        let misses = grants.of(info).filter(here).map(|grant| {
            let environments = outside(info.environments, &grant.environments, &check.environments);
            let tenants = outside(info.tenants, &grant.tenants, &check.tenants);
            let beyond = tenants.iter().any(|id| *id < 0);
            Lacking { environments, tenants: tenants.into_iter().filter(|id| *id > 0).collect(), beyond }
        });
        misses.min_by_key(|one| one.environments.len() + one.tenants.len() + usize::from(one.beyond))
    }

    /// In words: by name what may be seen, and the rest by its kind.
    fn words(&self, rows: &Rows<'_>, seer: &Grants, check: &Check) -> Result<Vec<String>> {
        let mut out = Vec::new();
        for (ids, word, table, view) in [
            (&self.environments, Environment::WORD, "environments", EnvironmentView::INFO),
            (&self.tenants, Tenant::WORD, "tenants", TenantView::INFO),
        ] {
            let mut hidden = false;
            for id in ids {
                let mut question = Check::new(false);
                question.space = check.space;
                *(if table == "tenants" { &mut question.tenants } else { &mut question.environments }) = Ids::One(*id);
                match name_of(rows, table, *id)? {
                    Some(name) if seer.decide(view, &question, clock::now).is_ok() => {
                        out.push(format!("{word} {name}"))
                    }
                    _ => hidden = true,
                }
            }
            if hidden {
                out.push(format!("{word}s that you cannot see"));
            }
        }
        if self.beyond {
            out.push("work that is not for single tenants".into());
        }
        Ok(out)
    }
}

fn name_of(rows: &Rows<'_>, table: &str, id: i64) -> Result<Option<String>> {
    rows.one(&format!("SELECT name FROM {table} WHERE id = ?1"), [id], |row| row.get(0))
}

/// Whether the page that explains can be asked the same: it takes at most one thing of each kind, and of those only a
/// tenant can be left out on purpose.
fn is_askable(info: &Info, check: &Check) -> bool {
    let one = |honoured: bool, ids: &Ids| !honoured || matches!(ids, Ids::Any | Ids::One(_));
    one(info.groups && !info.projects, &check.groups)
        && one(info.projects, &check.projects)
        && one(info.environments, &check.environments)
        && one(info.runbooks, &check.runbooks)
        && (check.tenants == Ids::None || one(info.tenants, &check.tenants))
}

/// The teams with a grant that answers the question with yes: those outside all spaces, those of spaces.
fn holders(
    rows: &Rows<'_>,
    all: &[Carried],
    seer: &Grants,
    info: &'static Info,
    check: &Check,
    (outside, inside): (bool, bool),
) -> Result<Vec<(String, String)>> {
    let mut teams: Vec<i64> = all
        .iter()
        .filter(|carried| carried.permissions.contains(&info.key))
        .filter(|carried| policy::covers(&carried.grant, info, check, clock::now).is_ok())
        .map(|carried| carried.grant.team)
        .collect();
    teams.sort_unstable();
    teams.dedup();
    // A team for a tenant's own people is named to those who may see the tenant.
    let sees = |tenant: i64| {
        let mut question = Check::new(false);
        (question.space, question.tenants) = (check.space, Ids::One(tenant));
        seer.decide(TenantView::INFO, &question, clock::now).is_ok()
    };
    let mut named = Vec::new();
    for team in teams {
        let sql = "SELECT name, tenant_id FROM teams WHERE id = ?1 AND CASE WHEN space_id IS NULL THEN ?2 ELSE ?3 END";
        if let Some((name, tenant)) =
            rows.one(sql, (team, outside, inside), |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?)))?
            && tenant.is_none_or(sees)
        {
            named.push((format!("{}-{team}", Team::PREFIX), name));
        }
    }
    Ok(named)
}
