//! Names, slugs and ids → where the thing is. The one reading of business data before a permission; it gives back a
//! place and nothing else.

use super::{
    lobby::{self, SpaceRow},
    machines,
    permissions::{self as catalogue, Info, Permission},
    policy::{Check, Ids},
    rows::Rows,
};
use crate::base::{
    error::{Error, Result},
    ids::{Account, Environment, Id, Kind, Lifecycle, Project, ProjectGroup, Space, TagSet, Target, Task, Tenant},
    names,
};

mod of_company;
mod of_project;
mod word;

pub use word::Word;
pub(super) use word::ambiguous;
use word::{Hit, settle};

/// Where a thing is: which company, which space, and the ids of what it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub company: u64,
    pub space: Option<i64>,
    pub groups: Ids,
    pub projects: Ids,
    pub environments: Ids,
    pub tenants: Ids,
    pub runbooks: Ids,
}

/// A thing that was found, and where it is. Only the door makes one.
pub struct At<T> {
    id: Id<T>,
    place: Place,
    asked: Box<str>,
}

impl<T> Clone for At<T> {
    fn clone(&self) -> Self {
        At { id: self.id, place: self.place.clone(), asked: self.asked.clone() }
    }
}
impl<T: Kind> std::fmt::Debug for At<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "At({})", self.id)
    }
}

impl<T> At<T> {
    /// Its id.
    pub fn id(&self) -> Id<T> {
        self.id
    }
    /// The number of its space; 0 when it lies outside all spaces.
    pub fn space_id(&self) -> i64 {
        self.place.space.unwrap_or(0)
    }
    /// The project it belongs to, if it belongs to one.
    pub fn project_id(&self) -> Option<i64> {
        self.place.projects.first()
    }
    /// The environment it belongs to.
    pub fn environment_id(&self) -> Option<i64> {
        self.place.environments.first()
    }
    /// The runbook it belongs to.
    pub fn runbook_id(&self) -> Option<i64> {
        self.place.runbooks.first()
    }
    /// The tenant it belongs to.
    pub fn tenant_id(&self) -> Option<i64> {
        self.place.tenants.first()
    }
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
    pub(super) fn asked(&self) -> &str {
        &self.asked
    }
    pub(super) fn new(id: i64, place: Place, asked: &str) -> At<T> {
        At { id: Id::new(id), place, asked: asked.into() }
    }
}

/// A thing of kind `T` that is about to be made in a space.
pub struct New<T> {
    space: At<Space>,
    kind: std::marker::PhantomData<fn() -> T>,
}
impl<T> Clone for New<T> {
    fn clone(&self) -> Self {
        New { space: self.space.clone(), kind: std::marker::PhantomData }
    }
}
impl<T> New<T> {
    /// In this space.
    pub fn of(space: &At<Space>) -> Self {
        New { space: space.clone(), kind: std::marker::PhantomData }
    }
    /// The space it is made in.
    pub fn space(&self) -> &At<Space> {
        &self.space
    }
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Anywhere in the company.
    Company,
    /// In one space.
    Space(i64),
    /// In one project.
    Project(i64),
}
impl From<&At<Space>> for Within {
    fn from(space: &At<Space>) -> Self {
        Within::Space(space.id.0)
    }
}
impl From<&At<Project>> for Within {
    fn from(project: &At<Project>) -> Self {
        Within::Project(project.id.0)
    }
}

/// What can be looked in.
pub trait Container {
    /// Where to look.
    fn within(&self) -> Within;
    /// The project that is looked in: whoever may not see it finds nothing in it.
    fn project(&self) -> Option<&At<Project>> {
        None
    }
}
impl Container for Within {
    fn within(&self) -> Within {
        *self
    }
}
impl Container for &At<Space> {
    fn within(&self) -> Within {
        Within::from(*self)
    }
}
impl Container for &At<Project> {
    fn within(&self) -> Within {
        Within::from(*self)
    }
    fn project(&self) -> Option<&At<Project>> {
        Some(self)
    }
}

/// A kind that can be located.
pub trait Locate: Kind + Sized {
    /// The permission that lets one see it; `None`: anything held in its space.
    fn view() -> Option<&'static Info>;
    /// What a word means; several where it can mean more than one thing.
    #[doc(hidden)]
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>>;
    /// Whether such a thing may be for one tenant's own people: then it is there for those alone who may see the tenant.
    #[doc(hidden)]
    fn is_behind_its_tenant() -> bool {
        false
    }
}

/// A kind that grants can be restricted to.
pub trait Scoping: Locate {
    #[doc(hidden)]
    fn dimension(check: &mut Check) -> &mut Ids;
}

/// What a search found: the id and the numbers of what the thing belongs to.
#[doc(hidden)]
#[derive(Debug, Default, Clone)]
pub struct Found {
    id: i64,
    space: Option<i64>,
    groups: Ids,
    projects: Ids,
    environments: Ids,
    tenants: Ids,
    runbooks: Ids,
}

