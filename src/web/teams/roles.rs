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

/// Whom a role of Everyone reaches must have been read.
fn confirmed(visit: &Visit, team: &At<Team>, typed: &Typed) -> Result<()> {
    let shown = teams::show(&visit.visitor.ask(TeamView { team: team.clone() })?)?;
    if shown.has_members() || typed.reach {
        return Ok(());
    }
    Err(Error::invalid("reach", "Confirm that you mean everybody."))
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
    /// Whom it reaches was read: for Everyone.
    reach: bool,
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
            reach: sent.ticked("reach"),
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
            reach: false,
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
    let shown = teams::show(&visit.visitor.ask(TeamView { team: team.clone() })?)?;
    let back = format!("{}/{}", base(visit), shown.id);
    let roles = if visit.visitor.may(UserRoleView {}) {
        teams::list_roles(&visit.visitor.ask(UserRoleView {})?)?
    } else {
        Vec::new()
    };
    let roles = roles.into_iter().map(|role| {
        let id = role.id.to_string();
        Choice::new(id.clone(), role.name).chosen(id == typed.role)
    });
    let mut form = FormView::new(action, submit).field(
        FieldView::select(
            "role",
            "User role",
            std::iter::once(Choice::new("", "Choose a role")).chain(roles).collect(),
        )
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
    if !shown.has_members() {
        form = form.field(FieldView::checkbox("reach", "I mean everybody, also those who come later", typed.reach));
    }
    let chosen = [&typed.groups[..], &typed.projects, &typed.environments, &typed.tenants, &typed.runbooks];
    let mut pickers = if space.is_empty() { Vec::new() } else { pickers(visit, &space, chosen)? };
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
    let reach = if shown.has_members() { String::new() } else { super::reach(&shown) };
    let page = RolePage { frame, form, space_chosen: !space.is_empty(), pickers, limits_href, reach };
    Answer::shown(&page, refused)
}

/// What a role or a key can be limited to in a space, as far as the visitor may see it: project groups, projects,
/// environments, tenants, runbooks, with what is chosen of each. Limits to what the visitor cannot see are kept by the command.
pub(in crate::web) fn pickers(visit: &Visit, space: &str, chosen: [&[String]; 5]) -> Result<Vec<ScopePicker>> {
    let [groups, projects_chosen, environments_chosen, tenants_chosen, runbooks_chosen] = chosen;
    let visitor = &visit.visitor;
    let at = visitor.locate_space(space)?;
    let choices = |rows: Vec<(String, String)>, chosen: &[String]| -> Vec<Choice> {
        rows.into_iter().map(|(id, name)| Choice::new(id.clone(), name).chosen(chosen.contains(&id))).collect()
    };
    let mut out = Vec::new();
    let mut projects_seen: Vec<(Id<Project>, String)> = Vec::new();
    if visitor.may_somewhere::<ProjectGroupView>(&at) {
        let all = projects::groups::list(
            &visitor.ask(List::<ProjectGroupView>::of(&at))?,
            &projects::groups::Filter::default(),
            Page::ALL,
        )?;
        let rows = all.items.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
        out.push(ScopePicker::new("groups", "Project groups", choices(rows, groups)).all("All project groups"));
    }
    if visitor.may_somewhere::<ProjectView>(&at) {
        let all = projects::list(&visitor.ask(List::<ProjectView>::of(&at))?, &projects::Filter::default(), Page::ALL)?;
        projects_seen = all.items.iter().map(|one| (one.id, one.name.clone())).collect();
        let rows = all.items.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
        out.push(
            ScopePicker::new("projects", "Projects", choices(rows, projects_chosen))
                .all("All projects, or those of the project groups chosen above"),
        );
    }
    if visitor.may_somewhere::<EnvironmentView>(&at) {
        let all = environments::list(
            &visitor.ask(List::<EnvironmentView>::of(&at))?,
            &environments::Filter::default(),
            Page::ALL,
        )?;
        let rows = all.items.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
        out.push(
            ScopePicker::new("environments", "Environments", choices(rows, environments_chosen))
                .all("All environments, also those added later"),
        );
    }
    if visitor.may_somewhere::<TenantView>(&at) {
        let all = tenants::list(&visitor.ask(List::<TenantView>::of(&at))?, &tenants::Filter::default(), Page::ALL)?;
        let rows = all.items.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
        out.push(
            ScopePicker::new("tenants", "Tenants", choices(rows, tenants_chosen))
                .all("All tenants, and work for none")
                .help("Limited to tenants, it allows work for those tenants only."),
        );
    }
    if visitor.may_somewhere::<RunbookView>(&at) {
        let granted = visitor.ask(List::<RunbookView>::of(&at))?;
        let all = runbooks::list(&granted, &runbooks::Filter::default(), Page::ALL)?;
        // Two projects may each have one of the same name.
        let row = |one: runbooks::Runbook| {
            let id = one.id.to_string();
            let of = projects_seen.iter().find(|(project, _)| *project == one.project).map_or("", |(_, name)| name);
            Choice::new(id.clone(), one.name).hint(of).chosen(runbooks_chosen.contains(&id))
        };
        let rows: Vec<Choice> = all.items.into_iter().map(row).collect();
        if !rows.is_empty() {
            out.push(
                ScopePicker::new("runbooks", "Runbooks", rows)
                    .all("All runbooks, also those added later")
                    .help("Limits what is about runbooks and nothing else. Choose their projects above too, so that no other project is shown."),
            );
        }
    }
    Ok(out)
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
    let fields = confirmed(visit, &team, &typed).and_then(|()| typed.fields());
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
    let fields = confirmed(visit, &team, &typed).and_then(|()| typed.fields());
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
