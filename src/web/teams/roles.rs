//! Roles on a team, each with its scope.

use super::{base, located};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Result},
        ids::{Environment, Id, Kind, Project, ProjectGroup, Runbook, ScopedUserRole, Space, Team, Tenant},
        paging::Page,
    },
    company::{
        access::{
            At, TeamPart,
            permissions::{
                EnvironmentView, List, ProjectGroupView, ProjectView, RunbookView, TeamEdit, TeamView, TenantView,
                UserRoleView,
            },
            policy::Dimension,
        },
        environments, projects, runbooks,
        teams::{self, ScopedFields, ScopedRole},
        tenants,
    },
    http::call::Form as Sent,
    web::{
        answers::preview::{Change, Checked, guarded},
        caller::{Answer, Visit},
        form::refuse,
        page::{Chip, Choice, FieldView, FormView, Frame, ScopePicker},
        people::access,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "teams/role.html")]
struct RolePage {
    frame: Frame,
    form: FormView,
    pickers: Vec<ScopePicker>,
    space_chosen: bool,
    /// Where the form goes to be drawn with the limits of the space chosen.
    limits_href: String,
    /// Whom roles of Everyone reach; empty for any other team.
    reach: String,
}

/// A role that ends within so long is marked, in milliseconds.
const SOON: i64 = 14 * DAY;

/// Marks a role that has ended or ends soon.
pub(in crate::web) fn ending(role: &ScopedRole) -> Option<Chip> {
    let until = role.until?;
    if role.has_ended() {
        return Some(Chip::new("cancelled", "Ended"));
    }
    (until.0 - clock::now().0 <= SOON).then(|| Chip::new("warning", "Ends soon"))
}

/// Whether the visitor may change a role of this team in this space.
pub(super) fn may_change(visit: &Visit, team: &At<Team>, space: Option<Id<Space>>) -> bool {
    if visit.visitor.may(TeamEdit { team: TeamPart::Whole(team.clone()) }) {
        return true;
    }
    let inside = space.and_then(|space| visit.visitor.locate_space(&space.to_string()).ok());
    inside.is_some_and(|space| visit.visitor.may(TeamEdit { team: TeamPart::RolesIn(team.clone(), space) }))
}

/// Whether the visitor may change roles of this team in any space.
pub(super) fn may_change_somewhere(visit: &Visit, team: &At<Team>) -> bool {
    let spaces = visit.visitor.spaces().unwrap_or_default();
    spaces.iter().any(|space| may_change(visit, team, Some(space.id)))
}

/// What the form holds, as it was typed or as it is stored.
#[derive(Default)]
struct Typed {
    role: String,
    space: String,
    groups: Vec<String>,
    projects: Vec<String>,
    environments: Vec<String>,
    tenants: Vec<String>,
    runbooks: Vec<String>,
    until: String,
}

impl Typed {
    fn sent(sent: &Sent) -> Typed {
        Typed {
            role: sent.text("role").into(),
            space: sent.text("space").into(),
            groups: sent.all("groups"),
            projects: sent.all("projects"),
            environments: sent.all("environments"),
            tenants: sent.all("tenants"),
            runbooks: sent.all("runbooks"),
            until: sent.text("until").into(),
        }
    }
    fn stored(role: &ScopedRole) -> Typed {
        fn wire<T: Kind>(limits: &[teams::Limited]) -> Vec<String> {
            limits.iter().map(|one| Id::<T>::new(one.id).to_string()).collect()
        }
        Typed {
            role: role.role.to_string(),
            space: role.space.map(|space| space.to_string()).unwrap_or_default(),
            groups: wire::<ProjectGroup>(&role.scope.groups),
            projects: wire::<Project>(&role.scope.projects),
            environments: wire::<Environment>(&role.scope.environments),
            tenants: wire::<Tenant>(&role.scope.tenants),
            runbooks: wire::<Runbook>(&role.scope.runbooks),
            until: role.until.map(|until| until.wire()[..16].to_owned()).unwrap_or_default(),
        }
    }
    fn fields(&self) -> Result<ScopedFields> {
        fn ids<T: Kind>(texts: &[String], field: &str) -> Result<Vec<Id<T>>> {
            let wrong = |text: &String| Error::invalid(field, format!("“{text}” is not there."));
            texts.iter().map(|text| Id::parse(text).ok_or_else(|| wrong(text))).collect()
        }
        let until =
            match self.until.trim() {
                "" => None,
                text => {
                    let whole = match text.len() {
                        10 => format!("{text}T23:59:59Z"),
                        16 => format!("{text}:00Z"),
                        _ => format!("{}Z", text.trim_end_matches('Z')),
                    };
                    let moment = Moment::parse(&whole);
                    Some(moment.ok_or_else(|| {
                        Error::invalid("ExpiresAt", "Give a day and a time, such as 2026-12-31T18:00.")
                    })?)
                }
            };
        Ok(ScopedFields {
            role: Id::parse(&self.role),
            space: Id::parse(&self.space),
            groups: ids(&self.groups, "ProjectGroupIds")?,
            projects: ids(&self.projects, "ProjectIds")?,
            environments: ids(&self.environments, "EnvironmentIds")?,
            tenants: ids(&self.tenants, "TenantIds")?,
            runbooks: ids(&self.runbooks, "RunbookIds")?,
            until,
        })
    }
}

