//! `/api/{space}/tasks`.

pub(super) mod details;
pub(super) mod rerun;

use super::{
    caller::{Ask, Reply},
    machines, resource,
    wire::{self, All, Collection, Created, Json, Links, NoList, Nothing, Off, Query, Sent, refer},
};
use crate::{
    base::{
        clock::{self, Moment},
        error::{Error, Result},
        ids::{self, Id, Kind},
        paging::Page,
    },
    company::{
        access::{
            At, Granted, Within,
            permissions::{List, MachineView, TaskCancel, TaskCreate, TaskView},
        },
        targets::{self, health},
        tasks::{self, Filter, Span, State, Task, Work},
    },
    http::download::Download,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

fn own(ask: &Ask, task: &Task) -> String {
    match task.space {
        Some(space) => format!("{}/tasks/{}", resource::space_api(ask, space.0), task.id),
        None => format!("{}/tasks/{}", resource::api(ask), task.id),
    }
}

/// A task on the wire.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskResource {
    id: String,
    space_id: Option<String>,
    name: &'static str,
    description: String,
    arguments: BTreeMap<String, String>,
    state: &'static str,
    /// When it ended, as people say it.
    completed: String,
    queue_time: Option<String>,
    queue_time_expiry: Option<String>,
    start_time: Option<String>,
    last_updated_time: String,
    completed_time: Option<String>,
    server_node: Nothing,
    /// How long it took, as people say it.
    duration: String,
    error_message: String,
    has_been_picked_up_by_processor: bool,
    is_completed: bool,
    finished_successfully: bool,
    has_pending_interruptions: Off,
    pending_interruption_types: NoList,
    /// It has ended, and the caller may do the same once more.
    can_rerun: bool,
    has_warnings_or_errors: bool,
    project_id: Option<String>,
    environment_id: Option<String>,
    tenant_id: Option<String>,
    links: Links,
}

pub(super) fn draw(ask: &Ask, task: &Task) -> TaskResource {
    drawn(ask, task, rerun::Known::default().may(ask, task))
}

fn drawn(ask: &Ask, task: &Task, can_rerun: bool) -> TaskResource {
    let end = task.completed_at.unwrap_or_else(clock::now);
    TaskResource {
        id: task.id.to_string(),
        space_id: task.space.map(|space| space.to_string()),
        name: task.work.name(),
        description: task.description.clone(),
        arguments: task.arguments.clone(),
        state: task.state.name(),
        completed: task.completed_at.map_or_else(|| task.state.word().to_owned(), Moment::relative),
        queue_time: Some(task.not_before.unwrap_or(task.queued_at).wire()),
        queue_time_expiry: task.not_after.map(Moment::wire),
        start_time: task.started_at.map(Moment::wire),
        last_updated_time: task.updated_at.wire(),
        completed_time: task.completed_at.map(Moment::wire),
        server_node: Nothing::default(),
        duration: task.started_at.map(|begun| clock::duration(end.0 - begun.0)).unwrap_or_default(),
        error_message: task.error.clone(),
        has_been_picked_up_by_processor: task.started_at.is_some(),
        is_completed: task.state.is_completed(),
        finished_successfully: task.state == State::Success,
        has_pending_interruptions: Off::default(),
        pending_interruption_types: NoList::default(),
        can_rerun,
        has_warnings_or_errors: task.warnings || matches!(task.state, State::Failed | State::TimedOut),
        project_id: task.project.map(|id| id.to_string()),
        environment_id: task.environment.map(|id| id.to_string()),
        tenant_id: task.tenant.map(|id| id.to_string()),
        links: links(ask, task),
    }
}

fn links(ask: &Ask, task: &Task) -> Links {
    let own = own(ask, task);
    let again = own.replacen("/tasks/", "/tasks/rerun/", 1);
    Links::of(&own, &[("Details", "/details{?verbose,tail}"), ("Raw", "/raw"), ("Cancel", "/cancel")])
        .and("Rerun", again)
}

