//! What a change would do, shown before it is done: on asking, and by itself where somebody would gain production or
//! administration. What was sent stands in hidden fields of a form that leads where the first one led, so nothing is
//! lost and it works without a script.

use crate::{
    base::{clock::Moment, error::Result},
    company::answers::{self, Danger, Preview},
    web::{
        caller::{Answer, Visit},
        page::{FieldView, FormView, Frame},
    },
};
use askama::Template;

/// A command that went through the preview.
pub(in crate::web) enum Checked<T> {
    /// It was carried out.
    Done(T),
    /// It was not: this is shown instead.
    Shown(Answer),
}

#[derive(Template)]
#[template(path = "answers/preview.html")]
struct PreviewPage {
    frame: Frame,
    form: FormView,
    lead: String,
    dangers: Vec<&'static str>,
    affected: Vec<Affected>,
    more: usize,
    hidden: usize,
}
struct Affected {
    people: String,
    rows: Vec<Row>,
}
struct Row {
    gained: bool,
    rights: usize,
    place: String,
    time: String,
    danger: bool,
    permissions: String,
}

/// So many groups of people are shown; the API tells all.
const SHOWN: usize = 60;
/// So many names of people who gain and lose the same.
const NAMED: usize = 12;
/// So many permissions are named in a line.
const LISTED: usize = 200;

/// Carries a command out, unless its preview was asked for, or somebody would gain production or administration and that
/// was not confirmed yet: then what it would do is shown. `back` is where "Cancel" leads.
///
/// # Errors
/// Those of the command.
pub(in crate::web) fn guarded<T>(
    visit: &Visit,
    title: &str,
    back: &str,
    command: impl Fn() -> Result<T>,
) -> Result<Checked<T>> {
    let sent = visit.form();
    let asked = sent.text("preview") == "yes";
    if !asked && sent.text("confirmed") == "yes" {
        return command().map(Checked::Done);
    }
    let told = answers::preview(&visit.visitor, &command)?;
    if !asked && told.dangers.is_empty() {
        return command().map(Checked::Done);
    }
    Ok(Checked::Shown(Answer::page(&page(visit, title, back, told, asked))?))
}

fn page(visit: &Visit, title: &str, back: &str, told: Preview, asked: bool) -> PreviewPage {
    let sent = visit.form();
    let mut form =
        FormView::new(visit.call.path_and_query(), if told.dangers.is_empty() { "Do it" } else { "Yes, do it" })
            .cancel(back.to_owned());
    let own = |name: &str| matches!(name, "preview" | "confirmed" | "_csrf") || name.starts_with("proof-");
    for (name, value) in sent.typed().filter(|(name, _)| !own(name)) {
        form = form.field(FieldView::hidden(name, value));
    }
    form = form.field(FieldView::hidden("confirmed", "yes"));
    let dangers = told.dangers.iter().map(|danger| match danger {
        Danger::Production => "Somebody gains a right to change something in production.",
        Danger::Administration => "Somebody gains a right by which access itself is given.",
    });
    let people = told.people();
    let lead = match (told.is_nothing(), people) {
        (true, _) => "Nobody gains or loses anything by this.".to_owned(),
        (false, 0) => "What this changes lies in spaces that you cannot enter.".to_owned(),
        (false, 1) => "1 person gains or loses rights by this. Nothing is changed yet.".to_owned(),
        (false, more) => format!("{more} people gain or lose rights by this. Nothing is changed yet."),
    };
    let more = told.affected.len().saturating_sub(SHOWN);
    let affected = told.affected.iter().take(SHOWN).map(|one| {
        let mut names: Vec<String> =
            one.people.iter().map(|(_, name)| name.clone().unwrap_or_else(|| "Somebody".into())).take(NAMED).collect();
        if one.people.len() > NAMED {
            names.push(format!("{} more", one.people.len() - NAMED));
        }
        Affected { people: names.join(", "), rows: one.bundles.iter().map(row).collect() }
    });
    PreviewPage {
        frame: crate::web::people::access(visit, if asked { title } else { "Is this meant?" }, ""),
        lead,
        dangers: dangers.collect(),
        affected: affected.collect(),
        more,
        hidden: told.hidden,
        form,
    }
}

fn row(bundle: &answers::Bundle) -> Row {
    let place = match (&bundle.space, bundle.place.as_str()) {
        (None, _) => "The company as a whole".to_owned(),
        (Some((_, space)), "") => format!("All of {space}"),
        (Some((_, space)), place) => format!("{space}: {place}"),
    };
    let exact = |moment: Moment| moment.exact();
    let time = match (bundle.from.map(exact), bundle.until.map(exact)) {
        (None, None) => String::new(),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    };
    let listed: Vec<&str> = bundle.permissions.iter().copied().take(LISTED).collect();
    Row {
        gained: bundle.gained,
        rights: bundle.permissions.len(),
        place,
        time,
        danger: !bundle.dangers.is_empty(),
        permissions: listed.join(", "),
    }
}
