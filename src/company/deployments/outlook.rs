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
use std::{cell::RefCell, collections::HashMap, sync::Arc};

/// Why a release cannot go to a place now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The field of a request that it is about.
    pub field: &'static str,
    /// In a few words, the same for every tenant that it stops: "Staging first".
    pub reason: Arc<str>,
    /// What to do, in a sentence that is the same for every tenant that it stops.
    why: Arc<str>,
    /// Whose way it is in.
    whose: Option<String>,
}

impl Obstacle {
    fn new(field: &'static str, reason: impl Into<Arc<str>>, why: impl Into<Arc<str>>) -> Obstacle {
        Obstacle { field, reason: reason.into(), why: why.into(), whose: None }
    }
    /// In a sentence that says what to do.
    pub fn sentence(&self) -> String {
        match &self.whose {
            Some(name) => format!("{name}: {}", self.why),
            None => self.why.to_string(),
        }
    }
}

/// A tenant: its id and name, and whether it is disabled.
pub(super) type To<'a> = (Id<Tenant>, &'a str, bool);

/// What stands in the way, by kind of way and environment.
type Worded = HashMap<(Option<usize>, i64), Option<Obstacle>>;

/// A release, its project, and what is known of its ways.
pub(super) struct Subject {
    pub project: projects::Project,
    pub release: releases::Release,
    pub ways: Ways,
    /// Of environments, reasons name these.
    pub seen: Vec<Id<Environment>>,
    /// What stands in the way of one kind of way, by environment: worded once, however many tenants it stops.
    worded: RefCell<Worded>,
}

impl Subject {
    /// With `eyes`, only deployments inside that reach count.
    pub fn of(
        rows: &Rows<'_>,
        release: Id<Release>,
        seen: Vec<Id<Environment>>,
        eyes: Option<&Reach>,
    ) -> Result<Subject> {
        let release = releases::by_id(rows, release)?;
        let project = projects::by_id(rows, release.project)?;
        let ways = Ways::of(rows, &project, release.id, eyes)?;
        Ok(Subject { project, release, ways, seen, worded: RefCell::default() })
    }

    /// Why it goes nowhere at all.
    pub fn refused(&self) -> Option<Obstacle> {
        let name = &self.project.name;
        let sentence = || format!("{name} is disabled and takes no deployments. Enable it first.");
        self.project.is_disabled.then(|| Obstacle::new("ProjectName", format!("{name} is disabled"), sentence()))
    }

    /// Why it cannot go to one place now.
    pub fn obstacle(&self, (environment, place): (Id<Environment>, &str), to: Option<To<'_>>) -> Option<Obstacle> {
        let project = &self.project.name;
        let about = |reason: String, sentence: String| Some(Obstacle::new("Tenants", reason, sentence));
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
        let tenant = to.map(|(tenant, ..)| tenant);
        let kind = (self.ways.kind(tenant), environment.0);
        let mut worded = self.worded.borrow_mut();
        let known = worded.entry(kind).or_insert_with(|| self.worded((environment, place), tenant));
        let obstacle = known.clone()?;
        Some(Obstacle { whose: to.map(|(_, name, _)| name.to_owned()), ..obstacle })
    }

    /// What stands in the way of a tenant, or of nobody, in the words for all whose way is of the same kind.
    fn worded(&self, (environment, place): (Id<Environment>, &str), tenant: Option<Id<Tenant>>) -> Option<Obstacle> {
        let blocked = self.ways.may_reach(environment, tenant, &self.seen).err()?;
        let project = &self.project.name;
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
        Some(Obstacle::new("EnvironmentName", reason, why))
    }
}

/// How somebody looks at where a release may go: what they are told is made of what they may see, and of what the command
/// itself would tell them.
pub(super) struct Outlook {
    /// The release as the command sees it.
    all: Subject,
    /// As they see it, where that is not all.
    shown: Option<Subject>,
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
        let seen = lifecycles::visible(rows, space, &granted.reach_of::<EnvironmentView>(space))?;
        let all = Subject::of(rows, release, seen.clone(), None)?;
        let project: Id<Project> = all.project.id;
        let narrower = (!deployments.is_all()).then(|| Subject::of(rows, release, seen, Some(&deployments)));
        Ok(Outlook {
            watched: Places::of(rows, project, &deployments)?,
            open: Places::of(rows, project, &granted.reach_of::<DeploymentCreate>(space))?,
            shown: narrower.transpose()?,
            all,
        })
    }

    /// The environments that they may see.
    pub fn seen(&self) -> &[Id<Environment>] {
        &self.all.seen
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
        let shown = self.shown.as_ref().filter(|_| !self.may(environment, tenant));
        shown.unwrap_or(&self.all)
    }

    /// Whether the release succeeded there, as far as they are told.
    pub fn succeeded(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> bool {
        self.subject(environment, tenant).ways.succeeded(environment, tenant)
    }

    /// Why the release may not go to a place now; `None`: it may.
    pub fn obstacle(&self, place: (Id<Environment>, &str), to: Option<To<'_>>) -> Option<Obstacle> {
        let subject = self.subject(place.0, to.map(|(tenant, ..)| tenant));
        subject.refused().or_else(|| subject.obstacle(place, to))
    }
}