/// Which tasks.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TaskQuery {
    ids: Option<Vec<String>>,
    /// Without a space in the address: only of these spaces, or `all`.
    spaces: Vec<String>,
    /// With `spaces`: also what is of no space. Without: left out when false.
    include_system: Option<bool>,
    states: Vec<String>,
    task_state: Vec<String>,
    /// Under way.
    running: Option<bool>,
    /// Under way or still to begin.
    active: Option<bool>,
    /// Deploy, RunbookRun or Health.
    name: String,
    partial_name: String,
    description: String,
    project: String,
    environment: String,
    tenant: String,
    runbook: String,
    has_warnings_or_errors: Option<bool>,
    has_pending_interruptions: Option<bool>,
    from_queue_date: String,
    to_queue_date: String,
    from_start_date: String,
    to_start_date: String,
    from_completed_date: String,
    to_completed_date: String,
}

/// Tasks on a page, and how many of all that were asked for are in each state.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskCollection {
    #[serde(flatten)]
    page: Collection<TaskResource>,
    total_counts: BTreeMap<&'static str, i64>,
}

/// By id: in the space of the path, or without one anywhere in the company, as the clients cancel and wait.
fn located(ask: &Ask) -> Result<At<ids::Task>> {
    let within = if ask.parameter("space").is_empty() { Within::Company } else { Within::from(&ask.space()?) };
    ask.visitor()?.locate(within, ask.parameter("id"))
}

impl TaskQuery {
    fn filter(&self) -> Result<Filter> {
        // What is asked for and is no id is found nowhere.
        fn one<T: Kind>(text: &str) -> Option<i64> {
            (!text.trim().is_empty()).then(|| Id::<T>::parse(text).map_or(0, |id| id.0))
        }
        let asked = self.states.iter().chain(&self.task_state);
        let mut states = Vec::new();
        for text in asked {
            let known = || State::ALL.map(State::name).join(", ");
            let state =
                State::parse(text).ok_or_else(|| Error::invalid("states", format!("Give some of: {}.", known())));
            states.push(state?);
        }
        if self.running == Some(true) {
            states.extend([State::Executing, State::Cancelling]);
        }
        if self.active == Some(true) {
            states.extend([State::Queued, State::Executing, State::Cancelling]);
        }
        let span = |(from, to): (&str, &str), (first, last): (&str, &str)| {
            Ok::<_, Error>(Span { from: resource::moment(from, Some(first))?, to: resource::moment(to, Some(last))? })
        };
        // Nothing waits for a person yet.
        let nothing = self.has_pending_interruptions == Some(true)
            || (!self.name.trim().is_empty() && Work::parse(&self.name).is_none());
        Ok(Filter {
            ids: if nothing { Some(Vec::new()) } else { self.ids.as_deref().map(wire::numbers::<ids::Task>) },
            states,
            project: one::<ids::Project>(&self.project),
            environment: one::<ids::Environment>(&self.environment),
            tenant: one::<ids::Tenant>(&self.tenant),
            runbook: one::<ids::Runbook>(&self.runbook),
            work: Work::parse(&self.name),
            machine: None,
            name: self.partial_name.clone(),
            description: self.description.clone(),
            troubled: self.has_warnings_or_errors,
            queued: span(("fromQueueDate", "toQueueDate"), (&self.from_queue_date, &self.to_queue_date))?,
            started: span(("fromStartDate", "toStartDate"), (&self.from_start_date, &self.to_start_date))?,
            completed: span(
                ("fromCompletedDate", "toCompletedDate"),
                (&self.from_completed_date, &self.to_completed_date),
            )?,
        })
    }

