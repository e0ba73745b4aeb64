use super::*;
use crate::company::{
    access::{
        Event, New, Visitor, Within,
        permissions::{EnvironmentCreate, QueueKeep, TaskCancel, TaskExecute},
    },
    testing::{Harbour, Scope, harbour},
};

fn put(harbour: &Harbour, key: &str, project: Option<i64>, environment: Option<i64>, tenant: Option<i64>) -> Id<Kind> {
    let ada = harbour.ada();
    let granted = ada.ask(EnvironmentCreate { space: New::of(&harbour.space(&ada)) }).unwrap();
    granted
        .write(|tx| {
            let id = enqueue(
                tx,
                granted.visitor().company(),
                NewTask {
                    space: Some(Id::new(1)),
                    work: Work::Deploy,
                    description: "Deploy Shop 1.2.0 to Staging".into(),
                    arguments: BTreeMap::from([("DeploymentId".into(), "Deployments-1".into())]),
                    project: project.map(Id::new),
                    environment: environment.map(Id::new),
                    tenant: tenant.map(Id::new),
                    runbook: None,
                    exclusive_key: key.into(),
                    not_before: None,
                    not_after: None,
                },
            )?;
            tx.record(Event::new("DeploymentQueued").say("queued"), id)
        })
        .unwrap()
}

fn claimed(engine: &Visitor, id: Id<Kind>, lease: &Lease) -> bool {
    let granted = engine.ask(TaskExecute { task: engine.locate(Within::Company, &id.to_string()).unwrap() }).unwrap();
    claim(&granted, lease).unwrap().is_some()
}

fn finished(engine: &Visitor, id: Id<Kind>, lease: &Lease, state: State) -> Result<Task> {
    let granted = engine.ask(TaskExecute { task: engine.locate(Within::Company, &id.to_string()).unwrap() }).unwrap();
    finish(&granted, lease, &Outcome { state, error: String::new(), warnings: false })
}

fn next(engine: &Visitor) -> Option<Id<Kind>> {
    next_queued(&engine.ask(QueueKeep {}).unwrap()).unwrap()
}

#[test]
fn tasks_of_one_key_never_run_together_and_the_marker_tells_of_work() {
    let harbour = harbour();
    let marker = harbour.company.folder().join(PENDING);
    let (one, two, other) = (
        put(&harbour, "1/1", None, None, None),
        put(&harbour, "1/1", None, None, None),
        put(&harbour, "1/2", None, None, None),
    );
    assert!(marker.exists());
    let (engine, lease) = (harbour.engine(), Lease::new());
    assert_eq!(next(&engine), Some(one));
    assert!(claimed(&engine, one, &lease));
    assert!(!claimed(&engine, one, &lease), "taken already");
    assert!(!claimed(&engine, two, &lease), "the unique index says no");
    assert_eq!(next(&engine), Some(other));
    assert!(claimed(&engine, other, &lease));
    assert_eq!(next(&engine), None);
    finished(&engine, one, &lease, State::Success).unwrap();
    assert_eq!(next(&engine), Some(two));
    assert!(claimed(&engine, two, &lease));
    let keep = engine.ask(QueueKeep {}).unwrap();
    assert_eq!(settle(&keep).unwrap(), Left { queued: 0, running: 2 });
    assert!(marker.exists());
    finished(&engine, two, &lease, State::Failed).unwrap();
    finished(&engine, other, &lease, State::Success).unwrap();
    assert_eq!(settle(&keep).unwrap(), Left { queued: 0, running: 0 });
    assert!(!marker.exists());
    let trail = harbour.trail();
    assert!(trail.contains(&"DeploymentStarted: Deploy Shop 1.2.0 to Staging started, for Ada".into()), "{trail:?}");
    assert!(
        trail.contains(&"DeploymentSucceeded: Deploy Shop 1.2.0 to Staging succeeded, for Ada".into()),
        "{trail:?}"
    );
    assert!(trail.contains(&"DeploymentFailed: Deploy Shop 1.2.0 to Staging failed, for Ada".into()), "{trail:?}");
}

