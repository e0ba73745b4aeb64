//! The form that asks about a permission at a place: what stands in the address, what may be chosen, and the question.

use crate::{
    base::{
        error::{Error, Result},
        ids::{Environment, Project, ProjectGroup, Runbook, Space, Tenant},
        paging::Page,
    },
    company::{
        access::{
            At, Locate, Spot,
            permissions::{Info, UserView, in_roles, named},
        },
        answers, people,
    },
    web::{
        caller::{Visit, encode},
        page::Choice,
        seen,
    },
};

/// So many names are offered while one types.
const OFFERED: i64 = 200;

/// A box to type in, with names to choose from.
pub struct Box {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    pub hint: &'static str,
    pub offered: Vec<Choice>,
}

/// The form.
pub struct SpotForm {
    pub action: String,
    pub person: String,
    pub permission: String,
    pub permissions: Vec<Choice>,
    pub spaces: Vec<Choice>,
    pub space: String,
    pub boxes: Vec<Box>,
    /// The other question's address, with the same place.
    pub other_href: String,
}

/// What was asked.
pub struct Ask {
    pub info: &'static Info,
    pub spot: Spot,
    /// "deploy …, in Default, project Shop".
    pub words: String,
}

const PLACES: [(&str, &str); 5] = [
    ("group", "Project group"),
    ("project", "Project"),
    ("environment", "Environment"),
    ("tenant", "Tenant"),
    ("runbook", "Runbook"),
];

impl SpotForm {
    /// From the address. `of_person`: the question is about one person.
    pub fn read(visit: &Visit, of_person: bool) -> Result<SpotForm> {
        let visitor = &visit.visitor;
        let asked = |name: &str| visit.call.asked(name).unwrap_or_default().trim().to_owned();
        let permission = asked("permission");
        let mut infos: Vec<&'static Info> = in_roles(visitor.company().is_operators()).collect();
        infos.sort_by_key(|info| info.name);
        let chosen = named(&permission);
        let permissions = infos.iter().map(|info| {
            Choice::new(info.name, format!("{} · {}", info.name, info.meaning))
                .chosen(chosen.is_some_and(|one| one.key == info.key))
        });
        let mut space = asked("space");
        let rows = visitor.spaces()?;
        let needs_space = chosen.is_none_or(|info| !info.at_system());
        if space.is_empty()
            && needs_space
            && let [only] = &rows[..]
        {
            space = only.slug.clone();
        }
        let spaces = rows.iter().map(|row| {
            let is = row.slug == space || row.name == space || row.id.to_string() == space;
            Choice::new(row.slug.clone(), row.name.clone()).chosen(is)
        });
        let spaces: Vec<Choice> =
            std::iter::once(Choice::new("", "The company as a whole").chosen(space.is_empty())).chain(spaces).collect();
        let mut form = SpotForm {
            action: visit.path(if of_person { "/access/why" } else { "/access/who" }),
            person: asked("person"),
            permission,
            permissions: std::iter::once(Choice::new("", "Choose what").chosen(chosen.is_none()))
                .chain(permissions)
                .collect(),
            spaces,
            space: space.clone(),
            boxes: Vec::new(),
            other_href: String::new(),
        };
        if of_person && visitor.may(UserView {}) {
            let offered =
                people::list(&visitor.ask(UserView {})?, &people::Filter::default(), Page { skip: 0, take: OFFERED })?;
            let offered = offered.items.into_iter().map(|one| Choice::new(one.username, one.display_name)).collect();
            form.boxes.push(Box { name: "person", label: "Person", value: form.person.clone(), hint: "You", offered });
        }
        if let Ok(at) = visitor.locate_space(&space) {
            for (name, label) in PLACES {
                if !honours(chosen, name) {
                    continue;
                }
                let hint = if name == "tenant" { "Any; none: no tenant" } else { "Any" };
                form.boxes.push(Box { name, label, value: asked(name), hint, offered: offered(visit, &at, name)? });
            }
        }
        form.other_href = if of_person { visit.path(&format!("/access/who?{}", form.query())) } else { String::new() };
        Ok(form)
    }

    /// Whether a question was asked.
    pub fn is_asked(&self) -> bool {
        !self.permission.is_empty()
    }

