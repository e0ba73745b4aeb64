use super::{
    process::{Action, Step, Syntax},
    *,
};
use crate::company::{
    access::{
        New,
        permissions::{ProcessEdit, ProjectGroupCreate, ProjectGroupDelete},
    },
    channels,
    testing::{Harbour, Scope, harbour},
};
use crate::{base::ids, company::access::Visitor};

fn project(visitor: &Visitor, text: &str) -> super::super::access::At<Kind> {
    visitor.locate(crate::company::access::Within::Space(1), text).unwrap()
}
fn group(visitor: &Visitor, text: &str) -> super::super::access::At<ProjectGroup> {
    visitor.locate(crate::company::access::Within::Space(1), text).unwrap()
}
fn made(visitor: &Visitor, name: &str) -> Project {
    let granted = visitor.ask(ProjectCreate { group: group(visitor, "Default project group") }).unwrap();
    create(&granted, Fields::named(name)).unwrap()
}
fn saved(visitor: &Visitor, name: &str, steps: Vec<Step>) -> Result<process::Process> {
    let view = visitor.ask(ProcessView { project: project(visitor, name) })?;
    let version = process::show(&view)?.version;
    process::save(&visitor.ask(ProcessEdit { project: project(visitor, name) })?, version, steps)
}
fn names(harbour: &Harbour, visitor: &Visitor, filter: &Filter) -> Vec<String> {
    let granted = visitor.ask(List::<ProjectView>::of(&harbour.space(visitor))).unwrap();
    list(&granted, filter, Page::ALL).unwrap().items.into_iter().map(|p| p.name).collect()
}
fn conflict<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Conflict(sentence)) => sentence,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it went through"),
    }
}
fn field<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Invalid(fields)) => fields.iter().map(|(field, _)| field).collect::<Vec<_>>().join(" "),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it went through"),
    }
}

#[test]
fn a_new_project_has_a_process_and_a_default_channel() {
    let harbour = harbour();
    let ada = harbour.ada();
    let shop = made(&ada, " Shop ");
    assert_eq!((shop.name.as_str(), shop.slug.as_str(), shop.lifecycle.0), ("Shop", "shop", 1));
    let view = ada.ask(ProcessView { project: project(&ada, "shop") }).unwrap();
    assert_eq!(process::show(&view).unwrap().steps, []);
    let channel = channels::show(&view, "default").unwrap();
    assert!(channel.is_default && channel.name == "Default");
    let again = ada.ask(ProjectCreate { group: group(&ada, "Default project group") }).unwrap();
    assert_eq!(field(create(&again, Fields::named("SHOP"))), "Name");
    assert_eq!(field(create(&again, Fields { lifecycle: Some(Id::new(99)), ..Fields::named("A") })), "LifecycleId");
    assert_eq!(made(&ada, "Shop!").slug, "shop-2");
    assert_eq!(made(&ada, "New").slug, "new-project", "the page that makes one keeps its address");
    assert!(harbour.trail().contains(&"Created: Project Shop was created".into()));
}

#[test]
fn a_list_shows_what_the_scope_reaches() {
    let harbour = harbour();
    let web = harbour.group("Web");
    let (shop, blog) = (harbour.project("Shop", Some(web)), harbour.project("Blog", None));
    harbour.project("Mail", None);
    let ada = harbour.ada();
    fn viewer(harbour: &Harbour, name: &str, scope: Scope<'_>) -> Visitor {
        harbour.person(name, &[("Project Viewer", scope)])
    }
    assert_eq!(names(&harbour, &ada, &Filter::default()), ["Blog", "Mail", "Shop"]);
    assert_eq!(names(&harbour, &ada, &Filter { partial_name: "BL".into(), ..Filter::default() }), ["Blog"]);
    assert_eq!(names(&harbour, &ada, &Filter { group: Some(web), ..Filter::default() }), ["Shop"]);
    let ben = viewer(&harbour, "Ben", Scope { groups: &[web], ..Scope::EVERYWHERE });
    assert_eq!(names(&harbour, &ben, &Filter::default()), ["Shop"]);
    let cleo = viewer(&harbour, "Cleo", Scope { groups: &[web], projects: &[blog], ..Scope::EVERYWHERE });
    assert_eq!(
        names(&harbour, &cleo, &Filter { ids: Some(vec![shop, blog, 3]), ..Filter::default() }),
        ["Blog", "Shop"]
    );
}

#[test]
fn moving_needs_the_right_to_add_there() {
    let harbour = harbour();
    let (web, back) = (harbour.group("Web"), harbour.group("Back"));
    harbour.project("Shop", Some(web));
    let ada = harbour.ada();
    let ben = harbour.person("Ben", &[("Project Lead", Scope { groups: &[web], ..Scope::EVERYWHERE })]);
    let role = harbour.role(
        "Mover",
        &[
            ("space", "ProjectEdit"),
            ("space", "ProjectView"),
            ("space", "ProjectGroupView"),
            ("space", "ProjectCreate"),
        ],
    );
    assert!(role > 0);
    let dora = harbour.person("Dora", &[("Mover", Scope { groups: &[web], ..Scope::EVERYWHERE })]);
    assert!(dora.ask(ProjectCreate { group: group(&ada, "Back") }).is_err());
    assert!(ben.ask(ProjectCreate { group: group(&ada, "Back") }).is_err());
    let granted = ada.ask(ProjectEdit { project: project(&ada, "Shop") }).unwrap();
    let into = ada.ask(ProjectCreate { group: group(&ada, "Back") }).unwrap();
    let moved = edit(&granted, Some(&into), Fields { is_disabled: true, ..Fields::named("Shop") }).unwrap();
    assert_eq!((moved.group.0, moved.is_disabled), (back, true));
    let delete = ada.ask(ProjectGroupDelete { group: group(&ada, "Back") }).unwrap();
    assert!(conflict(groups::delete(&delete)).contains("the project Shop"));
    groups::delete(&ada.ask(ProjectGroupDelete { group: group(&ada, "Web") }).unwrap()).unwrap();
    let kept = harbour.sql(|c| {
        c.query_row("SELECT count(*) FROM scoped_role_limits WHERE dimension = 'group'", [], |r| r.get::<_, i64>(0))
    });
    assert_eq!(kept, 2, "a role limited to a group that is gone stays limited");
    let granted = ada.ask(ProjectGroupCreate { space: New::of(&harbour.space(&ada)) }).unwrap();
    assert_eq!(field(groups::create(&granted, groups::Fields { name: "back".into(), ..Default::default() })), "Name");
}

