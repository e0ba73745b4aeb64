//! Answers about access: test permissions (`access-rules §8`), why, who, what if, and the review.

use super::{
    caller::{Ask, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids::{self, Id, Kind},
        paging::Listed,
    },
    company::{
        access::{
            At, Granted, Locate, Spot, Within,
            permissions::{Info, List, TeamView, UserEdit, UserRoleView, UserView, in_roles, named},
            policy::{Dimension, Grant},
        },
        answers::{self, Chart, Line, Names, Proofs, Reviewed, Show, Wanted, Where},
        teams,
    },
    http::download::Download,
};
use serde_json::{Map, Value, json};

/// A file that is made at once.
fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Result<Reply> {
    let mut whole = Some(bytes);
    Reply::file(Download::new(kind, name, Box::new(move || Ok(whole.take()))))
}

/// Whether a preview is asked for instead of the change itself: `?preview=true`.
pub(super) fn is_preview(ask: &Ask) -> bool {
    ask.asked_bool("preview") == Some(true)
}

/// Carries a change of access out, as clients of the API expect, without asking back; or, where its preview is asked for,
/// tells what it would change, and changes nothing. What pages have confirmed stands in the preview: `Dangers` and
/// `ReachesEveryone`.
pub(super) fn previewed<T>(
    ask: &Ask,
    command: impl FnOnce() -> Result<T>,
    done: impl FnOnce(T) -> Result<Reply>,
) -> Result<Reply> {
    if is_preview(ask) { told(&answers::preview(ask.visitor()?, command)?) } else { done(command()?) }
}

/// What a command would change, person by person.
pub(super) fn told(told: &answers::Preview) -> Result<Reply> {
    let affected = told.affected.iter().map(|one| {
        let people = one.people.iter().map(|(id, name)| json!({ "UserId": wire::<ids::User>(*id), "Name": name }));
        json!({ "People": people.collect::<Vec<_>>(), "Changes": one.bundles.iter().map(bundle).collect::<Vec<_>>() })
    });
    Reply::ok(json!({
        "Affected": affected.collect::<Vec<_>>(), "PeopleAffected": told.people(), "HiddenChanges": told.hidden,
        "IsComplete": told.hidden == 0, "Dangers": told.dangers.iter().map(|danger| danger.word()).collect::<Vec<_>>(),
        "ReachesEveryone": told.reaches_everyone, "Customers": told.customers.len(), "Newcomers": told.newcomers.iter().map(bundle).collect::<Vec<_>>(),
    }))
}

fn bundle(bundle: &answers::Bundle) -> Value {
    json!({
        "Change": if bundle.gained { "Gained" } else { "Lost" }, "Permissions": bundle.permissions,
        "SpaceId": bundle.space.as_ref().map(|(id, _)| wire::<ids::Space>(*id)),
        "SpaceName": bundle.space.as_ref().map(|(_, name)| name), "Where": bundle.place,
        "From": bundle.from.map(Moment::wire), "Until": bundle.until.map(Moment::wire),
        "Dangers": bundle.dangers.iter().map(|danger| danger.word()).collect::<Vec<_>>(),
    })
}

// ------------------------------------------------------------------ test permissions

/// A team that somebody is in.
pub(super) fn team(team: &teams::Team, own: &str) -> Value {
    json!({
        "Id": team.wire_id(), "Name": team.name, "SpaceId": team.space.map(|space| space.to_string()),
        "IsDirectlyAssigned": team.has_members(), "ExternalGroupNames": [], "Links": { "Self": format!("{own}/{}", team.wire_id()) },
    })
}

fn is_me(ask: &Ask, text: &str) -> Result<bool> {
    let user = ask.visitor()?.user();
    Ok(user.is_some() && (text.eq_ignore_ascii_case("me") || Id::<ids::User>::parse(text) == user))
}

/// `spaces`, `includeSystem`, or the space of the path.
pub(super) fn wanted(ask: &Ask) -> Result<Wanted> {
    let spaces = match ask.parameter("space") {
        "" => ask.asked_ids::<ids::Space>("spaces").filter(|asked| !asked.is_empty()),
        _ => Some(vec![ask.space()?.id().0]),
    };
    Ok(Wanted { spaces, without_system: ask.asked_bool("includeSystem") == Some(false) })
}

