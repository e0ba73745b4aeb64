//! Pages of tag sets: words by which tenants are chosen.
//!
//! The form has a row for each tag. Its buttons add, move and remove rows by sending the form and drawing it again with
//! everything that was typed; nothing is saved before the last button.

use super::{
    caller::{Answer, Visit, encode},
    form,
    lifecycles::library,
    list::Asked,
    page::{Act, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, count},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{Inside, List as Listing, TagSetCreate, TagSetDelete, TagSetEdit, TenantView},
        },
        tenants::{
            self,
            tags::{self, Fields, Filter, Tag, TagFields, TagSet},
        },
    },
};
use askama::Template;

/// Tags of one form.
const MOST: usize = 500;
/// Offered to new tags in turn; each can be told from its neighbours.
const COLOURS: [&str; 8] = ["#0E7490", "#B45309", "#4D7C0F", "#7C3AED", "#BE185D", "#1D4ED8", "#B91C1C", "#475569"];

#[derive(Template)]
#[template(path = "tagsets/list.html")]
struct List {
    frame: Frame,
    may_edit: bool,
    may_sort: bool,
    add: Act,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    description: String,
    href: String,
    tags: Vec<Tag>,
    more: String,
}
#[derive(Template)]
#[template(path = "tagsets/form.html")]
struct Form {
    frame: Frame,
    form: FormView,
    rows: Vec<TagRow>,
}
struct TagRow {
    at: usize,
    number: usize,
    id: String,
    name: String,
    color: String,
    description: String,
    error: String,
    autofocus: bool,
    last: bool,
}
#[derive(Template)]
#[template(path = "tagsets/show.html")]
struct Show {
    frame: Frame,
    change: Act,
    sentence: String,
    tags: Vec<Shown>,
    may_see_tenants: bool,
    about: Kv,
    removal: Option<ConfirmDelete>,
}
struct Shown {
    tag: Tag,
    tenants: u64,
    href: String,
}

fn base(visit: &Visit) -> String {
    visit.space_path("/library/tag-sets")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    library(visit, title, "tag-sets")
}
fn located(visit: &Visit) -> Result<At<ids::TagSet>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("set"))
}

/// All tag sets, in their order.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Inside { at: space.clone() })?;
    let asked = Asked::of(visit);
    let filter = Filter { partial_name: asked.search.into(), ids: None };
    let found = tags::list(&granted, &filter, asked.page())?;
    let address = base(visit);
    let rows = found.items.into_iter().map(|mut set| {
        let more = set.tags.len().saturating_sub(12);
        set.tags.truncate(12);
        Row {
            href: format!("{address}/{}", set.slug),
            name: set.name,
            description: set.description,
            tags: set.tags,
            more: if more > 0 { format!("and {more} more") } else { String::new() },
        }
    });
    let may_edit = visit.visitor.may_somewhere::<TagSetEdit>(&space);
    Answer::page(&List {
        frame: frame(visit, "Tag sets"),
        may_edit,
        may_sort: may_edit && asked.search.is_empty() && found.total > 1,
        add: visit
            .offer(TagSetCreate { space }, Act::link("Add a tag set", format!("{address}/new")).primary().icon("plus")),
        filter: FilterBar::new(&address, "Find a tag set", asked.search),
        rows: rows.collect(),
        pager: asked.pager(found.total, &address, &[]),
    })
}

/// Moves a set before the one above it.
pub(super) fn up(visit: &Visit) -> Result<Answer> {
    moved(visit, -1)
}
/// Moves a set behind the one below it.
pub(super) fn down(visit: &Visit) -> Result<Answer> {
    moved(visit, 1)
}

fn moved(visit: &Visit, by: isize) -> Result<Answer> {
    let space = visit.space()?;
    let at = located(visit)?;
    visit.visitor.ask(TagSetEdit { tag_set: at.clone() })?;
    let mut sets = tags::list(&visit.visitor.ask(Inside { at: space.clone() })?, &Filter::default(), Page::ALL)?.items;
    let from = sets.iter().position(|set| set.id == at.id()).unwrap_or(0);
    let Some(to) = from.checked_add_signed(by).filter(|to| *to < sets.len()) else {
        return Ok(Answer::Go(base(visit)));
    };
    sets.swap(from, to);
    let mut granted = Vec::new();
    for set in &sets {
        let tag_set = visit.visitor.locate(&space, &set.id.to_string())?;
        granted.push(visit.visitor.ask(TagSetEdit { tag_set })?);
    }
    tags::sort(&granted)?;
    Answer::done(base(visit), "The order was changed.")
}

