//! The filters of the trail's page: what stands in the address, as a filter and as the form that shows it again.

use crate::{
    base::{
        clock::Moment,
        error::Result,
        ids::{self, Id, Kind},
        paging::Page,
    },
    company::{
        access::{Locate, permissions::UserView},
        audit::{self, Filter},
        people,
    },
    web::{caller::Visit, page::Choice, seen},
};

/// So many names of each kind are offered while one types.
const OFFERED: i64 = 200;

/// The names in the address, in the order of the form.
pub const NAMES: [&str; 10] =
    ["q", "who", "category", "project", "environment", "tenant", "from", "to", "regarding", "user"];

/// A box to type in, with names to choose from.
pub struct Box {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    pub offered: Vec<String>,
}

/// The form.
pub struct Form {
    pub action: String,
    pub search: String,
    pub categories: Vec<Choice>,
    pub groups: Vec<Choice>,
    pub any_category: bool,
    pub boxes: Vec<Box>,
    pub from: String,
    pub to: String,
    pub zone: String,
    /// Further pairs to keep.
    pub keep: Vec<(&'static str, String)>,
    /// Whether anything is set.
    pub set: bool,
}

/// What of the address is set, as pairs.
pub fn pairs(asked: impl Fn(&str) -> Vec<String>) -> Vec<(&'static str, String)> {
    let all = NAMES.iter().flat_map(|name| asked(name).into_iter().map(move |value| (*name, value)));
    all.filter(|(_, value)| !value.trim().is_empty()).collect()
}

/// The pairs as they stand in an address.
pub fn query(pairs: &[(&'static str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn one<'p>(pairs: &'p [(&'static str, String)], name: &str) -> &'p str {
    pairs.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.trim())
}

/// The ids that a typed name, slug or id can mean in the spaces the visitor may enter; one that nothing has when it means
/// nothing there, so that nothing is found instead of everything.
fn meant<T: Kind + Locate>(visit: &Visit, text: &str) -> Result<Vec<Id<T>>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(id) = Id::parse(text) {
        return Ok(vec![id]);
    }
    let mut found = Vec::new();
    for row in visit.visitor.spaces()? {
        let space = visit.visitor.locate_space(&row.id.to_string())?;
        if let Ok(at) = visit.visitor.locate::<T>(&space, text)
            && visit.visitor.sees(&at)
        {
            found.push(at.id());
        }
    }
    if found.is_empty() {
        found.push(Id::new(0));
    }
    Ok(found)
}

/// What is asked for.
pub fn read(visit: &Visit, pairs: &[(&'static str, String)], zone: &str) -> Result<Filter> {
    let category = one(pairs, "category");
    let categories = match audit::group(category) {
        Some(kinds) => kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        None => Some(category.to_owned()).filter(|one| !one.is_empty()).into_iter().collect(),
    };
    let regarding = pairs.iter().filter(|(name, _)| *name == "regarding").map(|(_, value)| value.clone());
    Ok(Filter {
        text: one(pairs, "q").into(),
        actor: one(pairs, "who").into(),
        categories,
        users: Id::<ids::User>::parse(one(pairs, "user")).into_iter().collect(),
        projects: meant(visit, one(pairs, "project"))?,
        environments: meant(visit, one(pairs, "environment"))?,
        tenants: meant(visit, one(pairs, "tenant"))?,
        regarding: regarding.collect(),
        from: Moment::parse_in(one(pairs, "from"), zone, false),
        to: Moment::parse_in(one(pairs, "to"), zone, true),
        ..Filter::default()
    })
}

/// The form as it is to be shown.
pub fn form(visit: &Visit, pairs: &[(&'static str, String)], zone: &str) -> Result<Form> {
    let category = one(pairs, "category");
    let known = |name: &str, words: &str| Choice::new(name, words).chosen(name.eq_ignore_ascii_case(category));
    let (mut projects, mut environments, mut tenants) = (Vec::new(), Vec::new(), Vec::new());
    let (visitor, page) = (&visit.visitor, Page { skip: 0, take: OFFERED });
    for row in visitor.spaces()? {
        let space = visitor.locate_space(&row.id.to_string())?;
        let found = seen::projects(visitor, &space, &Default::default(), page)?;
        projects.extend(found.items.into_iter().map(|one| one.name));
        let found = seen::environments(visitor, &space, &Default::default(), page)?;
        environments.extend(found.items.into_iter().map(|one| one.name));
        let found = seen::tenants(visitor, &space, &Default::default(), page)?;
        tenants.extend(found.items.into_iter().map(|one| one.name));
    }
    let mut people = Vec::new();
    if visitor.may(UserView {}) {
        let found = people::list(&visitor.ask(UserView {})?, &people::Filter::default(), page)?;
        people.extend(found.items.into_iter().map(|one| one.display_name));
    }
    let a_box = |name, label, mut offered: Vec<String>| {
        offered.sort();
        offered.dedup();
        Box { name, label, value: one(pairs, name).to_owned(), offered }
    };
    Ok(Form {
        action: visit.path("/trail"),
        search: one(pairs, "q").into(),
        groups: audit::GROUPS.iter().map(|(name, words, _)| known(name, words)).collect(),
        categories: audit::CATEGORIES.iter().map(|(name, words)| known(name, words)).collect(),
        any_category: category.is_empty(),
        boxes: vec![
            a_box("who", "Who", people),
            a_box("project", "Project", projects),
            a_box("environment", "Environment", environments),
            a_box("tenant", "Tenant", tenants),
        ],
        from: one(pairs, "from").into(),
        to: one(pairs, "to").into(),
        zone: zone.to_owned(),
        keep: pairs.iter().filter(|(name, _)| matches!(*name, "regarding" | "user")).cloned().collect(),
        set: !pairs.is_empty(),
    })
}