    /// What stands in the address, without the person.
    pub fn query(&self) -> String {
        let own = [("permission", self.permission.as_str()), ("space", self.space.as_str())];
        let boxes = self.boxes.iter().filter(|one| one.name != "person").map(|one| (one.name, one.value.as_str()));
        let pairs = own.into_iter().chain(boxes).filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
    }

    /// The question.
    pub fn asked(&self, visit: &Visit) -> Result<Ask> {
        let visitor = &visit.visitor;
        let here = |info: &&'static Info| in_roles(visitor.company().is_operators()).any(|one| one.key == info.key);
        let info = named(&self.permission)
            .filter(here)
            .ok_or_else(|| Error::invalid("permission", "Choose a permission from the list."))?;
        let meaning = info.meaning;
        if answers::is_system(info) || (self.space.is_empty() && info.at_system()) {
            let words = format!("{} ({meaning}), in the company as a whole", info.name);
            return Ok(Ask { info, spot: Spot::default(), words });
        }
        if self.space.is_empty() {
            return Err(Error::invalid("space", "This is held in a space. Choose one."));
        }
        let space = visitor.locate_space(&self.space)?;
        let value = |name: &str| {
            self.boxes.iter().find(|one| one.name == name).map(|one| one.value.as_str()).filter(|text| !text.is_empty())
        };
        fn one<T: Locate>(visit: &Visit, space: &At<Space>, text: Option<&str>) -> Result<Option<At<T>>> {
            text.map(|text| visit.visitor.named::<T>(space, text)).transpose()
        }
        let tenant = value("tenant");
        let untenanted = tenant.is_some_and(|text| text.eq_ignore_ascii_case("none"));
        let project: Option<At<Project>> = one(visit, &space, value("project"))?;
        let runbook = match (value("runbook"), &project) {
            (Some(text), Some(project)) => Some(visitor.named::<Runbook>(project, text)?),
            (text, _) => one(visit, &space, text)?,
        };
        let spot = Spot {
            group: one::<ProjectGroup>(visit, &space, value("group"))?,
            environment: one::<Environment>(visit, &space, value("environment"))?,
            tenant: one::<Tenant>(visit, &space, tenant.filter(|_| !untenanted))?,
            untenanted,
            project,
            runbook,
            space: Some(space),
        }
        .seen_by(visitor)?;
        let name = self.spaces.iter().find(|one| one.chosen).map_or(self.space.as_str(), |one| one.label.as_str());
        let mut words = format!("{} ({meaning}), in {name}", info.name);
        for (place, label) in PLACES {
            if let Some(text) = value(place) {
                let text = if place == "tenant" && untenanted {
                    "for no tenant".into()
                } else {
                    format!("{} {text}", label.to_lowercase())
                };
                words = format!("{words}, {text}");
            }
        }
        Ok(Ask { info, spot, words })
    }
}

fn honours(info: Option<&'static Info>, name: &str) -> bool {
    let Some(info) = info else { return name != "group" };
    match name {
        "group" => info.groups && !info.projects,
        "project" => info.projects,
        "environment" => info.environments,
        "tenant" => info.tenants,
        _ => info.runbooks,
    }
}

fn offered(visit: &Visit, space: &At<Space>, name: &str) -> Result<Vec<Choice>> {
    let visitor = &visit.visitor;
    let some = Page { skip: 0, take: OFFERED };
    let names = match name {
        "group" => {
            let all = seen::groups(visitor, space, &Default::default(), some)?;
            all.items.into_iter().map(|one| one.name).collect()
        }
        "project" => {
            let all = seen::projects(visitor, space, &Default::default(), some)?;
            all.items.into_iter().map(|one| one.name).collect()
        }
        "environment" => {
            let all = seen::environments(visitor, space, &Default::default(), some)?;
            all.items.into_iter().map(|one| one.name).collect()
        }
        "tenant" => {
            let all = seen::tenants(visitor, space, &Default::default(), some)?;
            all.items.into_iter().map(|one| one.name).collect()
        }
        _ => Vec::new(),
    };
    Ok(names.into_iter().map(|name: String| Choice::new(name, "")).collect())
}