const NAMES: [(&str, &str); 8] = [
    ("UserRoleId", "role"),
    ("SpaceId", "space"),
    ("ProjectGroupIds", "groups"),
    ("ProjectIds", "projects"),
    ("EnvironmentIds", "environments"),
    ("TenantIds", "tenants"),
    ("RunbookIds", "runbooks"),
    ("ExpiresAt", "until"),
];

fn draw(
    visit: &Visit,
    team: &At<Team>,
    action: String,
    submit: &str,
    title: &str,
    typed: &Typed,
    error: Option<Error>,
) -> Result<Answer> {
    let granted = visit.visitor.ask(TeamView { team: team.clone() })?;
    let shown = teams::show(&granted)?;
    let back = format!("{}/{}", base(visit), shown.id);
    let roles = if visit.visitor.may(UserRoleView {}) {
        teams::list_roles(&visit.visitor.ask(UserRoleView {})?)?
    } else {
        Vec::new()
    };
    // What the role chosen has an effect on, and what of it no limit reaches.
    let chosen_role = roles.iter().find(|role| role.id.to_string() == typed.role);
    let applies = chosen_role.map(|role| role.permissions.dimensions());
    let beyond = match chosen_role {
        Some(role) if shown.space.is_some() || !typed.space.is_empty() => teams::beyond(&role.permissions),
        _ => String::new(),
    };
    let roles = roles.into_iter().map(|role| {
        let id = role.id.to_string();
        Choice::new(id.clone(), role.name).hint(role.description).chosen(id == typed.role)
    });
    let mut form = FormView::new(action, submit).field(
        FieldView::select(
            "role",
            "User role",
            std::iter::once(Choice::new("", "Choose a role")).chain(roles).collect(),
        )
        .help(match (beyond.is_empty(), crate::web::settings::factor_note(visit)) {
            (true, note) => note.unwrap_or_default(),
            (false, None) => format!("{beyond}."),
            (false, Some(note)) => format!("{beyond}. {note}"),
        })
        .required(),
    );
    // A space's own team has its roles there; any other names a space for them.
    let space = shown.space.map(|space| space.to_string()).unwrap_or_else(|| typed.space.clone());
    if shown.space.is_none() {
        let spaces = visit.visitor.spaces()?.into_iter().map(|row| {
            let id = row.id.to_string();
            Choice::new(id.clone(), row.name).chosen(id == typed.space)
        });
        let none = Choice::new("", "None: only what it allows in the company as a whole");
        form = form.field(
            FieldView::select("space", "Space", std::iter::once(none).chain(spaces).collect())
                .help("Where what it allows in a space holds."),
        );
    }
    form = form
        .field(
            FieldView::moment("until", "Ends at")
                .value(&typed.until)
                .help("In UTC. Leave it empty to let it last. That it ended is told in the trail."),
        )
        .cancel(back.clone());
    let chosen = [&typed.groups[..], &typed.projects, &typed.environments, &typed.tenants, &typed.runbooks];
    let mut pickers = if space.is_empty() { Vec::new() } else { pickers(visit, &space, chosen)? };
    // A limit that the role drops is not offered; one that stands already is shown, so that it can be taken out.
    if let Some(applies) = applies {
        let of = |name: &str| match name {
            "groups" => Dimension::Group,
            "projects" => Dimension::Project,
            "environments" => Dimension::Environment,
            "tenants" => Dimension::Tenant,
            _ => Dimension::Runbook,
        };
        pickers.retain(|picker| applies.contains(&of(&picker.name)) || picker.choices.iter().any(|one| one.chosen));
    }
    let refused = error.is_some();
    if let Some(error) = error {
        if let Error::Invalid(wrong) = &error {
            for picker in &mut pickers {
                let wire = NAMES.iter().find(|(_, name)| *name == picker.name).map_or("", |(wire, _)| wire);
                if let Some(message) = wrong.of(wire) {
                    picker.error = message.to_owned();
                }
            }
        }
        form = refuse(form, error, &NAMES)?;
    }
    let frame = access(visit, title, "teams").crumb("Teams", base(visit)).crumb(&shown.name, back);
    let limits_href =
        if shown.space.is_none() { format!("{}/{}/roles/new", base(visit), shown.id) } else { String::new() };
    let reach = if shown.has_members() { String::new() } else { super::reach(&granted, &shown)? };
    let page = RolePage { frame, form, space_chosen: !space.is_empty(), pickers, limits_href, reach };
    Answer::shown(&page, refused)
}

