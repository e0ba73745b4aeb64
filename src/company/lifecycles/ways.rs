//! The ways of one release: one for each that its project is deployed for, a tenant or nobody (`domain §5`). Whether it
//! may go somewhere is decided here, for commands, pages and answers alike. Read once, asked for any place.

use super::{
    Places, phases_for,
    promotion::{self, Blocked, PhaseProgress, PhaseView, Progress},
    sql,
};
use crate::{
    base::{
        error::Result,
        ids::{Environment, Id, Release, Tenant},
    },
    company::{
        access::{Reach, Rows},
        projects::{Project, TenantedMode},
    },
};
use std::collections::{BTreeMap, HashMap};

/// Where a tenant is connected to the project.
pub(super) struct Connected {
    /// It takes no deployments.
    pub is_disabled: bool,
    /// There.
    pub environments: Vec<Id<Environment>>,
}

/// What is known of the ways of one release.
pub(in crate::company) struct Ways {
    /// The phases of the project.
    pub phases: Vec<PhaseView>,
    mode: TenantedMode,
    tenants: BTreeMap<i64, Connected>,
    /// Where it succeeded, by tenant.
    successes: HashMap<Option<i64>, Vec<Id<Environment>>>,
    /// What is wrong with the release, as long as that is unresolved.
    defect: Option<String>,
    /// The number of each tenant's kind of way.
    kinds: BTreeMap<i64, usize>,
}

impl Ways {
    /// Those of a release. Where a command is carried out, all deployments count. Where the answer is only shown, those
    /// that the asker may see do (`eyes`), unless the asker could have it from the command (`access-rules §11`).
    pub fn of(rows: &Rows<'_>, project: &Project, release: Id<Release>, eyes: Option<&Reach>) -> Result<Ways> {
        let mut successes: HashMap<Option<i64>, Vec<Id<Environment>>> = HashMap::new();
        for (tenant, environment) in sql::successes(rows, release, eyes)? {
            successes.entry(tenant).or_default().push(environment);
        }
        let tenants = sql::connected(rows, project.id)?;
        let kinds = kinds(&tenants, &successes);
        let (phases, defect) = (phases_for(rows, project)?, sql::defect(rows, release)?);
        Ok(Ways { phases, mode: project.tenanted, tenants, successes, defect, kinds })
    }

    /// What is the same for all whose way is of one kind: the same connections and the same successes. Hundreds of tenants
    /// come to a few kinds, and what holds for one of a kind holds for all. `None`: without a tenant.
    pub fn kind(&self, tenant: Option<Id<Tenant>>) -> Option<usize> {
        tenant.and_then(|tenant| self.kinds.get(&tenant.0).copied())
    }

    /// The environments in which a tenant is connected to the project.
    pub fn connected(&self, tenant: Id<Tenant>) -> &[Id<Environment>] {
        self.tenants.get(&tenant.0).map_or(&[], |one| &one.environments)
    }

    /// Whether a tenant is connected to the project in an environment.
    pub fn connects(&self, tenant: Id<Tenant>, environment: Id<Environment>) -> bool {
        self.connected(tenant).contains(&environment)
    }

    /// Whether the release succeeded in an environment, for a tenant or without one.
    pub fn succeeded(&self, environment: Id<Environment>, tenant: Option<Id<Tenant>>) -> bool {
        self.done(tenant.map(|tenant| tenant.0)).contains(&environment)
    }

    fn done(&self, tenant: Option<i64>) -> &[Id<Environment>] {
        self.successes.get(&tenant).map_or(&[], Vec::as_slice)
    }

    /// Whether the release may go to an environment yet. A tenant's way is its own: only its successes count, over the
    /// environments it is connected to. Of environments, the reason names those `seen`.
    ///
    /// # Errors
    /// What is missing.
    pub fn may_reach(
        &self,
        environment: Id<Environment>,
        tenant: Option<Id<Tenant>>,
        seen: &[Id<Environment>],
    ) -> std::result::Result<(), Blocked> {
        let connected = tenant.map(|tenant| self.connected(tenant));
        let tenant = tenant.map(|tenant| tenant.0);
        promotion::may_reach(&self.phases, self.done(tenant), connected, environment, seen)?;
        if self.defect.is_none() {
            return Ok(());
        }
        let way = self.walked(tenant, connected);
        let here = |one: &&PhaseProgress| one.phase.environments.iter().any(|place| place.id == environment);
        match (way.iter().find(here), &self.defect) {
            (Some(phase), Some(why)) if phase.is_blocked => Err(Blocked::Defect(why.clone())),
            _ => Ok(()),
        }
    }

