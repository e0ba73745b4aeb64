//! Spaces: the divisions of a company. Each has its own projects, environments, tenants and teams; nothing refers from
//! one into another.
//!
//! Whoever holds anything in a space sees it; the rights to make, change and delete spaces are held in the company.

pub use super::access::SpaceRow as Space;
use super::access::{
    At, Event, Granted, Proof, Rows, Visitor, Writing, builtin,
    permissions::{SpaceCreate, SpaceDelete, SpaceEdit, SpaceView},
};
use super::{tasks, teams};
use crate::base::{
    error::{Error, Fields as Wrong, Result},
    ids::{Id, Space as Kind, Task, Team, User},
    names,
    paging::{Listed, Page},
};
pub use crate::company::naming::Filter;
use serde::Serialize;

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–50 characters, unique in the company.
    pub name: String,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
    /// At most 2,000 characters.
    pub description: String,
    /// Its tasks wait. A new space begins with a running queue.
    pub task_queue_stopped: bool,
    /// True makes it the default in place of the one that was.
    pub is_default: bool,
    /// Who may do everything in it. `None`: as it is; a new space needs at least one manager.
    pub managers: Option<Managers>,
}

/// The managers of a space: people, and whole teams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Managers {
    /// Members of the space's own team of managers.
    #[serde(rename = "SpaceManagersTeamMembers", serialize_with = "wire")]
    pub people: Vec<Id<User>>,
    /// Other teams that hold the role of space manager there.
    #[serde(rename = "SpaceManagersTeams", serialize_with = "wire")]
    pub teams: Vec<Id<Team>>,
}

fn wire<T: crate::base::ids::Kind, S: serde::Serializer>(ids: &[Id<T>], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_seq(ids.iter().map(ToString::to_string))
}

/// The spaces that the visitor may enter, the default one first, then by name.
pub fn list(visitor: &Visitor, filter: &Filter, page: Page) -> Result<Listed<Space>> {
    let part = names::key(&filter.partial_name);
    let mut items = visitor.spaces()?;
    items.retain(|one| {
        names::key(&one.name).contains(&part) && filter.ids.as_ref().is_none_or(|ids| ids.contains(&one.id.0))
    });
    Ok(Listed::from_all(page, items))
}

/// One space that the visitor has located.
pub fn show(visitor: &Visitor, space: &At<Kind>) -> Result<Space> {
    visitor.space(space)
}

/// Who manages a space.
pub fn managers(granted: &Granted<'_, SpaceView>, space: Id<Kind>) -> Result<Managers> {
    granted.read(|rows| sql::managers(rows, space))
}

/// Makes a space with what every space begins with (`domain §1`).
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, and without a manager; `ProofNeeded`; `Denied` when managers
/// hold something of the company as a whole that the visitor does not hold. Of a space that is not there yet nobody holds
/// anything: whoever may make it may say who looks after it.
pub fn create(granted: &Granted<'_, SpaceCreate>, fields: Fields) -> Result<Space> {
    granted.fresh()?;
    granted.visitor().ask_to_give(&granted.read(|rows| teams::gifts_of_managers(rows, None))?)?;
    granted.write(|tx| {
        let (space, event) = make(tx, &fields)?;
        tx.record(event, space)
    })
}

/// Makes a space inside a change that goes on. Gives the event that tells of it.
///
/// # Errors
/// `Invalid` as [`create`].
pub(in crate::company) fn make(tx: &Writing<'_>, fields: &Fields) -> Result<(Space, Event)> {
    let managers = fields.managers.clone().unwrap_or_default();
    let fields = check(tx, fields, Some(&managers), None)?;
    let (id, event) = builtin::space(tx, &fields.name, &fields.description, false, &managers.people)?;
    sql::set_teams(tx, id, &managers.teams)?;
    tx.run("UPDATE spaces SET task_queue_stopped = ?2 WHERE id = ?1", (id, fields.task_queue_stopped))?;
    if !fields.slug.is_empty() {
        sql::set_slug(tx, id, &fields.slug)?;
    }
    if fields.is_default {
        sql::make_default(tx, id)?;
    }
    Ok((sql::by_id(tx, id)?, event.difference(&Managers::default(), &managers)))
}

