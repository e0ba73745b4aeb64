//! Who is in a team. It takes the right to change the team, or the right to change its members alone; and either way
//! nobody puts people where they get more than the visitor holds (`access-rules §5`).

use super::{
    keep_an_administrator, meanwhile,
    model::{Member, Team},
    number, sql,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, Team as Kind, User},
    },
    company::access::{
        At, Event, Gifts, Granted, Recorded, Rows, TeamPart, Visitor, Writing,
        permissions::{List, TeamEdit, TeamMembersEdit, TeamView, UserView},
    },
    company::settings::rules,
};

/// The right to change who is in a team.
pub enum Joining<'v> {
    /// The right to the whole team.
    Team(Granted<'v, TeamEdit>),
    /// The right to its members and nothing else.
    Members(Granted<'v, TeamMembersEdit>),
}

impl<'v> Joining<'v> {
    /// Asks for either right to a team's members.
    ///
    /// # Errors
    /// Those of the right to the team, for who has neither.
    pub fn ask(visitor: &'v Visitor, team: &At<Kind>) -> Result<Joining<'v>> {
        let members = TeamMembersEdit { team: team.clone() };
        if visitor.may(members.clone()) && !visitor.may(whole(team)) {
            return Ok(Joining::Members(visitor.ask(members)?));
        }
        Ok(Joining::Team(visitor.ask(whole(team))?))
    }
    /// Whether the visitor has either.
    pub fn may(visitor: &Visitor, team: &At<Kind>) -> bool {
        visitor.may(TeamMembersEdit { team: team.clone() }) || visitor.may(whole(team))
    }
    /// The team.
    pub fn team(&self) -> &At<Kind> {
        match self {
            Joining::Team(granted) => granted.what().team.team(),
            Joining::Members(granted) => &granted.what().team,
        }
    }
    /// Who asked.
    pub fn visitor(&self) -> &'v Visitor {
        match self {
            Joining::Team(granted) => granted.visitor(),
            Joining::Members(granted) => granted.visitor(),
        }
    }
    /// The right to a team's roles in one space is not enough.
    pub(in crate::company) fn whole(&self) -> Result<()> {
        match self {
            Joining::Team(granted) => super::whole(granted),
            Joining::Members(_) => Ok(()),
        }
    }
    fn read<T>(&self, work: impl FnOnce(&Rows<'_>) -> Result<T>) -> Result<T> {
        match self {
            Joining::Team(granted) => granted.read(work),
            Joining::Members(granted) => granted.read(work),
        }
    }
    fn write<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        match self {
            Joining::Team(granted) => granted.write(work),
            Joining::Members(granted) => granted.write(work),
        }
    }
}

impl<'v> From<Granted<'v, TeamEdit>> for Joining<'v> {
    fn from(granted: Granted<'v, TeamEdit>) -> Joining<'v> {
        Joining::Team(granted)
    }
}

/// Who is in some teams of the levels that were granted: team and member, by name.
pub fn members_of(granted: &[Granted<'_, List<TeamView>>], teams: &[Team]) -> Result<Vec<(Id<Kind>, Id<User>)>> {
    let Some(first) = granted.first() else { return Ok(Vec::new()) };
    let seen = |team: &&Team| granted.iter().any(|one| one.what().space() == number(team.space));
    let teams: Vec<i64> = teams.iter().filter(seen).map(|team| team.id.0).collect();
    first.read(|rows| sql::members_of(rows, &teams))
}

fn whole(team: &At<Kind>) -> TeamEdit {
    TeamEdit { team: TeamPart::Whole(team.clone()) }
}

/// Who is in a team, by name. Everyone's members are not listed: nobody has put them there.
pub fn members(granted: &Granted<'_, TeamView>) -> Result<Vec<Member>> {
    let visitor = granted.visitor();
    let named = visitor.may(UserView {});
    let mut members = granted.read(|rows| sql::members(rows, granted.what().team.id()))?;
    for member in members.iter_mut().filter(|member| !named && visitor.user() != Some(member.id)) {
        (member.name, member.username) = (None, None);
    }
    Ok(members)
}

/// How many of the company's people are tenants' own, and whether they are in Everyone.
pub fn customers(granted: &Granted<'_, TeamView>) -> Result<(i64, bool)> {
    granted.read(|rows| Ok((sql::customers(rows)?, rules(rows)?.customers_in_everyone)))
}

/// Puts people into a team. Who is in it already stays.
///
/// # Errors
/// `Invalid` for somebody unknown, `Conflict` for Everyone, `Denied` when the team holds what the visitor does not hold.
pub fn add_members(granted: &Joining<'_>, users: &[Id<User>]) -> Result<()> {
    change_members(granted, |members| members.extend(users))
}

/// Takes somebody out of a team. From a team of administration only administrators can.
///
/// # Errors
/// `Conflict` for Everyone and for the last active administrator.
pub fn remove_member(granted: &Joining<'_>, user: Id<User>) -> Result<()> {
    change_members(granted, |members| members.retain(|id| *id != user))
}

/// Makes these the members of a team.
///
/// # Errors
/// As [`add_members`] and [`remove_member`].
pub fn set_members(granted: &Joining<'_>, users: &[Id<User>]) -> Result<()> {
    change_members(granted, |members| *members = users.to_vec())
}

fn change_members(granted: &Joining<'_>, change: impl Fn(&mut Vec<Id<User>>)) -> Result<()> {
    granted.whole()?;
    let id = granted.team().id();
    let changed = |rows: &Rows<'_>| -> Result<(Vec<Member>, Vec<Id<User>>)> {
        let before = sql::members(rows, id)?;
        let mut after: Vec<Id<User>> = before.iter().map(|member| member.id).collect();
        change(&mut after);
        after.sort_unstable();
        after.dedup();
        Ok((before, after))
    };
    let (adds, removes, carried) = granted.read(|rows| {
        let (before, after) = changed(rows)?;
        let adds = after.iter().any(|id| before.iter().all(|member| member.id != *id));
        let removes = before.iter().any(|member| !after.contains(&member.id));
        Ok((adds, removes, Gifts::of_teams(rows, &[id.0])?))
    })?;
    if adds || removes {
        granted.visitor().fresh()?;
    }
    if adds {
        granted.visitor().ask_to_give(&carried)?;
    }
    granted.visitor().ask_to_overrule(removes && carried.administers())?;
    granted.write(|tx| {
        let began = tx.changes();
        let team = sql::by_id(tx, id)?;
        let (before, after) = changed(tx)?;
        let added: Vec<Id<User>> =
            after.iter().copied().filter(|id| before.iter().all(|member| member.id != *id)).collect();
        let removed: Vec<Id<User>> = before.iter().map(|member| member.id).filter(|id| !after.contains(id)).collect();
        if added.is_empty() && removed.is_empty() {
            return tx.unchanged(began, ());
        }
        if Gifts::of_teams(tx, &[id.0])? != carried {
            return Err(meanwhile());
        }
        if (!added.is_empty(), !removed.is_empty()) != (adds, removes) {
            return Err(meanwhile());
        }
        if !team.has_members() {
            return Err(Error::Conflict(
                "Everybody is in Everyone; its members are not chosen. Choose another team.".into(),
            ));
        }
        let mut event = Event::new("Modified").say("Team ").name(id, &team.name).say(": ");
        let mut first = true;
        for (users, word) in [(&added, " joined"), (&removed, " left")] {
            for user in users {
                let name = sql::name_of_user(tx, *user)?.ok_or_else(|| {
                    Error::invalid(
                        "MemberUserIds",
                        format!("There is nobody with the id {user}. Choose somebody else."),
                    )
                })?;
                event = event.say(if first { "" } else { ", " }).name(*user, &name).say(word);
                first = false;
            }
        }
        sql::put_members(tx, id, &added, &removed)?;
        keep_an_administrator(tx)?;
        tx.access_changed()?;
        tx.record(event.space(number(team.space)), ())
    })
}

/// Puts a user into a team, inside a transaction that told of the user's making; gives the team's name.
pub(in crate::company) fn join(tx: &Writing<'_>, team: Id<Kind>, user: Id<User>) -> Result<String> {
    let name = joinable(tx, team)?;
    sql::put_members(tx, team, &[user], &[])?;
    Ok(name)
}

/// The name of a team that people can be put into.
pub(in crate::company) fn joinable(rows: &Rows<'_>, team: Id<Kind>) -> Result<String> {
    let team = sql::by_id(rows, team)?;
    if !team.has_members() {
        return Err(Error::invalid("AddToTeamIds", "Everybody is in Everyone already. Choose another team."));
    }
    Ok(team.name)
}