    /// How far the release is on one way.
    fn walked(&self, tenant: Option<i64>, counting: Option<&[Id<Environment>]>) -> Vec<PhaseProgress> {
        let mut way = promotion::progression(&self.phases, self.done(tenant), counting);
        if self.defect.is_some() {
            promotion::block(&mut way);
        }
        way
    }

    /// How far the release is for all of whom the asker may see deployments. On each way the environments count in which
    /// they are watched; where none of the phases is watched, all count and none is done.
    pub fn standing(&self, watched: &Places) -> Vec<PhaseProgress> {
        let mut walked: Vec<(bool, Vec<PhaseProgress>)> = Vec::new();
        let mut walk = |takes: bool, tenant: Option<i64>, counting: Vec<Id<Environment>>| {
            if !counting.is_empty() {
                walked.push((takes, self.walked(tenant, Some(&counting))));
            }
        };
        let all: Vec<_> = self.phases.iter().flat_map(|phase| &phase.environments).map(|place| place.id).collect();
        if self.mode.without_tenant() {
            walk(true, None, all.iter().copied().filter(|id| watched.have(*id, None)).collect());
        }
        if self.mode.with_tenant() {
            for (id, one) in &self.tenants {
                let here = one.environments.iter().copied().filter(|place| all.contains(place));
                let here = here.filter(|place| watched.have(*place, Some(Id::new(*id)))).collect();
                walk(!one.is_disabled, Some(*id), here);
            }
        }
        if walked.is_empty() {
            walked.push((true, promotion::progression(&self.phases, &[], None)));
        }
        together(&self.phases, &walked)
    }
}

/// Numbers the kinds of ways that tenants have.
fn kinds(
    tenants: &BTreeMap<i64, Connected>,
    successes: &HashMap<Option<i64>, Vec<Id<Environment>>>,
) -> BTreeMap<i64, usize> {
    let sorted = |all: &[Id<Environment>]| {
        let mut all: Vec<i64> = all.iter().map(|id| id.0).collect();
        all.sort_unstable();
        all
    };
    let mut known = HashMap::new();
    let kind = |(id, one): (&i64, &Connected)| {
        let done = successes.get(&Some(*id)).map_or(&[][..], Vec::as_slice);
        let next = known.len();
        (*id, *known.entry((sorted(&one.environments), sorted(done))).or_insert(next))
    };
    tenants.iter().map(kind).collect()
}

/// Several ways as one: an environment is done where one of them has been, a phase is complete where all are, and open
/// where it is to one that takes deployments.
fn together(phases: &[PhaseView], walked: &[(bool, Vec<PhaseProgress>)]) -> Vec<PhaseProgress> {
    let walk = |(number, phase): (usize, &PhaseView)| {
        let here = || walked.iter().filter_map(|(takes, way)| Some((*takes, way.get(number)?)));
        let among = |wanted: &dyn Fn(&PhaseProgress, Id<Environment>) -> bool| -> Vec<Id<Environment>> {
            let places = phase.environments.iter().map(|place| place.id);
            places.filter(|id| here().any(|(_, way)| wanted(way, *id))).collect()
        };
        let done = among(&|way, id| way.done.contains(&id));
        let mut missing = among(&|way, id| way.missing.contains(&id));
        missing.retain(|id| !done.contains(id));
        let is_open = here().any(|(takes, way)| takes && way.is_open);
        let progress = match here().all(|(_, way)| way.progress == Progress::Complete) {
            true => Progress::Complete,
            false if is_open => Progress::Current,
            false => Progress::Pending,
        };
        let is_blocked = here().all(|(_, way)| way.is_blocked);
        PhaseProgress { phase: phase.clone(), progress, is_open, is_blocked, done, missing }
    };
    phases.iter().enumerate().map(walk).collect()
}