fn chart(ask: &Ask) -> Result<Chart> {
    let visitor = ask.visitor()?;
    let wanted = wanted(ask)?;
    if is_me(ask, ask.parameter("id"))? {
        return answers::own(&visitor.myself()?, &wanted);
    }
    let granted = visitor.ask(UserView {})?;
    let user: At<ids::User> = visitor.locate(Within::Company, ask.parameter("id"))?;
    answers::of(&granted, &user, &wanted)
}

/// What a user may do, grant by grant, as the wire tells it.
pub(super) fn permissions(ask: &Ask) -> Result<Reply> {
    let chart = chart(ask)?;
    let mut system: Vec<&str> =
        chart.lines.iter().filter(|line| line.grant.space.is_none()).map(|line| line.permission.name).collect();
    system.sort_unstable();
    system.dedup();
    let mut in_space: Map<String, Value> = Map::new();
    for line in &chart.lines {
        let Some(space) = line.grant.space else { continue };
        let entry = in_space.entry(line.permission.name.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(list) = entry {
            let told = restriction(&chart, line, space);
            if !list.contains(&told) {
                list.push(told);
            }
        }
    }
    let api = resource::api(ask);
    let own = format!("{api}/users/{}/permissions", chart.user);
    let teams_own = format!("{api}/teams");
    let teams = chart.teams.iter().map(|team| self::team(team, &teams_own));
    Reply::ok(json!({
        "Id": chart.user.to_string(), "SystemPermissions": system, "SpacePermissions": in_space,
        "Teams": teams.collect::<Vec<_>>(), "IsPermissionsComplete": chart.is_complete,
        "IsTeamsComplete": chart.is_teams_complete, "IsNarrowedByKey": chart.is_narrowed,
        "Links": { "Self": own, "Export": format!("{own}/export{{?spaces,includeSystem}}") },
    }))
}

/// The same as a table, one line a grant.
pub(super) fn export(ask: &Ask) -> Result<Reply> {
    let chart = chart(ask)?;
    file("text/csv; charset=utf-8", &format!("permissions-{}.csv", chart.user), chart.csv()?)
}

fn restriction(chart: &Chart, line: &Line, space: i64) -> Value {
    fn told<T: Kind>(limit: Where, own: bool, word: &str) -> Value {
        match limit {
            Where::Unrelated => json!([format!("{word}-unrelated")]),
            Where::All => json!([format!("{word}-all")]),
            Where::Only(ids) => {
                ids.iter().filter(|(_, name)| own || name.is_some()).map(|(id, _)| json!(wire::<T>(*id))).collect()
            }
        }
    }
    let limit = |dimension| chart.names.limit(&line.grant, line.permission, dimension);
    // A project group stands for its projects too.
    let projects = match (limit(Dimension::Project), chart.projects(line)) {
        (Where::Unrelated, _) => json!(["projects-unrelated"]),
        (_, None) => json!(["projects-all"]),
        (_, Some(ids)) => ids.into_iter().map(|id| json!(wire::<ids::Project>(id))).collect(),
    };
    json!({
        "SpaceId": wire::<ids::Space>(space),
        "RestrictedToProjectIds": projects,
        "RestrictedToProjectGroupIds": told::<ids::ProjectGroup>(limit(Dimension::Group), chart.is_own, "projectgroups"),
        "RestrictedToEnvironmentIds": told::<ids::Environment>(limit(Dimension::Environment), chart.is_own, "environments"),
        "RestrictedToTenantIds": told::<ids::Tenant>(limit(Dimension::Tenant), chart.is_own, "tenants"),
        "RestrictedToRunbookIds": told::<ids::Runbook>(limit(Dimension::Runbook), chart.is_own, "runbooks"),
    })
}

// ------------------------------------------------------------------ why and who

fn permission(ask: &Ask) -> Result<&'static Info> {
    let name = ask.asked_text("permission");
    let here = |info: &&'static Info| {
        in_roles(ask.company().is_ok_and(|company| company.is_operators())).any(|one| one.key == info.key)
    };
    named(name.trim()).filter(here).ok_or_else(|| {
        Error::invalid("permission", "Name a permission, such as DeploymentCreate; /api/permissions/all lists them.")
    })
}

