//! Tenants and tag sets: the commands through the door.

use super::{tags::TagFields, *};
use crate::company::{
    access::{New, permissions::*},
    testing::{self, Harbour, Scope},
};

fn house() -> Harbour {
    let harbour = testing::harbour();
    for name in ["Staging", "Production"] {
        harbour.environment(name);
    }
    for name in ["Shop", "Ledger"] {
        harbour.project(name, None);
    }
    harbour.sql(|c| c.execute("UPDATE projects SET tenanted = 'Tenanted'", []));
    harbour
}

fn wish(project: &str, environments: &[&str]) -> (String, Vec<String>) {
    (project.into(), environments.iter().map(|name| name.to_string()).collect())
}

fn named(name: &str) -> Fields {
    Fields { name: name.into(), ..Fields::default() }
}

fn made(visitor: &Visitor, fields: Fields, wished: &[(String, Vec<String>)]) -> Result<Tenant> {
    let space = visitor.locate_space("Spaces-1")?;
    let connections = connections(visitor, &space, wished)?;
    create(&visitor.ask(TenantCreate { space: New::of(&space) })?, fields, &connections)
}

fn edited(visitor: &Visitor, name: &str, fields: Fields, wished: &[(String, Vec<String>)]) -> Result<Tenant> {
    let space = visitor.locate_space("Spaces-1")?;
    let connections = connections(visitor, &space, wished)?;
    let tenant = visitor.locate(&space, name)?;
    edit(&visitor.ask(TenantEdit { tenant })?, fields, Some(&connections))
}

fn tag_set(visitor: &Visitor, name: &str, tags: &[&str]) -> Result<tags::TagSet> {
    let space = visitor.locate_space("Spaces-1")?;
    let tags = tags.iter().map(|name| TagFields { name: name.to_string(), ..TagFields::default() }).collect();
    tags::create(&visitor.ask(TagSetCreate { space })?, tags::Fields { name: name.into(), tags, ..Default::default() })
}

