//! A place that somebody asks about, for a permission that is known by its name only when it is asked: "may Ben deploy
//! Shop to Production for Contoso?". Decides nothing for whoever asks.

use super::{
    locate::At,
    permissions::Info,
    policy::{Check, Ids},
    sight::Part,
    visitor::Visitor,
};
use crate::base::{
    error::{Error, Result},
    ids::{Environment, Project, ProjectGroup, Runbook, Space, Tenant},
};

/// The place. What is not told means "anywhere".
#[derive(Clone, Default)]
pub struct Spot {
    /// The space; `None`: the company as a whole.
    pub space: Option<At<Space>>,
    /// The project group.
    pub group: Option<At<ProjectGroup>>,
    /// The project.
    pub project: Option<At<Project>>,
    /// The environment.
    pub environment: Option<At<Environment>>,
    /// The tenant.
    pub tenant: Option<At<Tenant>>,
    /// Work for no tenant.
    pub untenanted: bool,
    /// The runbook.
    pub runbook: Option<At<Runbook>>,
}

impl Spot {
    /// The question whether a permission is held here.
    pub(in crate::company) fn check(&self, info: &Info) -> Check {
        let mut check = Check::new(info.change);
        if let Some(space) = &self.space {
            space.lay(&mut check);
        }
        if let Some(group) = &self.group {
            group.lay(&mut check);
        }
        if let Some(project) = &self.project {
            project.lay(&mut check);
        }
        if let Some(environment) = &self.environment {
            environment.lay(&mut check);
        }
        if let Some(runbook) = &self.runbook {
            runbook.lay(&mut check);
        }
        match &self.tenant {
            Some(tenant) => tenant.lay(&mut check),
            None if self.untenanted => check.tenants = Ids::None,
            None => {}
        }
        check
    }

    /// The same place, when the visitor may see all of it.
    ///
    /// # Errors
    /// `NotFound` for what they may not see, as for what is not there.
    pub fn seen_by(self, visitor: &Visitor) -> Result<Spot> {
        fn seen<T: super::locate::Locate>(visitor: &Visitor, at: &Option<At<T>>) -> Result<()> {
            match at {
                Some(at) if !visitor.sees(at) => Err(Error::NotFound(at.asked().to_owned())),
                _ => Ok(()),
            }
        }
        seen(visitor, &self.group)?;
        seen(visitor, &self.project)?;
        seen(visitor, &self.environment)?;
        seen(visitor, &self.tenant)?;
        seen(visitor, &self.runbook)?;
        Ok(self)
    }
}