#[test]
fn what_waits_is_not_begun_for_somebody_who_may_not_do_it_any_more() {
    let harbour = harbour();
    let (shop, staging, production) =
        (harbour.project("Shop", None), harbour.environment("Staging"), harbour.environment("Production"));
    let scope = Scope { environments: &[staging], ..Scope::EVERYWHERE };
    let ben = harbour.person("Ben", &[("Deployment Creator", scope)]).user().unwrap().0;
    let asked = |environment: i64| {
        let id = put(&harbour, &format!("{environment}"), Some(shop), Some(environment), None);
        harbour.sql(|c| c.execute("UPDATE tasks SET created_by_id = ?2, created_by = 'Ben' WHERE id = ?1", (id, ben)));
        id
    };
    let begun = |id: Id<Kind>| {
        let (engine, lease) = (harbour.engine(), Lease::new());
        let begun = claimed(&engine, id, &lease);
        if begun {
            finished(&harbour.engine(), id, &lease, State::Success).unwrap();
        }
        begun
    };
    let set = |sql: &str| harbour.sql(|c| c.execute(sql, []));
    assert!(begun(asked(staging)));
    assert!(!begun(asked(production)), "his role is limited to Staging by now");
    let (first, second) = (asked(staging), asked(staging));
    set(
        "UPDATE scoped_roles SET expires_at = 1 WHERE expires_at IS NULL AND role_id IN (SELECT id FROM user_roles WHERE name = 'Deployment Creator')",
    );
    assert!(!begun(first), "his role has ended");
    set("UPDATE scoped_roles SET expires_at = NULL WHERE expires_at = 1");
    assert!(begun(second));
    let third = asked(staging);
    set("UPDATE users SET state = 'inactive' WHERE display_name = 'Ben'");
    assert!(!begun(third), "he was shut out");
    let ada = harbour.ada();
    let granted = ada.ask(TaskView { task: ada.locate(Within::Company, &third.to_string()).unwrap() }).unwrap();
    let task = show(&granted).unwrap();
    assert_eq!(task.state, State::Canceled);
    assert!(task.error.starts_with("Ben asked for it and may not do that any more"), "{}", task.error);
    let told = "TaskCanceled: Deploy Shop 1.2.0 to Staging was not started, for Ben".to_owned();
    assert!(harbour.trail().contains(&told), "{:?}", harbour.trail());
}

#[test]
fn a_stopped_queue_keeps_its_tasks() {
    let harbour = harbour();
    put(&harbour, "1/1", None, None, None);
    harbour.sql(|c| c.execute("UPDATE spaces SET task_queue_stopped = 1", []));
    assert_eq!(next(&harbour.engine()), None);
}

