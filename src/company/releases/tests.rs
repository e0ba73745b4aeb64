use super::*;
use crate::company::{
    access::{
        Visitor, Within,
        permissions::{ProcessEdit, ProcessView, ProjectCreate, ProjectEdit},
    },
    lifecycles::promotion::Progress,
    projects::process::{self, Syntax},
    testing::{Harbour, harbour},
};

fn at(visitor: &Visitor, text: &str) -> super::super::access::At<Project> {
    visitor.locate(Within::Space(1), text).unwrap()
}
/// Shop with one step, and the environments Staging and Production.
fn shop(harbour: &Harbour, ada: &Visitor) -> projects::Project {
    harbour.environment("Staging");
    harbour.environment("Production");
    let group = ada.locate(Within::Space(1), "Default project group").unwrap();
    let made = projects::create(&ada.ask(ProjectCreate { group }).unwrap(), projects::Fields::named("Shop")).unwrap();
    let version = process::show(&ada.ask(ProcessView { project: at(ada, "Shop") }).unwrap()).unwrap().version;
    let granted = ada.ask(ProcessEdit { project: at(ada, "Shop") }).unwrap();
    process::save(&granted, version, vec![Step::script("Greet", Syntax::Bash, "echo one", &[])]).unwrap();
    made
}
fn release(ada: &Visitor, version: &str) -> Result<Release> {
    let granted = ada.ask(ReleaseCreate { project: at(ada, "Shop") })?;
    create(&granted, Fields { version: Some(version.into()), ..Fields::default() })
}
fn deployed(harbour: &Harbour, release: i64, environment: i64, tenant: Option<i64>, state: &str) {
    harbour.sql(|c| {
        c.execute(
            "INSERT INTO tasks (space_id, kind, description, project_id, state, exclusive_key, queued_at, updated_at, created_by)
             VALUES (1, 'Deploy', 'd', 1, ?1, 'k', 0, 0, 'x')",
            [state],
        )?;
        let task = c.last_insert_rowid();
        c.execute(
            "INSERT INTO deployments (space_id, project_id, release_id, channel_id, environment_id, tenant_id, task_id, name, created_at, created_by)
             VALUES (1, 1, ?1, 1, ?2, ?3, ?4, 'd', 0, 'x')",
            (release, environment, tenant, task),
        )
    });
}
fn says<T>(result: Result<T>, words: &str) {
    let error = result.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains(words), "“{error}” lacks “{words}”");
}

#[test]
fn versions_follow_each_other_and_are_unique() {
    let harbour = harbour();
    let ada = harbour.ada();
    shop(&harbour, &ada);
    assert_eq!(release(&ada, "").unwrap().version, "0.0.1");
    assert_eq!(release(&ada, "1.2.0-RC.1").unwrap().version, "1.2.0-RC.1");
    assert_eq!(release(&ada, " ").unwrap().version, "1.2.1");
    says(release(&ada, "1.2.0-rc.1"), "has a release 1.2.0-RC.1 already");
    says(release(&ada, "one two"), "Give a version such as");
    let granted = ada.ask(ReleaseCreate { project: at(&ada, "Shop") }).unwrap();
    let same = Fields { version: Some("1.2.1".into()), ignore_if_exists: true, ..Fields::default() };
    let events = harbour.trail().len();
    assert_eq!(create(&granted, same).unwrap().id.0, 3);
    assert_eq!(harbour.trail().len(), events, "nothing was made, so nothing is told");
    says(create(&granted, Fields { channel: Some("Beta".into()), ..Fields::default() }), "no channel “Beta”");
    let listed = list(
        &ada.ask(List::<ReleaseView>::of(&harbour.space(&ada))).unwrap(),
        &Filter { search: "1.2".into(), ..Filter::default() },
        Page::ALL,
    );
    let versions: Vec<String> = listed.unwrap().items.into_iter().map(|r| r.version).collect();
    assert_eq!(versions, ["1.2.1", "1.2.0-RC.1"]);
}

#[test]
fn the_process_is_frozen() {
    let harbour = harbour();
    let ada = harbour.ada();
    shop(&harbour, &ada);
    release(&ada, "1.0.0").unwrap();
    let granted = ada.ask(ProcessEdit { project: at(&ada, "Shop") }).unwrap();
    process::save(&granted, 1, vec![Step::script("Other", Syntax::Bash, "echo two", &[])]).unwrap();
    let view = ada.ask(ReleaseView { release: ada.locate(&at(&ada, "Shop"), "1.0.0").unwrap() }).unwrap();
    assert_eq!(show(&view).unwrap().steps[0].actions[0].script_body(), "echo one");
    assert_eq!(release(&ada, "2.0.0").unwrap().steps[0].name, "Other");
}

