//! What scripts may ask for by name beyond what a plan is made of (`domain §3`, built-ins): slugs, who started it, what
//! was there before, and where its pages are. Names without "Octopus." in front.

use super::plan::Material;
use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{Deployment, Environment, Id, Project, Release, Task, Tenant},
    },
    company::{
        access::Rows,
        environments,
        projects::{self, groups},
        spaces, tenants,
    },
};
use std::{collections::BTreeMap, fmt::Display};

/// Values by name.
#[derive(Debug, Clone, Default)]
pub struct Builtins(BTreeMap<String, String>);

impl Builtins {
    /// Gives a name a value.
    pub fn set(&mut self, name: &str, value: impl Display) {
        self.0.insert(name.to_owned(), value.to_string());
    }
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }
}

/// What belongs to the place of a deployment or a run.
pub(super) fn of_place(
    rows: &Rows<'_>,
    project: &projects::Project,
    space: &spaces::Space,
    environment: &environments::Environment,
    tenant: Option<&tenants::Tenant>,
) -> Result<Builtins> {
    let (mut all, group) = (Builtins::default(), groups::by_id(rows, project.group)?);
    all.set("Space.Slug", &space.slug);
    all.set("ProjectGroup.Id", group.id);
    all.set("ProjectGroup.Name", &group.name);
    all.set("ProjectGroup.Slug", &group.slug);
    all.set("Environment.Slug", &environment.slug);
    all.set("Environment.SortOrder", environment.sort_order);
    if let Some(tenant) = tenant {
        all.set("Deployment.Tenant.Slug", &tenant.slug);
    }
    Ok(all)
}

/// Where the pages of a project are, below the address of the server: of a company, in a space.
pub(in crate::company) fn page(company: &str, material: &Material, below: &str) -> String {
    let space = material.builtins.0.get("Space.Slug").map_or("", String::as_str);
    format!("/{company}/{space}/projects/{}{below}", material.project.2)
}

/// What was said beside a deployment or a run (`word`), and by whom.
pub(in crate::company) fn said(
    rows: &Rows<'_>,
    material: &mut Material,
    (word, comments, person): (&str, &str, Option<i64>),
) -> Result<()> {
    let all = &mut material.builtins;
    all.set(&format!("{word}.Comments"), comments);
    let Some(person) = person else { return Ok(()) };
    let sql = "SELECT 'Users-' || id, username, COALESCE(email, '') FROM users WHERE id = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok([row.get::<_, String>(0)?, row.get(1)?, row.get(2)?]);
    for (name, value) in
        ["Id", "Username", "EmailAddress"].iter().zip(rows.one(sql, [person], read)?.into_iter().flatten())
    {
        all.set(&format!("{word}.CreatedBy.{name}"), value);
    }
    Ok(())
}

/// What belongs to a release, and what was deployed before it at its place.
pub(super) fn of_release(rows: &Rows<'_>, material: &mut Material, made: Moment, before: Before) -> Result<()> {
    let all = &mut material.builtins;
    all.set("Release.Created", made.wire());
    let sql = "SELECT 'Deployments-' || d.id, 'Releases-' || r.id, r.version
               FROM deployments d JOIN releases r ON r.id = d.release_id JOIN tasks t ON t.id = d.task_id
               WHERE d.project_id = ?1 AND d.environment_id = ?2 AND d.tenant_id IS ?3 AND t.state = 'Success'
                 AND d.task_id <> ?4
               ORDER BY t.completed_at DESC, d.id DESC LIMIT 1";
    let read =
        |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
    let asked = (before.project, before.environment, before.tenant, before.task);
    if let Some((deployment, release, version)) = rows.one(sql, asked, read)? {
        all.set("Deployment.PreviousSuccessful.Id", deployment);
        for name in ["Previous", "CurrentForEnvironment"] {
            all.set(&format!("Release.{name}.Id"), &release);
            all.set(&format!("Release.{name}.Number"), &version);
        }
    }
    Ok(())
}

/// The place of a deployment, for what was there before.
pub(super) struct Before {
    pub project: Id<Project>,
    pub environment: Id<Environment>,
    pub tenant: Option<Id<Tenant>>,
    pub task: Id<Task>,
}

/// The links to the pages of a deployment.
pub(super) fn links(material: &mut Material, company: &str, (deployment, release): (Id<Deployment>, Id<Release>)) {
    let project = page(company, material, "");
    let all = &mut material.builtins;
    all.set("Web.DeploymentLink", format!("{project}/deployments/{deployment}"));
    all.set("Web.ReleaseLink", format!("{project}/releases/{release}"));
    all.set("Web.ProjectLink", project);
}
