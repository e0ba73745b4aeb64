//! Test permissions: what somebody may do, and where, through which team and role (`access-rules §8`). One's own always;
//! of others what whoever asks may see, and honestly whether that is all.

use super::{
    names::{Names, Where},
    sql,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Space, User},
        paging::Page,
    },
    company::{
        access::{
            At, Granted, Myself,
            census::Census,
            permissions::{CATALOGUE, Info, List, TeamView, UserView},
            policy::{Dimension, Grant, Grants},
        },
        people, teams,
    },
};
use std::collections::HashMap;

/// One right of somebody: a permission through one grant.
#[derive(Debug, Clone)]
pub struct Line {
    /// What.
    pub permission: &'static Info,
    /// Through what: the grant as it is held.
    pub grant: Grant,
    /// The role on a team that it comes from; 0 where that is not known.
    pub assignment: i64,
}

/// What somebody may do.
#[derive(Debug)]
pub struct Chart {
    /// Who.
    pub user: Id<User>,
    /// Their name.
    pub name: String,
    /// Their rights, those of the company as a whole first, then space by space, by permission.
    pub lines: Vec<Line>,
    /// The teams they are in, as far as they may be seen.
    pub teams: Vec<teams::Team>,
    /// Whether no right was left out or shortened.
    pub is_complete: bool,
    /// Whether no team was left out.
    pub is_teams_complete: bool,
    /// Whether an API key leaves less than this of them.
    pub is_narrowed: bool,
    /// Whether it is one's own: then all ids are told, also of what one may not see.
    pub is_own: bool,
    /// The names of what is in the lines.
    pub names: Names,
    /// The projects of each project group.
    pub groups: HashMap<i64, Vec<i64>>,
}

/// What a chart is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only these spaces.
    pub spaces: Option<Vec<i64>>,
    /// Without the company as a whole.
    pub without_system: bool,
}

impl Wanted {
    /// Whether this space is asked for; `None`: the company as a whole.
    pub fn has(&self, space: Option<i64>) -> bool {
        match space {
            None => !self.without_system,
            Some(space) => self.spaces.as_ref().is_none_or(|wanted| wanted.contains(&space)),
        }
    }
}

/// What one may do oneself just now: with a narrowed key what it leaves.
pub fn own(granted: &Granted<'_, Myself>, wanted: &Wanted) -> Result<Chart> {
    let visitor = granted.visitor();
    let user = granted.what().user();
    let mut teams = teams::own_teams(granted)?;
    let lines = lines(granted.grants().parts().map(|(grant, keys)| (0, grant.clone(), keys)).collect(), wanted);
    let groups = granted.read(sql::groups)?;
    let names = Names::of(granted, &teams, &groups, lines.iter().map(|line| &line.grant))?;
    teams.retain(|team| wanted.has(team.space.map(|space| space.0)));
    Ok(Chart {
        user,
        name: visitor.name().to_owned(),
        is_complete: true,
        is_teams_complete: true,
        is_narrowed: visitor.is_narrowed(),
        is_own: true,
        lines,
        teams,
        names,
        groups,
    })
}

/// What another may do.
pub fn of(granted: &Granted<'_, UserView>, user: &At<User>, wanted: &Wanted) -> Result<Chart> {
    let shown = people::show(granted, user)?;
    let found = granted.read(|rows| Census::of_user(rows, user.id().0))?;
    let all = lines(found, wanted);
    let groups = granted.read(sql::groups)?;
    let names = Names::of(granted, &[], &groups, all.iter().map(|line| &line.grant))?;
    let mut is_complete = names.sees_roles();
    let mut lines = all;
    lines.retain(|line| {
        let entered = line.grant.space.is_none_or(|space| names.space(space).is_some());
        // A right whose limits can all not be seen would look like another.
        let told = entered && Dimension::ALL.into_iter().all(|d| says_anything(&names, line, d));
        is_complete &= told && names.sees_limits(&line.grant, line.permission);
        told
    });
    let (teams, is_teams_complete) = teams_of(granted, user, wanted)?;
    Ok(Chart {
        user: user.id(),
        name: shown.display_name,
        lines,
        teams,
        is_complete,
        is_teams_complete,
        is_narrowed: false,
        is_own: false,
        names,
        groups,
    })
}

fn says_anything(names: &Names, line: &Line, dimension: Dimension) -> bool {
    match names.limit(&line.grant, line.permission, dimension) {
        Where::Only(ids) => ids.is_empty() || ids.iter().any(|(_, name)| name.is_some()),
        _ => true,
    }
}

/// The teams of another that may be seen, and whether that is all of them.
pub fn teams_of(granted: &Granted<'_, UserView>, user: &At<User>, wanted: &Wanted) -> Result<(Vec<teams::Team>, bool)> {
    let visitor = granted.visitor();
    let mut levels = Vec::new();
    if visitor.may(List::<TeamView>::system()) {
        levels.push(visitor.ask(List::<TeamView>::system())?);
    }
    for row in visitor.spaces()? {
        let space = visitor.locate_space(&row.id.to_string())?;
        if visitor.may(List::<TeamView>::of(&space)) {
            levels.push(visitor.ask(List::<TeamView>::of(&space))?);
        }
    }
    let filter = teams::Filter { member: Some(user.id()), ..teams::Filter::default() };
    let mut seen = teams::list(&levels, &filter, Page::ALL)?.items;
    let all = granted.read(|rows| sql::teams_of(rows, user.id().0))?;
    let complete =
        all.iter().filter(|(_, space)| wanted.has(*space)).all(|(team, _)| seen.iter().any(|one| one.id.0 == *team));
    seen.retain(|team| wanted.has(team.space.map(|space| space.0)));
    Ok((seen, complete))
}

