//! How a place stands, drawn small: a cell of a matrix, a chip, a moment of a timeline. For the dashboard and tenants.

use super::{
    caller::Visit,
    page::{Cell, Chip, Moment, When, count},
};
use crate::{
    base::{
        clock,
        error::Result,
        ids::{self, Id},
    },
    company::{
        access::permissions::{List, ReleaseView},
        dashboard::{self, Spot},
        deployments::Deployment,
        tasks::State,
    },
};
use std::collections::HashMap;

/// A moment as people say it.
pub(super) fn when(moment: clock::Moment) -> When {
    When::at(moment)
}

/// The chip of a deployment.
pub(super) fn chip(deployment: &Deployment) -> Chip {
    let state = match deployment.state {
        State::Success if deployment.warnings => "SuccessWithWarnings",
        state => state.name(),
    };
    let title = if deployment.error.is_empty() {
        format!("by {}", deployment.created_by)
    } else {
        format!("by {}: {}", deployment.created_by, deployment.error)
    };
    Chip::for_task_state(state).title(title)
}

/// When a deployment last changed.
pub(super) fn at(deployment: &Deployment) -> clock::Moment {
    deployment.completed_at.or(deployment.started_at).unwrap_or(deployment.created_at)
}

/// Whether it ended otherwise than well.
pub(super) fn went_wrong(deployment: &Deployment) -> bool {
    matches!(deployment.state, State::Failed | State::TimedOut)
}

/// The page of a deployment's task, where its log is.
pub(super) fn log_href(visit: &Visit, deployment: &Deployment) -> String {
    visit.path(&format!("/tasks/{}", deployment.task))
}

/// The cell of a place: one deployment, or several tenants' taken together.
pub(super) fn cell(visit: &Visit, spots: &[&Spot], project_href: &str) -> Cell {
    let Some(latest) = spots.iter().max_by_key(|spot| at(&spot.deployment)) else { return Cell::none() };
    if spots.len() == 1 && latest.deployment.tenant.is_none() {
        let one = &latest.deployment;
        return Cell::new(&one.version, log_href(visit, one), chip(one), when(at(one))).behind(latest.behind);
    }
    let tenants = spots.iter().filter(|spot| spot.deployment.tenant.is_some()).count() as u64;
    let failed = spots.iter().filter(|spot| went_wrong(&spot.deployment)).count();
    // The state that wants attention most speaks for all.
    let weight = |spot: &&&Spot| match spot.deployment.state {
        State::Failed | State::TimedOut => 4,
        State::Executing | State::Cancelling => 3,
        State::Queued => 2,
        State::Canceled => 1,
        State::Success => 0,
    };
    let loudest = spots.iter().max_by_key(weight).unwrap_or(&spots[0]);
    let mut versions: Vec<&str> = spots.iter().map(|spot| spot.deployment.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let version = match versions.as_slice() {
        [one] => (*one).to_owned(),
        many => count(many.len() as u64, "version", "versions"),
    };
    let word = match failed {
        0 => count(tenants, "tenant", "tenants"),
        failed => format!("{failed} of {} failed", spots.len()),
    };
    let behind = spots.iter().map(|spot| spot.behind).max().unwrap_or(0);
    let all = spots.iter().map(|spot| {
        let who = spot.deployment.tenant_name.as_deref().unwrap_or("no tenant");
        format!("{who}: {} {}", spot.deployment.version, spot.deployment.state.word().to_lowercase())
    });
    let title: String = all.take(12).collect::<Vec<_>>().join("; ");
    let chip = chip(&loudest.deployment).word(word).title(title);
    Cell::new(version, project_href, chip, when(at(&latest.deployment))).behind(behind)
}

/// A deployment in a timeline.
pub(super) fn moment(visit: &Visit, deployment: &Deployment) -> Moment {
    let title = format!("{} {} to {}", deployment.project_name, deployment.version, deployment.environment_name);
    Moment::new(chip(deployment), title, when(at(deployment)))
        .href(log_href(visit, deployment))
        .who(&deployment.created_by)
        .detail(deployment.error.lines().next().unwrap_or_default())
}

/// The newest version of each of some projects, for who may see releases.
pub(super) fn newest(visit: &Visit, projects: &[Id<ids::Project>]) -> Result<HashMap<i64, String>> {
    let space = visit.space()?;
    if !visit.visitor.may_somewhere::<ReleaseView>(&space) {
        return Ok(HashMap::new());
    }
    let numbers: Vec<i64> = projects.iter().map(|id| id.0).collect();
    dashboard::newest(&visit.visitor.ask(List::<ReleaseView>::of(&space))?, &numbers)
}
