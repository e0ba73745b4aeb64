//! Who is in which team, and what each team's roles allow: all of a company's access at one moment, compiled once a team
//! and not once a person. For questions about others (who may, what would change); nothing is decided for a visitor here.

use super::{
    grants::{Whose, load},
    of_customers,
    policy::{Grant, Grants},
    rows::Rows,
};
use crate::base::{clock, error::Result};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A person or a service account, and the teams they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Somebody {
    /// Their number.
    pub id: i64,
    /// Their name.
    pub name: String,
    /// Whether they can come in at this moment.
    pub is_active: bool,
    /// Whether they were shut out: until they are let in again they hold nothing, whatever their teams allow. Somebody
    /// who is invited is not.
    pub is_out: bool,
    /// Whether it is a service account.
    pub is_service: bool,
    /// Whether they are one of a tenant's own people.
    pub is_customer: bool,
    /// The numbers of the teams they are in, in order: Everyone among them, unless they are a tenant's own people.
    pub teams: Vec<i64>,
}

/// What a team's roles allow.
#[derive(Debug, Clone)]
pub struct TeamRights {
    /// The team's number.
    pub team: i64,
    /// Its grants, compiled.
    pub grants: Grants,
    /// The role on the team that each grant comes from, in the order of the grants.
    pub assignments: Vec<i64>,
}

/// All of a company's access at one moment.
#[derive(Debug, Clone, Default)]
pub struct Census {
    /// Everybody, by number.
    pub people: BTreeMap<i64, Somebody>,
    /// The teams that have roles, by number.
    pub teams: BTreeMap<i64, TeamRights>,
    /// The team that everybody is in, those to come included.
    pub everyone: Option<i64>,
    /// The projects of each project group.
    pub groups: HashMap<i64, Vec<i64>>,
}

impl Census {
    /// From its parts: everybody, and each grant with the role on a team it comes from and the keys of its permissions.
    pub fn new(people: Vec<Somebody>, grants: Vec<(i64, Grant, Vec<usize>)>) -> Census {
        type Parts = (Vec<i64>, Vec<(Grant, Vec<usize>)>);
        let mut of_team: BTreeMap<i64, Parts> = BTreeMap::new();
        for (assignment, grant, keys) in grants {
            let (assignments, parts) = of_team.entry(grant.team).or_default();
            assignments.push(assignment);
            parts.push((grant, keys));
        }
        let teams = of_team
            .into_iter()
            .map(|(team, (assignments, parts))| (team, TeamRights { team, grants: Grants::new(parts), assignments }));
        Census {
            people: people.into_iter().map(|one| (one.id, one)).collect(),
            teams: teams.collect(),
            everyone: None,
            groups: HashMap::new(),
        }
    }

    /// Reads it.
    pub(in crate::company) fn read(rows: &Rows<'_>) -> Result<Census> {
        let everyone: Vec<i64> = rows.all("SELECT id FROM teams WHERE builtin = 'everyone'", [], |row| row.get(0))?;
        let of_customers: HashSet<i64> = rows
            .all(concat!("SELECT t.id FROM teams t WHERE ", of_customers!()), [], |row| row.get(0))?
            .into_iter()
            .collect();
        let customers_too = rows.any("SELECT 1 FROM settings WHERE customers_in_everyone = 1", [])?;
        // In a team for emergencies are those who use it at this moment.
        let members: Vec<(i64, i64, bool)> = rows.all(
            "SELECT m.user_id, m.team_id, t.emergency_hours IS NULL OR EXISTS (SELECT 1 FROM emergencies e
                 WHERE e.team_id = m.team_id AND e.user_id = m.user_id AND e.ended_at IS NULL AND e.ends_at > ?1)
             FROM team_members m JOIN teams t ON t.id = m.team_id",
            [clock::now()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut of: HashMap<i64, Vec<i64>> = HashMap::new();
        let (mut in_some, mut in_others): (HashSet<i64>, HashSet<i64>) = (HashSet::new(), HashSet::new());
        for (user, team, is_in) in members {
            in_some.insert(user);
            if !of_customers.contains(&team) {
                in_others.insert(user);
            }
            if is_in {
                of.entry(user).or_default().push(team);
            }
        }
        let people: Vec<Somebody> = rows.all(
            "SELECT id, display_name, state = 'active', is_service, state = 'inactive', came_for_tenant = 1 FROM users
             ORDER BY id",
            [],
            |row| {
                let id = row.get(0)?;
                // As `is_customer` says it in SQL.
                let is_customer = (row.get(5)? || in_some.contains(&id)) && !in_others.contains(&id);
                let mut teams = if customers_too || !is_customer { everyone.clone() } else { Vec::new() };
                teams.extend(of.remove(&id).unwrap_or_default());
                teams.sort_unstable();
                Ok(Somebody {
                    id,
                    name: row.get(1)?,
                    is_active: row.get(2)?,
                    is_service: row.get(3)?,
                    is_out: row.get(4)?,
                    teams,
                    is_customer,
                })
            },
        )?;
        let grants = load(rows, Whose::AnyTeam)?;
        let mut census =
            Census::new(people, grants.into_iter().map(|one| (one.assignment, one.grant, one.permissions)).collect());
        census.everyone = everyone.first().copied();
        let projects: Vec<(i64, i64)> =
            rows.all("SELECT group_id, id FROM projects", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (group, project) in projects {
            census.groups.entry(group).or_default().push(project);
        }
        Ok(census)
    }

    /// The grants of one user: each with the role on a team that it comes from and the keys of its permissions.
    pub(in crate::company) fn of_user(rows: &Rows<'_>, user: i64) -> Result<Vec<(i64, Grant, Vec<usize>)>> {
        let found = load(rows, Whose::User(user))?;
        Ok(found.into_iter().map(|one| (one.assignment, one.grant, one.permissions)).collect())
    }
}