/// The place that is asked about: `space`, `projectGroup`, `project`, `environment`, `tenant`, `runbook`, each by id or,
/// in its space, by name; `tenant=none` is work for no tenant.
fn spot(ask: &Ask, info: &Info) -> Result<Spot> {
    let visitor = ask.visitor()?;
    let asked = |name: &str| Some(ask.asked_text(name).trim().to_owned()).filter(|text| !text.is_empty());
    if answers::is_system(info) {
        return Ok(Spot::default());
    }
    let Some(space) = asked("space") else {
        if info.at_system() {
            return Ok(Spot::default());
        }
        return Err(Error::invalid("space", "This permission is held in a space. Say in which."));
    };
    let space = visitor.locate_space(&space)?;
    fn one<T: Locate>(ask: &Ask, space: &At<ids::Space>, text: Option<String>) -> Result<Option<At<T>>> {
        text.map(|text| ask.visitor()?.locate::<T>(space, &text)).transpose()
    }
    let project: Option<At<ids::Project>> = one(ask, &space, asked("project"))?;
    let runbook = match (asked("runbook"), &project) {
        (Some(text), Some(project)) => Some(visitor.locate::<ids::Runbook>(project, &text)?),
        (text, None) => one(ask, &space, text)?,
        (None, _) => None,
    };
    let tenant = asked("tenant");
    let untenanted = tenant.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("none"));
    Spot {
        group: one(ask, &space, asked("projectGroup"))?,
        environment: one(ask, &space, asked("environment"))?,
        tenant: one(ask, &space, tenant.filter(|_| !untenanted))?,
        untenanted,
        project,
        runbook,
        space: Some(space),
    }
    .seen_by(visitor)
}

fn through(names: &Names, line: &Line) -> Value {
    let limit = |dimension| match names.limit(&line.grant, line.permission, dimension) {
        Where::Unrelated | Where::All => Value::Null,
        Where::Only(ids) => ids.iter().filter_map(|(_, name)| name.as_ref().map(|name| json!(name))).collect(),
    };
    let Grant { team, role, space, until, .. } = &line.grant;
    json!({
        "TeamId": names.team(*team).map(|(wire, _)| wire), "TeamName": names.team(*team).map(|(_, name)| name),
        "UserRoleId": names.role(*role).map(|(wire, _)| wire), "UserRoleName": names.role(*role).map(|(_, name)| name),
        "ScopedUserRoleId": (line.assignment > 0 && names.team(*team).is_some()).then(|| wire::<ids::ScopedUserRole>(line.assignment)),
        "SpaceId": space.map(wire::<ids::Space>), "ExpiresAt": until.map(Moment::wire),
        "ProjectGroups": limit(Dimension::Group), "Projects": limit(Dimension::Project),
        "Environments": limit(Dimension::Environment), "Tenants": limit(Dimension::Tenant), "Runbooks": limit(Dimension::Runbook),
    })
}

/// Why somebody may or may not do something somewhere.
pub(super) fn why(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let user = ask.asked_text("user");
    let mine = user.trim().is_empty() || is_me(ask, user.trim())?;
    let granted = if mine { None } else { Some(visitor.ask(UserView {})?) };
    let info = permission(ask)?;
    let spot = spot(ask, info)?;
    let found = match &granted {
        None => answers::why_me(&visitor.myself()?, info, &spot)?,
        Some(granted) => answers::why(granted, &visitor.locate(Within::Company, user.trim())?, info, &spot)?,
    };
    let asked = spot.space.as_ref().map(|space| space.id().0);
    let grants = found.verdicts.iter().map(|verdict| {
        let mut told = through(&found.names, &verdict.line);
        told["Allows"] = json!(verdict.answer.is_ok());
        told["RefusedBy"] = json!(verdict.answer.err().map(answers::refusal_wire));
        told["Reason"] = json!(verdict.answer.err().map(|reason| answers::refusal_words(
            reason,
            &verdict.line,
            &found.names,
            asked
        )));
        told
    });
    Reply::ok(json!({
        "UserId": found.user.to_string(), "Name": found.name, "Permission": info.name, "Allowed": found.allowed,
        "CanSignIn": found.is_active, "Grants": grants.collect::<Vec<_>>(), "HiddenGrants": found.hidden,
    }))
}

