//! Pages of deployments: the one before the button, the list of a project, and one that was made.

mod made;
mod whom;

pub(super) use made::{asked_with, course, list, show};
pub(super) use whom::{Change, Rest};

use super::{
    caller::{Answer, Visit},
    page::{Choice, FieldView, FormView, Frame, Kind, Message, ScopePicker, count},
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Environment, Project, Release, Tenant},
    },
    company::{
        access::{
            At,
            permissions::{
                DeploymentCreate, DeploymentView, EnvironmentView, List as Listing, ProjectView, ReleaseView,
                TenantView,
            },
        },
        deployments::{
            self, Choices, Deployment, Filter, Options,
            plan::{Place as Where, Plan},
        },
        projects, releases,
    },
    http::call::Form,
};
use askama::Template;
use whom::Whom;

/// The names of the form's fields, for the wire's.
const FIELDS: &[(&str, &str)] = &[
    ("Comments", "comments"),
    ("SkipStepNames", "skip"),
    ("RunAt", "when"),
    ("EnvironmentName", "environment"),
    ("Tenants", "tenant"),
];

#[derive(Template)]
#[template(path = "deployments/new.html")]
struct Deploy {
    frame: Frame,
    words: Words,
    action: String,
    form: FormView,
    places: Vec<Place>,
    place_error: String,
    tenants: Option<ScopePicker>,
    rest_title: String,
    rest: Vec<Rest>,
    changes: Vec<Change>,
    plan: String,
    steps: Vec<Step>,
    problems: Vec<Message>,
    refusal: String,
    place_word: String,
    tenant_word: String,
}
/// What a deployment and a run call the same parts of the page before them.
pub(super) struct Words {
    /// "Where to"
    pub place: &'static str,
    /// "When and how"
    pub details: &'static str,
    /// What the button does, up to the place: "Deploy 1.2.0 to"
    pub button: String,
    /// What the button is called that cannot be pressed.
    pub off: &'static str,
}
/// An environment to choose.
pub(super) struct Place {
    pub value: String,
    pub name: String,
    /// What is there now; may be empty.
    pub now: String,
    pub chosen: bool,
    /// Why it cannot be chosen; empty when it can.
    pub refusal: String,
}
/// A step that would run, and where.
pub(super) struct Step {
    pub name: String,
    pub place: String,
}

/// What a deployment form is about.
struct About {
    project: At<Project>,
    release: At<Release>,
    shown: projects::Project,
    version: String,
    /// Names of the release's steps, and whether each may be left out.
    steps: Vec<(String, bool)>,
}

fn about(visit: &Visit) -> Result<About> {
    let visitor = &visit.visitor;
    let project: At<Project> = visitor.locate(&visit.space()?, visit.parameter("project"))?;
    let shown = projects::show(&visitor.ask(ProjectView { project: project.clone() })?)?;
    let release: At<Release> = visitor.locate(&project, visit.parameter("version"))?;
    let found = releases::show(&visitor.ask(ReleaseView { release: release.clone() })?)?;
    let may_skip = |step: &projects::process::Step| !step.actions.iter().any(|action| action.is_required);
    let steps = found.steps.iter().map(|step| (step.name.clone(), may_skip(step))).collect();
    Ok(About { project, release, shown, version: found.version, steps })
}

fn project_path(visit: &Visit, rest: &str) -> String {
    visit.space_path(&format!("/projects/{}{rest}", visit.parameter("project")))
}

/// What is chosen so far: by the address at first, by the form afterwards.
#[derive(Default)]
struct Chosen {
    environment: String,
    tenants: Vec<String>,
    comments: String,
    skip: Vec<String>,
    when: String,
}

impl Chosen {
    fn of(form: &Form) -> Chosen {
        Chosen {
            environment: form.text("environment").into(),
            tenants: form.all("tenant"),
            comments: form.text("comments").into(),
            skip: form.all("skip"),
            when: form.text("when").into(),
        }
    }
}