/// Changes a space. Stopping its queue keeps tasks waiting. The default one stays so until another is.
///
/// # Errors
/// As [`create`]; further managers are named by those who hold what a manager of this space holds, as its managers do.
pub fn edit(granted: &Granted<'_, SpaceEdit>, fields: Fields) -> Result<Space> {
    let id = granted.what().space.id();
    let (managers, adds) = granted.read(|rows| new_managers(rows, id, &fields))?;
    if managers.is_some() {
        granted.fresh()?;
    }
    if adds {
        granted.visitor().ask_to_give(&granted.read(|rows| teams::gifts_of_managers(rows, Some(id)))?)?;
    }
    granted.write_asking(Proof::Inside, |tx| {
        let before = sql::by_id(tx, id)?;
        let managers_before = sql::managers(tx, id)?;
        let (managers, adds_now) = new_managers(tx, id, &fields)?;
        if managers.is_some() {
            granted.fresh()?;
        }
        if adds_now && !adds {
            return Err(Error::Conflict(
                "Somebody changed the managers meanwhile. Look at the space again and repeat your change.".into(),
            ));
        }
        let fields = check(tx, &fields, managers.as_ref(), Some(id))?;
        sql::update(tx, id, &fields)?;
        if !fields.slug.is_empty() {
            sql::set_slug(tx, id, &fields.slug)?;
        }
        if fields.is_default && !before.is_default {
            sql::make_default(tx, id)?;
        }
        if let Some(managers) = &managers {
            sql::set_people(tx, id, &managers.people)?;
            sql::set_teams(tx, id, &managers.teams)?;
            tx.access_changed()?;
        }
        let after = sql::by_id(tx, id)?;
        let event = Event::new("Modified").say("Space ").name(id, &after.name).say(" was changed").space(id.0);
        let event = event.difference(&before, &after).difference(&managers_before, &sql::managers(tx, id)?);
        tx.record(event, after)
    })
}

/// The managers that were told, if they are others than now, and whether any is among them who is none yet.
fn new_managers(rows: &Rows<'_>, id: Id<Kind>, fields: &Fields) -> Result<(Option<Managers>, bool)> {
    let Some(mut managers) = fields.managers.clone() else { return Ok((None, false)) };
    let before = sql::managers(rows, id)?;
    // The space's own team is always among its managers' teams: its members are what is told of it.
    let own = sql::own_team(rows, id)?;
    managers.teams.retain(|team| Some(*team) != own);
    let adds = managers.people.iter().any(|user| !before.people.contains(user))
        || managers.teams.iter().any(|team| !before.teams.contains(team));
    Ok(((managers != before).then_some(managers), adds))
}

/// Deletes a space and everything in it. Its lines in the trail stay.
///
/// # Errors
/// `Conflict` for the default space, while its queue is not stopped, and while a task of it still executes.
pub fn delete(granted: &Granted<'_, SpaceDelete>) -> Result<()> {
    let id = granted.what().space.id();
    let tasks = granted.write(|tx| {
        let gone = sql::by_id(tx, id)?;
        if let Some(why) = stops(tx, &gone)? {
            return Err(Error::Conflict(why));
        }
        let tasks = sql::tasks(tx, id)?;
        tx.run("DELETE FROM spaces WHERE id = ?1", [id])?;
        tx.access_changed()?;
        tx.record(Event::new("Deleted").say("Space ").name(id, &gone.name).say(" was deleted").space(id.0), tasks)
    })?;
    tasks::forget(granted.visitor().company().folder(), &tasks);
    Ok(())
}

/// Why it cannot be deleted now; `None`: it can. What [`delete`] would say, said first (findings C6).
pub fn obstacle(granted: &Granted<'_, SpaceDelete>) -> Result<Option<String>> {
    granted.read(|rows| stops(rows, &sql::by_id(rows, granted.what().space.id())?))
}

fn stops(rows: &Rows<'_>, gone: &Space) -> Result<Option<String>> {
    Ok(match (gone.is_default, gone.task_queue_stopped) {
        (true, _) => Some(format!("{} is the default space. Make another the default first.", gone.name)),
        (false, false) => Some(format!("Stop the task queue of {} before you delete it.", gone.name)),
        (false, true) if sql::executing(rows, gone.id)? => {
            Some(format!("A task of {} is still executing. Wait for it to end, or cancel it.", gone.name))
        }
        (false, true) => None,
    })
}