/// What a role or a key can be limited to in a space, as far as the visitor may see it: project groups, projects,
/// environments, tenants, runbooks, with what is chosen of each. What is chosen and cannot be seen, or is gone, stays chosen
/// until its tick is taken out: a limit to it alone lets nothing through, and no limit would let everything.
pub(in crate::web) fn pickers(visit: &Visit, space: &str, chosen: [&[String]; 5]) -> Result<Vec<ScopePicker>> {
    let [groups, projects_chosen, environments_chosen, tenants_chosen, runbooks_chosen] = chosen;
    let visitor = &visit.visitor;
    let at = visitor.locate_space(space)?;
    let mut projects_seen: Vec<(Id<Project>, String)> = Vec::new();
    let mut seen: [Option<Vec<Choice>>; 5] = Default::default();
    if visitor.may_somewhere::<ProjectGroupView>(&at) {
        let granted = visitor.ask(List::<ProjectGroupView>::of(&at))?;
        let all = projects::groups::list(&granted, &projects::groups::Filter::default(), Page::ALL)?;
        seen[0] = Some(all.items.into_iter().map(|one| Choice::new(one.id.to_string(), one.name)).collect());
    }
    if visitor.may_somewhere::<ProjectView>(&at) {
        let all = projects::list(&visitor.ask(List::<ProjectView>::of(&at))?, &projects::Filter::default(), Page::ALL)?;
        projects_seen = all.items.into_iter().map(|one| (one.id, one.name)).collect();
        seen[1] = Some(projects_seen.iter().map(|(id, name)| Choice::new(id.to_string(), name)).collect());
    }
    if visitor.may_somewhere::<EnvironmentView>(&at) {
        let granted = visitor.ask(List::<EnvironmentView>::of(&at))?;
        let all = environments::list(&granted, &environments::Filter::default(), Page::ALL)?;
        seen[2] = Some(all.items.into_iter().map(|one| Choice::new(one.id.to_string(), one.name)).collect());
    }
    if visitor.may_somewhere::<TenantView>(&at) {
        let all = tenants::list(&visitor.ask(List::<TenantView>::of(&at))?, &tenants::Filter::default(), Page::ALL)?;
        seen[3] = Some(all.items.into_iter().map(|one| Choice::new(one.id.to_string(), one.name)).collect());
    }
    if visitor.may_somewhere::<RunbookView>(&at) {
        let granted = visitor.ask(List::<RunbookView>::of(&at))?;
        let all = runbooks::list(&granted, &runbooks::Filter::default(), Page::ALL)?;
        // Two projects may each have one of the same name.
        let row = |one: runbooks::Runbook| {
            let of = projects_seen.iter().find(|(project, _)| *project == one.project).map_or("", |(_, name)| name);
            Choice::new(one.id.to_string(), one.name).hint(of)
        };
        seen[4] = Some(all.items.into_iter().map(row).collect()).filter(|rows: &Vec<Choice>| !rows.is_empty());
    }
    let [of_groups, of_projects, of_environments, of_tenants, of_runbooks] = seen;
    let runbooks_help = "Limits what is about runbooks and nothing else. Choose their projects above too, so that no other project is shown.";
    let pickers = [
        picker("groups", "Project groups", of_groups, groups).map(|one| one.all("All project groups")),
        picker("projects", "Projects", of_projects, projects_chosen)
            .map(|one| one.all("All projects, or those of the project groups chosen above")),
        picker("environments", "Environments", of_environments, environments_chosen)
            .map(|one| one.all("All environments, also those added later")),
        picker("tenants", "Tenants", of_tenants, tenants_chosen).map(|one| {
            one.all("All tenants, and work for none").help("Limited to tenants, it allows work for those tenants only.")
        }),
        picker("runbooks", "Runbooks", of_runbooks, runbooks_chosen)
            .map(|one| one.all("All runbooks, also those added later").help(runbooks_help)),
    ];
    Ok(pickers.into_iter().flatten().collect())
}

/// One of them, when anything may be seen or is chosen.
fn picker(name: &str, label: &str, seen: Option<Vec<Choice>>, chosen: &[String]) -> Option<ScopePicker> {
    if seen.is_none() && chosen.is_empty() {
        return None;
    }
    let is_chosen = |one: Choice| {
        let ticked = chosen.contains(&one.value);
        one.chosen(ticked)
    };
    let mut choices: Vec<Choice> = seen.unwrap_or_default().into_iter().map(is_chosen).collect();
    for id in chosen {
        if !choices.iter().any(|one| one.value == *id) {
            choices.push(Choice::new(id, id).hint("gone, or not yours to see").chosen(true));
        }
    }
    Some(ScopePicker::new(name, label, choices))
}

