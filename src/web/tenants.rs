//! Pages of tenants: what runs for this customer, where, and what they are connected to.

mod connections;

pub(super) use connections::{connect, connections};

use super::{
    caller::{Answer, Visit},
    form::{self, FormPage},
    list::Asked,
    page::{Act, Cell, Chip, Choice, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, Timeline, count},
    seen, standing,
};
use crate::{
    base::{
        error::Result,
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, New,
            permissions::{
                DeploymentView, Inside, List as Listing, TeamView, TenantCreate, TenantDelete, TenantEdit, TenantView,
            },
        },
        dashboard, deployments,
        environments::Environment,
        projects::{self},
        tenants::{self, Fields, Filter, Tenant, selfservice, tags},
    },
};
use askama::Template;
use std::collections::HashSet;

#[derive(Template)]
#[template(path = "tenants/list.html")]
struct List {
    frame: Frame,
    add: Act,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    description: String,
    href: String,
    edit_href: String,
    may_edit: bool,
    tags: Vec<String>,
    projects: String,
    chip: Option<Chip>,
}
#[derive(Template)]
#[template(path = "tenants/show.html")]
struct Show {
    frame: Frame,
    copy: Act,
    connect: Act,
    change: Act,
    chip: Option<Chip>,
    sentence: String,
    tags: Vec<String>,
    rows: Vec<MatrixRow>,
    environments: Vec<String>,
    timeline: Timeline,
    about: Kv,
    people: Option<People>,
    removal: Option<ConfirmDelete>,
}
/// The tenant's own people, for who may see them or give them access.
struct People {
    sentence: String,
    give: Act,
}
struct MatrixRow {
    name: String,
    href: String,
    newest: String,
    cells: Vec<Cell>,
}
fn base(visit: &Visit) -> String {
    visit.space_path("/tenants")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    visit.frame("tenants", title)
}
fn located(visit: &Visit) -> Result<At<ids::Tenant>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("tenant"))
}
fn shown(visit: &Visit, at: &At<ids::Tenant>) -> Result<Tenant> {
    tenants::show(&visit.visitor.ask(TenantView { tenant: at.clone() })?)
}
fn disabled_chip(tenant: &Tenant) -> Option<Chip> {
    tenant.is_disabled.then(|| Chip::new("cancelled", "Disabled").title("Takes no deployments"))
}

fn tag_sets(visit: &Visit) -> Result<Vec<tags::TagSet>> {
    let granted = visit.visitor.ask(Inside { at: visit.space()? })?;
    Ok(tags::list(&granted, &tags::Filter::default(), Page::ALL)?.items)
}

/// All tenants.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<TenantView>::of(&space))?;
    let asked = Asked::of(visit);
    let (tag, state) = (visit.call.asked("tag").unwrap_or_default(), visit.call.asked("state").unwrap_or_default());
    let filter = Filter {
        partial_name: asked.search.into(),
        tags: Some(tag.to_owned()).filter(|tag| !tag.is_empty()).into_iter().collect(),
        is_disabled: match state {
            "disabled" => Some(true),
            "enabled" => Some(false),
            _ => None,
        },
        ..Filter::default()
    };
    let found = tenants::list(&granted, &filter, asked.page())?;
    let address = base(visit);
    let mut rows = Vec::new();
    for tenant in &found.items {
        let at: At<ids::Tenant> = visit.visitor.locate(&space, &tenant.id.to_string())?;
        let href = format!("{address}/{}", tenant.slug);
        rows.push(Row {
            name: tenant.name.clone(),
            description: tenant.description.lines().next().unwrap_or_default().to_owned(),
            edit_href: format!("{href}/edit"),
            may_edit: visit.visitor.may(TenantEdit { tenant: at }),
            href,
            tags: tenant.tags.clone(),
            projects: count(tenant.connections.len() as u64, "project", "projects"),
            chip: disabled_chip(tenant),
        });
    }
    let mut bar = FilterBar::new(&address, "Find a tenant", asked.search);
    let sets = tag_sets(visit)?;
    if sets.iter().any(|set| !set.tags.is_empty()) {
        let all = sets.iter().flat_map(|set| &set.tags).map(|one| one.canonical.as_str());
        let mut choices = vec![Choice::new("", "Any tag")];
        choices.extend(all.map(|name| Choice::new(name, name).chosen(name == tag)));
        bar = bar.select("tag", "Tag", choices);
    }
    let option = |value: &str, label: &str| Choice::new(value, label).chosen(value == state);
    bar = bar.select(
        "state",
        "State",
        vec![option("", "Any state"), option("enabled", "Enabled"), option("disabled", "Disabled")],
    );
    Answer::page(&List {
        frame: frame(visit, "Tenants"),
        add: visit.offer(
            TenantCreate { space: New::of(&space) },
            Act::link("Add a tenant", format!("{address}/new")).primary().icon("plus"),
        ),
        filter: bar,
        rows,
        pager: asked.pager(found.total, &address, &[("tag", tag), ("state", state)]),
    })
}