    /// Proofs for the levels asked for: the space of the path, or `spaces` and `includeSystem`, or all there are.
    fn levels<'a>(&self, ask: &'a Ask) -> Result<Vec<Granted<'a, List<TaskView>>>> {
        let visitor = ask.visitor()?;
        if !ask.parameter("space").is_empty() {
            return Ok(vec![visitor.ask(List::<TaskView>::of(&ask.space()?))?]);
        }
        let mut all = visitor.ask_anywhere::<TaskView>(None)?;
        let every = self.spaces.is_empty() || self.spaces.iter().any(|space| space.eq_ignore_ascii_case("all"));
        let asked = wire::numbers::<ids::Space>(&self.spaces);
        let system = self.include_system.unwrap_or(self.spaces.is_empty());
        all.retain(|one| match one.what().space() {
            0 => system,
            space => every || asked.contains(&space),
        });
        Ok(all)
    }
}

/// A page of them, newest first. Without a space in the address: of all spaces. Ids that are not there, or may not be seen,
/// are left out; when ids are given, all of them are answered whatever `skip` says (`rest-api §8`).
pub(super) fn list(ask: &Ask, query: Query<TaskQuery>) -> Result<Json<TaskCollection>> {
    let (levels, filter) = (query.levels(ask)?, query.filter()?);
    let own = match ask.parameter("space") {
        "" => format!("{}/tasks", resource::api(ask)),
        _ => format!("{}/tasks", resource::space_api(ask, ask.space()?.id().0)),
    };
    page_of(ask, &query, &own, &levels, &filter)
}

fn page_of(
    ask: &Ask,
    query: &Query<TaskQuery>,
    own: &str,
    levels: &[Granted<'_, List<TaskView>>],
    filter: &Filter,
) -> Result<Json<TaskCollection>> {
    let page = match &filter.ids {
        Some(ids) => Page { skip: 0, take: ids.len().max(1) as i64 },
        None => ask.page(),
    };
    let listed = tasks::list_together(levels, filter, page)?;
    let counts = tasks::counts(levels, filter)?;
    let mut total_counts: BTreeMap<&'static str, i64> =
        counts.into_iter().map(|(state, count)| (state.name(), count)).collect();
    total_counts.insert("Interrupted", 0);
    let mut known = rerun::Known::default();
    let page = wire::collection(ask, query, own, "Task", listed, page, |task| drawn(ask, task, known.may(ask, task)));
    Ok(Json(TaskCollection { page, total_counts }))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<TaskResource>> {
    let granted = ask.visitor()?.ask(TaskView { task: located(ask)? })?;
    Ok(Json(draw(ask, &tasks::show(&granted)?)))
}

/// Those of one deployment target: its health checks, with the filters of all tasks.
pub(super) fn of_machine(ask: &Ask, query: Query<TaskQuery>) -> Result<Json<TaskCollection>> {
    let machine = machines::located(ask)?;
    ask.visitor()?.ask(MachineView { target: machine.clone() })?;
    let levels = vec![ask.visitor()?.ask(List::<TaskView>::of(&ask.space()?))?];
    let filter = Filter { machine: Some(machine.id().to_string()), ..query.filter()? };
    let own = format!("{}/machines/{}/tasks", resource::space_api(ask, ask.space()?.id().0), machine.id());
    page_of(ask, &query, &own, &levels, &filter)
}

/// A kind of task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskType {
    id: &'static str,
    name: &'static str,
}

/// The kinds of tasks there are.
pub(super) fn types(_: &Ask) -> Result<All<TaskType>> {
    let types = Work::ALL.map(|work| TaskType { id: work.name(), name: work.words() });
    Ok(All(types.into()))
}

/// What is asked for by a task.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NewTask {
    /// `Health`: other work is begun by its own commands.
    name: String,
    arguments: HealthArguments,
}

/// Which machines are looked at.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HealthArguments {
    machine_ids: Vec<refer::Target>,
    /// All machines of this environment that the caller may have looked at.
    environment_id: refer::Environment,
    /// How long the check may take, as `00:05:00`, once it has begun. Left out: as long as connecting takes.
    timeout: String,
    /// How long one machine may take. Each machine has a task of its own, so the shorter of the two counts.
    machine_timeout: String,
    restricted_to: Nothing,
}