#[test]
fn what_is_not_ours_cannot_be_ended_by_us() {
    let harbour = harbour();
    let id = put(&harbour, "1/1", None, None, None);
    let engine = harbour.engine();
    assert!(claimed(&engine, id, &Lease::new()));
    let error = finished(&engine, id, &Lease::new(), State::Success).unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

#[test]
fn after_a_crash_nothing_is_claimed_that_is_not_known() {
    let harbour = harbour();
    let (id, waiting) = (put(&harbour, "1/1", None, None, None), put(&harbour, "1/1", None, None, None));
    let (engine, dead) = (harbour.engine(), Lease::new());
    assert!(claimed(&engine, id, &dead));
    {
        let granted =
            engine.ask(TaskExecute { task: engine.locate(Within::Company, &id.to_string()).unwrap() }).unwrap();
        let step = |number: &str, parent: Option<&str>, name: &str| NewStep {
            number: number.into(),
            parent: parent.map(Into::into),
            name: name.into(),
        };
        lay_out(
            &granted,
            &[
                step("1", None, "Prepare"),
                step("2", None, "Install"),
                step("2.1", Some("2"), "web-1"),
                step("3", None, "Tidy"),
            ],
        )
        .unwrap();
        begin(&granted, "1").unwrap();
        end(&granted, "1", StepStatus::Success).unwrap();
        begin(&granted, "2").unwrap();
        begin(&granted, "2.1").unwrap();
    }
    let keep = engine.ask(QueueKeep {}).unwrap();
    assert!(recover(&keep, &dead).unwrap().is_empty(), "its own are not orphans");
    assert_eq!(recover(&keep, &Lease::new()).unwrap(), [id]);
    assert_eq!(next(&engine), Some(waiting), "what is queued goes on");

    let ada = harbour.ada();
    let granted = ada.ask(TaskView { task: ada.locate(Within::Company, &id.to_string()).unwrap() }).unwrap();
    let task = show(&granted).unwrap();
    assert_eq!(task.state, State::Failed);
    assert_eq!(
        task.error,
        "The server stopped while step 2 (Install) on web-1 was under way. Whether it completed is not known. Look at what it was doing before you run it again."
    );
    let statuses: Vec<_> = steps(&granted).unwrap().into_iter().map(|step| (step.number, step.status)).collect();
    let expected = [
        ("1", StepStatus::Success),
        ("2", StepStatus::Unknown),
        ("2.1", StepStatus::Unknown),
        ("3", StepStatus::Skipped),
    ];
    assert_eq!(statuses, expected.map(|(number, status)| (number.to_owned(), status)));
    let log = read_log(&granted, From::Start, Most::lines(10)).unwrap();
    assert_eq!(log.lines.last().map(|line| line.text.clone()), Some(task.error));
}

#[test]
fn cancelling_ends_what_waits_and_asks_what_runs() {
    let harbour = harbour();
    let (waiting, running) = (put(&harbour, "1/1", None, None, None), put(&harbour, "1/2", None, None, None));
    let (engine, lease) = (harbour.engine(), Lease::new());
    assert!(claimed(&engine, running, &lease));
    let stop = |id: Id<Kind>| {
        let ada = harbour.ada();
        let granted = ada.ask(TaskCancel { task: ada.locate(Within::Company, &id.to_string()).unwrap() }).unwrap();
        cancel(&granted)
    };
    assert_eq!(stop(waiting).unwrap().state, State::Canceled);
    assert_eq!(stop(running).unwrap().state, State::Cancelling);
    assert_eq!(stop(running).unwrap().state, State::Cancelling);
    let engine = harbour.engine();
    let granted =
        engine.ask(TaskExecute { task: engine.locate(Within::Company, &running.to_string()).unwrap() }).unwrap();
    assert_eq!(standing(&granted, &lease).unwrap(), Standing::Cancelling);
    // It ended well before it could be stopped; the table knows no way from Cancelling to Success.
    assert_eq!(
        finish(&granted, &lease, &Outcome { state: State::Success, error: String::new(), warnings: false })
            .unwrap()
            .state,
        State::Canceled
    );
    assert!(matches!(stop(running), Err(Error::Conflict(_))));
    let trail = harbour.trail();
    assert!(
        trail.contains(&"TaskCanceled: Deploy Shop 1.2.0 to Staging was cancelled before it began".into()),
        "{trail:?}"
    );
    assert!(trail.contains(&"TaskCancelling: Deploy Shop 1.2.0 to Staging was told to stop".into()), "{trail:?}");
}

#[test]
fn what_comes_too_late_is_given_up() {
    let harbour = harbour();
    let id = put(&harbour, "1/1", None, None, None);
    harbour.sql(|c| c.execute("UPDATE tasks SET not_after = 1", []));
    let engine = harbour.engine();
    assert_eq!(expire(&engine.ask(QueueKeep {}).unwrap()).unwrap(), 1);
    let ada = harbour.ada();
    let task =
        show(&ada.ask(TaskView { task: ada.locate(Within::Company, &id.to_string()).unwrap() }).unwrap()).unwrap();
    assert_eq!(task.state, State::TimedOut);
}

#[test]
fn lists_show_what_may_be_seen_and_what_a_task_lacks_is_beside_the_point() {
    let harbour = harbour();
    let (shop, desk) = (harbour.project("Shop", None), harbour.project("Desk", None));
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let (contoso, northwind) = (harbour.tenant("Contoso"), harbour.tenant("Northwind"));
    let tasks = [
        put(&harbour, "a", Some(shop), Some(staging), None),
        put(&harbour, "b", Some(shop), Some(production), Some(contoso)),
        put(&harbour, "c", Some(shop), Some(production), Some(northwind)),
        put(&harbour, "d", Some(desk), Some(staging), None),
        put(&harbour, "e", None, Some(staging), None),
    ];
    let seen = |who: &Visitor, filter: &Filter| -> (Vec<i64>, i64) {
        let granted = who.ask(List::<TaskView>::of(&harbour.space(who))).unwrap();
        let listed = list(&granted, filter, Page::ALL).unwrap();
        let counted: i64 = counts(std::slice::from_ref(&granted), filter).unwrap().values().sum();
        assert_eq!(counted, listed.total);
        (listed.items.iter().map(|task| task.id.0).rev().collect(), listed.total)
    };
    harbour.role("Watcher", &[("space", "TaskView")]);
    let all: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    assert_eq!(seen(&harbour.ada(), &Filter::default()).0, all);
    let of = |scope: Scope<'_>, name: &str| harbour.person(name, &[("Watcher", scope)]);
    let by_project = of(Scope { projects: &[shop], ..Scope::EVERYWHERE }, "Ben");
    assert_eq!(seen(&by_project, &Filter::default()).0, [all[0], all[1], all[2], all[4]]);
    let by_environment = of(Scope { environments: &[production], ..Scope::EVERYWHERE }, "Cleo");
    assert_eq!(seen(&by_environment, &Filter::default()).0, [all[1], all[2]]);
    let by_tenant = of(Scope { tenants: &[contoso], ..Scope::EVERYWHERE }, "Dan");
    // What is for no tenant is out of reach for who is limited to tenants, a health check without a machine too (findings B3).
    assert_eq!(seen(&by_tenant, &Filter::default()).0, [all[1]]);
    // Ids of what may not be seen are simply absent.
    assert_eq!(seen(&by_tenant, &Filter { ids: Some(all.clone()), ..Filter::default() }), (vec![all[1]], 1));
    assert_eq!(
        seen(&harbour.ada(), &Filter { project: Some(desk), states: vec![State::Queued], ..Filter::default() }).0,
        [all[3]]
    );
    assert_eq!(
        seen(
            &harbour.ada(),
            &Filter { name: "shop 1.2".into(), environment: Some(staging), tenant: None, ..Filter::default() }
        )
        .1,
        3
    );
    assert!(
        by_tenant.ask(TaskView { task: by_tenant.locate(Within::Company, &tasks[2].to_string()).unwrap() }).is_err()
    );
}
