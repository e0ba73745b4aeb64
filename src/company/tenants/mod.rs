//! Tenants: whom a company deploys for. Each carries tags and is connected to projects, in some of their environments.
//!
//! Whoever lists or opens a tenant is shown only the connections whose project and environments they may see; a change
//! leaves the others as they are (`access-rules §4`, and §5 on hidden values). Does not know what was deployed to whom.

pub mod filter;
pub mod history;
pub mod selfservice;
mod sql;
pub mod tags;

use super::access::{
    At, Columns, Event, Granted, Rows, Visitor, Writing,
    permissions::{EnvironmentView, List, Permission, ProjectView, TenantCreate, TenantDelete, TenantEdit, TenantView},
};
use crate::base::{
    clock::Moment,
    error::{Error, Fields as Wrong, Result},
    ids::{Environment, Id, Project, Space, Tag, Target, Tenant as Kind},
    names,
    paging::{Listed, Page},
};
use crate::company::naming::Named;
use filter::{Empty, Filter as Choice};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// How they are named.
const NAMES: Named = Named { table: "tenants", within: "space_id", one: "a tenant", slug: "tenant" };

/// A tenant.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tenant {
    /// Its id.
    #[serde(skip)]
    pub id: Id<Kind>,
    /// Its space.
    #[serde(skip)]
    pub space: Id<Space>,
    /// Its name, unique in its space.
    pub name: String,
    /// What stands for it in addresses; kept when the name changes.
    pub slug: String,
    /// What there is to know of it.
    pub description: String,
    /// Takes no deployments.
    pub is_disabled: bool,
    /// The tenant it was made a copy of.
    #[serde(skip)]
    pub cloned_from: Option<Id<Kind>>,
    /// When it was made.
    #[serde(skip)]
    pub created_at: Moment,
    /// Its tags, as `Set/Tag`, in the order of sets and tags.
    #[serde(rename = "TenantTags")]
    pub tags: Vec<String>,
    /// What it is connected to: those connections that the visitor may see, by the projects' names.
    #[serde(rename = "ProjectEnvironments", serialize_with = "as_map")]
    pub connections: Vec<Connected>,
}

/// One project that a tenant is connected to, and the environments it is connected in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The project.
    pub project: Id<Project>,
    /// The environments, in their order.
    pub environments: Vec<Id<Environment>>,
}

fn as_map<S: Serializer>(connections: &[Connected], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(
        connections
            .iter()
            .map(|one| (one.project.to_string(), one.environments.iter().map(Id::to_string).collect::<Vec<_>>())),
    )
}

/// What a person gives.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Required, 1–200 characters, unique in the space.
    pub name: String,
    /// At most 2,000 characters.
    pub description: String,
    /// See [`Tenant::is_disabled`].
    pub is_disabled: bool,
    /// `Set/Tag` or the tag's id.
    pub tags: Vec<String>,
    /// What stands for it in addresses; empty: made of the first name, and kept.
    pub slug: String,
}

/// A connection that is wished for, with the proof that the visitor may see both ends (`access-rules §4`).
pub struct Connection<'v> {
    project: Granted<'v, ProjectView>,
    environments: Vec<Granted<'v, EnvironmentView>>,
}

/// Which tenants are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name, ignoring case.
    pub partial_name: String,
    /// Connected to this project.
    pub project: Option<Id<Project>>,
    /// Carrying these tags, by the filter rule; `Set/Tag` or ids.
    pub tags: Vec<String>,
    /// Only these, by number.
    pub ids: Option<Vec<i64>>,
    /// Only those disabled, or only those not.
    pub is_disabled: Option<bool>,
    /// Copies of this one.
    pub cloned_from: Option<Id<Kind>>,
}

/// What the filter rule says of one tenant.
#[derive(Debug, Clone)]
pub struct TagTest {
    /// The tenant.
    pub tenant: Id<Kind>,
    /// Whether the tags let it through.
    pub is_matched: bool,
    /// The listed tags of the sets of which it has none.
    pub missing: Vec<String>,
}

