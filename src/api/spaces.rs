//! `/api/spaces`.

use super::{
    answers::{self as access, AccessPreviewQuery, Previewed},
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Off, Query, Ref, Sent, refer},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{
            At, Locate, Within,
            permissions::{SpaceCreate, SpaceDelete, SpaceEdit, SpaceView, TeamView},
        },
        spaces::{self, Fields, Filter, Managers, Space},
        teams::{self, Builtin},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A space on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SpaceResource {
    #[schema(read_only)]
    id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    /// The space meant when none is named. It stays so until another is.
    is_default: Option<bool>,
    is_private: Off,
    /// Its tasks wait.
    task_queue_stopped: bool,
    /// Left out, with the people: as they are. The space's own team is always among them.
    space_managers_teams: Option<Vec<refer::Team>>,
    /// Left out, with the teams: as they are.
    space_managers_team_members: Option<Vec<refer::User>>,
    extension_settings: NoList,
    #[schema(read_only)]
    links: Links,
}

/// Which spaces.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SpaceQuery {
    ids: Option<Vec<String>>,
    /// The whole name, ignoring case.
    name: String,
    partial_name: String,
}

fn draw(ask: &Ask, space: &Space) -> Result<SpaceResource> {
    let visitor = ask.visitor()?;
    // Who manages a space is told to those who may list spaces.
    let managers = if visitor.may(SpaceView {}) {
        spaces::managers(&visitor.ask(SpaceView {})?, space.id)?
    } else {
        Managers::default()
    };
    let mut teams = vec![Ref::of(format!("teams-spacemanagers-{}", space.id))];
    teams.extend(managers.teams.into_iter().map(Ref::from));
    let own = format!("{}/spaces/{}", resource::api(ask), space.id);
    let web = format!("{}/app#/{}", ask.base(), space.id);
    Ok(SpaceResource {
        id: space.id.to_string(),
        name: space.name.clone(),
        slug: space.slug.clone(),
        description: space.description.clone(),
        is_default: Some(space.is_default),
        task_queue_stopped: space.task_queue_stopped,
        space_managers_teams: Some(teams),
        space_managers_team_members: Some(managers.people.into_iter().map(Ref::from).collect()),
        links: Links::of(&own, &[]).and("Web", web),
        ..SpaceResource::default()
    })
}

fn found(ask: &Ask, query: &SpaceQuery, page: Page) -> Result<Listed<SpaceResource>> {
    let filter =
        Filter { partial_name: query.partial_name.clone(), ids: query.ids.as_deref().map(wire::numbers::<ids::Space>) };
    let mut found = spaces::list(ask.visitor()?, &filter, Page::ALL)?.items;
    let name = names::key(query.name.trim());
    found.retain(|space| name.is_empty() || names::key(&space.name) == name);
    let listed = Listed::from_all(page, found);
    let items = listed.items.iter().map(|space| draw(ask, space)).collect::<Result<_>>()?;
    Ok(Listed { items, total: listed.total })
}

fn located(ask: &Ask) -> Result<At<ids::Space>> {
    ask.visitor()?.locate_space(ask.parameter("id"))
}

fn many<T: Locate>(ask: &Ask, named: &[Ref<T>], field: &str, word: &str) -> Result<Vec<Id<T>>> {
    let visitor = ask.visitor()?;
    let one = |one: &Ref<T>| match visitor.locate::<T>(Within::Company, one.text()) {
        Ok(at) => Ok(at.id()),
        Err(Error::NotFound(_)) => Err(Error::invalid(field, format!("There is no {word} {}.", one.text()))),
        Err(error) => Err(error),
    };
    named.iter().map(one).collect()
}

