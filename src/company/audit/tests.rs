//! Who is told what of the trail, in which order, and by which filters.

use super::*;
use crate::company::{
    access::{New, Visitor, permissions as ask},
    environments,
    testing::{Harbour, Scope, harbour},
};

fn told(visitor: &Visitor, filter: Filter) -> Vec<String> {
    let granted = visitor.ask_anywhere::<EventView>(None).unwrap();
    let found = list(&granted, &filter, Page::ALL).unwrap();
    assert_eq!(found.total as usize, found.items.len());
    found.items.into_iter().map(|event| event.message).collect()
}

/// An event as a feature would write it.
fn happened(
    harbour: &Harbour,
    message: &str,
    space: i64,
    project: Option<i64>,
    environment: Option<i64>,
    tenant: Option<i64>,
) {
    let ada = harbour.ada();
    let at = harbour.space(&ada);
    let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&at) }).unwrap();
    let mut event = crate::company::access::Event::new("Modified").say(message).space(space).tenant(tenant);
    if let Some(project) = project {
        event = event.project(project, Some(1));
    }
    if let Some(environment) = environment {
        event = event.environment(environment);
    }
    granted.write(|tx| tx.record(event, ())).unwrap();
}

#[test]
fn each_sees_what_their_scope_covers_at_each_level() {
    let harbour = harbour();
    let other = harbour.another_space("Other");
    let (shop, billing) = (harbour.project("Shop", None), harbour.project("Billing", None));
    let (staging, contoso, fabrikam) =
        (harbour.environment("Staging"), harbour.tenant("Contoso"), harbour.tenant("Fabrikam"));
    for (message, space, project, environment, tenant) in [
        ("outside", 0, None, None, None),
        ("inside", 1, None, None, None),
        ("shop", 1, Some(shop), None, None),
        ("billing", 1, Some(billing), None, None),
        ("shop staging", 1, Some(shop), Some(staging), None),
        ("shop staging contoso", 1, Some(shop), Some(staging), Some(contoso)),
        ("shop staging fabrikam", 1, Some(shop), Some(staging), Some(fabrikam)),
        ("elsewhere", other, None, None, None),
    ] {
        happened(&harbour, message, space, project, environment, tenant);
    }
    harbour.role("Sees events here", &[("space", "EventView")]);
    harbour.role("Sees events outside", &[("system", "EventView")]);
    let all = Scope::EVERYWHERE;
    let mine = |name: &str, role: &str, scope: Scope<'_>| {
        let visitor = harbour.person(name, &[(role, scope)]);
        let mut told = told(&visitor, Filter::default());
        told.retain(|line| !line.starts_with("Company") && !line.starts_with("Space"));
        told.reverse();
        told
    };
    let here = "Sees events here";
    assert_eq!(
        mine("A", here, all),
        ["inside", "shop", "billing", "shop staging", "shop staging contoso", "shop staging fabrikam"]
    );
    assert_eq!(mine("B", "Sees events outside", Scope::SYSTEM), ["outside"]);
    assert_eq!(
        mine("C", here, Scope { projects: &[shop], ..all }),
        ["shop", "shop staging", "shop staging contoso", "shop staging fabrikam"]
    );
    assert_eq!(mine("D", here, Scope { tenants: &[contoso], ..all }), ["shop staging contoso"]);
    assert_eq!(
        mine("E", here, Scope { groups: &[1], environments: &[staging], ..all }),
        ["shop staging", "shop staging contoso", "shop staging fabrikam"]
    );
    let nobody = harbour.person("F", &[]);
    assert!(matches!(nobody.ask_anywhere::<EventView>(None), Err(Error::Denied(_))));
}

#[test]
fn a_page_of_a_long_trail_is_read_in_the_order_of_a_key() {
    let harbour = harbour();
    harbour.another_space("Other");
    let ada = harbour.ada();
    let granted = ada.ask_anywhere::<EventView>(None).unwrap();
    let one = |id: i64| vec![Id::new(id)];
    let none = Filter::default();
    for (filter, index) in [
        (Filter { before: Some(100_000), ..none.clone() }, "PRIMARY KEY"),
        (Filter { after: Some(100_000), ..none.clone() }, "PRIMARY KEY"),
        (Filter { categories: vec!["AccessDenied".into()], ..none.clone() }, "events_by_category"),
        (Filter { categories: vec!["Created".into(), "Deleted".into()], ..none.clone() }, "PRIMARY KEY"),
        (Filter { projects: one(1), ..none.clone() }, "events_by_project"),
        (Filter { environments: vec![Id::new(1)], ..none.clone() }, "events_by_environment"),
        (Filter { tenants: vec![Id::new(1)], before: Some(7), ..none.clone() }, "events_by_tenant"),
        (Filter { users: vec![Id::new(1)], ..none.clone() }, "events_by_actor"),
        (Filter { text: "shop".into(), actor: "ada".into(), ..none.clone() }, "PRIMARY KEY"),
    ] {
        let wanted = wanted(&granted, &filter);
        let page = Page { skip: 0, take: 50 };
        let sql = format!("EXPLAIN QUERY PLAN {}", sql::page_of(&wanted, (0, i64::MAX), page, filter.after.is_some()));
        let plan: Vec<String> = harbour.sql(|c| {
            let mut statement = c.prepare(&sql)?;
            let rows = statement.query_map(rusqlite::params_from_iter(&wanted.parameters), |row| row.get(3))?;
            rows.collect()
        });
        let plan = plan.join("; ");
        assert!(plan.contains(index) && !plan.contains("USE TEMP B-TREE"), "{filter:?}: {plan}");
    }
}