/// The form.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    let about = about(visit)?;
    visit.visitor.ask(Listing::<DeploymentCreate>::of(&visit.space()?))?;
    let chosen = Chosen {
        environment: visit.call.asked("environment").unwrap_or_default().into(),
        tenants: visit.call.asked_all("tenant"),
        ..Chosen::default()
    };
    Answer::page(&draw(visit, &about, chosen, None)?)
}

/// The form was sent: deploy, or show what would happen.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let about = about(visit)?;
    visit.visitor.ask(Listing::<DeploymentCreate>::of(&visit.space()?))?;
    let sent = visit.form();
    let chosen = Chosen::of(&sent);
    if !sent.text("preview").is_empty() {
        return Answer::asked(&draw(visit, &about, chosen, None)?);
    }
    match deploy(visit, &about, &chosen) {
        Ok(made) => {
            let first = made.first().ok_or_else(|| Error::internal("nothing was deployed"))?;
            let say = match made.as_slice() {
                [one] => format!("{} {} is on its way to {}.", one.project_name, one.version, one.environment_name),
                many => format!(
                    "{} deployments of {} {} are on their way to {}.",
                    many.len(),
                    first.project_name,
                    first.version,
                    first.environment_name
                ),
            };
            Answer::done(visit.path(&format!("/tasks/{}", first.task)), say)
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            Answer::refused(&draw(visit, &about, chosen, Some(error))?)
        }
        Err(other) => Err(other),
    }
}

fn deploy(visit: &Visit, about: &About, chosen: &Chosen) -> Result<Vec<Deployment>> {
    if chosen.environment.trim().is_empty() {
        return Err(Error::invalid("EnvironmentName", "Choose where to deploy."));
    }
    let places = places_chosen(visit, &chosen.environment, &chosen.tenants)?;
    let options = options_chosen(&chosen.comments, &chosen.skip, &chosen.when)?;
    deployments::deploy_to_many(&visit.visitor, &about.project, &about.release, &places, &options)
}

/// Where a deployment or run goes: the environment, and the tenant it is for, if any.
pub(super) type Places = Vec<(At<Environment>, Option<At<Tenant>>)>;

/// The environment of a form with each of its tenants, or without one.
pub(super) fn places_chosen(visit: &Visit, environment: &str, tenants: &[String]) -> Result<Places> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let environment: At<Environment> = visitor.locate(&space, environment)?;
    if tenants.is_empty() {
        return Ok(vec![(environment, None)]);
    }
    tenants.iter().map(|tenant| Ok((environment.clone(), Some(visitor.locate(&space, tenant)?)))).collect()
}

/// What is to be said about a deployment or run.
pub(super) fn comments_field(present: &str) -> FieldView {
    FieldView::textarea("comments", "Comments").value(present).rows(2).max_length(5000)
}

/// When a deployment or run is to begin; [`options_chosen`] reads it.
pub(super) fn when_field(present: &str) -> FieldView {
    FieldView::text("when", "Not before").value(present).placeholder("2026-01-31T10:00").help("In UTC; empty: at once.")
}

/// What else a form says of how and when.
pub(super) fn options_chosen(comments: &str, skip: &[String], when: &str) -> Result<Options> {
    let not_before = match when.trim() {
        "" => None,
        // The field gives a time without zone, which is UTC as everywhere on these pages.
        text => Some(
            clock::Moment::parse(&format!("{text}:00Z"))
                .or_else(|| clock::Moment::parse(text))
                .ok_or_else(|| Error::invalid("RunAt", "Give a time such as 2026-01-31T10:00, in UTC."))?,
        ),
    };
    Ok(Options { comments: comments.into(), skip_steps: skip.to_vec(), not_before, ..Options::default() })
}

