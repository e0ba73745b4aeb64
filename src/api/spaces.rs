//! `/api/spaces`.

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
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
use serde_json::{Value, json};

fn draw(ask: &Ask, space: &Space) -> Result<Value> {
    let visitor = ask.visitor()?;
    // Who manages a space is told to those who may list spaces.
    let managers = if visitor.may(SpaceView {}) {
        spaces::managers(&visitor.ask(SpaceView {})?, space.id)?
    } else {
        Managers::default()
    };
    let mut teams = vec![format!("teams-spacemanagers-{}", space.id)];
    teams.extend(managers.teams.iter().map(ToString::to_string));
    let people: Vec<String> = managers.people.iter().map(ToString::to_string).collect();
    let own = format!("{}/spaces/{}", resource::api(ask), space.id);
    let mut links = resource::links(&own, &[("Search", "/search{?keyword}")]);
    links["Web"] = json!(format!("/{}/app#/{}", ask.company()?.slug(), space.id));
    Ok(json!({
        "Id": space.id.to_string(), "Name": space.name, "Slug": space.slug, "Description": space.description,
        "IsDefault": space.is_default, "IsPrivate": false, "TaskQueueStopped": space.task_queue_stopped,
        "SpaceManagersTeams": teams, "SpaceManagersTeamMembers": people, "ExtensionSettings": [], "Links": links,
    }))
}

fn drawn(ask: &Ask, spaces: &[Space]) -> Result<Vec<Value>> {
    spaces.iter().map(|space| draw(ask, space)).collect()
}

fn filter(ask: &Ask) -> Filter {
    Filter { partial_name: ask.asked_text("partialName"), ids: ask.asked_ids::<ids::Space>("ids") }
}

fn located(ask: &Ask) -> Result<At<ids::Space>> {
    ask.visitor()?.locate_space(ask.parameter("id"))
}

fn many<T: Locate>(ask: &Ask, field: &str, word: &str) -> Result<Vec<Id<T>>> {
    let visitor = ask.visitor()?;
    let one = |text: &String| match visitor.locate::<T>(Within::Company, text) {
        Ok(at) => Ok(at.id()),
        Err(Error::NotFound(_)) => Err(Error::invalid(field, format!("There is no {word} {text}."))),
        Err(error) => Err(error),
    };
    ask.body.texts(field).iter().map(one).collect()
}

/// The managers' teams of a space, and people who come with a managers' team of another: that stays in its space, as all
/// that is in one, so its people are named in its place.
fn teams_and_people(ask: &Ask, this: Option<i64>) -> Result<Managers> {
    let visitor = ask.visitor()?;
    let (mut fitting, mut people) = (Vec::new(), Vec::new());
    for text in ask.body.texts("SpaceManagersTeams") {
        let wrong = |why: String| Error::invalid("SpaceManagersTeams", why);
        let at: At<ids::Team> = match visitor.locate(Within::Company, &text) {
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

fn fields(ask: &Ask, this: Option<i64>) -> Result<Fields> {
    let told = ask.body.has("SpaceManagersTeams") || ask.body.has("SpaceManagersTeamMembers");
    let managers = if told {
        let Managers { teams, people: more } = teams_and_people(ask, this)?;
        let mut people = many::<ids::User>(ask, "SpaceManagersTeamMembers", "user")?;
        people.extend(more);
        people.sort_unstable();
        people.dedup();
        Some(Managers { people, teams })
    } else {
        None
    };
    Ok(Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        task_queue_stopped: ask.body.bool("TaskQueueStopped"),
        is_default: ask.body.bool("IsDefault"),
        managers,
    })
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let listed = spaces::list(ask.visitor()?, &filter(ask), ask.page())?;
    let items = drawn(ask, &listed.items)?;
    let own = format!("{}/spaces", resource::api(ask));
    let listed = crate::base::paging::Listed { items, total: listed.total };
    resource::collection(ask, &own, "Space", listed, ask.page(), "skip,take,ids,partialName", Clone::clone)
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    Reply::ok(drawn(ask, &spaces::list(ask.visitor()?, &filter(ask), Page::ALL)?.items)?.into())
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    Reply::ok(draw(ask, &spaces::show(ask.visitor()?, &located(ask)?)?)?)
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(SpaceCreate {})?;
    let fields = fields(ask, None)?;
    super::answers::previewed(ask, || spaces::create(&granted, fields), |made| Reply::created(draw(ask, &made)?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let at = located(ask)?;
    let this = at.id().0;
    let granted = ask.visitor()?.ask(SpaceEdit { space: at })?;
    let fields = fields(ask, Some(this))?;
    super::answers::previewed(ask, || spaces::edit(&granted, fields), |saved| Reply::ok(draw(ask, &saved)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    spaces::delete(&ask.visitor()?.ask(SpaceDelete { space: located(ask)? })?)?;
    Reply::done()
}