fn lines(found: Vec<(i64, Grant, Vec<usize>)>, wanted: &Wanted) -> Vec<Line> {
    let now = crate::base::clock::now();
    let mut lines = Vec::new();
    for (assignment, grant, keys) in found {
        if !wanted.has(grant.space) || grant.until.is_some_and(|until| until <= now) {
            continue;
        }
        let infos = keys.iter().filter_map(|key| CATALOGUE.get(*key).copied());
        lines.extend(infos.map(|permission| Line { permission, grant: grant.clone(), assignment }));
    }
    lines.sort_by(|a, b| {
        (a.grant.space, a.permission.name, a.grant.team).cmp(&(b.grant.space, b.permission.name, b.grant.team))
    });
    lines
}

impl Chart {
    /// The projects that a right is limited to as the wire tells them: those listed and those now in a listed group
    /// (`access-rules §3`), with a narrowed key those of them that it leaves. `None`: no limit.
    pub fn projects(&self, line: &Line) -> Option<Vec<i64>> {
        let expand = |groups: &crate::company::access::policy::Limit,
                      projects: &crate::company::access::policy::Limit| {
            if groups.is_all() && projects.is_all() {
                return None;
            }
            let mut ids = projects.ids().unwrap_or_default();
            for group in groups.ids().unwrap_or_default() {
                ids.extend(self.groups.get(&group).into_iter().flatten());
            }
            ids.sort_unstable();
            ids.dedup();
            Some(ids)
        };
        let own = expand(&line.grant.groups, &line.grant.projects);
        let within = line.grant.within.as_deref().and_then(|within| expand(&within.groups, &within.projects));
        let mut both = match (own, within) {
            (Some(own), Some(within)) => Some(own.into_iter().filter(|id| within.contains(id)).collect::<Vec<i64>>()),
            (own, within) => own.or(within),
        };
        if let Some(ids) = both.as_mut().filter(|_| !self.is_own) {
            ids.retain(|id| self.names.sees(Dimension::Project, *id));
        }
        both
    }

    /// In words what a right is limited to in one dimension; `(all)` without a limit.
    pub fn words(&self, line: &Line, dimension: Dimension) -> String {
        match self.names.limit(&line.grant, line.permission, dimension) {
            Where::Unrelated | Where::All => "(all)".into(),
            Where::Only(ids) if ids.is_empty() => String::new(),
            Where::Only(ids) => {
                let mut names: Vec<String> = ids.iter().filter_map(|(_, name)| name.clone()).collect();
                names.sort();
                match ids.len() - names.len() {
                    0 => {}
                    hidden => names.push(format!("({hidden} that you cannot see)")),
                }
                names.join("; ")
            }
        }
    }

    /// The space a line holds in, in words; empty for the company as a whole.
    pub fn space(&self, line: &Line) -> String {
        let Some(space) = line.grant.space else { return String::new() };
        self.names.space(space).map_or_else(|| Id::<Space>::new(space).to_string(), str::to_owned)
    }

    /// The table of `access-rules §8`. A limit to runbooks, our own addition, stands with the projects.
    ///
    /// # Errors
    /// Never for want of data; a fault of writing.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let head =
            ["Space", "Permission", "Level", "ProjectGroups", "Projects", "Environments", "Tenants", "Team", "Role"];
        let rows = self.lines.iter().map(|line| {
            let mut projects = self.words(line, Dimension::Project);
            if let Where::Only(_) = self.names.limit(&line.grant, line.permission, Dimension::Runbook) {
                projects = format!("{projects} [runbooks: {}]", self.words(line, Dimension::Runbook));
            }
            vec![
                self.space(line),
                line.permission.name.to_owned(),
                if line.grant.space.is_some() { "space".into() } else { "system".into() },
                self.words(line, Dimension::Group),
                projects,
                self.words(line, Dimension::Environment),
                self.words(line, Dimension::Tenant),
                self.names.team_words(line.grant.team),
                self.names.role_words(line.grant.role),
            ]
        });
        table(&head, rows)
    }
}

/// A table as RFC 4180 wants it; what a spreadsheet would take for a formula begins with `'`.
pub(super) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let fault = |cause: csv::Error| Error::internal(format!("a table could not be written: {cause}"));
    out.write_record(head).map_err(fault)?;
    for row in rows {
        let cells = row
            .into_iter()
            .map(|cell| if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell });
        out.write_record(cells).map_err(fault)?;
    }
    out.into_inner().map_err(|cause| Error::internal(format!("a table could not be written: {cause}")))
}

/// Grants as they are asked, from the lines of one permission.
pub(super) fn grants_of(grants: &Grants, info: &'static Info) -> Vec<Line> {
    grants.of(info).map(|grant| Line { permission: info, grant: grant.clone(), assignment: 0 }).collect()
}
