//! A permission asked about more, or about less, than one place: a whole space, anywhere, what is not there yet, what is
//! to be after a change, whatever is inside.

use super::{Change, Held, Info, Permission};
use crate::{
    base::ids::{Environment, ProjectGroup, Space, Tenant},
    company::access::{
        locate::{At, Locate},
        policy::{Check, Ids},
        sight::{Level, Part, Sight},
    },
};
use std::marker::PhantomData;

/// "Which of these may I see?": the permission asked for a list. Its proof carries the reach, and says nothing about
/// any single row.
pub struct List<P> {
    level: Level,
    of: PhantomData<fn() -> P>,
}

impl<P: Permission> List<P> {
    /// The list of one space.
    pub fn of(space: &At<Space>) -> Self {
        List { level: Level::Space(space.clone()), of: PhantomData }
    }
    /// The list of what lies outside all spaces.
    pub fn system() -> Self {
        List { level: Level::System, of: PhantomData }
    }
    /// At which level was asked.
    pub fn level(&self) -> &Level {
        &self.level
    }
    /// The space asked about, or 0 for the system level.
    pub fn space(&self) -> i64 {
        match &self.level {
            Level::System => 0,
            Level::Space(space) => space.id().0,
        }
    }
}

impl<P: Permission> Permission for List<P> {
    const INFO: &'static Info = P::INFO;
    fn check(&self) -> Check {
        let mut check = Check::new(false);
        self.level.lay(&mut check);
        check
    }
    fn sights(&self) -> Vec<Sight> {
        let mut out = Vec::new();
        self.level.sights(&mut out);
        out
    }
}

/// "Anywhere with this?": a permission asked of one thing and, in every other dimension, of no place in particular. For
/// buttons that lead to a choice of places; opens nothing.
pub struct Anywhere<P, T> {
    at: At<T>,
    of: PhantomData<fn() -> P>,
}

impl<P: Permission, T> Anywhere<P, T> {
    /// With this thing.
    pub fn with(at: &At<T>) -> Self {
        Anywhere { at: at.clone(), of: PhantomData }
    }
}

impl<P: Permission, T: Locate> Permission for Anywhere<P, T> {
    const INFO: &'static Info = P::INFO;
    fn check(&self) -> Check {
        let mut check = Check::new(false);
        self.at.lay(&mut check);
        check
    }
    fn sights(&self) -> Vec<Sight> {
        let mut out = Vec::new();
        self.at.sights(&mut out);
        out
    }
}

/// "In the project that I am about to make in this group?": a permission asked of a project that is not there yet. Who is
/// limited to projects holds nothing in another; who is limited to its group does.
pub struct InNewProject<P> {
    group: At<ProjectGroup>,
    of: PhantomData<fn() -> P>,
}

impl<P: Permission> InNewProject<P> {
    /// In this group.
    pub fn of(group: &At<ProjectGroup>) -> Self {
        InNewProject { group: group.clone(), of: PhantomData }
    }
}

impl<P: Permission> Permission for InNewProject<P> {
    const INFO: &'static Info = P::INFO;
    fn check(&self) -> Check {
        let mut check = Check::new(P::INFO.change);
        self.group.lay(&mut check);
        // No project has this number.
        check.projects = Ids::One(-1);
        check.runbooks = Ids::None;
        check
    }
    fn sights(&self) -> Vec<Sight> {
        let mut out = Vec::new();
        self.group.sights(&mut out);
        out
    }
}

/// "May I leave it like this?": a change of `P` asked for what the thing will belong to afterwards. Things with several
/// values take all of them, before and after (`access-rules §4`); this is the after.
pub struct After<P> {
    space: At<Space>,
    environments: Vec<At<Environment>>,
    tenants: Vec<At<Tenant>>,
    beyond: bool,
    of: PhantomData<fn() -> P>,
}

impl<P: Change> After<P> {
    /// A thing of this space that will belong to these environments and tenants.
    pub fn of(space: &At<Space>, environments: Vec<At<Environment>>, tenants: Vec<At<Tenant>>) -> Self {
        After { space: space.clone(), environments, tenants, beyond: false, of: PhantomData }
    }
    /// It will belong to others than tenants that are named: to none, or by tag to whichever have it, now and later. That
    /// is not for who is limited to some tenants.
    pub fn beyond_named_tenants(self) -> Self {
        After { beyond: true, ..self }
    }
    /// The space.
    pub fn space(&self) -> &At<Space> {
        &self.space
    }
    /// The environments it will belong to.
    pub fn environments(&self) -> &[At<Environment>] {
        &self.environments
    }
    /// The tenants it will belong to.
    pub fn tenants(&self) -> &[At<Tenant>] {
        &self.tenants
    }
}

impl<P: Change> Permission for After<P> {
    const INFO: &'static Info = P::INFO;
    fn check(&self) -> Check {
        let mut check = Check::new(true);
        self.space.lay(&mut check);
        self.environments.lay(&mut check);
        self.tenants.lay(&mut check);
        if self.beyond {
            check.tenants = Ids::Every;
        }
        check
    }
    fn sights(&self) -> Vec<Sight> {
        let mut out = Vec::new();
        self.space.sights(&mut out);
        self.environments.sights(&mut out);
        self.tenants.sights(&mut out);
        out
    }
}

/// To be in a thing's space at all: what everybody who holds anything there may look at (tag sets, the space itself).
#[derive(Clone)]
pub struct Inside<T> {
    /// The thing, or the space itself.
    pub at: At<T>,
}

static INSIDE: Info = Info {
    key: usize::MAX,
    name: "",
    held: Held::Anyone,
    change: false,
    groups: false,
    projects: false,
    environments: false,
    tenants: false,
    runbooks: false,
    explicit: false,
    meaning: "Hold anything in the space",
};

impl<T: Locate> Permission for Inside<T> {
    const INFO: &'static Info = &INSIDE;
    fn check(&self) -> Check {
        let mut check = Check::new(false);
        self.at.lay(&mut check);
        check
    }
    fn sights(&self) -> Vec<Sight> {
        let mut out = Vec::new();
        self.at.sights(&mut out);
        out
    }
}