fn scoped(visit: &Visit) -> Result<Id<ScopedUserRole>> {
    let text = visit.parameter("role");
    Id::parse(text).ok_or_else(|| Error::NotFound(text.to_owned()))
}

fn asked_space(visit: &Visit, text: &str) -> Result<Option<At<Space>>> {
    if text.is_empty() { Ok(None) } else { visit.visitor.locate_space(text).map(Some) }
}

/// The form for another role; `?space=` draws it with that space's limits.
pub(in crate::web) fn add_form(visit: &Visit) -> Result<Answer> {
    let team = located(visit)?;
    let space = visit.call.asked("space").unwrap_or_default().to_owned();
    let typed =
        Typed { space: space.clone(), role: visit.call.asked("role").unwrap_or_default().into(), ..Typed::default() };
    if !may_change_somewhere(visit, &team) {
        teams::ask_roles(&visit.visitor, &team, asked_space(visit, &space)?.as_ref())?;
    }
    let action = format!("{}/{}/roles", base(visit), team.id());
    draw(visit, &team, action, "Give the team this role", "Give the team a role", &typed, None)
}

/// The form for another role was sent.
pub(in crate::web) fn add(visit: &Visit) -> Result<Answer> {
    let team = located(visit)?;
    let typed = Typed::sent(&visit.form());
    let space = asked_space(visit, &typed.space)?;
    let granted = teams::ask_roles(&visit.visitor, &team, space.as_ref())?;
    let back = format!("{}/{}", base(visit), team.id());
    let change = Change::new("What giving this role does", "Give the team this role", &back);
    let fields = typed.fields();
    match fields.and_then(|fields| guarded(visit, change, || teams::add_role(&granted, &fields))) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(_)) => Answer::done(back, "The team was given the role."),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            let action = format!("{}/{}/roles", base(visit), team.id());
            draw(visit, &team, action, "Give the team this role", "Give the team a role", &typed, Some(error))
        }
        Err(error) => Err(error),
    }
}

/// The form for changing a role.
pub(in crate::web) fn change_form(visit: &Visit) -> Result<Answer> {
    let team = located(visit)?;
    let id = scoped(visit)?;
    let role = teams::role(&visit.visitor.ask(TeamView { team: team.clone() })?, id)?;
    let space = role.space.map(|space| visit.visitor.locate_space(&space.to_string())).transpose()?;
    teams::ask_roles(&visit.visitor, &team, space.as_ref())?;
    let action = format!("{}/{}/roles/{id}", base(visit), team.id());
    draw(visit, &team, action, "Save the role", "Change the role", &Typed::stored(&role), None)
}

/// The form for changing a role was sent.
pub(in crate::web) fn change(visit: &Visit) -> Result<Answer> {
    let team = located(visit)?;
    let id = scoped(visit)?;
    let typed = Typed::sent(&visit.form());
    let space = asked_space(visit, &typed.space)?;
    let granted = teams::ask_roles(&visit.visitor, &team, space.as_ref())?;
    let back = format!("{}/{}", base(visit), team.id());
    let change = Change::new("What changing this role does", "Save the role", &back);
    let fields = typed.fields();
    match fields.and_then(|fields| guarded(visit, change, || teams::change_role(&granted, id, &fields))) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(())) => Answer::done(back, "The role was saved."),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            let action = format!("{}/{}/roles/{id}", base(visit), team.id());
            draw(visit, &team, action, "Save the role", "Change the role", &typed, Some(error))
        }
        Err(error) => Err(error),
    }
}

/// Takes a role from a team.
pub(in crate::web) fn remove(visit: &Visit) -> Result<Answer> {
    let team = located(visit)?;
    let id = scoped(visit)?;
    let role = teams::role(&visit.visitor.ask(TeamView { team: team.clone() })?, id)?;
    let space = role.space.map(|space| visit.visitor.locate_space(&space.to_string())).transpose()?;
    let granted = teams::ask_roles(&visit.visitor, &team, space.as_ref())?;
    let back = format!("{}/{}", base(visit), team.id());
    let change = Change::new("What taking this role away does", "Take it from the team", &back);
    match guarded(visit, change, || teams::remove_role(&granted, id)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(())) => Answer::done(back, "The role was taken from the team."),
        Err(Error::Conflict(sentence)) => super::show_page(visit, &team, &sentence, None),
        Err(error) => Err(error),
    }
}
