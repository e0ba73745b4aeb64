//! What became of the letters of the last 30 days, for those who configure the company; and a letter for trial.

use super::{
    caller::{Answer, Visit},
    list::ROWS,
    page::{Frame, Pager, When},
    settings::settings,
    tasks::when,
};
use crate::{
    base::{
        error::{Error, Result},
        paging::Page,
    },
    company::{
        access::permissions::ConfigureServer,
        post::{self, State},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "letters/list.html")]
struct List {
    frame: Frame,
    is_set: bool,
    test_href: String,
    problem: String,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    subject: String,
    receiver: String,
    state: &'static str,
    word: &'static str,
    problem: String,
    at: When,
    next: Option<When>,
}

fn page(visit: &Visit, problem: &str) -> Result<List> {
    let number = visit.call.page_number();
    let page = Page { skip: (number - 1) * ROWS, take: ROWS };
    let found = post::list(&visit.visitor.ask(ConfigureServer {})?, page)?;
    let rows = found.items.into_iter().map(|letter| {
        let (state, word) = match letter.state {
            State::Waiting => ("queued", "Waiting"),
            State::Sent => ("success", "Sent"),
            State::Failed => ("failed", "Not sent"),
        };
        Row {
            subject: letter.subject,
            receiver: letter.receiver,
            state,
            word,
            problem: letter.problem,
            at: when(letter.created_at),
            next: (letter.state == State::Waiting && letter.attempts > 0).then(|| when(letter.next_at)),
        }
    });
    let address = visit.path("/settings/letters");
    Ok(List {
        frame: settings(visit, "Letters", "letters"),
        is_set: visit.call.desk.mail,
        test_href: visit.path("/settings/letters/test"),
        problem: problem.to_owned(),
        rows: rows.collect(),
        pager: Pager::new(found.total.unsigned_abs(), ROWS as u64, number as u64, &address),
    })
}

/// The letters.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    Answer::page(&page(visit, "")?)
}

/// Sends a letter to whoever asks.
pub(super) fn send_test(visit: &Visit) -> Result<Answer> {
    match post::send_test(&visit.visitor.ask(ConfigureServer {})?) {
        Ok(()) => Answer::done(visit.path("/settings/letters"), "A letter to you is on its way."),
        Err(Error::Conflict(sentence)) => Answer::refused(&page(visit, &sentence)?),
        Err(error) => Err(error),
    }
}
