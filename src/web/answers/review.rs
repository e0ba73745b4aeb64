//! The review of access: who has access to what, when it was last used, what nobody needs; and its sign-off.

use super::file;
use crate::{
    base::{
        clock::{self, day_of},
        error::{Error, Result},
    },
    company::{
        access::permissions::{List, TeamView, UserEdit, UserRoleView, UserView},
        answers::{self, Counts, Proofs, Reviewed, Show},
    },
    web::{
        caller::{Answer, Visit},
        form::refuse,
        list::Asked,
        page::{Act, Chip, Choice, FieldView, FilterBar, FormView, Frame, Pager, When, count},
        people::access,
        tasks::when,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "answers/review.html")]
struct ReviewPage {
    frame: Frame,
    filter: FilterBar,
    figures: Vec<Figure>,
    rows: Vec<Row>,
    pager: Pager,
    export_href: String,
    form: Option<FormView>,
    sign_off: Act,
    sign_offs: Vec<SignOff>,
}
struct Figure {
    number: String,
    label: &'static str,
    href: String,
}
struct Row {
    name: String,
    email: String,
    href: String,
    rights_href: String,
    chips: Vec<Chip>,
    seen: Option<When>,
    rights: String,
    unused: usize,
    unused_names: String,
    access: Vec<AccessRow>,
    suggestions: Vec<String>,
}
struct AccessRow {
    team: String,
    href: String,
    role: String,
    place: String,
    used: String,
    until: String,
}
struct SignOff {
    at: When,
    who: String,
    note: String,
    about: String,
}

fn with<T>(visit: &Visit, work: impl FnOnce(&Proofs<'_, '_>) -> Result<T>) -> Result<T> {
    let people = visit.visitor.ask(UserView {})?;
    let roles = visit.visitor.ask(UserRoleView {})?;
    let teams = visit.visitor.ask(List::<TeamView>::system())?;
    work(&Proofs { people: &people, roles: &roles, teams: &teams })
}

/// Whether the visitor may see the review at all.
pub(in crate::web) fn is_for(visit: &Visit) -> bool {
    let visitor = &visit.visitor;
    visitor.may(UserView {}) && visitor.may(UserRoleView {}) && visitor.may(List::<TeamView>::system())
}

/// The review.
pub(in crate::web) fn show(visit: &Visit) -> Result<Answer> {
    draw(visit, sign_off_form(visit))
}

fn base(visit: &Visit) -> String {
    visit.path("/access/review")
}

fn sign_off_form(visit: &Visit) -> Option<FormView> {
    visit.visitor.may(UserEdit {}).then(|| {
        FormView::new(format!("{}/sign-off", base(visit)), "Sign the review off").field(
            FieldView::textarea("note", "Note")
                .rows(3)
                .help("What was looked at, and what will be changed. It stands in the trail with your name."),
        )
    })
}

fn draw(visit: &Visit, form: Option<FormView>) -> Result<Answer> {
    let refused = form.as_ref().is_some_and(|form| form.fields.iter().any(|field| !field.error.is_empty()));
    let word = visit.call.asked("show").unwrap_or_default();
    let asked = Asked::of(visit);
    let ((listed, counts), sign_offs) = with(visit, |proofs| {
        Ok((answers::review(proofs, Show::of(word), asked.search, asked.page())?, answers::sign_offs(proofs.people)?))
    })?;
    let address = base(visit);
    let choices = [
        ("", "Everybody"),
        ("unused", "With rights not used in 90 days"),
        ("no-factor", "Without a second factor"),
        ("inactive", "Not seen for 90 days"),
        ("ending", "With something that ends within 30 days"),
        ("administration", "Who can give access"),
    ];
    let choices = choices.into_iter().map(|(value, label)| Choice::new(value, label).chosen(value == word)).collect();
    let sign_offs = sign_offs.into_iter().map(|one| SignOff {
        at: when(one.at),
        who: one.reviewer,
        about: format!("{}, {} with unused rights", count(one.people.unsigned_abs(), "person", "people"), one.unused),
        note: one.note,
    });
    let page = ReviewPage {
        frame: access(visit, "Review of access", "review"),
        filter: FilterBar::new(&address, "Find a person", asked.search).select("show", "Show", choices),
        figures: figures(&address, counts),
        rows: listed.items.iter().map(|one| row(visit, one)).collect(),
        pager: asked.pager(listed.total, &address, &[("show", word)]),
        export_href: format!("{address}/export"),
        form,
        sign_off: visit.offer(UserEdit {}, Act::link("Sign the review off", "#sign-offs")),
        sign_offs: sign_offs.collect(),
    };
    Answer::shown(&page, refused)
}