fn check(tx: &Writing<'_>, fields: &Fields, managers: Option<&Managers>, this: Option<Id<Kind>>) -> Result<Fields> {
    let mut wrong = Wrong::new();
    let name = wrong.check("Name", names::name(&fields.name, 50)).unwrap_or_default();
    let description = wrong.check("Description", names::text(&fields.description, 2000)).unwrap_or_default();
    if wrong.is_empty() && sql::name_taken(tx, &name, this)? {
        wrong.add("Name", format!("There is a space called “{name}” already. Choose another name."));
    }
    let slug = fields.slug.trim().to_owned();
    if !slug.is_empty() && !sql::has_slug(tx, this, &slug)? {
        let fit = names::slug_of(&slug, "space");
        if fit != slug {
            wrong.add("Slug", format!("This cannot stand in an address. Give for example “{fit}”."));
        } else if builtin::RESERVED_SPACES.contains(&slug.as_str()) || Id::<Kind>::parse(&slug).is_some() {
            wrong.add("Slug", format!("“{slug}” means something else in addresses. Choose another."));
        } else if sql::slug_taken(tx, &slug)? {
            wrong.add("Slug", format!("There is a space with the slug “{slug}” already. Choose another."));
        }
    }
    if let Some(managers) = managers {
        if managers.people.is_empty() && managers.teams.is_empty() {
            wrong.add("SpaceManagersTeamMembers", "Choose at least one person or team who looks after the space.");
        }
        for user in &managers.people {
            if !sql::user_exists(tx, *user)? {
                wrong.add("SpaceManagersTeamMembers", format!("There is no user {user}."));
            }
        }
        for team in &managers.teams {
            if !sql::team_fits(tx, *team, this)? {
                wrong.add("SpaceManagersTeams", format!("There is no team {team} that could manage the space."));
            }
        }
    }
    wrong.finish()?;
    Ok(Fields { name, slug, description, ..fields.clone() })
}

/// One space, inside a transaction that was granted for something in it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Space> {
    sql::by_id(rows, id)
}

mod sql {
    use super::*;
    use crate::company::access::{SPACE_COLUMNS, read_space};

    const MANAGER: &str = "(SELECT id FROM user_roles WHERE builtin = 'spacemanager')";
    const OWN_TEAM: &str = "(SELECT id FROM teams WHERE space_id = ?1 AND builtin = 'spacemanagers')";