pub(super) fn locate<T: Locate>(rows: &Rows<'_>, company: u64, within: Within, word: Word<'_>) -> Result<Vec<At<T>>> {
    let found = T::find(rows, within, word)?;
    Ok(found
        .into_iter()
        .map(|f| {
            let place = Place {
                company,
                space: f.space,
                groups: f.groups,
                projects: f.projects,
                environments: f.environments,
                tenants: f.tenants,
                runbooks: f.runbooks,
            };
            At::new(f.id, place, word.text)
        })
        .collect())
}

/// The id of what somebody names, inside a transaction that was granted for what it is in: its id, name or slug.
///
/// # Errors
/// `NotFound`, and `Invalid` for what could be the name of one and the slug of another.
pub(in crate::company) fn named<T: Locate>(rows: &Rows<'_>, within: Within, text: &str) -> Result<Id<T>> {
    let found = T::find(rows, within, Word::said(text))?;
    match found.as_slice() {
        [] => Err(Error::NotFound(text.to_owned())),
        [one] => Ok(Id::new(one.id)),
        several => {
            let ids = several.iter().map(|one| Id::<T>::new(one.id));
            Err(Error::invalid("", word::ambiguous(text, ids)))
        }
    }
}

/// The id, the space and one more number of a row.
type Located = (i64, i64, Option<i64>);

/// Finds by id, slug or name in a table whose rows carry a space. Each is asked for by itself, so that each is one look
/// into an index.
fn in_space<T: Kind>(rows: &Rows<'_>, table: &str, more: &str, within: Within, word: Word<'_>) -> Result<Vec<Located>> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let by = |column: &str, condition: &str| {
        ["SELECT id, space_id, ", more, column, " FROM ", table, " WHERE ", condition].concat()
    };
    let id = Id::<T>::parse(word.text).map(|id| id.0);
    match (within, id) {
        (Within::Company, id) => Ok(rows.one(&by("", "id = ?1"), [id.unwrap_or(0)], read)?.into_iter().collect()),
        (Within::Space(space), id) => {
            if let Some(id) = id
                && let Some(found) = rows.one(&by("", "id = ?1 AND space_id = ?2"), (id, space), read)?
            {
                return Ok(vec![found]);
            }
            let key = names::key(word.text);
            let hit = |column: &str, condition: &str| {
                rows.one(&by(column, condition), (space, &key), |row| {
                    Ok(Hit { what: read(row)?, id: row.get(0)?, exact: word.is_spelt(&row.get::<_, String>(3)?) })
                })
            };
            let by_slug = || hit(", slug", "space_id = ?1 AND slug = ?2");
            let by_name = || hit(", name", "space_id = ?1 AND name_key = ?2");
            settle(word, by_slug, by_name)
        }
        (Within::Project(_), _) => Ok(Vec::new()),
    }
}

/// One of these spaces, by id, slug or name.
pub(super) fn space(rows: &[SpaceRow], company: u64, text: &str) -> Option<At<Space>> {
    let (id, key) = (Id::<Space>::parse(text), names::key(text));
    let by_id = rows.iter().find(|row| Some(row.id) == id);
    let found = by_id.or_else(|| rows.iter().find(|row| row.slug == key));
    let found = found.or_else(|| rows.iter().find(|row| names::key(&row.name) == key))?;
    let place = Place {
        company,
        space: Some(found.id.0),
        groups: Ids::Any,
        projects: Ids::Any,
        environments: Ids::Any,
        tenants: Ids::Any,
        runbooks: Ids::Any,
    };
    Some(At::new(found.id.0, place, text))
}

macro_rules! plain_in_space {
    ($($kind:ident $table:literal $view:ident;)*) => {$(
        impl Locate for $kind {
            fn view() -> Option<&'static Info> { Some(<catalogue::$view as Permission>::INFO) }
            fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
                let found = in_space::<$kind>(rows, $table, "NULL", within, word)?;
                Ok(found.into_iter().map(|(id, space, _)| Found { id, space: Some(space), ..Found::default() }).collect())
            }
        }
    )*};
}
plain_in_space! { Lifecycle "lifecycles" LifecycleView; }

/// Tag sets have no view permission of their own: who holds anything in a space sees them.
impl Locate for TagSet {
    fn view() -> Option<&'static Info> {
        None
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "tag_sets", "NULL", within, word)?;
        Ok(found.into_iter().map(|(id, space, _)| Found { id, space: Some(space), ..Found::default() }).collect())
    }
}

impl Locate for Space {
    fn view() -> Option<&'static Info> {
        None
    }
    fn find(rows: &Rows<'_>, _: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = space(&lobby::all_spaces(rows)?, 0, word.text).into_iter();
        Ok(found.map(|at| Found { id: at.id.0, space: Some(at.id.0), ..Found::default() }).collect())
    }
}

impl Locate for ProjectGroup {
    fn view() -> Option<&'static Info> {
        Some(catalogue::ProjectGroupView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "project_groups", "NULL", within, word)?;
        Ok(found
            .into_iter()
            .map(|(id, space, _)| Found { id, space: Some(space), groups: Ids::One(id), ..Found::default() })
            .collect())
    }
}
impl Scoping for ProjectGroup {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.groups
    }
}