fn field_of(set: &tags::TagSet) -> String {
    format!("tag-{}", set.id.0)
}

fn form_view(visit: &Visit, action: String, submit: &str, present: &Fields, cancel: String) -> Result<FormView> {
    let mut form = FormView::new(action, submit)
        .field(
            FieldView::text("name", "Name")
                .value(&present.name)
                .required()
                .autofocus()
                .max_length(200)
                .help("The customer, site or stage you deploy for, such as Contoso."),
        )
        .field(FieldView::textarea("description", "Description").value(&present.description));
    let sets = tag_sets(visit)?;
    for set in sets.iter().filter(|set| !set.tags.is_empty()) {
        let choices = set.tags.iter().map(|tag| {
            Choice::new(&tag.canonical, &tag.name).hint(&tag.description).chosen(present.tags.contains(&tag.canonical))
        });
        form = form.field(FieldView::checks(field_of(set), &set.name, choices.collect()).help(&set.description));
    }
    let disabled = FieldView::checkbox("disabled", "Disabled: takes no deployments", present.is_disabled);
    Ok(form.field(disabled).cancel(cancel))
}

fn fields(visit: &Visit) -> Result<Fields> {
    let sent = visit.form();
    Ok(Fields {
        name: sent.text("name").into(),
        description: sent.text("description").into(),
        is_disabled: sent.ticked("disabled"),
        tags: tag_sets(visit)?.iter().flat_map(|set| sent.all(&field_of(set))).collect(),
        ..Fields::default()
    })
}

const FIELDS: &[(&str, &str)] = &[("Name", "name"), ("Description", "description")];

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(TenantCreate { space: New::of(&visit.space()?) })?;
    let form = form_view(visit, base(visit), "Add the tenant", &Fields::default(), base(visit))?;
    Answer::page(&FormPage { frame: frame(visit, "Add a tenant").crumb("Tenants", base(visit)), form })
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(TenantCreate { space: New::of(&visit.space()?) })?;
    let fields = fields(visit)?;
    match tenants::create(&granted, fields.clone(), &[]) {
        Ok(made) => {
            // A tenant without a project is good for nothing: on to its connections.
            let to = format!("{}/{}/connections", base(visit), made.slug);
            Answer::done(to, format!("{} was added. Now say which projects it gets, and where.", made.name))
        }
        Err(error) => {
            let form = form_view(visit, base(visit), "Add the tenant", &fields, base(visit))?;
            form::refused(frame(visit, "Add a tenant").crumb("Tenants", base(visit)), form, error, FIELDS)
        }
    }
}

fn clone_form(visit: &Visit, source: &Tenant, present: &Fields) -> (Frame, FormView) {
    let own = format!("{}/{}", base(visit), source.slug);
    let form =
        FormView::new(format!("{own}/clone"), "Make the copy")
            .field(
                FieldView::text("name", "Name").value(&present.name).required().autofocus().max_length(200).help(
                    format!("The copy gets the tags of {} and the connections of it that you may see.", source.name),
                ),
            )
            .field(FieldView::textarea("description", "Description").value(&present.description))
            .cancel(&own);
    let frame = frame(visit, "Make a copy").crumb("Tenants", base(visit)).crumb(&source.name, own);
    (frame, form)
}

/// The form for a copy.
pub(super) fn copy(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let source = shown(visit, &at)?;
    visit.visitor.ask(TenantCreate { space: New::of(&visit.space()?) })?;
    let present = Fields { description: source.description.clone(), ..Fields::default() };
    let (frame, form) = clone_form(visit, &source, &present);
    Answer::page(&FormPage { frame, form })
}

