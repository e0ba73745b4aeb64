//! The event stream of a task's log. It asks the door anew at every look, so that it ends soon after the right does.

use super::*;
use crate::{
    base::error::Error,
    http::{Desk, call::Call, headers, streams, table},
    web::error,
};
use axum::{
    extract::{Request, State as Shared},
    response::{IntoResponse, Response, Sse, sse},
};
use futures_util::stream;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

/// So often the log is looked at.
const LOOK: Duration = Duration::from_millis(400);
/// So much is sent at one look at most.
const MOST: Most = Most { lines: 1000, bytes: 512 * 1024, each: SHOWN.each };

struct Watching {
    call: Arc<Call>,
    company: String,
    task: String,
    at: tasks::From,
    state: Option<State>,
    steps: Vec<Step>,
    ready: VecDeque<sse::Event>,
    over: bool,
    first: bool,
    /// Its place among the streams of this person and company.
    open: Option<streams::Open>,
    /// Whoever watches is one of a tenant's own people, who are not told of machines.
    customer: bool,
}

/// What one look saw.
struct Seen {
    task: Task,
    steps: Vec<Step>,
    lines: tasks::Lines,
    customer: bool,
    person: String,
}

/// Answers `/{company}/tasks/{task}/events?after=n`.
pub async fn events(Shared(desk): Shared<Desk>, request: Request) -> Response {
    let segments = table::segments(request.uri().path()).unwrap_or_default();
    let [company, _, task, _] = segments.as_slice() else {
        return error::status(axum::http::StatusCode::NOT_FOUND);
    };
    let (company, task) = (company.clone(), task.clone());
    let call = match Call::read(desk, request).await {
        Ok(call) => Arc::new(call),
        Err(status) => return error::status(status),
    };
    let after = call.asked("after").or(call.header("last-event-id")).and_then(|text| text.trim().parse().ok());
    let mut watching = Watching {
        at: after.map_or(tasks::From::Start, tasks::From::After),
        call,
        company,
        task,
        state: None,
        steps: Vec::new(),
        ready: VecDeque::new(),
        over: false,
        first: true,
        open: None,
        customer: false,
    };
    // The first look decides whether there is a stream at all.
    let opened = match watching.look().await {
        Ok(person) => watching.call.desk.streams.open(&watching.company, &person),
        Err(refusal) => Err(refusal),
    };
    match opened {
        Ok(open) => watching.open = Some(open),
        Err(refusal) => return error::bare(&refusal, watching.call.reference()).into_response(),
    }
    let stream = stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok::<_, Infallible>(event), watching))
    });
    let mut response =
        Sse::new(stream).keep_alive(sse::KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    headers::protect(response.headers_mut());
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

impl Watching {
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let closing = self.call.desk.closing.clone();
            let last = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                () = closing.cancelled() => true,
            };
            if self.look().await.is_err() {
                // Signed out, or the right is gone: the page itself says so when it loads again.
                self.end();
            }
            // The port closes when the last task has ended, and this was its end. Of a task that waits on, the browser
            // asks again when there is a server again.
            self.over |= last;
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.say("end", &json!({}));
    }

    fn say(&mut self, name: &str, data: &Value) {
        self.ready.push_back(sse::Event::default().event(name).data(data.to_string()));
    }

    /// Looks once, and says who looks.
    async fn look(&mut self) -> Result<String> {
        let (call, company, task, at) = (self.call.clone(), self.company.clone(), self.task.clone(), self.at);
        let first = self.first;
        let _seat = self.call.desk.seat(&self.company).await;
        let seen = crate::http::blocking(move || {
            // Somebody who is not signed in gets what a task that does not exist gives.
            let visit = if first { Visit::enter(&call, &company) } else { Visit::look_again(&call, &company) };
            let visit = visit.map_err(|_| Error::NotFound(task.clone()))?;
            let granted = visit.visitor.ask(TaskView { task: visit.visitor.locate(Within::Company, &task)? })?;
            // The state before the lines: a task that has ended says nothing more.
            let (task, steps) = (tasks::show(&granted)?, tasks::steps(&granted)?);
            let customer = !visit.visitor.customer_of().is_empty();
            let person = visit.visitor.user().map(|user| user.to_string()).unwrap_or_default();
            Ok(Seen { task, steps, lines: tasks::read_log(&granted, at, MOST)?, customer, person })
        })
        .await?;
        let person = seen.person.clone();
        self.tell(seen);
        Ok(person)
    }

    fn tell(&mut self, seen: Seen) {
        let first = std::mem::take(&mut self.first);
        self.customer = seen.customer;
        // Steps that have begun come before their lines.
        // A task may have thousands: each is found at once.
        let known: HashMap<String, Step> =
            std::mem::take(&mut self.steps).into_iter().map(|step| (step.number.clone(), step)).collect();
        for step in &seen.steps {
            let before = known.get(&step.number);
            let news = before.is_none_or(|before| before.status != step.status || before.ended_at != step.ended_at);
            let hidden = self.customer && step.parent.is_some();
            if news && !hidden && !(first && step.status == StepStatus::Pending) {
                let data = json!({
                    "id": step.number, "name": label(step), "status": status_name(step.status),
                    "duration": step.ended_at.map(|_| step_took(step)).unwrap_or_default(), "parent": step.parent.clone().unwrap_or_default(),
                });
                self.say("step", &data);
            }
        }
        self.steps = seen.steps;
        for line in &seen.lines.lines {
            let step = if self.customer { whole_step(&line.step) } else { line.step.as_str() };
            let step = if step.is_empty() { ITSELF } else { step };
            let data = json!({
                "number": line.n, "step": step, "category": line.category.name(), "text": line.text, "at": line.at.time_of_day(), "cut": line.cut,
            });
            self.ready.push_back(sse::Event::default().event("line").id(line.n.to_string()).data(data.to_string()));
        }
        self.at = tasks::From::Place(seen.lines.next);
        if self.state != Some(seen.task.state) {
            self.state = Some(seen.task.state);
            let chip = chip(seen.task.state, seen.task.warnings, None);
            self.say("state", &json!({ "state": seen.task.state.name(), "label": chip.word }));
            let data = json!({ "id": ITSELF, "name": "The task itself", "status": seen.task.state.name(), "duration": "", "parent": "" });
            self.say("step", &data);
        }
        if seen.task.state.is_completed() && !seen.lines.more {
            self.end();
        }
    }
}