// ------------------------------------------------------------------ the form

fn blank(number: usize) -> TagFields {
    let color = COLOURS.get(number % COLOURS.len()).copied().unwrap_or(tags::GREY);
    TagFields { color: color.into(), ..TagFields::default() }
}

fn fields(visit: &Visit) -> Fields {
    let sent = visit.form();
    let rows = (0..sent.text("tags").parse::<usize>().unwrap_or(0).min(MOST)).map(|at| {
        let text = |what: &str| sent.text(&format!("tag-{at}-{what}")).to_owned();
        TagFields {
            id: Id::parse(&text("id")),
            name: text("name"),
            color: text("color"),
            description: text("description"),
        }
    });
    Fields {
        name: sent.text("name").into(),
        description: sent.text("description").into(),
        tags: rows.collect(),
        ..Fields::default()
    }
}

/// Rows in which nothing was typed are no tags.
fn without_blanks(mut fields: Fields) -> Fields {
    fields.tags.retain(|tag| tag.id.is_some() || !tag.name.trim().is_empty() || !tag.description.trim().is_empty());
    fields
}

struct Draft {
    action: String,
    submit: &'static str,
    fields: Fields,
    at: Option<usize>,
}

fn form_view(draft: &Draft) -> FormView {
    let name = FieldView::text("name", "Name").value(&draft.fields.name).required().max_length(200);
    let name = name.help("Such as Region or Ring. Tags are written with it: Region/Europe.");
    let form = FormView::new(&draft.action, draft.submit)
        .field(if draft.at.is_none() { name.autofocus() } else { name })
        .field(FieldView::textarea("description", "Description").value(&draft.fields.description).rows(2))
        .cancel(&draft.action);
    // Drawn by the page itself; they carry the errors and their place in the summary.
    (0..draft.fields.tags.len())
        .fold(form, |form, at| form.field(FieldView::text(format!("tag-{at}-name"), format!("Tag {}", at + 1))))
}

fn page(frame: Frame, draft: &Draft, form: FormView) -> Form {
    let count = draft.fields.tags.len();
    let row = |(at, tag): (usize, &TagFields)| TagRow {
        at,
        number: at + 1,
        id: tag.id.map(|id| id.to_string()).unwrap_or_default(),
        name: tag.name.clone(),
        color: if tag.color.is_empty() { tags::GREY.into() } else { tag.color.clone() },
        description: tag.description.clone(),
        error: form.get(&format!("tag-{at}-name")).error,
        autofocus: draft.at == Some(at),
        last: at + 1 == count,
    };
    Form { frame, rows: draft.fields.tags.iter().enumerate().map(row).collect(), form }
}

fn drawn(frame: Frame, draft: &Draft) -> Result<Answer> {
    Answer::asked(&page(frame, draft, form_view(draft)))
}

fn refused(frame: Frame, draft: &Draft, error: Error) -> Result<Answer> {
    let mut names = vec![("Name".to_owned(), "name".to_owned()), ("Description".into(), "description".into())];
    for at in 0..draft.fields.tags.len() {
        for wire in ["Name", "Color", "Description"] {
            names.push((format!("Tags[{at}].{wire}"), format!("tag-{at}-name")));
        }
    }
    let names: Vec<(&str, &str)> = names.iter().map(|(wire, name)| (wire.as_str(), name.as_str())).collect();
    let form = form::refuse(form_view(draft), error, &names)?;
    Answer::refused(&page(frame, draft, form))
}

fn new_frame(visit: &Visit) -> Frame {
    frame(visit, "Add a tag set").crumb("Tag sets", base(visit))
}
fn new_draft(visit: &Visit, fields: Fields, at: Option<usize>) -> Draft {
    Draft { action: base(visit), submit: "Add the tag set", fields, at }
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(TagSetCreate { space: visit.space()? })?;
    let fields = Fields { tags: (0..3).map(blank).collect(), ..Fields::default() };
    drawn(new_frame(visit), &new_draft(visit, fields, None))
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(TagSetCreate { space: visit.space()? })?;
    let mut fields = fields(visit);
    if let Some(at) = form::rearrange(visit.form().text("do"), &mut fields.tags, MOST, blank) {
        return drawn(new_frame(visit), &new_draft(visit, fields, Some(at)));
    }
    let fields = without_blanks(fields);
    match tags::create(&granted, fields.clone()) {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => refused(new_frame(visit), &new_draft(visit, fields, None), error),
    }
}