/// The form for a copy was sent.
pub(super) fn make_copy(visit: &Visit) -> Result<Answer> {
    let source = visit.visitor.ask(TenantView { tenant: located(visit)? })?;
    let granted = visit.visitor.ask(TenantCreate { space: New::of(&visit.space()?) })?;
    let fields = fields(visit)?;
    match tenants::clone(&granted, &source, fields.clone()) {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => {
            let (frame, form) = clone_form(visit, &tenants::show(&source)?, &fields);
            form::refused(frame, form, error, FIELDS)
        }
    }
}

/// One tenant: what runs for it, where.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    show_page(visit, &at, None)
}

fn show_page(visit: &Visit, at: &At<ids::Tenant>, problem: Option<&str>) -> Result<Answer> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let tenant = shown(visit, at)?;
    let own = format!("{}/{}", base(visit), tenant.slug);
    let wanted: Vec<i64> = tenant.connections.iter().map(|one| one.project.0).collect();
    let filter = projects::Filter { ids: Some(wanted), ..projects::Filter::default() };
    let connected = seen::projects(visitor, &space, &filter, Page::ALL)?.items;
    let ids: Vec<Id<ids::Project>> = connected.iter().map(|project| project.id).collect();
    let newest = standing::newest(visit, &ids)?;
    let of_tenant = deployments::Filter { tenants: Some(vec![tenant.id.0]), ..deployments::Filter::default() };
    let (spots, recent) = if visitor.may_somewhere::<DeploymentView>(&space) {
        let granted = visitor.ask(Listing::<DeploymentView>::of(&space))?;
        let recent = deployments::list(&granted, &of_tenant, Page { skip: 0, take: 15 })?.items;
        (dashboard::spots(&granted, &of_tenant)?, recent)
    } else {
        (Vec::new(), Vec::new())
    };
    let reached: HashSet<i64> =
        tenant.connections.iter().flat_map(|one| &one.environments).map(|environment| environment.0).collect();
    let mut columns: Vec<Environment> = seen::environments_here(visit)?;
    columns.retain(|one| reached.contains(&one.id.0));

    let rows = connected.iter().map(|project| {
        let href = visit.space_path(&format!("/projects/{}", project.slug));
        let here = tenant.connections.iter().find(|one| one.project == project.id);
        let cells = columns.iter().map(|environment| {
            let spot = spots
                .iter()
                .find(|spot| spot.deployment.project == project.id && spot.deployment.environment == environment.id);
            match spot {
                Some(spot) => {
                    let one = &spot.deployment;
                    let when = standing::when(standing::at(one));
                    Cell::new(&one.version, standing::log_href(visit, one), standing::chip(one), when)
                        .behind(spot.behind)
                }
                None if here.is_some_and(|one| one.environments.contains(&environment.id)) => Cell::none(),
                None => Cell::closed(),
            }
        });
        let cells = cells.collect();
        let newest = newest.get(&project.id.0).cloned().unwrap_or_default();
        MatrixRow { name: project.name.clone(), newest, cells, href }
    });
    let rows: Vec<MatrixRow> = rows.collect();

    let removal = visit.removal(TenantDelete { tenant: at.clone() }, &tenant.name, |granted| {
        // What the page told that it goes is what goes.
        let history = Some(tenants::history::of(granted)?).filter(|history| !history.is_empty());
        let way = if history.is_some() { "/delete?history=1" } else { "/delete" };
        let removal = form::removal(format!("{own}{way}"), "tenant", &tenant.name, problem)
            .goes_too("Its tags and its connections to projects.")
            .obstacle(tenants::history::obstacle(granted)?);
        let Some(history) = history else { return Ok(removal) };
        let deployments = crate::web::projects::counted(history.deployments as usize, "deployment");
        let runs = crate::web::projects::counted(history.runs as usize, "run");
        Ok(removal.goes_too(format!(
            "Its history: {deployments} and {runs}, with their tasks and logs. The audit log stays."
        )))
    })?;
    let edit = |act: Act| visit.offer(TenantEdit { tenant: at.clone() }, act);
    let page = Show {
        frame: frame(visit, &tenant.name).crumb("Tenants", base(visit)),
        copy: visit.offer(
            TenantCreate { space: New::of(&space) },
            Act::link("Make a copy", format!("{own}/clone")).icon("copy"),
        ),
        connect: edit(Act::link("Connections", format!("{own}/connections")).icon("link")),
        change: edit(Act::link("Change", format!("{own}/edit")).icon("pencil")),
        chip: disabled_chip(&tenant),
        sentence: sentence(&spots, &rows, &connected, &tenant),
        tags: tenant.tags.clone(),
        rows,
        environments: columns.iter().map(|one| one.name.clone()).collect(),
        timeline: Timeline { moments: recent.iter().map(|one| standing::moment(visit, one)).collect() },
        about: Kv::new()
            .row("Description", &tenant.description)
            .when("Added", standing::when(tenant.created_at))
            .mono("Id", tenant.id.to_string()),
        people: own_people(visit, at, &own)?,
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

/// Who of the tenant has access, and the way to give it; nothing for who may neither see teams nor invite.
fn own_people(visit: &Visit, at: &At<ids::Tenant>, own: &str) -> Result<Option<People>> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let refusal = selfservice::refusal(visitor, &space);
    if refusal.is_some() && !visitor.may_somewhere::<TeamView>(&space) {
        return Ok(None);
    }
    let present = selfservice::present(&visitor.ask(TenantView { tenant: at.clone() })?)?;
    let sentence = match present.members.len() as u64 {
        0 => "Nobody of this customer has access.".to_owned(),
        some => format!("{} of this customer see what runs for them and deploy it.", count(some, "person", "people")),
    };
    let give = Act::link("Give this customer access", format!("{own}/access")).icon("user");
    Ok(Some(People { sentence, give: visit.unless(refusal, give) }))
}

