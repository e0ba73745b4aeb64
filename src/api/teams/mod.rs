//! `/api/teams`: teams and their members. Their roles with scope are [`scoped`].

pub(super) mod scoped;

use super::{
    answers::{self as access, AccessPreviewQuery, Previewed},
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Query, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::{Listed, Page},
    },
    company::{
        access::{
            At, Granted, Level, TeamPart, Within,
            permissions::{List, TeamCreate, TeamDelete, TeamEdit, TeamMembersEdit, TeamView, UserView},
        },
        answers,
        teams::{self, Fields, Filter, Team},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A team on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TeamResource {
    #[schema(read_only)]
    id: String,
    name: String,
    description: String,
    /// Its space, for good. Null: it stands outside all spaces.
    space_id: Option<refer::Space>,
    /// Left out: as they are.
    member_user_ids: Option<Vec<refer::User>>,
    external_security_groups: NoList,
    #[schema(read_only)]
    can_be_deleted: bool,
    #[schema(read_only)]
    can_be_renamed: bool,
    #[schema(read_only)]
    can_change_roles: bool,
    #[schema(read_only)]
    can_change_members: bool,
    /// A team for emergencies: its members hold its roles only while they use it, for at most so many hours at a time.
    /// Left out: as it is.
    emergency_hours: Option<i64>,
    #[schema(read_only)]
    links: Links,
}

/// Which teams.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TeamQuery {
    ids: Option<Vec<String>>,
    partial_name: String,
    /// Only teams of these spaces.
    spaces: Vec<String>,
    /// Whether teams outside all spaces are wanted; below a space only when they are.
    include_system: Option<bool>,
}

/// That somebody is in a team.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TeamMembership {
    user_id: String,
    team_id: String,
    team_name: String,
    is_directly_assigned: bool,
    external_group_names: NoList,
    space_id: Option<String>,
}

/// Whose memberships.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MembershipQuery {
    /// Left out: one's own.
    user_id: String,
    spaces: Vec<String>,
    include_system: Option<bool>,
}

fn draw(ask: &Ask, team: &Team) -> Result<TeamResource> {
    let at: At<ids::Team> = ask.visitor()?.locate(Within::Company, &team.id.to_string())?;
    let members = teams::members(&ask.visitor()?.ask(TeamView { team: at })?)?;
    Ok(drawn(ask, team, members.into_iter().map(|member| member.id)))
}

fn drawn(ask: &Ask, team: &Team, members: impl Iterator<Item = Id<ids::User>>) -> TeamResource {
    let own = format!("{}/teams/{}", resource::api(ask), team.wire_id());
    TeamResource {
        id: team.wire_id(),
        name: team.name.clone(),
        description: team.description.clone(),
        space_id: team.space.map(refer::Space::from),
        member_user_ids: Some(members.map(refer::User::from).collect()),
        can_be_deleted: team.is_own(),
        can_be_renamed: team.is_own(),
        can_change_roles: true,
        can_change_members: team.has_members(),
        emergency_hours: team.emergency_hours,
        links: Links::of(&own, &[("ScopedUserRoles", "/scopeduserroles{?skip,take}")]),
        ..TeamResource::default()
    }
}

/// Proofs for the levels that were asked for: `spaces=Spaces-1,…`, `includeSystem`, or the space of the path.
fn levels<'a>(ask: &'a Ask, query: &TeamQuery) -> Result<Vec<Granted<'a, List<TeamView>>>> {
    let visitor = ask.visitor()?;
    if !ask.parameter("space").is_empty() {
        let mut all = vec![visitor.ask(List::<TeamView>::of(&ask.space()?))?];
        if query.include_system == Some(true) && visitor.may(List::<TeamView>::system()) {
            all.push(visitor.ask(List::<TeamView>::system())?);
        }
        return Ok(all);
    }
    let mut all = visitor.ask_anywhere::<TeamView>(None)?;
    let asked = wire::numbers::<ids::Space>(&query.spaces);
    if !asked.is_empty() {
        all.retain(|one| one.what().space() == 0 || asked.contains(&one.what().space()));
    }
    if query.include_system == Some(false) {
        all.retain(|one| one.what().space() != 0);
    }
    Ok(all)
}