impl Locate for Environment {
    fn view() -> Option<&'static Info> {
        Some(catalogue::EnvironmentView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "environments", "NULL", within, word)?;
        Ok(found
            .into_iter()
            .map(|(id, space, _)| Found { id, space: Some(space), environments: Ids::One(id), ..Found::default() })
            .collect())
    }
}
impl Scoping for Environment {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.environments
    }
}

impl Locate for Tenant {
    fn view() -> Option<&'static Info> {
        Some(catalogue::TenantView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "tenants", "NULL", within, word)?;
        Ok(found
            .into_iter()
            .map(|(id, space, _)| Found { id, space: Some(space), tenants: Ids::One(id), ..Found::default() })
            .collect())
    }
}
impl Scoping for Tenant {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.tenants
    }
}

impl Locate for Project {
    fn view() -> Option<&'static Info> {
        Some(catalogue::ProjectView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "projects", "group_id", within, word)?;
        let found = found.into_iter().map(|(id, space, group)| Found {
            id,
            space: Some(space),
            groups: Ids::One(group.unwrap_or(0)),
            projects: Ids::One(id),
            ..Found::default()
        });
        Ok(found.collect())
    }
}
impl Scoping for Project {
    fn dimension(check: &mut Check) -> &mut Ids {
        &mut check.projects
    }
}

impl Locate for Task {
    fn view() -> Option<&'static Info> {
        Some(catalogue::TaskView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let id = Id::<Task>::parse(word.text).map_or(0, |id| id.0);
        let space = if let Within::Space(space) = within { space } else { 0 };
        let sql = "SELECT t.id, t.space_id, t.project_id, COALESCE(p.group_id, t.group_id), t.environment_id, t.tenant_id,
                          t.runbook_id, CASE t.kind WHEN 'Health' THEN t.arguments ->> 'MachineId' END
                   FROM tasks t LEFT JOIN projects p ON p.id = t.project_id WHERE t.id = ?1 AND (?2 = 0 OR t.space_id = ?2)";
        // What a task lacks is beside the point for it (`access-rules §5`, Tasks); but what is for no tenant is out of reach
        // for who is limited to tenants (§11).
        let or_any = |value: Option<i64>| value.map_or(Ids::Any, Ids::One);
        let found = rows.one(sql, (id, space), |row| {
            let machine: Option<String> = row.get(7)?;
            let found = Found {
                id: row.get(0)?,
                space: row.get(1)?,
                projects: or_any(row.get(2)?),
                groups: or_any(row.get(3)?),
                environments: or_any(row.get(4)?),
                tenants: row.get::<_, Option<i64>>(5)?.map_or(Ids::None, Ids::One),
                // A project's deployment is of no runbook: who is limited to one runbook sees that one's runs.
                runbooks: match (row.get(6)?, row.get::<_, Option<i64>>(2)?) {
                    (Some(runbook), _) => Ids::One(runbook),
                    (None, Some(_)) => Ids::None,
                    (None, None) => Ids::Any,
                },
            };
            Ok((found, machine))
        })?;
        let Some((mut found, machine)) = found else { return Ok(Vec::new()) };
        if matches!(found.environments, Ids::Any) {
            let sql = "SELECT target_id FROM task_scopes WHERE task_id = ?1 AND dimension = 'environment'";
            let several: Vec<i64> = rows.all(sql, [id], |row| row.get(0))?;
            if !several.is_empty() {
                found.environments = Ids::from_list(several);
            }
        }
        // A health check is its machine's tenants' matter, whoever they are by now.
        if let Some(machine) = machine.and_then(|text| Id::<Target>::parse(&text)) {
            found.tenants = machines::place(rows, machine.0)?;
        }
        Ok(vec![found])
    }
}

fn numbers(rows: &Rows<'_>, sql: &str, id: i64) -> Result<Ids> {
    Ok(Ids::from_list(rows.all(sql, [id], |row| row.get(0))?))
}

impl Locate for Target {
    fn view() -> Option<&'static Info> {
        Some(catalogue::MachineView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "targets", "NULL", within, word)?.into_iter();
        let place = |(id, space, _)| {
            Ok(Found {
                id,
                space: Some(space),
                environments: numbers(rows, "SELECT environment_id FROM target_environments WHERE target_id = ?1", id)?,
                tenants: machines::place(rows, id)?,
                ..Found::default()
            })
        };
        found.map(place).collect()
    }
}

impl Locate for Account {
    fn view() -> Option<&'static Info> {
        Some(catalogue::AccountView::INFO)
    }
    fn find(rows: &Rows<'_>, within: Within, word: Word<'_>) -> Result<Vec<Found>> {
        let found = in_space::<Self>(rows, "accounts", "NULL", within, word)?.into_iter();
        let place = |(id, space, _)| {
            let sql = "SELECT environment_id FROM account_environments WHERE account_id = ?1";
            let environments = match numbers(rows, sql, id)? {
                Ids::None => Ids::Every,
                some => some,
            };
            Ok(Found { id, space: Some(space), environments, ..Found::default() })
        };
        found.map(place).collect()
    }
}
