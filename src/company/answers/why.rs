//! Why somebody may or may not, and who may: from the same grants and by the same decision as at the door.

use super::{
    chart::{Line, grants_of},
    names::Names,
    sql,
};
use crate::{
    base::{
        clock::{self, Moment},
        error::Result,
        ids::{Id, User},
        names,
    },
    company::{
        access::{
            At, Granted, Myself, Spot,
            census::{Census, Somebody},
            permissions::{Held, Info, UserView},
            policy::{self, Check, Dimension, Grant, Reason},
        },
        people::{self, State},
        teams,
    },
};
use std::collections::HashMap;

/// What one grant says to a question.
#[derive(Debug)]
pub struct Verdict {
    /// The grant.
    pub line: Line,
    /// Whether it allows, or what of it refused.
    pub answer: Result<(), Reason>,
}

/// Why somebody may or may not.
#[derive(Debug)]
pub struct Why {
    /// Who.
    pub user: Id<User>,
    /// Their name.
    pub name: String,
    /// Whether they may.
    pub allowed: bool,
    /// Whether they can come in at all.
    pub is_active: bool,
    /// The grants of that permission that they hold, those that allow first, then the nearest misses.
    pub verdicts: Vec<Verdict>,
    /// So many grants more hold in spaces that whoever asks may not enter.
    pub hidden: usize,
    /// The names of what is in them.
    pub names: Names,
    /// The projects of each project group.
    pub groups: HashMap<i64, Vec<i64>>,
}

/// Somebody who may, and through what.
#[derive(Debug)]
pub struct Holder {
    /// Who, by number.
    pub user: i64,
    /// The grants that allow it.
    pub through: Vec<Line>,
}

/// Who may.
#[derive(Debug)]
pub struct Who {
    /// Everybody who may, by name.
    pub holders: Vec<(Somebody, Vec<Line>)>,
    /// The names of teams, roles and limits.
    pub names: Names,
    /// The projects of each project group.
    pub groups: HashMap<i64, Vec<i64>>,
}

/// Why one may or may not oneself.
pub fn why_me(granted: &Granted<'_, Myself>, info: &'static Info, spot: &Spot) -> Result<Why> {
    let lines = grants_of(granted.grants(), info);
    let teams = teams::own_teams(granted)?;
    let names = Names::of(granted, &teams, &HashMap::new(), lines.iter().map(|line| &line.grant))?;
    let name = granted.visitor().name().to_owned();
    let groups = granted.read(sql::groups)?;
    Ok(judge((granted.what().user(), name, true), lines, &spot.check(info), names, groups))
}

/// Why another may or may not. What is to be seen of the place is for whoever asks.
pub fn why(granted: &Granted<'_, UserView>, user: &At<User>, info: &'static Info, spot: &Spot) -> Result<Why> {
    let shown = people::show(granted, user)?;
    let found = granted.read(|rows| Census::of_user(rows, user.id().0))?;
    let held = found.into_iter().filter(|(_, _, keys)| keys.contains(&info.key));
    let lines: Vec<Line> = held.map(|(assignment, grant, _)| Line { permission: info, grant, assignment }).collect();
    let names = Names::of(granted, &[], &HashMap::new(), lines.iter().map(|line| &line.grant))?;
    let groups = granted.read(sql::groups)?;
    let who = (user.id(), shown.display_name, shown.state == State::Active);
    Ok(judge(who, lines, &spot.check(info), names, groups))
}

fn judge(
    (user, name, is_active): (Id<User>, String, bool),
    lines: Vec<Line>,
    check: &Check,
    names: Names,
    groups: HashMap<i64, Vec<i64>>,
) -> Why {
    let all = lines.len();
    let mut verdicts: Vec<Verdict> = lines
        .into_iter()
        .filter(|line| line.grant.space.is_none_or(|space| names.space(space).is_some()))
        .map(|line| Verdict { answer: covers(&line.grant, line.permission, check), line })
        .collect();
    verdicts.sort_by_key(|verdict| match verdict.answer {
        Ok(()) => 0,
        Err(reason) => u8::MAX - reason.nearness(),
    });
    Why {
        user,
        name,
        is_active,
        allowed: verdicts.iter().any(|verdict| verdict.answer.is_ok()),
        hidden: all - verdicts.len(),
        verdicts,
        names,
        groups,
    }
}