fn figures(address: &str, counts: Counts) -> Vec<Figure> {
    let one = |number: usize, label, show: &str| Figure {
        number: number.to_string(),
        label,
        href: format!("{address}?show={show}"),
    };
    vec![
        one(counts.people, "people and service accounts", ""),
        one(counts.unused, "hold rights not used in 90 days", "unused"),
        one(counts.no_factor, "without a second factor", "no-factor"),
        one(counts.idle, "not seen for 90 days", "inactive"),
        one(counts.ending, "with something that ends soon", "ending"),
        one(counts.administer, "can give access", "administration"),
    ]
}

fn row(visit: &Visit, one: &Reviewed) -> Row {
    let mut chips = Vec::new();
    match one.state.as_str() {
        "invited" => chips.push(Chip::new("queued", "Invited")),
        "inactive" => chips.push(Chip::new("cancelled", "Inactive")),
        _ => {}
    }
    if one.state == "active" && !one.who.is_service && !one.has_second_factor {
        chips.push(Chip::new("warning", "No second factor"));
    }
    if one.is_idle {
        chips.push(Chip::new("warning", "Not seen for 90 days"));
    }
    if one.administers {
        chips.push(Chip::new("info", "Can give access"));
    }
    if let Some(end) = one.ends(clock::now()) {
        chips.push(Chip::new("waiting", "Something ends").at(when(end)));
    }
    let address = visit.path(&format!("/access/people/Users-{}", one.who.id));
    let access = one.access.iter().map(|access| AccessRow {
        team: access.through.0.clone(),
        href: visit.path(&format!("/access/teams/Teams-{}", access.team)),
        role: access.through.1.clone(),
        place: if access.place.is_empty() { "The company as a whole".into() } else { access.place.clone() },
        used: access.last_used.map_or_else(|| "Never noted".into(), day_of),
        until: access.until.map(|until| format!("until {}", visit.clock(until))).unwrap_or_default(),
    });
    Row {
        name: one.who.name.clone(),
        email: if one.who.is_service { "Service account".into() } else { one.email.clone() },
        rights_href: format!("{address}/rights"),
        href: address,
        chips,
        seen: one.last_seen_at.map(when),
        rights: count(one.rights as u64, "right", "rights"),
        unused: one.unused.len(),
        unused_names: one.unused.join(", "),
        access: access.collect(),
        suggestions: one.removals.iter().map(|removal| removal.words(&one.who.name)).collect(),
    }
}

/// The review as a table.
pub(in crate::web) fn export(visit: &Visit) -> Result<Answer> {
    let bytes = with(visit, answers::csv)?;
    file(&format!("access-{}.csv", visit.company().slug()), bytes)
}

/// Signs the review off.
pub(in crate::web) fn sign_off(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserEdit {})?;
    let sent = visit.form();
    match with(visit, |proofs| answers::sign_off(&granted, proofs, sent.text("note"))) {
        Ok(_) => Answer::done(base(visit), "The review was signed off."),
        Err(error @ Error::Invalid(_)) => {
            let Some(form) = sign_off_form(visit) else { return Err(error) };
            draw(visit, Some(refuse(form.typed(sent.typed()), error, &[("Note", "note")])?))
        }
        Err(error) => Err(error),
    }
}