#[test]
fn a_stale_save_of_the_process_loses_nothing() {
    let harbour = harbour();
    let ada = harbour.ada();
    made(&ada, "Shop");
    let step = Step::script("Greet", Syntax::Bash, "echo hello", &[]);
    let first = saved(&ada, "Shop", vec![step.clone()]).unwrap();
    assert_eq!(first.version, 1);
    let granted = ada.ask(ProcessEdit { project: project(&ada, "Shop") }).unwrap();
    assert!(conflict(process::save(&granted, 0, vec![])).contains("somebody else"));
    let kept = process::show(&ada.ask(ProcessView { project: project(&ada, "Shop") }).unwrap()).unwrap();
    assert_eq!(kept.steps, first.steps);
    let mut bad = step;
    bad.actions[0].environments = vec!["Environments-1".into()];
    assert_eq!(field(saved(&ada, "Shop", vec![bad.clone()])), "Steps[0].Environments");
    harbour.environment("Staging");
    saved(&ada, "Shop", vec![bad]).unwrap();
    assert!(harbour.trail().contains(&"Modified: The process of Shop was changed".into()));
}

#[test]
fn a_clone_has_its_own_channels() {
    let harbour = harbour();
    let ada = harbour.ada();
    made(&ada, "Shop");
    let edit = ada.ask(ProcessEdit { project: project(&ada, "Shop") }).unwrap();
    let beta =
        channels::create(&edit, channels::Fields { name: "Beta".into(), is_default: Some(true), ..Default::default() })
            .unwrap();
    let mut step = Step::script("Greet", Syntax::Python, "print(1)", &["web"]);
    step.actions[0].channels = vec![beta.id.to_string()];
    saved(&ada, "Shop", vec![step]).unwrap();
    let granted = ada.ask(ProjectCreate { group: group(&ada, "Default project group") }).unwrap();
    let source = ada.ask(ProcessView { project: project(&ada, "Shop") }).unwrap();
    let copy = clone(&granted, &source, Fields::named("Shop 2")).unwrap();
    let view = ada.ask(ProcessView { project: project(&ada, "Shop 2") }).unwrap();
    let own = channels::show(&view, "Beta").unwrap();
    assert!(own.is_default && own.id != beta.id && copy.cloned_from == Some(Id::new(1)));
    let action: &Action = &process::show(&view).unwrap().steps[0].actions[0];
    assert_eq!(action.channels, [own.id.to_string()]);
    assert_eq!(
        channels::show(&view, &beta.id.to_string()).map(|_| ()).unwrap_err().to_string(),
        format!("The resource '{}' was not found.", beta.id)
    );
}

#[test]
fn deleting_takes_all_below_it_unless_something_runs() {
    let harbour = harbour();
    let ada = harbour.ada();
    made(&ada, "Shop");
    let task = |state: &str| {
        harbour.sql(|c| {
            c.execute(
                "INSERT INTO tasks (space_id, kind, description, project_id, state, exclusive_key, queued_at, updated_at, created_by)
                 VALUES (1, 'Deploy', 'd', 1, ?1, ?1, 0, 0, 'x')",
                [state],
            )
        });
    };
    task("Success");
    task("Executing");
    let granted = ada.ask(ProjectDelete { project: project(&ada, "Shop") }).unwrap();
    assert!(conflict(delete(&granted)).contains("while it is being deployed"));
    harbour.sql(|c| c.execute("UPDATE tasks SET state = 'Failed' WHERE state = 'Executing'", []));
    delete(&granted).unwrap();
    for table in ["projects", "processes", "channels", "tasks"] {
        assert_eq!(
            harbour.sql(|c| c.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get::<_, i64>(0))),
            0,
            "{table}"
        );
    }
    assert!(ada.locate::<ids::Project>(crate::company::access::Within::Space(1), "Shop").is_err());
}

#[test]
fn a_project_with_tenants_cannot_become_untenanted() {
    let harbour = harbour();
    let ada = harbour.ada();
    let shop = made(&ada, "Shop");
    let granted = ada.ask(ProjectEdit { project: project(&ada, "Shop") }).unwrap();
    edit(&granted, None, Fields { tenanted: TenantedMode::Tenanted, ..Fields::from(&shop) }).unwrap();
    let tenant = harbour.tenant("Contoso");
    harbour.sql(|c| c.execute("INSERT INTO tenant_projects VALUES (?1, ?2)", (tenant, shop.id)));
    let granted = ada.ask(ProjectEdit { project: project(&ada, "Shop") }).unwrap();
    let refused = edit(&granted, None, Fields::from(&shop)).unwrap_err().to_string();
    assert!(refused.contains("1 tenant is connected"));
}
