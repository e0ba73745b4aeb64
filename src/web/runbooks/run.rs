//! The page before the button "Run": where, for whom, which snapshot, and what will happen.

use super::{Of, of};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Environment, Tenant},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{Anywhere, EnvironmentView, RunbookRunCreate, RunbookView, TenantView},
        },
        projects::process::Step as Frozen,
        runbooks::{self, Choices, Run, Which, snapshots},
    },
    http::call::Form,
    web::{
        caller::{Answer, Visit},
        deployments::{
            Change, Place, Rest, Step, Words, choose_the_only, comments_field, options_chosen, places_chosen, planned,
            promised, when_field,
        },
        form::refuse,
        page::{Choice, FieldView, FormView, Frame, Kind, Message, ScopePicker, count},
        projects,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "runbooks/run.html")]
struct RunPage {
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
const FIELDS: &[(&str, &str)] = &[
    ("Comments", "comments"),
    ("SkipStepNames", "skip"),
    ("RunAt", "when"),
    ("EnvironmentNames", "environment"),
    ("Tenants", "tenant"),
    ("Snapshot", "snapshot"),
];
/// In the form: the process as it is now.
const DRAFT: &str = "draft";
/// Snapshots that are offered; older ones by their own pages.
const OFFERED: i64 = 20;

/// What is chosen so far: by the address at first, by the form afterwards.
#[derive(Default)]
struct Chosen {
    environment: String,
    tenants: Vec<String>,
    snapshot: String,
    comments: String,
    skip: Vec<String>,
    when: String,
}

impl Chosen {
    fn sent(form: &Form) -> Chosen {
        Chosen {
            environment: form.text("environment").into(),
            tenants: form.all("tenant"),
            snapshot: form.text("snapshot").into(),
            comments: form.text("comments").into(),
            skip: form.all("skip"),
            when: form.text("when").into(),
        }
    }
    fn which(&self) -> Which {
        match self.snapshot.trim() {
            "" => Which::Published,
            DRAFT => Which::Draft,
            snapshot => Which::Snapshot(snapshot.to_owned()),
        }
    }
}

/// The form.
pub(in crate::web) fn run_form(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    visit.visitor.ask(Anywhere::<RunbookRunCreate, _>::with(&of.at))?;
    let asked = |name: &str| visit.call.asked(name).unwrap_or_default().to_owned();
    let chosen = Chosen {
        environment: asked("environment"),
        tenants: visit.call.asked_all("tenant"),
        snapshot: asked("snapshot"),
        ..Chosen::default()
    };
    Answer::page(&draw(visit, &project, &of, &chosen, None)?)
}

/// The form was sent: run, or show what would happen.
pub(in crate::web) fn run(visit: &Visit) -> Result<Answer> {
    let project = projects::of(visit)?;
    let of = of(visit, &project)?;
    visit.visitor.ask(Anywhere::<RunbookRunCreate, _>::with(&of.at))?;
    let sent = visit.form();
    let chosen = Chosen::sent(&sent);
    if !sent.text("preview").is_empty() {
        return Answer::asked(&draw(visit, &project, &of, &chosen, None)?);
    }
    match start(visit, &of, &chosen) {
        Ok(made) => {
            let first = made.first().ok_or_else(|| Error::internal("nothing was run"))?;
            let say = match made.as_slice() {
                [one] => format!("{} is about to run in {}.", one.runbook_name, one.environment_name),
                many => format!(
                    "{} is about to run {} times in {}.",
                    first.runbook_name,
                    many.len(),
                    first.environment_name
                ),
            };
            Answer::done(visit.path(&format!("/tasks/{}", first.task)), say)
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            Answer::refused(&draw(visit, &project, &of, &chosen, Some(error))?)
        }
        Err(other) => Err(other),
    }
}

fn start(visit: &Visit, of: &Of, chosen: &Chosen) -> Result<Vec<Run>> {
    if chosen.environment.trim().is_empty() {
        return Err(Error::invalid("EnvironmentNames", "Choose where to run it."));
    }
    let places = places_chosen(visit, &chosen.environment, &chosen.tenants)?;
    let options = options_chosen(&chosen.comments, &chosen.skip, &chosen.when)?;
    runbooks::run(&visit.visitor, &of.at, &chosen.which(), &places, &options)
}

fn draw(visit: &Visit, project: &projects::Of, of: &Of, chosen: &Chosen, error: Option<Error>) -> Result<RunPage> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let granted = visitor.ask(RunbookView { runbook: of.at.clone() })?;
    let choices = runbooks::choices(&granted)?;
    let places = places(visit, of, &choices, chosen)?;
    let may_edit = of.may_edit(visit);
    let which = chosen.which();
    let nothing = which == Which::Published && of.runbook.published.is_none();
    let refusal = if nothing && !may_edit {
        format!("{} is not published yet, so there is nothing to run.", of.runbook.name)
    } else if places.is_empty() {
        "There is no environment that it may run in and you may see.".to_owned()
    } else if places.iter().all(|place| !place.refusal.is_empty()) {
        "You may run it in none of these environments, or it cannot run there now.".to_owned()
    } else if places.iter().all(|place| !place.chosen) {
        "Choose where to run it.".to_owned()
    } else if !of.runbook.tenanted.without_tenant() && chosen.tenants.is_empty() {
        "Choose at least one tenant.".to_owned()
    } else {
        String::new()
    };
    let mut tenants = of.runbook.tenanted.with_tenant().then(|| picker(of, &choices, chosen));
    let mut problems = Vec::new();
    let (mut plan, mut steps) = ("Choose where to run it to see what will run where.".to_owned(), Vec::new());
    let picked = places.iter().find(|place| place.chosen);
    if let (Some(place), false) = (picked, nothing) {
        let environment = visitor.ask(EnvironmentView { environment: visitor.locate(&space, &place.value)? })?;
        let tenant = match chosen.tenants.first() {
            Some(tenant) => Some(visitor.ask(TenantView { tenant: visitor.locate(&space, tenant)? })?),
            None => None,
        };
        match runbooks::preview(&granted, &environment, tenant.as_ref(), &which, &chosen.skip) {
            Ok(preview) => {
                plan = promised(&preview.plan, &place.name, chosen.tenants.len());
                let waits = !of.runbook.tenanted.without_tenant() && chosen.tenants.is_empty();
                if let (Some(why), false, None) = (&preview.obstacle, waits, &error) {
                    problems.push(Message::new(Kind::Warning, why));
                }
                steps = preview.plan.steps.iter().map(planned).collect();
            }
            // Said beside the choice of the snapshot when the form is sent.
            Err(Error::Invalid(wrong)) => {
                problems.extend(wrong.iter().map(|(_, text)| Message::new(Kind::Warning, text)));
            }
            Err(other) => return Err(other),
        }
    }
    let place_word = picked.map_or_else(|| "…".to_owned(), |place| place.name.clone());
    let tenant_word = match chosen.tenants.len() {
        0 => "no tenant".to_owned(),
        some => count(some as u64, "tenant", "tenants"),
    };
    let mut place_error = String::new();
    let mut form = form(of, chosen, may_edit, &granted)?;
    if let Some(error) = error {
        if let Error::Invalid(wrong) = &error {
            place_error = wrong.of("EnvironmentNames").unwrap_or_default().to_owned();
            if let Some(picker) = &mut tenants {
                picker.error = wrong.of("Tenants").unwrap_or_default().to_owned();
            }
        }
        form = refuse(form, error, FIELDS)?;
    }
    Ok(RunPage {
        frame: of.frame(visit, project, &format!("Run {}", of.runbook.name)).script("deploy.js"),
        words: Words { place: "Where", details: "What, when and how", button: "Run it in".into(), off: "Run" },
        action: of.page("run"),
        form,
        places,
        place_error,
        tenants,
        rest_title: String::new(),
        rest: Vec::new(),
        changes: Vec::new(),
        plan,
        steps,
        problems,
        refusal,
        place_word,
        tenant_word,
    })
}

