//! Answers about access for people: what somebody may do, why, who may, what a change would do, and the review.

pub(super) mod preview;
pub(super) mod review;
pub(super) mod rights;
mod spot;

use super::{
    caller::{Answer, Visit},
    list::ROWS,
    page::{Frame, Pager},
    people::access,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{Id, User},
        names,
        paging::{Listed, Page},
    },
    company::{
        access::{At, Granted, Within, permissions::UserView},
        answers::{self, Line, Names, Shape},
        people,
    },
    http::download::Download,
};
use askama::Template;
use spot::{Ask, SpotForm};
use std::collections::HashMap;

#[derive(Template)]
#[template(path = "answers/why.html")]
struct WhyPage {
    frame: Frame,
    form: SpotForm,
    problem: String,
    answer: Option<Shown>,
}
struct Shown {
    sentence: String,
    kind: &'static str,
    rows: Vec<WhyRow>,
    hidden: usize,
    rights_href: String,
}
struct WhyRow {
    allows: bool,
    team: String,
    href: String,
    role: String,
    place: String,
    until: String,
    reason: String,
}
#[derive(Template)]
#[template(path = "answers/who.html")]
struct WhoPage {
    frame: Frame,
    form: SpotForm,
    problem: String,
    asked: bool,
    sentence: String,
    rows: Vec<WhoRow>,
    pager: Pager,
}
struct WhoRow {
    name: String,
    note: &'static str,
    href: String,
    why_href: String,
    through: Vec<Through>,
}
struct Through {
    team: String,
    href: String,
    role: String,
    place: String,
}

/// A file that was made at once.
fn file(name: &str, bytes: Vec<u8>) -> Result<Answer> {
    let mut whole = Some(bytes);
    let pieces = Box::new(move || Ok(whole.take()));
    Ok(Answer::File(Download::new("text/csv; charset=utf-8", name, pieces)))
}

fn team_href(visit: &Visit, names: &Names, team: i64) -> String {
    names.team(team).map(|_| visit.path(&format!("/access/teams/Teams-{team}"))).unwrap_or_default()
}

/// Where a right holds, in words.
fn place(names: &Names, line: &Line, groups: &HashMap<i64, Vec<i64>>) -> String {
    let Some(space) = line.grant.space else { return "The company as a whole".into() };
    let space = names.space(space).unwrap_or("A space you cannot enter");
    let words = names.words(&Shape::of(&line.grant, line.permission, groups), groups);
    if words.is_empty() { format!("All of {space}") } else { format!("{space}: {words}") }
}

fn until(visit: &Visit, line: &Line) -> String {
    line.grant.until.map(|until| format!("until {}", visit.clock(until))).unwrap_or_default()
}

/// The person that a word means: an id, a username, an e-mail address, or the name that is shown. Several of one name are
/// offered by what tells them apart.
fn person_of(visit: &Visit, granted: &Granted<'_, UserView>, word: &str) -> Result<At<User>> {
    let missing = match visit.visitor.named(Within::Company, word) {
        Err(missing @ Error::NotFound(_)) => missing,
        other => return other,
    };
    let filter = people::Filter { text: word.trim().into(), ..people::Filter::default() };
    let found = people::list(granted, &filter, Page { skip: 0, take: 50 })?.items;
    let named = |user: &&people::User| names::key(&user.display_name) == names::key(word);
    let exact: Vec<_> = found.iter().filter(named).collect();
    match (exact.as_slice(), found.as_slice()) {
        ([only], _) => visit.visitor.locate(Within::Company, &only.id.to_string()),
        ([], [only]) => visit.visitor.locate(Within::Company, &only.id.to_string()),
        ([], []) => Err(missing),
        ([], some) => Err(several(word, some.iter().collect())),
        (some, _) => Err(several(word, some.to_vec())),
    }
}

fn several(word: &str, who: Vec<&people::User>) -> Error {
    let names: Vec<String> =
        who.iter().take(8).map(|user| format!("{} ({})", user.display_name, user.username)).collect();
    let more = if who.len() > names.len() { " and others" } else { "" };
    Error::invalid("Person", format!("“{word}” could be {}{more}. Give the username.", names.join(", ")))
}

/// What was wrong with what was asked, as a sentence; other errors are passed on.
fn wrong(error: Error) -> Result<String> {
    match error {
        Error::Invalid(_) | Error::NotFound(_) => Ok(match error {
            Error::NotFound(what) => format!("“{what}” was not found. Choose from the list."),
            other => other.to_string(),
        }),
        other => Err(other),
    }
}