fn filter(ask: &Ask, query: &TeamQuery) -> Result<Filter> {
    // Built-in teams have ids of their own; each id is looked up.
    let ids = query.ids.as_ref().map(|ids| -> Result<Vec<i64>> {
        let mut found = Vec::new();
        for id in ids {
            match ask.visitor()?.locate::<ids::Team>(Within::Company, id) {
                Ok(at) => found.push(at.id().0),
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    });
    Ok(Filter { partial_name: query.partial_name.clone(), ids: ids.transpose()?, member: None })
}

fn found(ask: &Ask, query: &TeamQuery, page: Page) -> Result<Listed<TeamResource>> {
    let levels = levels(ask, query)?;
    let found = teams::list(&levels, &filter(ask, query)?, page)?;
    let members = teams::members_of(&levels, &found.items)?;
    let items = found.items.iter().map(|team| {
        let of = members.iter().filter(|(of, _)| *of == team.id).map(|(_, user)| *user);
        drawn(ask, team, of)
    });
    let items = items.collect();
    Ok(Listed { items, total: found.total })
}

/// A page of them, of both levels.
pub(super) fn list(ask: &Ask, query: Query<TeamQuery>) -> Result<Collection<TeamResource>> {
    let listed = found(ask, &query, ask.page())?;
    let own = match ask.parameter("space") {
        "" => format!("{}/teams", resource::api(ask)),
        _ => format!("{}/teams", resource::space_api(ask, ask.space()?.id().0)),
    };
    Ok(wire::collection_of(ask, &query, &own, "Team", listed.total, ask.page(), listed.items))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<TeamQuery>) -> Result<All<TeamResource>> {
    Ok(All(found(ask, &query, Page::ALL)?.items))
}

/// The team of the path. Below a space: a team of that space, or one outside all spaces.
fn located(ask: &Ask) -> Result<At<ids::Team>> {
    let within = match ask.parameter("space") {
        "" => Within::Company,
        _ => Within::from(&ask.space()?),
    };
    ask.visitor()?.locate(within, ask.parameter("id"))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<TeamResource>> {
    let granted = ask.visitor()?.ask(TeamView { team: located(ask)? })?;
    Ok(Json(draw(ask, &teams::show(&granted)?)?))
}

fn nobody(id: &str) -> Error {
    Error::invalid("MemberUserIds", format!("There is nobody with the id {id}. Choose somebody else."))
}

impl TeamResource {
    fn fields(&self) -> Fields {
        Fields { name: self.name.clone(), description: self.description.clone() }
    }
    /// The members that were sent; `None` when none were told.
    fn members(&self) -> Result<Option<Vec<Id<ids::User>>>> {
        let one = |user: &refer::User| Id::<ids::User>::parse(user.text()).ok_or_else(|| nobody(user.text()));
        self.member_user_ids.as_ref().map(|users| users.iter().map(one).collect()).transpose()
    }
    fn space(&self) -> Option<&str> {
        self.space_id.as_ref().and_then(refer::Space::given)
    }
}

/// A thing named in the body.
fn named<T: crate::company::access::Locate>(ask: &Ask, field: &str, text: &str) -> Result<At<T>> {
    match ask.visitor()?.named(Within::Company, text) {
        Err(Error::NotFound(_)) => Err(Error::invalid(field, format!("There is no {} {text}.", T::WORD))),
        other => other,
    }
}

/// Makes one, in the space of the body or of the path, or outside all spaces; with its members, and as one for emergencies
/// when `EmergencyHours` are given. Members who are not there and the right to name any are looked at first, so that
/// nothing is half made.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<TeamResource>) -> Result<Created<TeamResource>> {
    let visitor = ask.visitor()?;
    let level = match (sent.space(), ask.parameter("space")) {
        (Some(space), _) => Level::Space(named(ask, "SpaceId", space)?),
        (None, "") => Level::System,
        (None, _) => Level::Space(ask.space()?),
    };
    let members = sent.members()?.unwrap_or_default();
    let granted = visitor.ask(TeamCreate { level: level.clone() })?;
    if !members.is_empty() {
        let (team, joining) = match &level {
            Level::System => (List::<TeamEdit>::system(), List::<TeamMembersEdit>::system()),
            Level::Space(space) => (List::<TeamEdit>::of(space), List::<TeamMembersEdit>::of(space)),
        };
        if !visitor.may(joining) {
            visitor.ask(team)?;
        }
    }
    for user in &members {
        visitor.locate::<ids::User>(Within::Company, &user.to_string()).map_err(|error| match error {
            Error::NotFound(user) => nobody(&user),
            other => other,
        })?;
    }
    let made = teams::create_for(&granted, sent.fields(), sent.emergency_hours)?;
    let at: At<ids::Team> = visitor.locate(Within::Company, &made.id.to_string())?;
    if !members.is_empty() {
        teams::add_members(&teams::Joining::ask(visitor, &at)?, &members)?;
    }
    Ok(Created(draw(ask, &made)?))
}

/// A team stays where it was made.
fn stays(ask: &Ask, sent: &TeamResource, present: &Team) -> Result<()> {
    let Some(space) = sent.space() else { return Ok(()) };
    let same = ask.visitor()?.locate_space(space).is_ok_and(|at| Some(at.id()) == present.space);
    let words = "A team stays where it was made. Make another team there.";
    if same { Ok(()) } else { Err(Error::invalid("SpaceId", words)) }
}

/// Changes name, description and members.
pub(super) fn update(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<TeamResource>,
) -> Result<Previewed<Json<TeamResource>>> {
    let visitor = ask.visitor()?;
    let at = located(ask)?;
    let joining = teams::Joining::ask(visitor, &at)?;
    let present = teams::show(&visitor.ask(TeamView { team: at.clone() })?)?;
    stays(ask, &sent, &present)?;
    let same = sent.name == present.name && sent.description == present.description;
    // Asked before anything is changed: who may change members alone changes nothing else.
    let whole = TeamEdit { team: TeamPart::Whole(at.clone()) };
    let hours = sent.emergency_hours.or(present.emergency_hours);
    let emergency = if hours == present.emergency_hours { None } else { Some(visitor.ask(whole.clone())?) };
    let granted = if same { None } else { Some(visitor.ask(whole)?) };
    // Whoever sends the whole team back sends Everyone without members.
    let members = match sent.members()? {
        Some(members) if !present.has_members() && !members.is_empty() => {
            let words = format!("Everybody is in {}: its members are not chosen. Leave them out.", present.name);
            return Err(Error::invalid("MemberUserIds", words));
        }
        members => members.filter(|_| present.has_members()),
    };
    let save = || {
        if let Some(members) = &members {
            teams::set_members(&joining, members)?;
        }
        if let Some(granted) = &emergency {
            teams::emergency::set_emergency(granted, hours)?;
        }
        match &granted {
            None => teams::show(&visitor.ask(TeamView { team: at.clone() })?),
            Some(granted) => teams::edit(granted, sent.fields()),
        }
    };
    access::change(ask, &query, save, |saved| Ok(Json(draw(ask, &saved)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask, query: Query<AccessPreviewQuery>) -> Result<Previewed<Done>> {
    let granted = ask.visitor()?.ask(TeamDelete { team: located(ask)? })?;
    access::change(ask, &query, || teams::delete(&granted), |()| Ok(Done))
}

/// The teams of a user, as the wire's list of memberships.
pub(super) fn membership(ask: &Ask, query: Query<MembershipQuery>) -> Result<All<TeamMembership>> {
    let (visitor, user) = (ask.visitor()?, query.user_id.as_str());
    let wanted = access::wanted(ask, &query.spaces, query.include_system)?;
    let mine = visitor.user().is_some_and(|me| user.trim().is_empty() || Id::parse(user) == Some(me));
    let (who, found) = if mine {
        let granted = visitor.myself()?;
        let mut own = teams::own_teams(&granted)?;
        own.retain(|team| wanted.has(team.space.map(|space| space.0)));
        (granted.what().user().to_string(), own)
    } else {
        visitor.ask(UserView {})?;
        let at: At<ids::User> = visitor.named(Within::Company, user)?;
        let granted = visitor.ask(UserView {})?;
        (at.id().to_string(), answers::teams_of(&granted, &at, &wanted)?.0)
    };
    let drawn = found.iter().map(|team| TeamMembership {
        user_id: who.clone(),
        team_id: team.wire_id(),
        team_name: team.name.clone(),
        is_directly_assigned: team.has_members(),
        external_group_names: NoList::default(),
        space_id: team.space.map(|space| space.to_string()),
    });
    Ok(All(drawn.collect()))
}