#[test]
fn nothing_to_run_and_disabled_are_refused() {
    let harbour = harbour();
    let ada = harbour.ada();
    let shop = shop(&harbour, &ada);
    let edit = ada.ask(ProjectEdit { project: at(&ada, "Shop") }).unwrap();
    projects::edit(&edit, None, projects::Fields { is_disabled: true, ..projects::Fields::from(&shop) }).unwrap();
    says(release(&ada, "1.0.0"), "is disabled");
    projects::edit(&edit, None, projects::Fields::from(&shop)).unwrap();
    process::save(&ada.ask(ProcessEdit { project: at(&ada, "Shop") }).unwrap(), 1, vec![]).unwrap();
    says(release(&ada, "1.0.0"), "has no steps to run");
}

#[test]
fn promotion_counts_what_succeeded() {
    let harbour = harbour();
    let ada = harbour.ada();
    let shop = shop(&harbour, &ada);
    let made = release(&ada, "1.0.0").unwrap();
    let (staging, production) = (Id::new(1), Id::new(2));
    let view = || ada.ask(ReleaseView { release: ada.locate(&at(&ada, "Shop"), "1.0.0").unwrap() }).unwrap();
    let may = |environment, tenant: Option<i64>| {
        harbour.ada().ask(ReleaseView { release: ada.locate(&at(&ada, "Shop"), "1.0.0").unwrap() }).unwrap().read(
            |rows| {
                let ways = Ways::of(rows, &shop, made.id, None)?;
                let blocked = ways.may_reach(environment, tenant.map(Id::new), &[staging, production]);
                blocked.map_err(|why| Error::Conflict(why.to_string()))
            },
        )
    };
    assert_eq!(progression(&view()).unwrap()[0].missing, [staging]);
    may(staging, None).unwrap();
    says(may(production, None), "Staging first");
    deployed(&harbour, made.id.0, 1, None, "Failed");
    says(may(production, None), "Staging first");
    deployed(&harbour, made.id.0, 1, None, "Success");
    may(production, None).unwrap();
    let fresh = harbour.ada();
    let now =
        progression(&fresh.ask(ReleaseView { release: fresh.locate(&at(&fresh, "Shop"), "1.0.0").unwrap() }).unwrap())
            .unwrap();
    assert_eq!(now[1].missing, [production]);
    assert_eq!(now.iter().map(|p| p.progress).collect::<Vec<_>>(), [Progress::Complete, Progress::Current]);
    // A tenant's way is its own.
    let contoso = harbour.tenant("Contoso");
    harbour.sql(|c| {
        c.execute("INSERT INTO tenant_projects VALUES (?1, 1)", [contoso])?;
        c.execute("INSERT INTO tenant_environments VALUES (?1, 1, 1), (?1, 1, 2)", [contoso])
    });
    says(may(production, Some(contoso)), "Staging first");
    harbour.sql(|c| c.execute("DELETE FROM tenant_environments WHERE environment_id = 1", []));
    may(production, Some(contoso)).unwrap();
}

#[test]
fn a_release_on_its_way_stays() {
    let harbour = harbour();
    let ada = harbour.ada();
    shop(&harbour, &ada);
    let made = release(&ada, "1.0.0").unwrap();
    deployed(&harbour, made.id.0, 1, None, "Queued");
    let granted = ada.ask(ReleaseDelete { release: ada.locate(&at(&ada, "Shop"), "1.0.0").unwrap() }).unwrap();
    says(delete(&granted), "while it is being deployed");
    harbour.sql(|c| c.execute("UPDATE tasks SET state = 'Success'", []));
    let edit = ada.ask(ReleaseEdit { release: ada.locate(&at(&ada, "Shop"), "1.0.0").unwrap() }).unwrap();
    assert_eq!(super::edit(&edit, " Fixed the till. ").unwrap().notes, "Fixed the till.");
    let log = harbour.company.folder().join("task-logs/1.log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "{}").unwrap();
    delete(&granted).unwrap();
    assert!(!log.exists(), "the logs go with their tasks");
    for table in ["releases", "deployments", "tasks"] {
        assert_eq!(
            harbour.sql(|c| c.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get::<_, i64>(0))),
            0,
            "{table}"
        );
    }
}