fn places(visit: &Visit, of: &Of, choices: &Choices, chosen: &Chosen) -> Result<Vec<Place>> {
    let (visitor, space) = (&visit.visitor, visit.space()?);
    let mut tenants = Vec::new();
    for one in &choices.tenants {
        tenants.push((one, visitor.locate::<Tenant>(&space, &one.id.to_string())?));
    }
    let mut places = Vec::new();
    for place in &choices.places {
        let environment: At<Environment> = visitor.locate(&space, &place.id.to_string())?;
        let may = |tenant: Option<At<Tenant>>| {
            visitor.may(RunbookRunCreate { runbook: of.at.clone(), environment: environment.clone(), tenant })
        };
        let allowed = of.runbook.tenanted.without_tenant() && may(None)
            || tenants.iter().any(|(one, at)| one.environments.contains(&place.id) && may(Some(at.clone())));
        let refusal = match &place.obstacle {
            Some(why) => why.clone(),
            None if !allowed => format!("You may not run it in {}: it needs RunbookRunCreate there.", place.name),
            None => String::new(),
        };
        let value = place.id.to_string();
        let asked = chosen.environment.trim();
        let same = [&value, &place.name, &place.slug].into_iter().any(|text| text.eq_ignore_ascii_case(asked));
        places.push(Place {
            chosen: refusal.is_empty() && !asked.is_empty() && same,
            value,
            name: place.name.clone(),
            now: String::new(),
            refusal,
        });
    }
    choose_the_only(&mut places, &chosen.environment);
    Ok(places)
}