fn draw(visit: &Visit, about: &About, chosen: Chosen, error: Option<Error>) -> Result<Deploy> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let granted = visitor.ask(ReleaseView { release: about.release.clone() })?;
    let choices = deployments::choices(&granted)?;
    let latest = latest(visit, about)?;
    let places = places(visit, about, &choices, &chosen, &latest)?;
    let picked = places.iter().find(|place| place.chosen);
    let refusal = match () {
        () if choices.places.is_empty() => {
            "There is no environment to deploy to yet. Add one under Infrastructure first.".to_owned()
        }
        () if places.iter().all(|place| !place.refusal.is_empty()) => {
            "No environment is open to this release and to you.".to_owned()
        }
        () => String::new(),
    };
    let there = picked.and_then(|place| choices.places.iter().find(|one| one.id.to_string() == place.value));
    let whom = Whom::at(&choices, there);
    let takers = whom.chosen(&chosen);
    let left_out = whom.left_out(&chosen);
    let refusal = match refusal.is_empty() {
        true => whom::unfinished(&choices, there, &whom, takers.len()).unwrap_or_default(),
        false => refusal,
    };
    let mut tenants = choices.mode.with_tenant().then(|| whom.picker(&choices, &chosen, there));
    let changes = there.map(|place| whom::changes(&takers, &latest, place, &about.version)).unwrap_or_default();
    let mut problems = Vec::new();
    let (mut plan, mut steps) = ("Choose where to deploy to see what will run where.".to_owned(), Vec::new());
    if let Some(place) = picked {
        let environment = visitor.ask(EnvironmentView { environment: visitor.locate(&space, &place.value)? })?;
        let tenant = match takers.first() {
            Some(one) => Some(visitor.ask(TenantView { tenant: visitor.locate(&space, &one.id.to_string())? })?),
            None => None,
        };
        let preview = deployments::preview(&granted, &environment, tenant.as_ref(), &chosen.skip)?;
        plan = promised(&preview.plan, &place.name, takers.len());
        if let Some(why) = &preview.plan.refused {
            problems.push(Message::new(Kind::Warning, why));
        }
        steps = preview.plan.steps.iter().map(planned).collect();
    }
    let place_word = picked.map_or_else(|| "…".to_owned(), |place| place.name.clone());
    let tenant_word = match takers.len() {
        0 => "no tenant".to_owned(),
        some => count(some as u64, "tenant", "tenants"),
    };
    let error = match (error, &left_out) {
        // One sentence for each reason, not one for each tenant.
        (Some(Error::Invalid(_)), Some(why)) => Some(Error::invalid("Tenants", why)),
        (None, Some(why)) => {
            problems.push(Message::new(Kind::Warning, why));
            None
        }
        (error, _) => error,
    };
    let mut place_error = String::new();
    let form = form(about, &chosen);
    let form = match error {
        Some(error) => {
            if let Error::Invalid(wrong) = &error {
                place_error = wrong.of("EnvironmentName").unwrap_or_default().to_owned();
                if let Some(picker) = &mut tenants {
                    picker.error = wrong.of("Tenants").unwrap_or_default().to_owned();
                }
            }
            super::form::refuse(form, error, FIELDS)?
        }
        None => form,
    };
    let title = format!("Deploy {} {}", about.shown.name, about.version);
    let version_path = format!("/releases/{}", visit.parameter("version"));
    Ok(Deploy {
        frame: visit
            .frame("projects", title)
            .script("deploy.js")
            .crumb("Projects", visit.space_path("/projects"))
            .crumb(&about.shown.name, project_path(visit, ""))
            .crumb(&about.version, project_path(visit, &version_path)),
        words: Words {
            place: "Where to",
            details: "When and how",
            button: format!("Deploy {} to", about.version),
            off: "Deploy",
        },
        action: project_path(visit, &format!("{version_path}/deployments")),
        form,
        places,
        place_error,
        tenants,
        rest_title: whom::rest_title(whom.closed()),
        rest: whom.rest(),
        changes,
        plan,
        steps,
        problems,
        refusal,
        place_word,
        tenant_word,
    })
}