/// Why somebody may or may not do something somewhere. Of oneself always; of others with the right to see people.
pub(super) fn why(visit: &Visit) -> Result<Answer> {
    let visitor = &visit.visitor;
    let form = SpotForm::read(visit, true)?;
    let person = form.person.trim().to_owned();
    let mine = person.is_empty() || visitor.user().is_some_and(|me| Id::<User>::parse(&person) == Some(me));
    if !mine {
        visitor.ask(UserView {})?;
    }
    let (mut problem, mut answer) = (String::new(), None);
    if form.is_asked() {
        match form.asked(visit) {
            Ok(asked) => match found(visit, mine, &person, &asked) {
                Ok(why) => answer = Some(shown(visit, &asked, why)),
                Err(error) => problem = wrong(error)?,
            },
            Err(error) => problem = wrong(error)?,
        }
    }
    let frame = access(visit, "Why may somebody, or why not?", "who");
    let refused = !problem.is_empty();
    let page = WhyPage { frame, form, problem, answer };
    Answer::shown(&page, refused)
}

fn found(visit: &Visit, mine: bool, person: &str, asked: &Ask) -> Result<answers::Why> {
    if mine {
        return answers::why_me(&visit.visitor.myself()?, asked.info, &asked.spot);
    }
    let granted = visit.visitor.ask(UserView {})?;
    let user = person_of(visit, &granted, person)?;
    answers::why(&granted, &user, asked.info, &asked.spot)
}

fn shown(visit: &Visit, asked: &Ask, why: answers::Why) -> Shown {
    let space = asked.spot.space.as_ref().map(|space| space.id().0);
    let rows = why.verdicts.iter().map(|verdict| WhyRow {
        allows: verdict.answer.is_ok(),
        team: why.names.team_words(verdict.line.grant.team),
        href: team_href(visit, &why.names, verdict.line.grant.team),
        role: why.names.role_words(verdict.line.grant.role),
        place: place(&why.names, &verdict.line, &why.groups),
        until: until(visit, &verdict.line),
        reason: match verdict.answer {
            Ok(()) => String::new(),
            Err(reason) => answers::refusal_words(reason, &verdict.line, &why.names, space),
        },
    });
    let rows: Vec<WhyRow> = rows.collect();
    let (name, what) = (&why.name, &asked.words);
    let (kind, sentence) = match (why.allowed, why.is_active) {
        (true, true) => ("success", format!("{name} may: {what}.")),
        (true, false) => ("warning", format!("{name} would be allowed this, but cannot sign in: {what}.")),
        (false, _) if rows.is_empty() => {
            ("warning", format!("{name} may not: {what}. None of their teams' roles contains it."))
        }
        (false, _) => ("warning", format!("{name} may not: {what}. What comes near is refused by its limits.")),
    };
    let me = visit.visitor.user() == Some(why.user);
    let rights_href =
        visit.path(&if me { "/me/rights".to_owned() } else { format!("/access/people/{}/rights", why.user) });
    Shown { sentence, kind, rows, hidden: why.hidden, rights_href }
}

/// Who may do something somewhere.
pub(super) fn who(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserView {})?;
    let form = SpotForm::read(visit, false)?;
    let (mut problem, mut sentence, mut rows, mut pager) = (String::new(), String::new(), Vec::new(), Pager::default());
    let asked_for = form.is_asked();
    if asked_for {
        match form.asked(visit) {
            Ok(asked) => {
                let search = visit.call.asked("q").unwrap_or_default();
                let found = answers::who(&granted, asked.info, &asked.spot, search)?;
                let number = visit.call.page_number();
                let total = found.holders.len();
                sentence = match total {
                    0 => format!("Nobody may: {}.", asked.words),
                    1 => format!("1 person may: {}.", asked.words),
                    more => format!("{more} people may: {}.", asked.words),
                };
                let page = crate::base::paging::Page::numbered(Some(number), ROWS);
                let listed = Listed::from_all(page, found.holders);
                let query = form.query();
                rows = listed
                    .items
                    .iter()
                    .map(|(one, lines)| WhoRow {
                        name: one.name.clone(),
                        note: if one.is_service { "service account" } else { "" },
                        href: visit.path(&format!("/access/people/Users-{}", one.id)),
                        why_href: visit.path(&format!("/access/why?person=Users-{}&{query}", one.id)),
                        through: lines
                            .iter()
                            .map(|line| Through {
                                team: found.names.team_words(line.grant.team),
                                href: team_href(visit, &found.names, line.grant.team),
                                role: found.names.role_words(line.grant.role),
                                place: place(&found.names, line, &found.groups),
                            })
                            .collect(),
                    })
                    .collect();
                let address = format!("{}?{query}", visit.path("/access/who"));
                pager = Pager::new(total as u64, ROWS as u64, number as u64, &address);
            }
            Err(error) => problem = wrong(error)?,
        }
    }
    let frame = access(visit, "Who may?", "who");
    let refused = !problem.is_empty();
    let page = WhoPage { frame, form, problem, asked: asked_for, sentence, rows, pager };
    Answer::shown(&page, refused)
}