    pub fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Space> {
        rows.one(&format!("SELECT {SPACE_COLUMNS} FROM spaces WHERE id = ?1"), [id], read_space)?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    pub fn managers(rows: &Rows<'_>, id: Id<Kind>) -> Result<Managers> {
        let people = rows.all(
            &format!("SELECT user_id FROM team_members WHERE team_id = {OWN_TEAM} ORDER BY user_id"),
            [id],
            |row| row.get(0),
        )?;
        let teams = format!(
            "SELECT DISTINCT team_id FROM scoped_roles WHERE space_id = ?1 AND role_id = {MANAGER} AND team_id <> {OWN_TEAM}
             ORDER BY team_id"
        );
        Ok(Managers { people, teams: rows.all(&teams, [id], |row| row.get(0))? })
    }

    pub fn set_people(tx: &Writing<'_>, id: Id<Kind>, people: &[Id<User>]) -> Result<()> {
        tx.run(&format!("DELETE FROM team_members WHERE team_id = {OWN_TEAM}"), [id])?;
        for user in people {
            tx.run(
                &format!("INSERT OR IGNORE INTO team_members (team_id, user_id) VALUES ({OWN_TEAM}, ?2)"),
                (id, user),
            )?;
        }
        Ok(())
    }

    /// Takes the role from teams that are not named any more and gives it to those that have it not.
    pub fn set_teams(tx: &Writing<'_>, id: Id<Kind>, teams: &[Id<Team>]) -> Result<()> {
        let there = managers(tx, id)?.teams;
        for team in there.iter().filter(|team| !teams.contains(team)) {
            tx.run(
                &format!("DELETE FROM scoped_roles WHERE space_id = ?1 AND team_id = ?2 AND role_id = {MANAGER}"),
                (id, team),
            )?;
        }
        for team in teams.iter().filter(|team| !there.contains(team)) {
            tx.run(
                &format!("INSERT INTO scoped_roles (team_id, role_id, space_id) VALUES (?2, {MANAGER}, ?1)"),
                (id, team),
            )?;
        }
        Ok(())
    }

    pub fn name_taken(rows: &Rows<'_>, name: &str, but: Option<Id<Kind>>) -> Result<bool> {
        rows.any("SELECT 1 FROM spaces WHERE name_key = ?1 AND id IS NOT ?2", (names::key(name), but))
    }

    pub fn slug_taken(rows: &Rows<'_>, slug: &str) -> Result<bool> {
        rows.any("SELECT 1 FROM spaces WHERE slug = ?1", [slug])
    }

    pub fn has_slug(rows: &Rows<'_>, id: Option<Id<Kind>>, slug: &str) -> Result<bool> {
        rows.any("SELECT 1 FROM spaces WHERE id = ?1 AND slug = ?2", (id, slug))
    }

    pub fn set_slug(tx: &Writing<'_>, id: Id<Kind>, slug: &str) -> Result<()> {
        tx.run("UPDATE spaces SET slug = ?2 WHERE id = ?1", (id, slug))?;
        Ok(())
    }

    pub fn user_exists(rows: &Rows<'_>, user: Id<User>) -> Result<bool> {
        rows.any("SELECT 1 FROM users WHERE id = ?1", [user])
    }

    /// A team of the company, or one of this very space that is not its own team of managers.
    pub fn team_fits(rows: &Rows<'_>, team: Id<Team>, space: Option<Id<Kind>>) -> Result<bool> {
        rows.any(
            "SELECT 1 FROM teams WHERE id = ?1 AND (space_id IS NULL OR (space_id = ?2 AND builtin IS NULL))",
            (team, space),
        )
    }

    pub fn own_team(rows: &Rows<'_>, id: Id<Kind>) -> Result<Option<Id<Team>>> {
        rows.one(&format!("SELECT id FROM teams WHERE id = {OWN_TEAM}"), [id], |row| row.get(0))
    }

    pub fn update(tx: &Writing<'_>, id: Id<Kind>, fields: &Fields) -> Result<()> {
        tx.run(
            "UPDATE spaces SET name = ?2, name_key = ?3, description = ?4, task_queue_stopped = ?5 WHERE id = ?1",
            (id, &fields.name, names::key(&fields.name), &fields.description, fields.task_queue_stopped),
        )?;
        Ok(())
    }

    pub fn make_default(tx: &Writing<'_>, id: Id<Kind>) -> Result<()> {
        tx.run("UPDATE spaces SET is_default = 0 WHERE is_default = 1", [])?;
        tx.run("UPDATE spaces SET is_default = 1 WHERE id = ?1", [id])?;
        Ok(())
    }

    pub fn tasks(rows: &Rows<'_>, id: Id<Kind>) -> Result<Vec<Id<Task>>> {
        rows.all("SELECT id FROM tasks WHERE space_id = ?1", [id], |row| row.get(0))
    }

    pub fn executing(rows: &Rows<'_>, id: Id<Kind>) -> Result<bool> {
        rows.any("SELECT 1 FROM tasks WHERE space_id = ?1 AND state IN ('Executing', 'Cancelling')", [id])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::testing::{Scope, harbour};

    fn wrong<T>(result: Result<T>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_space_is_made_managed_and_deleted() {
        let harbour = harbour();
        let ada = harbour.ada();
        let (ben, crew) = (harbour.user("Ben"), harbour.team("Crew", &[], &[]));
        let granted = ada.ask(SpaceCreate {}).unwrap();
        assert!(
            wrong(create(&granted, Fields { name: "Finance".into(), ..Fields::default() }))
                .contains("at least one person or team")
        );
        let managers = Managers { people: vec![Id::new(ben)], teams: vec![Id::new(crew)] };
        let finance =
            create(&granted, Fields { name: "Finance".into(), managers: Some(managers.clone()), ..Fields::default() })
                .unwrap();
        assert_eq!(super::managers(&ada.ask(SpaceView {}).unwrap(), finance.id).unwrap(), managers);
        // Ben manages it; Ada, who made it, holds nothing in it and still finds it: she may list spaces.
        let names = |visitor: &Visitor| visitor.spaces().unwrap().into_iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(names(&harbour.visit(ben)), ["Finance"]);
        assert_eq!(names(&harbour.ada()), ["Default", "Finance"]);
        let at = harbour.ada().locate_space("finance").unwrap();
        let same = Fields { name: "Finance".into(), is_default: true, ..Fields::default() };
        edit(&harbour.ada().ask(SpaceEdit { space: at.clone() }).unwrap(), same).unwrap();
        let ada = harbour.ada();
        let delete = |name: &str| delete(&ada.ask(SpaceDelete { space: ada.locate_space(name).unwrap() }).unwrap());
        assert!(wrong(delete("finance")).contains("is the default space"));
        assert!(wrong(delete("default")).contains("Stop the task queue"));
        harbour.environment("Staging");
        harbour.project("Shop", None);
        harbour.sql(|c| c.execute("UPDATE spaces SET task_queue_stopped = 1 WHERE id = 1", []));
        delete("default").unwrap();
        for table in ["projects", "environments", "project_groups", "lifecycles"] {
            let count = harbour.sql(|c| {
                c.query_row(&format!("SELECT count(*) FROM {table} WHERE space_id = 1"), [], |r| r.get::<_, i64>(0))
            });
            assert_eq!(count, 0, "{table}");
        }
    }

    #[test]
    fn further_managers_are_named_by_who_holds_what_a_manager_does() {
        let harbour = harbour();
        let space_rights = [("system", "SpaceCreate"), ("system", "SpaceEdit"), ("system", "SpaceView")];
        harbour.role("Looks after spaces", &space_rights);
        let ben = harbour.person("Ben", &[("Looks after spaces", Scope::SYSTEM)]).user().unwrap();
        let both = [("Looks after spaces", Scope::SYSTEM), ("Space Manager", Scope::EVERYWHERE)];
        let cleo = harbour.person("Cleo", &both).user().unwrap();
        let denied = |answer: Result<Space>| match answer {
            Err(Error::Denied(denied)) => denied.permission,
            Err(other) => panic!("{other}"),
            Ok(_) => "",
        };
        let team: i64 =
            harbour.sql(|c| c.query_row("SELECT id FROM teams WHERE name = 'Team of Cleo'", [], |row| row.get(0)));
        let with = |people: &[Id<User>]| Fields {
            name: "Default".into(),
            managers: Some(Managers { people: people.to_vec(), teams: vec![Id::new(team)] }),
            ..Fields::default()
        };
        let change = |who: Id<User>, fields: Fields| {
            let visitor = harbour.visit(who.0);
            let space = visitor.locate_space("Spaces-1").unwrap();
            edit(&visitor.ask(SpaceEdit { space }).unwrap(), fields)
        };
        // Not oneself, not another, not by a team; what is there may stay and go.
        assert_eq!(denied(change(ben, with(&[Id::new(1), ben]))), "DeploymentFreezeAdminister");
        assert_eq!(denied(change(ben, with(&[Id::new(1), cleo]))), "DeploymentFreezeAdminister");
        assert_eq!(denied(change(ben, with(&[Id::new(1)]))), "");
        assert_eq!(denied(change(cleo, with(&[Id::new(1), ben]))), "", "a manager of the space");
        assert_eq!(denied(change(harbour.ada().user().unwrap(), with(&[Id::new(1)]))), "", "full administration");
        // A new space: nobody holds anything in it, but its managers hold something of the company.
        let found = |who: Id<User>, name: &str| {
            let visitor = harbour.visit(who.0);
            let managers = Some(Managers { people: vec![who], teams: Vec::new() });
            create(&visitor.ask(SpaceCreate {}).unwrap(), Fields { name: name.into(), managers, ..Fields::default() })
        };
        assert_eq!(denied(found(ben, "Finance")), "DeploymentFreezeAdminister");
        assert_eq!(denied(found(cleo, "Finance")), "");
    }

    #[test]
    fn who_holds_nothing_in_a_space_does_not_find_it() {
        let harbour = harbour();
        harbour.another_space("Finance");
        let ben = harbour.person("Ben", &[("Project Viewer", Scope::EVERYWHERE)]);
        assert_eq!(ben.spaces().unwrap().len(), 1);
        let all = list(&ben, &Filter { ids: Some(vec![1, 2]), ..Filter::default() }, Page::ALL).unwrap();
        assert_eq!((all.total, all.items[0].name.as_str()), (1, "Default"));
        assert!(ben.locate_space("Finance").is_err());
    }
}
