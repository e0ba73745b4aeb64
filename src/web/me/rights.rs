//! What one may do here: every right, by the company as a whole and by space, with the limits that it is held within and
//! the team that it comes from.

use crate::{
    base::error::Result,
    company::{access::permissions::Info, teams},
    web::{
        caller::{Answer, Visit},
        page::Frame,
    },
};
use askama::Template;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "me/rights.html")]
struct Rights {
    frame: Frame,
    places: Vec<Place>,
}
/// The company as a whole, or a space.
struct Place {
    name: String,
    id: String,
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
    let places = held.into_iter().enumerate().map(|(number, (place, rows))| Place {
        name: place.unwrap_or_else(|| "The company as a whole".into()),
        id: format!("place-{number}"),
        rows: rows
            .into_iter()
            .map(|((meaning, permission, limits), teams)| Row { meaning, permission, limits, teams: teams.join(", ") })
            .collect(),
    });
    let frame = visit.frame("", "What you may do here").crumb("Your account", visit.path("/me"));
    Answer::page(&Rights { frame, places: places.collect() })
}
