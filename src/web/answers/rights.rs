//! Test permissions: what somebody may do, by the company as a whole and by space, with the limits that it is held within
//! and the team that it comes from. One's own page is `me/rights`.

use super::file;
use crate::{
    base::{error::Result, ids::User},
    company::{
        access::{At, Within, permissions::UserView},
        answers::{self, Chart, Shape, Wanted},
    },
    web::{
        caller::{Answer, Visit},
        page::{Choice, FilterBar, Frame, count},
        people::access,
    },
};
use askama::Template;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "answers/rights.html")]
struct Rights {
    frame: Frame,
    filter: FilterBar,
    /// Whether the areas stand open: when something is looked for.
    open: bool,
    places: Vec<Place>,
    teams: Vec<TeamRow>,
    export_href: String,
    why_href: String,
    /// Whose they are, when not one's own.
    name: String,
    incomplete: bool,
    teams_incomplete: bool,
    none: bool,
}
struct TeamRow {
    name: String,
    href: String,
    space: String,
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
    roles: String,
}

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

/// Which level is looked at: all, the company as a whole (`system`), or one space.
fn wanted(visit: &Visit) -> Result<Wanted> {
    Ok(match visit.call.asked("level").unwrap_or_default() {
        "" => Wanted::default(),
        "system" => Wanted { spaces: Some(Vec::new()), without_system: false },
        space => Wanted { spaces: Some(vec![visit.visitor.locate_space(space)?.id().0]), without_system: true },
    })
}

fn of(visit: &Visit) -> Result<Chart> {
    let granted = visit.visitor.ask(UserView {})?;
    let user: At<User> = visit.visitor.locate(Within::Company, visit.parameter("user"))?;
    answers::of(&granted, &user, &wanted(visit)?)
}

fn own(visit: &Visit) -> Result<Chart> {
    answers::own(&visit.visitor.myself()?, &wanted(visit)?)
}

/// What another may do.
pub(in crate::web) fn show(visit: &Visit) -> Result<Answer> {
    let chart = of(visit)?;
    let address = visit.path(&format!("/access/people/{}", chart.user));
    let frame = access(visit, &format!("What {} may do", chart.name), "people")
        .crumb("People", visit.path("/access/people"))
        .crumb(&chart.name, &address);
    let name = chart.name.clone();
    draw(visit, chart, frame, &format!("{address}/rights"), name)
}

/// What one may do oneself.
pub(in crate::web) fn show_own(visit: &Visit) -> Result<Answer> {
    let frame = visit.frame("", "What you may do here").crumb("Your account", visit.path("/me"));
    draw(visit, own(visit)?, frame, &visit.path("/me/rights"), String::new())
}

/// What another may do, as a table.
pub(in crate::web) fn export(visit: &Visit) -> Result<Answer> {
    let chart = of(visit)?;
    file(&format!("permissions-{}.csv", chart.user), chart.csv()?)
}

/// What one may do oneself, as a table.
pub(in crate::web) fn export_own(visit: &Visit) -> Result<Answer> {
    let chart = own(visit)?;
    file(&format!("permissions-{}.csv", chart.user), chart.csv()?)
}

/// By place (none: the company as a whole), then by right and limits: the teams and roles it comes from.
type Held = BTreeMap<Option<String>, BTreeMap<(&'static str, &'static str, String), (Vec<String>, Vec<String>)>>;

fn draw(visit: &Visit, chart: Chart, frame: Frame, address: &str, name: String) -> Result<Answer> {
    let mut held = Held::new();
    for line in &chart.lines {
        let space = line.grant.space.map(|_| chart.space(line));
        let mut limits = chart.names.words(&Shape::of(&line.grant, line.permission, &chart.groups), &chart.groups);
        if let Some(until) = line.grant.until {
            let end = format!("until {}", visit.clock(until));
            limits = if limits.is_empty() { end } else { format!("{limits}; {end}") };
        }
        let key = (line.permission.meaning, line.permission.name, limits);
        let (teams, roles) = held.entry(space).or_default().entry(key).or_default();
        for (list, word) in
            [(teams, chart.names.team_words(line.grant.team)), (roles, chart.names.role_words(line.grant.role))]
        {
            if !list.contains(&word) {
                list.push(word);
            }
        }
    }
    let none = held.is_empty();
    let sought = visit.call.asked("q").unwrap_or_default().trim();
    let words = sought.to_lowercase();
    let places = held.into_iter().enumerate().map(|(number, (place, rows))| {
        let mut areas: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
        for ((meaning, permission, limits), (teams, roles)) in rows {
            if meaning.to_lowercase().contains(&words) || permission.to_lowercase().contains(&words) {
                let row = Row { meaning, permission, limits, teams: teams.join(", "), roles: roles.join(", ") };
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
    let level = visit.call.asked("level").unwrap_or_default();
    let spaces = visit.visitor.spaces()?;
    let levels = [("".to_owned(), "Everywhere".to_owned()), ("system".to_owned(), "The company as a whole".to_owned())];
    let levels = levels.into_iter().chain(spaces.into_iter().map(|row| (row.slug, row.name)));
    let levels = levels.map(|(value, label)| Choice::new(value.clone(), label).chosen(value == level)).collect();
    let filter = FilterBar::new(address, "Find a right", sought).select("level", "Where", levels);
    let teams = chart.teams.iter().map(|team| TeamRow {
        name: team.name.clone(),
        href: chart
            .names
            .team(team.id.0)
            .filter(|_| !name.is_empty())
            .map(|_| visit.path(&format!("/access/teams/{}", team.id)))
            .unwrap_or_default(),
        space: team.space_name.clone().unwrap_or_default(),
    });
    let query = if level.is_empty() { String::new() } else { format!("?level={level}") };
    let why = visit.path("/access/why");
    Answer::page(&Rights {
        filter,
        open: !sought.is_empty(),
        places: places.collect(),
        teams: teams.collect(),
        export_href: format!("{address}/export{query}"),
        why_href: if name.is_empty() { why } else { format!("{why}?person={}", chart.user) },
        incomplete: !chart.is_complete,
        teams_incomplete: !chart.is_teams_complete,
        none,
        name,
        frame,
    })
}