fn covers(grant: &Grant, info: &Info, check: &Check) -> Result<(), Reason> {
    policy::covers(grant, info, check, clock::now)
}

/// Everybody whose teams answer a question with yes, by number. Each team is asked once, not each person.
pub fn holders(census: &Census, info: &'static Info, check: &Check, now: Moment) -> Vec<Holder> {
    let allowing: HashMap<i64, Vec<Line>> = census
        .teams
        .values()
        .filter_map(|team| {
            let of_permission = team.grants.parts().zip(&team.assignments);
            let lines: Vec<Line> = of_permission
                .filter(|((_, keys), _)| keys.contains(&info.key))
                .filter(|((grant, _), _)| policy::covers(grant, info, check, || now).is_ok())
                .map(|((grant, _), assignment)| Line {
                    permission: info,
                    grant: grant.clone(),
                    assignment: *assignment,
                })
                .collect();
            (!lines.is_empty()).then_some((team.team, lines))
        })
        .collect();
    let of = |one: &Somebody| -> Vec<Line> {
        one.teams.iter().filter_map(|team| allowing.get(team)).flatten().cloned().collect()
    };
    let all = census.people.values().map(|one| Holder { user: one.id, through: of(one) });
    all.filter(|holder| !holder.through.is_empty()).collect()
}

/// Who may do this here: those who can come in, whose name contains a text.
pub fn who(granted: &Granted<'_, UserView>, info: &'static Info, spot: &Spot, text: &str) -> Result<Who> {
    let census = granted.read(Census::read)?;
    let check = spot.check(info);
    let found = holders(&census, info, &check, clock::now());
    let names =
        Names::of(granted, &[], &HashMap::new(), found.iter().flat_map(|one| &one.through).map(|line| &line.grant))?;
    let wanted = names::key(text);
    let mut holders: Vec<(Somebody, Vec<Line>)> = found
        .into_iter()
        .filter_map(|one| Some((census.people.get(&one.user)?.clone(), one.through)))
        .filter(|(one, _)| one.is_active && names::key(&one.name).contains(&wanted))
        .collect();
    holders.sort_by_cached_key(|(one, _)| (names::key(&one.name), one.id));
    Ok(Who { holders, names, groups: census.groups })
}

/// Why a grant refuses, in words about somebody.
pub fn refusal_words(reason: Reason, line: &Line, names: &Names, asked: Option<i64>) -> String {
    let limited = |what: &str| format!("limited to other {what}");
    match reason {
        Reason::NotHeld => match (line.grant.space, asked) {
            (Some(space), _) => format!("holds in {} only", names.space(space).unwrap_or("another space")),
            (None, _) => "holds in the company as a whole, not in a space".into(),
        },
        Reason::Outside(Dimension::Group) => limited("project groups"),
        Reason::Outside(Dimension::Project) => limited("projects"),
        Reason::Outside(Dimension::Environment) => limited("environments"),
        Reason::Outside(Dimension::Tenant) => limited("tenants"),
        Reason::Outside(Dimension::Runbook) => limited("runbooks"),
        Reason::NotYours | Reason::Stronger => "is more than may be given".into(),
        Reason::Ended => "has ended".into(),
        Reason::Narrowed => "the API key leaves it out".into(),
    }
}

/// The dimension that refused, as the wire calls it.
pub fn refusal_wire(reason: Reason) -> &'static str {
    match reason {
        Reason::NotHeld => "Space",
        Reason::Outside(Dimension::Group) => "ProjectGroup",
        Reason::Outside(Dimension::Project) => "Project",
        Reason::Outside(Dimension::Environment) => "Environment",
        Reason::Outside(Dimension::Tenant) => "Tenant",
        Reason::Outside(Dimension::Runbook) => "Runbook",
        Reason::NotYours | Reason::Stronger => "NotHeld",
        Reason::Ended => "Ended",
        Reason::Narrowed => "ApiKey",
    }
}

/// Whether a permission is asked about at the level of the company as a whole.
pub fn is_system(info: &Info) -> bool {
    matches!(info.held, Held::System | Held::Appliance)
}