/// "Shop: Staging Production; Ledger:"
fn told(harbour: &Harbour, tenant: &Tenant) -> String {
    let name = |table: &str, id: i64| {
        harbour.sql(|c| {
            c.query_row(&format!("SELECT name FROM {table} WHERE id = ?1"), [id], |row| row.get::<_, String>(0))
        })
    };
    let of = |one: &Connected| {
        let environments: Vec<String> = one.environments.iter().map(|id| name("environments", id.0)).collect();
        format!("{}: {}", name("projects", one.project.0), environments.join(" "))
    };
    tenant.connections.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn all_of(harbour: &Harbour, name: &str) -> String {
    let ada = harbour.ada();
    let tenant = ada.locate(&harbour.space(&ada), name).unwrap();
    told(harbour, &show(&ada.ask(TenantView { tenant }).unwrap()).unwrap())
}

#[test]
fn connections_are_replaced_as_a_whole() {
    let harbour = house();
    let ada = harbour.ada();
    let contoso = made(&ada, named("Contoso"), &[wish("shop", &["Staging", "production"])]).unwrap();
    assert_eq!(told(&harbour, &contoso), "Shop: Staging Production");
    assert_eq!(contoso.slug, "contoso");
    let after = edited(&ada, "contoso", named("Contoso"), &[wish("Ledger", &["Staging"]), wish("Shop", &[])]).unwrap();
    assert_eq!(told(&harbour, &after), "Ledger: Staging; Shop: ");
    let after = edited(&ada, "contoso", named("Contoso"), &[wish("Shop", &["Production"])]).unwrap();
    assert_eq!(told(&harbour, &after), "Shop: Production");
    let space = harbour.space(&ada);
    let granted = ada.ask(List::<TenantView>::of(&space)).unwrap();
    granted
        .read(|rows| {
            let (shop, staging, production) = (Id::new(1), Id::new(1), Id::new(2));
            assert!(
                is_connected(rows, contoso.id, shop, production)? && !is_connected(rows, contoso.id, shop, staging)?
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_cannot_be_connected_is_refused_with_the_reason() {
    let harbour = house();
    let ada = harbour.ada();
    let why = |wished: &[(String, Vec<String>)]| match made(&ada, named("Contoso"), wished) {
        Err(Error::Invalid(wrong)) => wrong.of("ProjectEnvironments").unwrap_or_default().to_owned(),
        other => panic!("{:?}", other.map(|tenant| tenant.name)),
    };
    assert!(why(&[wish("Nowhere", &[])]).contains("Nowhere"));
    assert!(why(&[wish("Shop", &["Mars"])]).contains("Mars"));
    harbour.sql(|c| c.execute("UPDATE projects SET tenanted = 'Untenanted' WHERE name = 'Ledger'", []));
    assert!(why(&[wish("Ledger", &["Staging"])]).contains("not deployed to tenants"));
    harbour.sql(|c| {
        c.execute("INSERT INTO phases (lifecycle_id, position, name) VALUES (1, 0, 'One')", [])?;
        c.execute("INSERT INTO phase_environments (phase_id, environment_id) VALUES (last_insert_rowid(), 1)", [])
    });
    assert!(why(&[wish("Shop", &["Production"])]).contains("leaves that environment out"));
    made(&ada, named("Contoso"), &[wish("Shop", &["Staging"])]).unwrap();
    // Nothing of the refused ones is left.
    assert_eq!(harbour.sql(|c| c.query_row("SELECT count(*) FROM tenants", [], |row| row.get::<_, i64>(0))), 1);
}

#[test]
fn connections_that_are_not_seen_are_left_out_and_left_alone() {
    let harbour = house();
    let ada = harbour.ada();
    made(&ada, named("Contoso"), &[wish("Shop", &["Staging", "Production"]), wish("Ledger", &["Production"])]).unwrap();
    made(&ada, named("Fabrikam"), &[]).unwrap();
    let scope = Scope { projects: &[1], environments: &[1], tenants: &[1], ..Scope::EVERYWHERE };
    let ben = harbour.person("Ben", &[("Tenant Manager", scope), ("Project Viewer", scope)]);
    let space = harbour.space(&ben);
    let listed = list(&ben.ask(List::<TenantView>::of(&space)).unwrap(), &Filter::default(), Page::ALL).unwrap();
    assert_eq!(listed.total, 1);
    assert_eq!(told(&harbour, &listed.items[0]), "Shop: Staging");
    // He takes away all that he sees; what he does not see stays.
    let after = edited(&ben, "contoso", Fields { description: "x".into(), ..named("Contoso") }, &[]).unwrap();
    assert_eq!(told(&harbour, &after), "Shop: ");
    assert_eq!(all_of(&harbour, "contoso"), "Ledger: Production; Shop: Production");
    // A project that he does not see does not exist for him, in the words for one that is not there.
    let words = |name: &str| match edited(&ben, "contoso", named("Contoso"), &[wish(name, &[])]) {
        Err(Error::Invalid(wrong)) => wrong.of("ProjectEnvironments").unwrap_or_default().replace(name, "…"),
        _ => panic!("connected"),
    };
    assert_eq!(words("Ledger"), words("Nowhere"));
    assert!(matches!(edited(&ben, "Fabrikam", named("Fabrikam"), &[]), Err(Error::NotFound(_))));
    // A role for tenants names no new tenant (`access-rules §4`).
    assert!(matches!(made(&ben, named("New"), &[]), Err(Error::Denied(_))));
    // Filtering by a project that he does not see finds nothing.
    let filter = Filter { project: Some(Id::new(2)), ..Filter::default() };
    assert_eq!(list(&ben.ask(List::<TenantView>::of(&space)).unwrap(), &filter, Page::ALL).unwrap().total, 0);
}

#[test]
fn tags_are_carried_listed_and_kept_while_in_use() {
    let harbour = house();
    let ada = harbour.ada();
    let ring = tag_set(&ada, "Ring", &["Early", "Late"]).unwrap();
    tag_set(&ada, "Region", &["EU", "US"]).unwrap();
    assert_eq!(ring.tags[0].canonical, "Ring/Early");
    for (name, tags) in [("A", vec!["ring/early", "Region/EU"]), ("B", vec!["Ring/Late"]), ("C", vec![])] {
        let tags = tags.into_iter().map(str::to_owned).collect();
        made(&ada, Fields { tags, ..named(name) }, &[]).unwrap();
    }
    let space = harbour.space(&ada);
    let granted = ada.ask(List::<TenantView>::of(&space)).unwrap();
    for (wanted, expected) in [
        (vec!["Ring/Early"], "A"),
        (vec!["Ring/Early", "Ring/Late"], "A B"),
        (vec!["Ring/Late", "Region/EU"], ""),
        (vec!["No/Such"], ""),
        (vec![], "A B C"),
    ] {
        let filter = Filter { tags: wanted.iter().map(|tag| tag.to_string()).collect(), ..Filter::default() };
        let listed = list(&granted, &filter, Page::ALL).unwrap();
        let names: Vec<_> = listed.items.iter().map(|tenant| tenant.name.as_str()).collect();
        assert_eq!((names.join(" "), listed.total as usize), (expected.to_owned(), names.len()), "{wanted:?}");
    }
    let tests = test_tags(&granted, Some(vec![1, 2, 3]), &["Ring/Early".into(), "Region/EU".into()]).unwrap();
    assert_eq!(tests.iter().map(|test| test.is_matched).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(tests[1].missing, ["Ring/Early", "Region/EU"]);

    let wrong = made(&ada, Fields { tags: vec!["Ring/Never".into()], ..named("D") }, &[]);
    assert!(matches!(wrong, Err(Error::Invalid(wrong)) if wrong.of("TenantTags").is_some()));

    // Renaming goes everywhere; names may be exchanged; a tag in use stays.
    let edit = |tags: Vec<TagFields>| {
        let tag_set = ada.locate(&space, "Ring").unwrap();
        let fields = tags::Fields { name: "Ring".into(), tags, ..Default::default() };
        tags::edit(&ada.ask(TagSetEdit { tag_set }).unwrap(), fields)
    };
    let tag = |id, name: &str| TagFields { id, name: name.into(), ..TagFields::default() };
    let (early, late) = (Some(ring.tags[0].id), Some(ring.tags[1].id));
    edit(vec![tag(early, "Late"), tag(late, "Early"), tag(None, "Last")]).unwrap();
    let shown = list(&granted, &Filter { partial_name: "a".into(), ..Filter::default() }, Page::ALL).unwrap();
    assert_eq!(shown.items[0].tags, ["Ring/Late", "Region/EU"]);
    assert!(matches!(edit(vec![tag(late, "Early")]), Err(Error::Conflict(why)) if why.contains("the tenant A")));
    edit(vec![tag(early, "Late"), tag(late, "Early")]).unwrap();
    let tag_set = ada.locate(&space, "Region").unwrap();
    assert!(matches!(tags::delete(&ada.ask(TagSetDelete { tag_set }).unwrap()), Err(Error::Conflict(_))));
}

#[test]
fn tag_sets_are_checked_and_seen_by_whoever_holds_anything_in_the_space() {
    let harbour = house();
    let ada = harbour.ada();
    for (name, tags) in [("a/b", vec![]), ("", vec![]), ("Ring", vec!["x/y"]), ("Ring", vec!["x", "X"])] {
        assert!(matches!(tag_set(&ada, name, &tags), Err(Error::Invalid(_))), "{name} {tags:?}");
    }
    tag_set(&ada, "Ring", &["Early"]).unwrap();
    assert!(matches!(tag_set(&ada, "ring", &[]), Err(Error::Invalid(_))));
    let space = harbour.space(&ada);
    let colour = |color: &str| {
        let tags = vec![TagFields { name: "x".into(), color: color.into(), ..TagFields::default() }];
        let fields = tags::Fields { name: format!("Colour {color}"), tags, ..Default::default() };
        tags::create(&ada.ask(TagSetCreate { space: space.clone() }).unwrap(), fields)
            .map(|set| set.tags[0].color.clone())
    };
    assert_eq!(colour("#1f6feb").unwrap(), "#1F6FEB");
    assert_eq!(colour("").unwrap(), tags::GREY);
    assert!(colour("red").is_err() && colour("#12345g").is_err());

    let ben = harbour.person("Ben", &[("Project Viewer", Scope { projects: &[1], ..Scope::EVERYWHERE })]);
    let inside = ben.ask(Inside { at: space.clone() }).unwrap();
    assert_eq!(tags::list(&inside, &tags::Filter::default(), Page::ALL).unwrap().total, 3);
    let tag_set = ben.locate(&space, "Ring").unwrap();
    assert_eq!(tags::show(&ben.ask(Inside { at: tag_set.clone() }).unwrap()).unwrap().name, "Ring");
    assert!(matches!(ben.ask(TagSetEdit { tag_set }), Err(Error::Denied(_))));
    let nobody = harbour.person("Nobody", &[]);
    assert!(matches!(nobody.ask(Inside { at: space }), Err(Error::NotFound(_))));
}

#[test]
fn a_tag_in_use_does_not_name_tenants_that_are_not_seen() {
    let harbour = house();
    let ada = harbour.ada();
    tag_set(&ada, "Ring", &["Early"]).unwrap();
    made(&ada, Fields { tags: vec!["Ring/Early".into()], ..named("Contoso") }, &[]).unwrap();
    let fabrikam = made(&ada, named("Fabrikam"), &[]).unwrap().id.0;
    let scope = Scope { tenants: &[fabrikam], ..Scope::EVERYWHERE };
    harbour.role("Tagger", &[("space", "TagSetDelete"), ("space", "TenantView")]);
    let ben = harbour.person("Ben", &[("Tagger", scope)]);
    let tag_set = ben.locate(&harbour.space(&ben), "Ring").unwrap();
    let granted = ben.ask(TagSetDelete { tag_set }).unwrap();
    assert!(matches!(tags::delete(&granted), Err(Error::Conflict(why)) if !why.contains("Contoso")));
}

#[test]
fn a_clone_has_tags_and_connections_and_a_tenant_with_history_stays() {
    let harbour = house();
    let ada = harbour.ada();
    tag_set(&ada, "Ring", &["Early"]).unwrap();
    let fields = Fields { tags: vec!["Ring/Early".into()], ..named("Contoso") };
    made(&ada, fields, &[wish("Shop", &["Staging"])]).unwrap();
    let space = harbour.space(&ada);
    let locate = |name: &str| ada.locate::<Kind>(&space, name).unwrap();
    let source = ada.ask(TenantView { tenant: locate("Contoso") }).unwrap();
    let granted = ada.ask(TenantCreate { space: New::of(&space) }).unwrap();
    let copy = clone(&granted, &source, named("Contoso 2")).unwrap();
    assert_eq!((copy.tags.as_slice(), copy.cloned_from.map(|id| id.0)), (&["Ring/Early".to_owned()][..], Some(1)));
    assert_eq!(told(&harbour, &copy), "Shop: Staging");
    assert!(matches!(clone(&granted, &source, named("contoso")), Err(Error::Invalid(_))));

    delete(&ada.ask(TenantDelete { tenant: locate("Contoso 2") }).unwrap()).unwrap();
    assert!(ada.locate::<Kind>(&space, "Contoso 2").is_err());
    harbour.sql(|c| {
        c.execute_batch(
            "INSERT INTO tasks (id, space_id, kind, description, tenant_id, state, exclusive_key, queued_at, updated_at, created_by)
               VALUES (1, 1, 'Deploy', '', 1, 'Executing', 'x', 0, 0, 'Ada');",
        )
    });
    let refused = |part: &str| {
        let answer = delete(&ada.ask(TenantDelete { tenant: locate("Contoso") }).unwrap());
        assert!(matches!(&answer, Err(Error::Conflict(why)) if why.contains(part)), "{answer:?}");
    };
    refused("being deployed");
    harbour.sql(|c| {
        c.execute_batch(
            "UPDATE tasks SET state = 'Success';
             INSERT INTO channels (id, project_id, name, name_key, slug) VALUES (91, 1, 'x', 'x', 'x');
             INSERT INTO releases (id, space_id, project_id, channel_id, version, version_key, assembled_at, created_by, steps)
               VALUES (1, 1, 1, 91, '1', '1', 0, 'Ada', '[]');
             INSERT INTO deployments (space_id, project_id, release_id, channel_id, environment_id, tenant_id, task_id, name, created_at, created_by)
               VALUES (1, 1, 1, 91, 1, 1, 1, 'x', 0, 'Ada');",
        )
    });
    refused("Disable it, or delete it");
}