/// The managers' teams of a space, and people who come with a managers' team of another: that stays in its space, as all
/// that is in one, so its people are named in its place.
fn teams_and_people(ask: &Ask, named: &[refer::Team], this: Option<i64>) -> Result<Managers> {
    let visitor = ask.visitor()?;
    let (mut fitting, mut people) = (Vec::new(), Vec::new());
    for text in named.iter().map(refer::Team::text) {
        let wrong = |why: String| Error::invalid("SpaceManagersTeams", why);
        let at: At<ids::Team> = match visitor.named(Within::Company, text) {
            Err(Error::NotFound(_)) => return Err(wrong(format!("There is no team {text}."))),
            found => found?,
        };
        if at.space_id() == 0 || Some(at.space_id()) == this {
            fitting.push(at.id());
            continue;
        }
        if !visitor.sees(&at) {
            return Err(wrong(format!("There is no team {text}.")));
        }
        let granted = visitor.ask(TeamView { team: at })?;
        let team = teams::show(&granted)?;
        if team.builtin != Some(Builtin::SpaceManagers) {
            let why = format!("{} is a team of another space. Name a team of the company, or people.", team.name);
            return Err(wrong(why));
        }
        people.extend(teams::members(&granted)?.into_iter().map(|member| member.id));
    }
    Ok(Managers { people, teams: fitting })
}

impl SpaceResource {
    fn fields(self, ask: &Ask, this: Option<i64>) -> Result<Fields> {
        let told = self.space_managers_teams.is_some() || self.space_managers_team_members.is_some();
        let managers = if told {
            let teams = self.space_managers_teams.unwrap_or_default();
            let Managers { teams, people: more } = teams_and_people(ask, &teams, this)?;
            let people = self.space_managers_team_members.unwrap_or_default();
            let mut people = many(ask, &people, "SpaceManagersTeamMembers", "user")?;
            people.extend(more);
            people.sort_unstable();
            people.dedup();
            Some(Managers { people, teams })
        } else {
            None
        };
        Ok(Fields {
            name: self.name,
            slug: self.slug,
            description: self.description,
            task_queue_stopped: self.task_queue_stopped,
            is_default: self.is_default.unwrap_or_default(),
            managers,
        })
    }
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<SpaceQuery>) -> Result<Collection<SpaceResource>> {
    let listed = found(ask, &query, ask.page())?;
    let own = format!("{}/spaces", resource::api(ask));
    Ok(wire::collection_of(ask, &query, &own, "Space", listed.total, ask.page(), listed.items))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<SpaceQuery>) -> Result<All<SpaceResource>> {
    Ok(All(found(ask, &query, Page::ALL)?.items))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<SpaceResource>> {
    Ok(Json(draw(ask, &spaces::show(ask.visitor()?, &located(ask)?)?)?))
}

/// Makes one.
pub(super) fn create(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<SpaceResource>,
) -> Result<Previewed<Created<SpaceResource>>> {
    let granted = ask.visitor()?.ask(SpaceCreate {})?;
    let fields = sent.fields(ask, None)?;
    access::change(ask, &query, || spaces::create(&granted, fields), |made| Ok(Created(draw(ask, &made)?)))
}

/// Changes one.
pub(super) fn update(
    ask: &Ask,
    query: Query<AccessPreviewQuery>,
    Sent(sent): Sent<SpaceResource>,
) -> Result<Previewed<Json<SpaceResource>>> {
    let at = located(ask)?;
    let this = at.id().0;
    let granted = ask.visitor()?.ask(SpaceEdit { space: at.clone() })?;
    if sent.is_default == Some(false) && spaces::show(ask.visitor()?, &at)?.is_default {
        let words = "This is the default space until another is. Make another one the default in its place.";
        return Err(Error::invalid("IsDefault", words));
    }
    let fields = sent.fields(ask, Some(this))?;
    access::change(ask, &query, || spaces::edit(&granted, fields), |saved| Ok(Json(draw(ask, &saved)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    spaces::delete(&ask.visitor()?.ask(SpaceDelete { space: located(ask)? })?)?;
    Ok(Done)
}