/// Who may do something somewhere.
pub(super) fn who(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let info = permission(ask)?;
    let spot = spot(ask, info)?;
    let found = answers::who(&granted, info, &spot, &ask.asked_text("filter"))?;
    let own = format!("{}/access/who", resource::api(ask));
    let listed = Listed::from_all(ask.page(), found.holders);
    let template = "permission,space,projectGroup,project,environment,tenant,runbook,filter,skip,take";
    resource::collection(ask, &own, "PermissionHolder", listed, ask.page(), template, |(one, lines)| {
        json!({
            "UserId": wire::<ids::User>(one.id), "Name": one.name, "IsService": one.is_service,
            "Through": lines.iter().map(|line| through(&found.names, line)).collect::<Vec<_>>(),
        })
    })
}

// ------------------------------------------------------------------ the review

fn reviewing<T>(ask: &Ask, work: impl FnOnce(&Proofs<'_, '_>) -> Result<T>) -> Result<T> {
    let visitor = ask.visitor()?;
    let people: Granted<'_, UserView> = visitor.ask(UserView {})?;
    let roles = visitor.ask(UserRoleView {})?;
    let teams = visitor.ask(List::<TeamView>::system())?;
    work(&Proofs { people: &people, roles: &roles, teams: &teams })
}

fn drawn(one: &Reviewed) -> Value {
    let access = one.access.iter().map(|access| {
        json!({
            "TeamId": wire::<ids::Team>(access.team), "ScopedUserRoleId": wire::<ids::ScopedUserRole>(access.assignment),
            "TeamName": access.through.0, "UserRoleName": access.through.1, "Where": access.place,
            "ExpiresAt": access.until.map(Moment::wire), "Permissions": access.rights,
            "LastUsed": access.last_used.map(crate::base::clock::day_of), "NotUsed": access.unused,
        })
    });
    json!({
        "UserId": wire::<ids::User>(one.who.id), "Name": one.who.name, "Username": one.username, "EmailAddress": one.email,
        "State": one.state, "IsService": one.who.is_service, "HasSecondFactor": one.has_second_factor,
        "LastSeen": one.last_seen_at.map(Moment::wire), "IsInactive": one.is_idle, "CanGiveAccess": one.administers,
        "Permissions": one.rights, "NotUsed": one.unused, "Access": access.collect::<Vec<_>>(),
        "Suggestions": one.removals.iter().map(|removal| removal.words(&one.who.name)).collect::<Vec<_>>(),
    })
}

/// Who may do what and when they last did: a page of people.
pub(super) fn review(ask: &Ask) -> Result<Reply> {
    let own = format!("{}/access/review", resource::api(ask));
    let show = Show::of(&ask.asked_text("show"));
    let (listed, counts) =
        reviewing(ask, |proofs| answers::review(proofs, show, &ask.asked_text("filter"), ask.page()))?;
    let mut told =
        resource::collection_value(ask, &own, "AccessReview", listed, ask.page(), "show,filter,skip,take", drawn);
    told["Counts"] = json!({
        "People": counts.people, "WithUnusedPermissions": counts.unused, "WithoutSecondFactor": counts.no_factor,
        "Inactive": counts.idle, "Ending": counts.ending, "CanGiveAccess": counts.administer,
    });
    Reply::ok(told)
}

/// All of it as a table.
pub(super) fn review_export(ask: &Ask) -> Result<Reply> {
    let bytes = reviewing(ask, answers::csv)?;
    file("text/csv; charset=utf-8", &format!("access-{}.csv", ask.company()?.slug()), bytes)
}

fn drawn_sign_off(one: &answers::SignOff) -> Value {
    json!({
        "SignedOff": one.at.wire(), "SignedOffBy": one.reviewer, "Note": one.note, "People": one.people,
        "PeopleWithUnusedPermissions": one.unused,
    })
}

/// The last reviews that were signed off.
pub(super) fn sign_offs(ask: &Ask) -> Result<Reply> {
    let all = reviewing(ask, |proofs| answers::sign_offs(proofs.people))?;
    resource::bare(&all, drawn_sign_off)
}

/// Signs the review off.
pub(super) fn sign_off(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    let made = reviewing(ask, |proofs| answers::sign_off(&granted, proofs, &ask.body.text("Note")))?;
    Reply::created(drawn_sign_off(&made))
}