fn edit_frame(visit: &Visit, found: &TagSet, address: &str) -> Frame {
    frame(visit, &format!("Change {}", found.name)).crumb("Tag sets", base(visit)).crumb(&found.name, address)
}
fn edit_draft(address: &str, fields: Fields, at: Option<usize>) -> Draft {
    Draft { action: address.into(), submit: "Save the tag set", fields, at }
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(TagSetEdit { tag_set: at.clone() })?;
    let found = tags::show(&visit.visitor.ask(Inside { at })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let rows = found.tags.iter().map(|tag| TagFields {
        id: Some(tag.id),
        name: tag.name.clone(),
        color: tag.color.clone(),
        description: tag.description.clone(),
    });
    let fields = Fields {
        name: found.name.clone(),
        description: found.description.clone(),
        tags: rows.collect(),
        ..Fields::default()
    };
    drawn(edit_frame(visit, &found, &address), &edit_draft(&address, fields, None))
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(TagSetEdit { tag_set: at.clone() })?;
    let found = tags::show(&visit.visitor.ask(Inside { at })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let frame = edit_frame(visit, &found, &address);
    let mut fields = fields(visit);
    if let Some(at) = form::rearrange(visit.form().text("do"), &mut fields.tags, MOST, blank) {
        return drawn(frame, &edit_draft(&address, fields, Some(at)));
    }
    let fields = without_blanks(fields);
    match tags::edit(&granted, fields.clone()) {
        Ok(saved) => Answer::done(address, format!("{} was saved.", saved.name)),
        Err(error) => refused(frame, &edit_draft(&address, fields, None), error),
    }
}

// ------------------------------------------------------------------ one tag set

/// One tag set.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, &located(visit)?, None)
}

fn show_page(visit: &Visit, at: &At<ids::TagSet>, problem: Option<&str>) -> Result<Answer> {
    let space = visit.space()?;
    let found = tags::show(&visit.visitor.ask(Inside { at: at.clone() })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let may_see_tenants = visit.visitor.may_somewhere::<TenantView>(&space);
    let mut shown = Vec::new();
    for tag in found.tags {
        let mut number = 0;
        if may_see_tenants {
            let granted = visit.visitor.ask(Listing::<TenantView>::of(&space))?;
            let filter = tenants::Filter { tags: vec![tag.canonical.clone()], ..tenants::Filter::default() };
            number = tenants::list(&granted, &filter, Page { skip: 0, take: 1 })?.total as u64;
        }
        let href = visit.space_path(&format!("/tenants?tag={}", encode(&tag.canonical)));
        shown.push(Shown { tag, tenants: number, href });
    }
    let removal = visit.removal(TagSetDelete { tag_set: at.clone() }, &found.name, |granted| {
        let removal = form::removal(format!("{address}/delete"), "tag set", &found.name, problem);
        let removal = removal.obstacle(tags::obstacle(granted)?);
        Ok(match shown.len() as u64 {
            0 => removal,
            some => removal.goes_too(format!("{}.", count(some, "tag", "tags"))),
        })
    })?;
    let page = Show {
        frame: frame(visit, &found.name).crumb("Tag sets", base(visit)),
        change: visit
            .offer(TagSetEdit { tag_set: at.clone() }, Act::link("Change", format!("{address}/edit")).icon("pencil")),
        sentence: count(shown.len() as u64, "tag", "tags"),
        tags: shown,
        may_see_tenants,
        about: Kv::new().row("Description", &found.description).mono("Id", found.id.to_string()),
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(TagSetDelete { tag_set: at.clone() })?;
    let found = tags::show(&visit.visitor.ask(Inside { at: at.clone() })?)?;
    form::remove(visit, &found.name, base(visit), || tags::delete(&granted), |why| show_page(visit, &at, Some(why)))
}