/// Locates the projects and environments of a wished-for `ProjectEnvironments` and asks for sight of each.
///
/// # Errors
/// `Invalid` under `ProjectEnvironments` for one that does not exist or that the visitor may not see, in the same words.
pub fn connections<'v>(
    visitor: &'v Visitor,
    space: &At<Space>,
    wished: &[(String, Vec<String>)],
) -> Result<Vec<Connection<'v>>> {
    let mut wrong = Wrong::new();
    let mut out: Vec<Connection<'v>> = Vec::new();
    for (project, environments) in wished {
        let asked = visitor.named::<Project>(space, project).and_then(|project| visitor.ask(ProjectView { project }));
        let Some(asked) = unless_missing(asked, project, "project", &mut wrong)? else { continue };
        let mut connection = Connection { project: asked, environments: Vec::new() };
        for environment in environments {
            let asked = visitor.named::<Environment>(space, environment);
            let asked = asked.and_then(|environment| visitor.ask(EnvironmentView { environment }));
            connection.environments.extend(unless_missing(asked, environment, "environment", &mut wrong)?);
        }
        out.push(connection);
    }
    wrong.finish()?;
    Ok(out)
}

fn unless_missing<T>(asked: Result<T>, text: &str, word: &str, wrong: &mut Wrong) -> Result<Option<T>> {
    match asked {
        Ok(granted) => Ok(Some(granted)),
        Err(Error::NotFound(_) | Error::Denied(_)) => {
            wrong.add("ProjectEnvironments", format!("There is no {word} “{}” here.", text.trim()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The tenants of a space that the visitor may see, by name.
pub fn list(granted: &Granted<'_, List<TenantView>>, filter: &Filter, page: Page) -> Result<Listed<Tenant>> {
    let space = granted.what().space();
    let sight = Sight::of(granted, space);
    granted.read(|rows| {
        let wanted = match tags::choice(rows, Id::new(space), "Tags", &filter.tags, Empty::Everyone) {
            Ok(choice) => choice,
            // A tag that does not exist is carried by nobody.
            Err(Error::Invalid(_)) => return Ok(Listed { items: Vec::new(), total: 0 }),
            Err(error) => return Err(error),
        };
        let mut listed = sql::list(rows, space, filter, &wanted, &granted.reach(), &sight, page)?;
        sql::connect(rows, &mut listed.items, &sight)?;
        Ok(listed)
    })
}

/// One tenant.
pub fn show(granted: &Granted<'_, TenantView>) -> Result<Tenant> {
    let at = &granted.what().tenant;
    let sight = Sight::of(granted, at.space_id());
    granted.read(|rows| sql::one(rows, at.id(), &sight))
}

/// Makes a tenant.
///
/// # Errors
/// `Invalid` for a name that is missing, too long or taken, a tag that does not exist, a project that is not deployed
/// to tenants, or an environment outside the project's lifecycle.
pub fn create(granted: &Granted<'_, TenantCreate>, fields: Fields, connections: &[Connection<'_>]) -> Result<Tenant> {
    let space = granted.what().space.space().id();
    granted.write(|tx| {
        let (fields, tags) = check(tx, space, &fields, None)?;
        let id = insert(tx, space, &fields, &tags, None)?;
        connect(tx, id, connections, None)?;
        made(tx, id, "")
    })
}

/// Makes a tenant with the tags and connections of another; of the connections, those that the visitor may see.
///
/// # Errors
/// As [`create`].
pub fn clone(granted: &Granted<'_, TenantCreate>, source: &Granted<'_, TenantView>, fields: Fields) -> Result<Tenant> {
    let space = granted.what().space.space().id();
    let from = show(source)?;
    if from.space != space {
        return Err(Error::NotFound(from.id.to_string()));
    }
    granted.write(|tx| {
        let (fields, tags) = check(tx, space, &Fields { tags: from.tags.clone(), ..fields }, None)?;
        let id = insert(tx, space, &fields, &tags, Some(from.id))?;
        for one in &from.connections {
            sql::add_project(tx, id, one.project)?;
            for environment in &one.environments {
                sql::add_environment(tx, id, one.project, *environment)?;
            }
        }
        made(tx, id, &format!(" as a copy of {}", from.name))
    })
}

/// Changes a tenant. With `connections` its connections become those given; those that the visitor may not see stay.
///
/// # Errors
/// As [`create`].
pub fn edit(
    granted: &Granted<'_, TenantEdit>,
    fields: Fields,
    connections: Option<&[Connection<'_>]>,
) -> Result<Tenant> {
    let id = granted.what().tenant.id();
    let sight = Sight::of(granted, granted.what().tenant.space_id());
    granted.write(|tx| {
        let before = by_id(tx, id)?;
        let (fields, tags) = check(tx, before.space, &fields, Some(&before))?;
        sql::update(tx, id, &fields)?;
        sql::set_tags(tx, id, &tags)?;
        if let Some(connections) = connections {
            let seen = sql::one(tx, id, &sight)?.connections;
            connect(tx, id, connections, Some(&seen))?;
        }
        let after = by_id(tx, id)?;
        if after.name != before.name {
            crate::company::teams::selfservice::tenant_renamed(tx, id, &before.name, &after.name)?;
        }
        let event = Event::new("Modified").say("Tenant ").name(id, &after.name).say(" was changed");
        tx.record(event.space(after.space.0).tenant(Some(id.0)).difference(&before, &after), sql::one(tx, id, &sight)?)
    })
}

/// Deletes a tenant that nothing was ever deployed to. One with a history is disabled instead, or deleted with it
/// ([`history::delete`]).
///
/// # Errors
/// `Conflict` while it has deployments, or is named by a deployment target.
pub fn delete(granted: &Granted<'_, TenantDelete>) -> Result<()> {
    let id = granted.what().tenant.id();
    granted.write(|tx| {
        let gone = by_id(tx, id)?;
        let called = |target, name: &str| granted.visitor().called::<Target>(target, name);
        if let Some(why) = sql::kept_by(tx, id, false, called)? {
            return Err(Error::Conflict(format!("{} cannot be deleted: {why}", gone.name)));
        }
        tx.run("DELETE FROM tenants WHERE id = ?1", [id])?;
        // INVARIANT: the limits of roles to this tenant stay. Ids are never used again, so they reach nothing; taking
        // the last of them away would turn a limited role into an unlimited one. The team of its own people stays too,
        // with a role that reaches nothing.
        let event = Event::new("Deleted").say("Tenant ").name(id, &gone.name).say(" was deleted");
        tx.record(event.space(gone.space.0).tenant(Some(id.0)), ())
    })
}

/// Which of some tenants, or of all, the tags let through, by the filter rule; those that the visitor may not see are
/// left out.
///
/// # Errors
/// `Invalid` for a tag that does not exist.
pub fn test_tags(
    granted: &Granted<'_, List<TenantView>>,
    tenants: Option<Vec<i64>>,
    wanted: &[String],
) -> Result<Vec<TagTest>> {
    let filter = Filter { ids: tenants, ..Filter::default() };
    let space = Id::new(granted.what().space());
    let listed = list(granted, &filter, Page::ALL)?;
    granted.read(|rows| {
        let all = tags::resolve(rows, space, "Tags", wanted)?;
        let choice = tags::choice(rows, space, "Tags", wanted, Empty::Everyone)?;
        let mut tests = Vec::new();
        for tenant in &listed.items {
            let carried = if tenant.tags.is_empty() { Vec::new() } else { sql::tags_of(rows, tenant.id)? };
            let missing = choice.missing(&carried);
            tests.push(TagTest {
                tenant: tenant.id,
                is_matched: choice.lets_through(tenant.id, &carried),
                missing: all.iter().filter(|tag| missing.contains(&tag.set)).map(|tag| tag.canonical.clone()).collect(),
            });
        }
        Ok(tests)
    })
}

fn made(tx: &Writing<'_>, id: Id<Kind>, how: &str) -> Result<super::access::Recorded<Tenant>> {
    let made = by_id(tx, id)?;
    let event = Event::new("Created").say("Tenant ").name(id, &made.name).say(" was created").say(how);
    tx.record(event.space(made.space.0).tenant(Some(id.0)), made)
}

fn insert(
    tx: &Writing<'_>,
    space: Id<Space>,
    fields: &Fields,
    tags: &[Id<Tag>],
    from: Option<Id<Kind>>,
) -> Result<Id<Kind>> {
    let id = sql::insert(tx, space, fields, from)?;
    sql::set_tags(tx, id, tags)?;
    Ok(id)
}

/// Makes the connections those wished for. `seen`: what the visitor sees of the present ones, and so may take away;
/// without it nothing is there yet.
fn connect(tx: &Writing<'_>, id: Id<Kind>, wished: &[Connection<'_>], seen: Option<&[Connected]>) -> Result<()> {
    let mut want: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for one in wished {
        let environments = want.entry(one.project.what().project.id().0).or_default();
        environments.extend(one.environments.iter().map(|granted| granted.what().environment.id().0));
    }
    for one in seen.unwrap_or_default() {
        let wanted = want.get(&one.project.0);
        for environment in one.environments.iter().filter(|id| !wanted.is_some_and(|wanted| wanted.contains(&id.0))) {
            sql::remove_environment(tx, id, one.project, *environment)?;
        }
        if wanted.is_none() {
            // Stays while it has environments that the visitor does not see.
            sql::remove_empty_project(tx, id, one.project)?;
        }
    }
    let present = by_id(tx, id)?.connections;
    let mut wrong = Wrong::new();
    for (project, environments) in &want {
        let project = Id::<Project>::new(*project);
        let connected = present.iter().find(|one| one.project == project);
        if connected.is_none() {
            if let Some(why) = sql::not_for_tenants(tx, project)? {
                wrong.add("ProjectEnvironments", why);
                continue;
            }
            sql::add_project(tx, id, project)?;
        }
        for environment in environments.iter().map(|number| Id::<Environment>::new(*number)) {
            if connected.is_some_and(|one| one.environments.contains(&environment)) {
                continue;
            }
            match sql::outside_lifecycle(tx, project, environment)? {
                Some(why) => wrong.add("ProjectEnvironments", why),
                None => sql::add_environment(tx, id, project, environment)?,
            }
        }
    }
    wrong.finish()
}

fn check(rows: &Rows<'_>, space: Id<Space>, fields: &Fields, this: Option<&Tenant>) -> Result<(Fields, Vec<Id<Tag>>)> {
    let mut wrong = Wrong::new();
    let given = (fields.name.as_str(), fields.description.as_str());
    let (name, description) = NAMES.check(rows, &mut wrong, space.0, given, this.map(|this| this.id.0))?;
    let present = this.map(|this| (this.id.0, this.slug.as_str()));
    let slug = NAMES.slug(rows, &mut wrong, space.0, (&fields.slug, &name), present)?;
    let tags = match tags::resolve(rows, space, "TenantTags", &fields.tags) {
        Ok(tags) => tags.iter().map(|tag| tag.id).collect(),
        Err(Error::Invalid(unknown)) => {
            unknown.iter().for_each(|(field, message)| wrong.add(field, message));
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    wrong.finish()?;
    Ok((Fields { name, description, slug, ..fields.clone() }, tags))
}

/// Which ends of connections the visitor sees.
pub(super) struct Sight {
    projects: super::access::Reach,
    environments: super::access::Reach,
}

impl Sight {
    fn of<P: Permission>(granted: &Granted<'_, P>, space: i64) -> Sight {
        Sight {
            projects: granted.reach_of::<ProjectView>(space),
            environments: granted.reach_of::<EnvironmentView>(space),
        }
    }
    fn projects(&self, parameters: &mut Vec<rusqlite::types::Value>) -> String {
        let columns = Columns { group: Some("p.group_id"), project: Some("p.id"), ..Columns::default() };
        self.projects.condition(columns, parameters)
    }
    fn environments(&self, parameters: &mut Vec<rusqlite::types::Value>) -> String {
        self.environments.condition(Columns { environment: Some("e.id"), ..Columns::default() }, parameters)
    }
}

/// One tenant with all its connections, inside a transaction that was granted for something that has it.
pub(in crate::company) fn by_id(rows: &Rows<'_>, id: Id<Kind>) -> Result<Tenant> {
    sql::one_with_all(rows, id)
}

/// Whether a tenant is connected to a project in an environment.
pub(in crate::company) fn is_connected(
    rows: &Rows<'_>,
    tenant: Id<Kind>,
    project: Id<Project>,
    environment: Id<Environment>,
) -> Result<bool> {
    sql::is_connected(rows, tenant, project, environment)
}

/// The tags that a tenant carries.
pub(in crate::company) fn tags_of(rows: &Rows<'_>, tenant: Id<Kind>) -> Result<Vec<Id<Tag>>> {
    sql::tags_of(rows, tenant)
}

#[cfg(test)]
mod tests;