#[test]
fn events_are_filtered_paged_and_shown_with_what_differs() {
    let harbour = harbour();
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    for name in ["Dev", "Staging", "Production"] {
        let granted = ada.ask(ask::EnvironmentCreate { space: New::of(&space) }).unwrap();
        environments::create(&granted, environments::Fields::named(name)).unwrap();
    }
    let granted = ada.ask(ask::EnvironmentEdit { environment: ada.locate(&space, "dev").unwrap() }).unwrap();
    environments::edit(&granted, environments::Fields::named("Test")).unwrap();
    let ada = harbour.ada();
    let granted = ada.ask_anywhere::<EventView>(Some(&harbour.space(&ada))).unwrap();
    let page = |filter: &Filter, take| recent(&granted, filter, Page { skip: 0, take }).unwrap();

    let newest = page(&Filter::default(), 2);
    assert_eq!(newest[0].message, "Environment Test was changed");
    assert_eq!(newest[0].details[0], Detail { field: "Name".into(), from: Some("Dev".into()), to: "Test".into() });
    assert_eq!(newest[0].related[0], Related { id: "Environments-1".into(), start: 12, length: 4 });
    assert_eq!((newest[0].actor_name.as_str(), newest[0].actor), ("Ada", Some(Id::new(1))));
    let next = page(&Filter { before: Some(newest[1].id.0), ..Filter::default() }, 2);
    assert_eq!(next[0].message, "Environment Staging was created");

    for (filter, count) in [
        (Filter { categories: vec!["Created".into()], ..Filter::default() }, 4),
        (Filter { categories: vec!["Created".into(), "Modified".into()], ..Filter::default() }, 5),
        (Filter { actor: "aD".into(), ..Filter::default() }, 4),
        (Filter { agents: vec!["user".into()], ..Filter::default() }, 4),
        (Filter { agents: vec!["engine".into(), "nobody".into()], ..Filter::default() }, 0),
        (Filter { kinds: vec!["environments".into()], ..Filter::default() }, 4),
        (Filter { kinds: vec!["Environment".into()], ..Filter::default() }, 0),
        (Filter { groups: vec![Id::new(1)], ..Filter::default() }, 0),
        (Filter { tags: vec!["Region/North".into()], ..Filter::default() }, 0),
        (Filter { from: Some(newest[0].at), to: Some(newest[0].at), text: "Test".into(), ..Filter::default() }, 1),
        (Filter { text: "ENVIRONMENT".into(), ..Filter::default() }, 4),
        (Filter { text: "staging".into(), ..Filter::default() }, 1),
        (Filter { environments: vec![Id::new(1)], ..Filter::default() }, 2),
        (Filter { regarding: vec!["environments-1".into()], ..Filter::default() }, 2),
        (Filter { users: vec![Id::new(1)], ..Filter::default() }, 4),
        (Filter { users: vec![Id::new(9)], ..Filter::default() }, 0),
        (Filter { to: Some(Moment(0)), ..Filter::default() }, 0),
        (Filter { from: Some(Moment(0)), after: Some(newest[1].id.0), ..Filter::default() }, 1),
    ] {
        assert_eq!(page(&filter, 50).len(), count, "{filter:?}");
    }
    assert_eq!(show(&granted, newest[0].id).unwrap().message, newest[0].message);

    let at = |filter: Filter| part(&granted, &filter, 2).unwrap();
    let ids = |part: &Part| part.items.iter().map(|event| event.id.0).collect::<Vec<_>>();
    let first = at(Filter::default());
    assert_eq!((first.newer, first.older), (false, true));
    let second = at(Filter { before: Some(ids(&first)[1]), ..Filter::default() });
    assert_eq!((second.newer, second.items.len()), (true, 2));
    let back = at(Filter { after: Some(ids(&second)[0]), ..Filter::default() });
    assert_eq!((ids(&back), back.newer, back.older), (ids(&first), false, true));
    assert!(matches!(show(&granted, Id::new(1)), Err(Error::NotFound(_))), "the founding lies outside this space");
}
