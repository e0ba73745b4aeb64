//! The parts of a question: what each contributes to the check, and what the visitor must be able to see of it for a
//! refusal to be told. Whoever may not see a thing hears the same as for a thing that does not exist.

use super::{
    locate::{At, Locate, New, Scoping},
    permissions::Info,
    policy::{Check, Ids},
};
use crate::base::ids::{Kind, Project, Runbook, Space, Team, Tenant};

/// Something the visitor must be able to see.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The permission that lets one see it; `None`: anything held in its space.
    pub view: Option<&'static Info>,
    /// Where it is.
    pub check: Check,
    /// How the visitor called it, for the words "was not found".
    pub asked: String,
}

/// At system level, or in one space: for permissions that exist at both.
#[derive(Debug, Clone)]
pub enum Level {
    /// Outside all spaces.
    System,
    /// In this space.
    Space(At<Space>),
}

/// A team as a whole, or only the roles it has in one space. Whoever may change the teams of a space may also say what
/// the company's teams may do there (`access-rules §5`, user administration).
#[derive(Debug, Clone)]
pub enum TeamPart {
    /// Its name, members and roles, wherever they hold.
    Whole(At<Team>),
    /// Its roles in this space.
    RolesIn(At<Team>, At<Space>),
}

impl TeamPart {
    /// The team.
    pub fn team(&self) -> &At<Team> {
        match self {
            TeamPart::Whole(team) | TeamPart::RolesIn(team, _) => team,
        }
    }
    /// The space, when only the roles in one space are concerned.
    pub fn space(&self) -> Option<&At<Space>> {
        match self {
            TeamPart::Whole(_) => None,
            TeamPart::RolesIn(_, space) => Some(space),
        }
    }
}

/// A runbook that is there, or one that is about to be made in a project. Who is limited to runbooks cannot make another,
/// as who is limited to tenants cannot make a tenant (`access-rules §4`).
#[derive(Debug, Clone)]
pub enum RunbookPart {
    /// A new one of this project.
    New(At<Project>),
    /// This one.
    This(At<Runbook>),
}

/// A field of a permission.
pub trait Part {
    /// Adds itself to the question.
    fn lay(&self, check: &mut Check);
    /// Adds what must be visible.
    fn sights(&self, out: &mut Vec<Sight>);
}

impl<T: Locate> Part for At<T> {
    #[inline]
    fn lay(&self, check: &mut Check) {
        let place = self.place();
        if check.company == 0 {
            check.company = place.company;
            check.space = place.space;
        } else if check.company != place.company || check.space != place.space {
            check.void = true;
        }
        let set = |to: &mut Ids, from: &Ids| {
            if !matches!(from, Ids::Any) {
                *to = from.clone();
            }
        };
        set(&mut check.groups, &place.groups);
        set(&mut check.projects, &place.projects);
        set(&mut check.environments, &place.environments);
        set(&mut check.tenants, &place.tenants);
        set(&mut check.runbooks, &place.runbooks);
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        let mut check = Check::new(false);
        self.lay(&mut check);
        out.push(Sight { view: T::view(), check, asked: self.asked().to_owned() });
    }
}

impl<T: Kind> Part for New<T> {
    /// A thing that is not there yet: in the space, and in no environment, tenant or group that a scope could name.
    #[inline]
    fn lay(&self, check: &mut Check) {
        self.space().lay(check);
        check.groups = Ids::None;
        check.environments = Ids::None;
        check.tenants = Ids::Many(std::sync::Arc::from([-1i64]));
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        self.space().sights(out);
    }
}

impl Part for Option<At<Tenant>> {
    #[inline]
    fn lay(&self, check: &mut Check) {
        match self {
            Some(tenant) => tenant.lay(check),
            None => check.tenants = Ids::None,
        }
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        if let Some(tenant) = self {
            tenant.sights(out);
        }
    }
}

impl<T: Scoping> Part for Vec<At<T>> {
    fn lay(&self, check: &mut Check) {
        let mut together = Check::new(check.all);
        together.company = check.company;
        together.space = check.space;
        let mut ids = Vec::new();
        for at in self {
            at.lay(&mut together);
            ids.push(at.id().0);
        }
        check.company = together.company;
        check.space = together.space;
        check.void |= together.void;
        *T::dimension(check) = Ids::from_list(ids);
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        for at in self {
            at.sights(out);
        }
    }
}

impl Part for RunbookPart {
    fn lay(&self, check: &mut Check) {
        match self {
            RunbookPart::This(runbook) => runbook.lay(check),
            RunbookPart::New(project) => {
                project.lay(check);
                check.runbooks = Ids::None;
            }
        }
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        match self {
            RunbookPart::This(runbook) => runbook.sights(out),
            RunbookPart::New(project) => project.sights(out),
        }
    }
}

impl Part for TeamPart {
    fn lay(&self, check: &mut Check) {
        self.team().lay(check);
        if let TeamPart::RolesIn(team, space) = self {
            let (team, space) = (team.place(), space.place());
            check.void |= team.company != space.company || team.space.is_some_and(|own| Some(own) != space.space);
            check.space = space.space;
        }
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        self.team().sights(out);
        if let TeamPart::RolesIn(_, space) = self {
            space.sights(out);
        }
    }
}

impl Part for Level {
    fn lay(&self, check: &mut Check) {
        if let Level::Space(space) = self {
            space.lay(check);
        }
    }
    fn sights(&self, out: &mut Vec<Sight>) {
        if let Level::Space(space) = self {
            space.sights(out);
        }
    }
}