fn sentence(spots: &[dashboard::Spot], rows: &[MatrixRow], connected: &[projects::Project], tenant: &Tenant) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let projects = count(rows.len() as u64, "project", "projects");
    let failed = spots.iter().filter(|spot| standing::went_wrong(&spot.deployment)).count() as u64;
    let behind = spots.iter().filter(|spot| spot.behind > 0).count() as u64;
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{} failed", count(failed, "deployment", "deployments")));
    }
    if behind > 0 {
        parts.push(format!("{} behind the newest release", count(behind, "place", "places")));
    }
    // A place without a deployment is not at the newest release (findings C4).
    let newest = rows.iter().zip(connected).filter(|(row, _)| !row.newest.is_empty()).map(|(_, project)| project.id);
    let places = newest.flat_map(|id| tenant.connections.iter().filter(move |one| one.project == id)).flat_map(|one| {
        let there = |place: &&Id<ids::Environment>| {
            let is = |spot: &dashboard::Spot| {
                spot.deployment.project == one.project && spot.deployment.environment == **place
            };
            !spots.iter().any(is)
        };
        one.environments.iter().filter(there)
    });
    let empty = places.count() as u64;
    if empty > 0 {
        parts.push(format!("{} without a deployment", count(empty, "place", "places")));
    }
    match (spots.is_empty(), parts.is_empty()) {
        (true, _) => format!("Gets {projects}, nothing deployed yet."),
        (false, true) => format!("Gets {projects}, all at the newest release."),
        (false, false) => format!("Gets {projects}: {}.", parts.join(", ")),
    }
}

fn present(tenant: &Tenant) -> Fields {
    Fields {
        name: tenant.name.clone(),
        description: tenant.description.clone(),
        is_disabled: tenant.is_disabled,
        tags: tenant.tags.clone(),
        ..Fields::default()
    }
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let tenant = shown(visit, &at)?;
    visit.visitor.ask(TenantEdit { tenant: at })?;
    let own = format!("{}/{}", base(visit), tenant.slug);
    let form = form_view(visit, own.clone(), "Save the tenant", &present(&tenant), own.clone())?;
    let frame = frame(visit, "Change the tenant").crumb("Tenants", base(visit)).crumb(&tenant.name, own);
    Answer::page(&FormPage { frame, form })
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(TenantEdit { tenant: at })?;
    let own = format!("{}/{}", base(visit), visit.parameter("tenant"));
    let fields = fields(visit)?;
    match tenants::edit(&granted, fields.clone(), None) {
        Ok(saved) => Answer::done(own, format!("{} was saved.", saved.name)),
        Err(error) => {
            let form = form_view(visit, own.clone(), "Save the tenant", &fields, own.clone())?;
            form::refused(
                frame(visit, "Change the tenant").crumb("Tenants", base(visit)).crumb("The tenant", own),
                form,
                error,
                FIELDS,
            )
        }
    }
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(TenantDelete { tenant: at.clone() })?;
    let tenant = shown(visit, &at)?;
    let with_history = visit.call.asked("history").is_some();
    let delete = || if with_history { tenants::history::delete(&granted) } else { tenants::delete(&granted) };
    form::remove(visit, &tenant.name, base(visit), delete, |why| show_page(visit, &at, Some(why)))
}
