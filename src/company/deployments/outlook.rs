//! Whether a release may go to a place now, and why not: the rules of `domain §6`, in one place. The command asks here, and
//! so do the page before the button, the API's previews and every overview that says what comes next.

use crate::{
    base::{
        error::Result,
        ids::{Environment, Id, Project, Release, Tenant},
    },
    company::{
        access::{
            Granted, Reach, Rows,
            permissions::{DeploymentCreate, DeploymentView, EnvironmentView, Permission},
        },
        lifecycles::{self, Places, Ways, promotion::Blocked},
        projects::{self, TenantedMode},
        releases,
    },
};

/// Why a release cannot go to a place now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The field of a request that it is about.
    pub field: &'static str,
    /// In a few words, the same for every tenant that it stops: "Staging first".
    pub reason: String,
    /// In a sentence that says what to do.
    pub sentence: String,
}

/// A tenant: its id and name, and whether it is disabled.
pub(super) type To<'a> = (Id<Tenant>, &'a str, bool);

/// A release, its project, and what is known of its ways.
pub(super) struct Subject {
    pub project: projects::Project,
    pub release: releases::Release,
    pub ways: Ways,
}

impl Subject {
    /// With `eyes`, only deployments inside that reach count.
    pub fn of(rows: &Rows<'_>, release: Id<Release>, eyes: Option<&Reach>) -> Result<Subject> {
        let release = releases::by_id(rows, release)?;
        let project = projects::by_id(rows, release.project)?;
        let ways = Ways::of(rows, &project, release.id, eyes)?;
        Ok(Subject { project, release, ways })
    }

    /// Why it goes nowhere at all.
    pub fn refused(&self) -> Option<Obstacle> {
        self.project.is_disabled.then(|| Obstacle {
            field: "ProjectName",
            reason: format!("{} is disabled", self.project.name),
            sentence: format!("{} is disabled and takes no deployments. Enable it first.", self.project.name),
        })
    }

    /// Why it cannot go to one place now. Of environments, the reason names those `seen`.
    pub fn obstacle(
        &self,
        (environment, place): (Id<Environment>, &str),
        to: Option<To<'_>>,
        seen: &[Id<Environment>],
    ) -> Option<Obstacle> {
        let project = &self.project.name;
        let about = |reason: String, sentence: String| Some(Obstacle { field: "Tenants", reason, sentence });
        match (to, self.project.tenanted) {
            (None, TenantedMode::Tenanted) => {
                return about(
                    "For tenants only".into(),
                    format!("{project} is deployed for tenants only. Choose at least one tenant."),
                );
            }
            (Some(_), TenantedMode::Untenanted) => {
                return about(
                    "Not for tenants".into(),
                    format!(
                        "{project} is not deployed for tenants. Deploy it without a tenant, or let its settings allow tenants."
                    ),
                );
            }
            (Some((_, name, true)), _) => {
                return about(
                    "Disabled".into(),
                    format!("{name} is disabled and takes no deployments. Enable it first."),
                );
            }
            (Some((tenant, name, _)), _) if !self.ways.connects(tenant, environment) => {
                return about(
                    format!("Not connected in {place}"),
                    format!("{name} is not connected to {project} in {place}. Connect it on the tenant's page first."),
                );
            }
            _ => {}
        }
        let blocked = self.ways.may_reach(environment, to.map(|(tenant, ..)| tenant), seen).err()?;
        let (reason, why) = match &blocked {
            Blocked::NotInLifecycle => (
                format!("{place} is not in the lifecycle"),
                format!("{place} is not in the lifecycle of {project}. Add it to a phase, or deploy elsewhere."),
            ),
            Blocked::Defect(defect) => (
                blocked.to_string(),
                format!("An unresolved defect keeps the release where it is: {defect} Resolve it first."),
            ),
            blocked => (blocked.to_string(), format!("The release may not go to {place} yet: {blocked}.")),
        };
        let sentence = match to {
            Some((_, name, _)) => format!("{name}: {why}"),
            None => why,
        };
        Some(Obstacle { field: "EnvironmentName", reason, sentence })
    }
}

/// How somebody looks at where a release may go: what they are told is made of what they may see, and of what the command
/// itself would tell them.
pub(super) struct Outlook {
    /// The environments that they may see.
    pub seen: Vec<Id<Environment>>,
    /// The release as the command sees it, and as they see it.
    all: Subject,
    shown: Subject,
    /// Where they may deploy: there the command decides on all deployments, and so does the page before it.
    open: Places,
    /// Where they may see deployments.
    watched: Places,
}

impl Outlook {
    /// Over a release, for whoever holds the proof.
    pub fn over<P: Permission>(
        granted: &Granted<'_, P>,
        rows: &Rows<'_>,
        (space, release): (i64, Id<Release>),
    ) -> Result<Outlook> {
        let deployments = granted.reach_of::<DeploymentView>(space);
        let all = Subject::of(rows, release, None)?;
        let project: Id<Project> = all.project.id;
        Ok(Outlook {
            seen: lifecycles::visible(rows, space, &granted.reach_of::<EnvironmentView>(space))?,
            watched: Places::of(rows, project, &deployments)?,
            open: Places::of(rows, project, &granted.reach_of::<DeploymentCreate>(space))?,
            shown: Subject::of(rows, release, Some(&deployments))?,
            all,
        })
    }

    /// The project.
    pub fn project(&self) -> &projects::Project {
        &self.all.project
    }

    /// The phases of its lifecycle.
    pub fn ways(&self) -> &Ways {
        &self.all.ways
    }

    /// Whether they may deploy there.
    pub fn may(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> bool {
        self.open.have(environment, tenant)
    }

    /// Whether they may deploy there, or see what is deployed.
    pub fn is_told_of(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> bool {
        self.may(environment, tenant) || self.watched.have(environment, tenant)
    }

    fn subject(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> &Subject {
        if self.may(environment, tenant) { &self.all } else { &self.shown }
    }

    /// Whether the release succeeded there, as far as they are told.
    pub fn succeeded(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> bool {
        self.subject(environment, tenant).ways.succeeded(environment, tenant)
    }

    /// Why the release may not go to a place now; `None`: it may.
    pub fn obstacle(&self, place: (Id<Environment>, &str), to: Option<To<'_>>) -> Option<Obstacle> {
        let subject = self.subject(place.0, to.map(|(tenant, ..)| tenant));
        subject.refused().or_else(|| subject.obstacle(place, to, &self.seen))
    }
}