/// Asks for a health check of deployment targets: one task each; the first is answered.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<NewTask>) -> Result<Created<TaskResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    // Whoever may nowhere hears that first, whatever was sent.
    visitor.ask(List::<TaskCreate>::of(&space))?;
    if Work::parse(&sent.name) != Some(Work::Health) {
        return Err(Error::invalid(
            "Name",
            "Only Health can be asked for here. Deployments are made with deployments/create.",
        ));
    }
    let wanted = &sent.arguments;
    let limit = |field: &str, text: &str| match text.trim() {
        "" => Ok(None),
        text => clock::milliseconds_of_span(text).filter(|length| *length > 0).map(Some).ok_or_else(|| {
            Error::invalid(&format!("Arguments.{field}"), "Give a length such as 00:05:00, or leave it out.")
        }),
    };
    let limits = health::Limits {
        whole: limit("Timeout", &wanted.timeout)?,
        machine: limit("MachineTimeout", &wanted.machine_timeout)?,
    };
    let machines: Vec<At<ids::Target>> = match wanted.environment_id.given() {
        Some(environment) if wanted.machine_ids.is_empty() => {
            let environment = visitor.locate::<ids::Environment>(&space, environment)?;
            let granted = visitor.ask(List::<MachineView>::of(&space))?;
            let here = targets::Filter {
                environments: Some(vec![environment.id().0]),
                is_disabled: Some(false),
                ..targets::Filter::default()
            };
            let here = targets::list(&granted, &here, Page::ALL)?.items;
            let here = here.iter().map(|target| visitor.locate(&space, &target.id.to_string()));
            here.collect::<Result<Vec<_>>>()?
        }
        within => {
            let named = wanted.machine_ids.iter().map(|id| visitor.named(&space, id.text()));
            let named = named.collect::<Result<Vec<At<ids::Target>>>>()?;
            if let Some(environment) = within {
                let environment = visitor.locate::<ids::Environment>(&space, environment)?.id();
                for target in &named {
                    let stands = targets::show(&visitor.ask(MachineView { target: target.clone() })?)?;
                    if !stands.environments.contains(&environment) {
                        let words =
                            format!("{} does not stand in this environment. Leave one of them out.", stands.name);
                        return Err(Error::invalid("Arguments.EnvironmentId", words));
                    }
                }
            }
            named
        }
    };
    if machines.is_empty() || machines.len() > 100 {
        let words = "Name 1 to 100 deployment targets in Arguments.MachineIds, or an environment with so many in Arguments.EnvironmentId.";
        return Err(Error::invalid("MachineIds", words));
    }
    let proofs: Vec<_> =
        machines.into_iter().map(|target| visitor.ask(TaskCreate { target })).collect::<Result<_>>()?;
    let mut first = None;
    for proof in &proofs {
        let task = health::ask(proof, &limits)?;
        first.get_or_insert(task);
    }
    let task = first.ok_or_else(|| Error::internal("no health check was asked for"))?;
    Ok(Created(draw(ask, &task)))
}

/// What it said, as plain text that is safe on a terminal; `ansi=true` keeps its colours.
pub(super) fn raw(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TaskView { task: located(ask)? })?;
    let mut plain = tasks::plain(&granted, colours(ask)?)?;
    Reply::file(Download::shown("text/plain; charset=utf-8", Box::new(move || plain.piece())))
}

/// Whether the colours of a log are asked for.
fn colours(ask: &Ask) -> Result<bool> {
    match ask.asked("ansi") {
        None => Ok(false),
        Some(_) => ask.asked_bool("ansi").ok_or_else(|| Error::invalid("ansi", "Give true or false.")),
    }
}

/// Stops it.
pub(super) fn cancel(ask: &Ask) -> Result<Json<TaskResource>> {
    let granted = ask.visitor()?.ask(TaskCancel { task: located(ask)? })?;
    Ok(Json(draw(ask, &tasks::cancel(&granted)?)))
}
