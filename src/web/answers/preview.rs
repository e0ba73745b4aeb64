//! What a change of access would do, shown before it is done: on asking, and by itself where somebody would lose a right or
//! gain production or administration, and where Everyone gains. What was sent stands in hidden fields of a form that leads
//! where the first one led, so nothing is lost and it works without a script. One shape for whatever gives or takes access.

use crate::{
    base::{clock::Moment, error::Result},
    company::answers::{self, Danger, Preview},
    web::{
        caller::{Answer, Visit},
        page::{FieldView, FormView, Frame, count},
        people::CUSTOMER,
    },
};
use askama::Template;
use std::collections::BTreeSet;

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
    dangers: Vec<String>,
    affected: Vec<Affected>,
    more: usize,
    hidden: usize,
    is_grave: bool,
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

/// A change of access, in the words of its page.
pub(in crate::web) struct Change<'a> {
    /// "What taking them out does".
    title: &'a str,
    /// What the button says that does it: "Take them out".
    submit: &'a str,
    /// Where "Cancel" leads.
    back: &'a str,
    first: bool,
}

impl<'a> Change<'a> {
    /// In these words: the heading, the button, and where "Cancel" leads.
    pub(in crate::web) fn new(title: &'a str, submit: &'a str, back: &'a str) -> Change<'a> {
        Change { title, submit, back, first: false }
    }
    /// Shown before it is done whatever it does: an invitation leaves the house.
    pub(in crate::web) fn shown_first(self) -> Change<'a> {
        Change { first: true, ..self }
    }
}

/// Carries a command out, unless its preview was asked for, or it takes or gives what has to be confirmed and was not yet:
/// then what it would do is shown.
///
/// # Errors
/// Those of the command.
pub(in crate::web) fn guarded<T>(
    visit: &Visit,
    change: Change<'_>,
    command: impl Fn() -> Result<T>,
) -> Result<Checked<T>> {
    guarded_by(visit, change, || answers::preview(&visit.visitor, &command), &command)
}

/// As [`guarded`], for a command whose own preview is not what it leads to: an open invitation gives something to whoever
/// uses it.
///
/// # Errors
/// Those of the preview and of the command.
pub(in crate::web) fn guarded_by<T>(
    visit: &Visit,
    change: Change<'_>,
    preview: impl FnOnce() -> Result<Preview>,
    command: impl FnOnce() -> Result<T>,
) -> Result<Checked<T>> {
    let sent = visit.form();
    let asked = sent.text("preview") == "yes";
    if !asked && sent.text("confirmed") == "yes" {
        return command().map(Checked::Done);
    }
    let told = preview()?;
    if !asked && !change.first && told.dangers.is_empty() && !told.reaches_everyone && !told.takes {
        return command().map(Checked::Done);
    }
    Ok(Checked::Shown(Answer::asked(&page(visit, &change, told, asked))?))
}

fn page(visit: &Visit, change: &Change<'_>, told: Preview, asked: bool) -> PreviewPage {
    let sent = visit.form();
    let mut form = FormView::new(visit.call.path_and_query(), change.submit).cancel(change.back.to_owned());
    let own = |name: &str| matches!(name, "preview" | "confirmed" | "_csrf") || name.starts_with("proof-");
    for (name, value) in sent.typed().filter(|(name, _)| !own(name)) {
        form = form.field(FieldView::hidden(name, value));
    }
    form = form.field(FieldView::hidden("confirmed", "yes"));
    let grave = !told.dangers.is_empty() || told.reaches_everyone;
    let mut dangers: Vec<String> = told
        .dangers
        .iter()
        .map(|danger| match danger {
            Danger::Production => "Somebody gains a right to change something in production.".into(),
            Danger::Administration => "Somebody gains a right by which access itself is given.".into(),
        })
        .collect();
    if told.reaches_everyone {
        dangers.push(
            "Everyone gains: every person and service account of the company, and everyone who joins later.".into(),
        );
        dangers.push(match (told.customers.len(), visit.company().rules().customers_in_everyone) {
            (0, false) => "Customers' people gain nothing by it: they are not in Everyone.".into(),
            (0, true) => "Customers' people are in Everyone: those who join later gain too.".into(),
            (some, _) => format!(
                "{} among those who gain: people of tenants' own teams.",
                count(some as u64, "customer's person is", "customers' people are")
            ),
        });
    } else if !told.customers.is_empty() {
        dangers.push(format!(
            "{} among those who gain.",
            count(told.customers.len() as u64, "customer's person is", "customers' people are")
        ));
    }
    let lead = match (told.is_nothing(), told.people()) {
        (true, _) => "Nobody gains or loses anything by this. Nothing is changed yet.".to_owned(),
        (false, 0) if !told.newcomers.is_empty() => {
            "This is for those who come later. Nothing is changed yet.".to_owned()
        }
        (false, 0) => "What this changes lies in spaces that you cannot enter. Nothing is changed yet.".to_owned(),
        (false, 1) => "1 person gains or loses rights by this. Nothing is changed yet.".to_owned(),
        (false, more) => format!("{more} people gain or lose rights by this. Nothing is changed yet."),
    };
    let more = told.affected.len().saturating_sub(SHOWN);
    let affected = told.affected.iter().take(SHOWN).map(|one| {
        let mut names: Vec<String> =
            one.people.iter().take(NAMED).map(|(id, name)| called(*id, name.as_deref(), &told.customers)).collect();
        if one.people.len() > NAMED {
            names.push(format!("{} more", one.people.len() - NAMED));
        }
        Affected { people: names.join(", "), rows: one.bundles.iter().map(|one| row(visit, one)).collect() }
    });
    let newcomers = (!told.newcomers.is_empty()).then(|| Affected {
        people: "Everybody who comes later".into(),
        rows: told.newcomers.iter().map(|one| row(visit, one)).collect(),
    });
    PreviewPage {
        frame: crate::web::people::access(visit, if grave && !asked { "Is this meant?" } else { change.title }, ""),
        lead,
        dangers,
        affected: affected.chain(newcomers).collect(),
        more,
        hidden: told.hidden,
        is_grave: grave || told.takes,
        form,
    }
}

/// Somebody's name; customers' people are marked.
fn called(id: i64, name: Option<&str>, customers: &BTreeSet<i64>) -> String {
    let name = name.unwrap_or("Somebody");
    if customers.contains(&id) { format!("{name} ({CUSTOMER})") } else { name.to_owned() }
}

fn row(visit: &Visit, bundle: &answers::Bundle) -> Row {
    let place = match (&bundle.space, bundle.place.as_str()) {
        (None, _) => "The company as a whole".to_owned(),
        (Some((_, space)), "") => format!("All of {space}"),
        (Some((_, space)), place) => format!("{space}: {place}"),
    };
    let exact = |moment: Moment| visit.clock(moment);
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