/// The last deployments to each place of the project, if the visitor may see any.
fn latest(visit: &Visit, about: &About) -> Result<Vec<Deployment>> {
    let space = visit.space()?;
    if !visit.visitor.may_somewhere::<DeploymentView>(&space) {
        return Ok(Vec::new());
    }
    let granted = visit.visitor.ask(Listing::<DeploymentView>::of(&space))?;
    deployments::latest(&granted, &Filter { projects: Some(vec![about.project.id().0]), ..Filter::default() })
}

fn places(
    visit: &Visit,
    about: &About,
    choices: &Choices,
    chosen: &Chosen,
    latest: &[Deployment],
) -> Result<Vec<Place>> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    // By id, by the slug it keeps when it is renamed, by name: as in every address.
    let asked =
        visitor.locate::<Environment>(&space, chosen.environment.trim()).ok().map(|environment| environment.id());
    let mut places = Vec::new();
    for place in &choices.places {
        let refusal = match &place.obstacle {
            Some(why) => why.clone(),
            None if !place.is_open() => {
                format!("You may not deploy {} to {}: it needs DeploymentCreate there.", about.shown.name, place.name)
            }
            None => String::new(),
        };
        let mut here = latest.iter().filter(|one| one.environment == place.id);
        let now = match (here.next(), here.count()) {
            (None, _) => "Nothing was deployed here yet.".to_owned(),
            (Some(one), 0) => format!("Now {} · {} · {}", one.version, one.state.word(), one.created_at.relative()),
            (Some(one), more) => format!(
                "Last {} · {} · {}, and for {}",
                one.version,
                one.state.word(),
                one.created_at.relative(),
                count(more as u64, "other", "others")
            ),
        };
        let value = place.id.to_string();
        let chosen = refusal.is_empty() && asked == Some(place.id);
        places.push(Place { value, name: place.name.clone(), now, chosen, refusal });
    }
    choose_the_only(&mut places, &chosen.environment);
    Ok(places)
}

/// A single open place needs no choosing, when none was asked for.
pub(super) fn choose_the_only(places: &mut [Place], asked: &str) {
    let mut open = places.iter_mut().filter(|place| place.refusal.is_empty());
    if let (true, Some(only), None) = (asked.is_empty(), open.next(), open.next()) {
        only.chosen = true;
    }
}

/// What a plan will do in a place, for so many tenants.
pub(super) fn promised(plan: &Plan, place: &str, tenants: usize) -> String {
    let run = plan.steps.iter().filter(|step| step.skipped.is_none()).count();
    let steps = count(run as u64, "step", "steps");
    match tenants {
        _ if plan.steps.is_empty() => "There are no steps: nothing will be done.".into(),
        _ if run == 0 => "Nothing will be done: every step is skipped.".into(),
        0 | 1 => format!("{steps} will run in {place}."),
        many => format!("{steps} will run in {place}, once for each of {many} tenants. Shown for the first."),
    }
}

/// A step of the plan, as it is shown.
pub(super) fn planned(step: &deployments::plan::PlannedStep) -> Step {
    Step { name: step.name.clone(), place: whereabouts(step) }
}

fn whereabouts(step: &deployments::plan::PlannedStep) -> String {
    if let Some(why) = &step.skipped {
        return format!("Passed over: {why}");
    }
    match step.places.as_slice() {
        [Where::Worker] => "On the built-in worker".into(),
        [one] => format!("On {}", one.name()),
        many => {
            let names: Vec<&str> = many.iter().take(5).map(Where::name).collect();
            let more = if many.len() > 5 { format!(" and {} more", many.len() - 5) } else { String::new() };
            format!("On {}{more}", names.join(", "))
        }
    }
}

fn form(about: &About, chosen: &Chosen) -> FormView {
    let skip = about.steps.iter().map(|(name, may)| {
        let choice = Choice::new(name, name).chosen(chosen.skip.contains(name));
        if *may { choice } else { choice.disabled("It is required.") }
    });
    FormView::new("", "Deploy")
        .field(comments_field(&chosen.comments).help("Stand with the deployment."))
        .field(when_field(&chosen.when))
        .field(FieldView::checks("skip", "Steps to leave out", skip.collect()))
}
