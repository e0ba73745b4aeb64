//! What one may do here: every right, by the company as a whole and by space, with the limits that it is held within and
//! the team that it comes from.

use crate::{
    base::error::Result,
    company::{access::permissions::Info, teams},
    web::{
        caller::{Answer, Visit},
        page::{FilterBar, Frame, count},
    },
};
use askama::Template;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "me/rights.html")]
struct Rights {
    frame: Frame,
    filter: FilterBar,
    /// Whether the areas stand open: when something is looked for.
    open: bool,
    places: Vec<Place>,
}
/// The company as a whole, or a space.
struct Place {
    name: String,
    id: String,
    areas: Vec<Area>,
}
/// What belongs together, in one place.
struct Area {
    name: &'static str,
    count: String,
    rows: Vec<Row>,
}
/// One right in one place, within these limits.
struct Row {
    meaning: &'static str,
    permission: &'static str,
    limits: String,
    teams: String,
}

/// By place (none: the company as a whole), then by right and limits: the teams it comes from.
type Held = BTreeMap<Option<String>, BTreeMap<(&'static str, &'static str, String), Vec<String>>>;

/// The areas of the product, in the order in which they are shown, each with how its permissions begin.
const AREAS: [(&str, &[&str]); 8] = [
    ("Projects and processes", &["Project", "Process", "Trigger", "ActionTemplate", "Lifecycle", "FeatureToggle"]),
    (
        "Releases and deployments",
        &["Release", "Deployment", "Artifact", "Interruption", "Defect", "Approval", "Retention"],
    ),
    ("Runbooks", &["Runbook"]),
    ("Tenants", &["Tenant", "TagSet"]),
    ("Variables and library", &["Variable", "LibraryVariableSet", "Feed", "BuiltInFeed", "BuildInformation", "Git"]),
    (
        "Infrastructure",
        &[
            "Environment",
            "Machine",
            "Worker",
            "Account",
            "Certificate",
            "Proxy",
            "Ssh",
            "TargetTag",
            "DeployedResource",
        ],
    ),
    ("People and access", &["Team", "User"]),
    ("Tasks and trail", &["Task", "Event", "Subscription", "Insights"]),
];
/// Where what begins like none of them stands.
const THE_REST: &str = "The company and the server";

fn area(permission: &str) -> usize {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| permission.starts_with(beginning));
    AREAS.iter().position(|(_, beginnings)| begins(beginnings)).unwrap_or(AREAS.len())
}

/// Shows them.
pub(in crate::web) fn show(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.myself()?;
    let teams = teams::own_teams(&granted)?;
    let mut held = Held::new();
    for role in teams::own_roles(&granted)?.iter().filter(|role| !role.has_ended()) {
        let team = teams.iter().find(|team| team.id == role.team).map(|team| team.name.clone()).unwrap_or_default();
        let mut add = |place: Option<String>, info: &'static Info, limits: String| {
            let from = held.entry(place).or_default().entry((info.meaning, info.name, limits)).or_default();
            if !from.contains(&team) {
                from.push(team.clone());
            }
        };
        for info in &role.permissions.system {
            add(None, info, String::new());
        }
        let Some(space) = &role.space_name else { continue };
        let limits = if role.scope.is_empty() { String::new() } else { teams::summary(role).place };
        let limits = limits.strip_prefix(&format!("in {space}: ")).unwrap_or(&limits).to_owned();
        for info in &role.permissions.space {
            add(Some(space.clone()), info, limits.clone());
        }
    }
    let sought = visit.call.asked("q").unwrap_or_default().trim();
    let words = sought.to_lowercase();
    let places = held.into_iter().enumerate().map(|(number, (place, rows))| {
        let mut areas: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
        for ((meaning, permission, limits), teams) in rows {
            if meaning.to_lowercase().contains(&words) || permission.to_lowercase().contains(&words) {
                let row = Row { meaning, permission, limits, teams: teams.join(", ") };
                areas.entry(area(permission)).or_default().push(row);
            }
        }
        let areas = areas.into_iter().map(|(number, rows)| Area {
            name: AREAS.get(number).map_or(THE_REST, |(name, _)| name),
            count: count(rows.len() as u64, "right", "rights"),
            rows,
        });
        let name = place.unwrap_or_else(|| "The company as a whole".into());
        Place { name, id: format!("place-{number}"), areas: areas.collect() }
    });
    let frame = visit.frame("", "What you may do here").crumb("Your account", visit.path("/me"));
    let filter = FilterBar::new(visit.path("/me/rights"), "Find a right", sought);
    Answer::page(&Rights { frame, filter, open: !sought.is_empty(), places: places.collect() })
}