fn picker(of: &Of, choices: &Choices, chosen: &Chosen) -> ScopePicker {
    let options = choices.tenants.iter().map(|one| {
        let named = |id| choices.places.iter().find(|place| place.id == id).map(|place| place.name.as_str());
        let places: Vec<&str> = one.environments.iter().filter_map(|id| named(*id)).collect();
        let hint = if places.is_empty() { "connected nowhere that it runs".to_owned() } else { places.join(", ") };
        let id = one.id.to_string();
        let ticked = chosen.tenants.iter().any(|text| *text == one.slug || *text == id);
        let choice = Choice::new(&one.slug, &one.name).hint(hint).chosen(ticked);
        if one.is_disabled { choice.disabled("It is disabled.") } else { choice }
    });
    let picker = ScopePicker::new("tenant", "Tenants", options.collect());
    if of.runbook.tenanted.without_tenant() {
        picker.all("No tenant: run it for none").help("Choose tenants to run it for each of them, or none.")
    } else {
        picker.help("Each tenant gets a run and a task of its own.")
    }
}

fn form(
    of: &Of,
    chosen: &Chosen,
    may_edit: bool,
    granted: &crate::company::access::Granted<'_, RunbookView>,
) -> Result<FormView> {
    let mut form = FormView::new("", "Run");
    let published = of.runbook.published.as_ref();
    if may_edit {
        let mut offered = Vec::new();
        if let Some(published) = published {
            offered.push(Choice::new("", format!("{} (published)", published.name)).chosen(chosen.snapshot.is_empty()));
        }
        for one in snapshots::list(granted, "", Page { skip: 0, take: OFFERED })?.items {
            let id = one.id.to_string();
            if !one.is_published {
                let ticked = chosen.snapshot == id || chosen.snapshot == one.name;
                offered.push(Choice::new(id, one.name).chosen(ticked));
            }
        }
        let draft = Choice::new(DRAFT, "The process as it is now").chosen(chosen.snapshot == DRAFT);
        offered.push(if published.is_none() && chosen.snapshot.is_empty() { draft.chosen(true) } else { draft });
        form = form.field(
            FieldView::select("snapshot", "What to run", offered)
                .help("What is not published can be run by who may change the runbook."),
        );
    }
    let steps: Vec<Frozen> = match (&chosen.which(), published) {
        (Which::Snapshot(text), _) => snapshots::show(granted, text).map(|one| one.steps).unwrap_or_default(),
        (Which::Published, Some(published)) => snapshots::show(granted, &published.id.to_string())?.steps,
        _ => runbooks::process::show(granted)?.steps,
    };
    let skip = steps.iter().map(|step| {
        let choice = Choice::new(&step.name, &step.name).chosen(chosen.skip.contains(&step.name));
        if step.actions.iter().any(|action| action.is_required) { choice.disabled("It is required.") } else { choice }
    });
    let skip: Vec<Choice> = skip.collect();
    form = form.field(comments_field(&chosen.comments).help("Stand with the run.")).field(when_field(&chosen.when));
    Ok(if skip.is_empty() { form } else { form.field(FieldView::checks("skip", "Steps to leave out", skip)) })
}
