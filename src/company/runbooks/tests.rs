//! Runbooks through the door: what is frozen, what may be run by whom and where.

use super::*;
use crate::company::{
    access::{
        Visitor, Within,
        permissions::{
            EnvironmentView, RunbookRunDelete, RunbookRunView, RunbookSnapshotCreate, TaskExecute, TaskView,
        },
    },
    deployments::Options,
    projects::process::{Step, Syntax},
    tasks,
    testing::{Harbour, Scope, harbour},
};

/// Shop with two runbooks, Restart (published) and Wipe (published), two environments and two tenants.
struct Yard {
    harbour: Harbour,
    shop: i64,
    restart: i64,
    staging: i64,
    production: i64,
    contoso: i64,
}

fn yard(mode: &str) -> Yard {
    let harbour = harbour();
    let shop = harbour.project("Shop", None);
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let (contoso, northwind) = (harbour.tenant("Contoso"), harbour.tenant("Northwind"));
    harbour.sql(|c| {
        for (tenant, places) in [(contoso, [staging, production].as_slice()), (northwind, &[staging])] {
            c.execute("INSERT INTO tenant_projects VALUES (?1, ?2)", [tenant, shop])?;
            for environment in places {
                c.execute("INSERT INTO tenant_environments VALUES (?1, ?2, ?3)", [tenant, shop, *environment])?;
            }
        }
        Ok(())
    });
    let yard = Yard { harbour, shop, restart: 1, staging, production, contoso };
    let ada = yard.harbour.ada();
    for name in ["Restart", "Wipe"] {
        let project = ada.locate(&yard.harbour.space(&ada), "shop").unwrap();
        let granted = ada.ask(RunbookEdit { runbook: RunbookPart::New(project) }).unwrap();
        let fields = Fields {
            tenanted: TenantedMode::parse(mode).unwrap(),
            environment_scope: EnvironmentScope::All,
            ..Fields::named(name)
        };
        create(&granted, fields).unwrap();
        yard.script(&ada, name, "echo one");
        yard.publish(&ada, name);
    }
    yard
}

impl Yard {
    fn at(&self, who: &Visitor, name: &str) -> At<Kind> {
        let project: At<Project> = who.locate(&self.harbour.space(who), "shop").unwrap();
        who.locate(&project, name).unwrap()
    }
    fn edit<'v>(&self, who: &'v Visitor, name: &str) -> Granted<'v, RunbookEdit> {
        who.ask(RunbookEdit { runbook: RunbookPart::This(self.at(who, name)) }).unwrap()
    }
    fn script(&self, who: &Visitor, name: &str, body: &str) {
        let version = process::show(&who.ask(RunbookView { runbook: self.at(who, name) }).unwrap()).unwrap().version;
        let steps = vec![Step::script("Say", Syntax::Bash, body, &[])];
        process::save(&self.edit(who, name), version, steps).unwrap();
    }
    fn take(&self, who: &Visitor, name: &str) -> snapshots::Snapshot {
        let granted = who.ask(RunbookSnapshotCreate { runbook: self.at(who, name) }).unwrap();
        snapshots::take(&granted, &snapshots::Fields::default(), None).unwrap()
    }
    fn publish(&self, who: &Visitor, name: &str) -> snapshots::Snapshot {
        let granted = who.ask(RunbookSnapshotCreate { runbook: self.at(who, name) }).unwrap();
        snapshots::take(&granted, &snapshots::Fields::default(), Some(&self.edit(who, name))).unwrap()
    }
    fn show(&self, who: &Visitor, name: &str) -> Runbook {
        super::show(&who.ask(RunbookView { runbook: self.at(who, name) }).unwrap()).unwrap()
    }
    fn run(&self, who: &Visitor, name: &str, which: &Which, to: &[(&str, Option<&str>)]) -> Result<Vec<Run>> {
        let space = self.harbour.space(who);
        let project: At<Project> = who.locate(&space, "shop")?;
        let runbook = who.locate(&project, name)?;
        let mut places = Vec::new();
        for (environment, tenant) in to {
            let tenant = tenant.map(|tenant| who.locate(&space, tenant)).transpose()?;
            places.push((who.locate(&space, environment)?, tenant));
        }
        super::run(who, &runbook, which, &places, &Options::default())
    }
    fn names(&self, who: &Visitor) -> Vec<String> {
        let granted = who.ask(List::<RunbookView>::of(&self.harbour.space(who))).unwrap();
        let found = list(&granted, &Filter::default(), Page::ALL).unwrap();
        assert_eq!(found.total as usize, found.items.len());
        found.items.into_iter().map(|one| one.name).collect()
    }
    fn script_of(&self, run: &Run) -> String {
        let engine = self.harbour.engine();
        let task = engine.locate(Within::Company, &run.task.to_string()).unwrap();
        let prepared = prepare(&engine.ask(TaskExecute { task }).unwrap()).unwrap();
        prepared.plan.steps[0].actions[0].script.clone()
    }
}

const STAGING: &[(&str, Option<&str>)] = &[("staging", None)];

#[test]
fn what_is_published_is_what_runs_until_something_else_is() {
    let yard = yard("TenantedOrUntenanted");
    let ada = yard.harbour.ada();
    let before = yard.run(&ada, "restart", &Which::Published, STAGING).unwrap();
    yard.script(&ada, "restart", "echo two");
    assert!(yard.show(&ada, "restart").published.unwrap().is_behind, "the process went on");
    assert_eq!(yard.script_of(&before[0]), "echo one");
    let still = yard.run(&ada, "restart", &Which::Published, STAGING).unwrap();
    assert_eq!(yard.script_of(&still[0]), "echo one");
    let draft = yard.run(&ada, "restart", &Which::Draft, STAGING).unwrap();
    assert_eq!((yard.script_of(&draft[0]).as_str(), draft[0].snapshot_name.as_str()), ("echo two", "Snapshot 2"));
    assert_eq!(yard.show(&ada, "restart").published.unwrap().name, "Snapshot 1", "a draft publishes nothing");
    snapshots::publish(&yard.edit(&ada, "restart"), "snapshot 2").unwrap();
    let published = yard.show(&ada, "restart").published.unwrap();
    assert_eq!((published.name.as_str(), published.is_behind), ("Snapshot 2", false));
    assert_eq!(yard.script_of(&yard.run(&ada, "restart", &Which::Published, STAGING).unwrap()[0]), "echo two");
    let told = yard.harbour.trail();
    assert!(told.iter().any(|line| line.contains("Runbook Restart of Shop was published as Snapshot 2")), "{told:?}");
    assert!(
        told.iter().any(|line| line.contains("A run of Restart of Shop (Snapshot 2) in Staging was queued")),
        "{told:?}"
    );
}

/// Who may run what: published, a snapshot that is published by name, one that is not, a draft; and what is missing.
#[test]
fn only_who_may_edit_runs_what_is_not_published() {
    let yard = yard("TenantedOrUntenanted");
    let ada = yard.harbour.ada();
    yard.take(&ada, "restart");
    let only = Scope { runbooks: &[yard.restart], ..Scope::EVERYWHERE };
    let runner = yard.harbour.person("Rita", &[("Runbook Consumer", only)]);
    let editor = yard.harbour.person("Edith", &[("Runbook Producer", only)]);
    let named = |text: &str| Which::Snapshot(text.into());
    for (which, may) in [
        (Which::Published, true),
        (named("Snapshot 1"), true),
        (named("RunbookSnapshots-1"), true),
        (named("Snapshot 2"), false),
        (Which::Draft, false),
        // Whether there is such a snapshot is not told to who may not edit.
        (named("Snapshot 99"), false),
    ] {
        let answer = yard.run(&runner, "restart", &which, STAGING);
        match answer {
            Ok(made) => assert!(may && made.len() == 1, "{which:?}"),
            Err(Error::Denied(denied)) => assert_eq!((may, denied.permission), (false, "RunbookEdit"), "{which:?}"),
            Err(other) => panic!("{which:?}: {other}"),
        }
        let known = which != named("Snapshot 99");
        assert_eq!(yard.run(&editor, "restart", &which, STAGING).is_ok(), known, "{which:?}");
    }
}

#[test]
fn a_role_limited_to_one_runbook_shows_and_runs_that_one_and_no_other() {
    let yard = yard("TenantedOrUntenanted");
    let ada = yard.harbour.ada();
    let both =
        [yard.run(&ada, "restart", &Which::Published, STAGING), yard.run(&ada, "wipe", &Which::Published, STAGING)];
    let [restart, wipe] = both.map(|made| made.unwrap().remove(0));
    let only = Scope { projects: &[yard.shop], runbooks: &[yard.restart], ..Scope::EVERYWHERE };
    let rita = yard.harbour.person("Rita", &[("Runbook Consumer", only)]);
    assert_eq!((yard.names(&ada), yard.names(&rita)), (vec!["Restart".into(), "Wipe".into()], vec!["Restart".into()]));
    assert_eq!(yard.run(&rita, "restart", &Which::Published, STAGING).unwrap().len(), 1);
    // The other one is not there, in the words for one that never was.
    for name in ["wipe", "Runbooks-2", "nothing"] {
        let refused = yard.run(&rita, name, &Which::Published, STAGING);
        assert!(matches!(&refused, Err(Error::NotFound(asked)) if asked == name), "{name}: {refused:?}");
    }
    let space = yard.harbour.space(&rita);
    let task = |run: &Run| TaskView { task: rita.locate(Within::Company, &run.task.to_string()).unwrap() };
    assert!(rita.may(task(&restart)) && !rita.may(task(&wipe)));
    let granted = rita.ask(List::<TaskView>::of(&space)).unwrap();
    let seen = tasks::list(&granted, &tasks::Filter::default(), Page::ALL).unwrap().items;
    assert!(!seen.is_empty() && seen.iter().all(|task| task.runbook == Some(Id::new(yard.restart))), "{seen:?}");
    let granted = rita.ask(List::<RunbookRunView>::of(&space)).unwrap();
    let seen = list_runs(&granted, &RunFilter::default(), Page::ALL).unwrap();
    assert_eq!(seen.total, 2);
    assert!(seen.items.iter().all(|run| run.runbook_name == "Restart"));
    // She cannot make one, nor edit hers; an editor of this one cannot make another.
    let project: At<Project> = rita.locate(&space, "shop").unwrap();
    assert!(!rita.may(RunbookEdit { runbook: RunbookPart::New(project.clone()) }));
    let edith = yard.harbour.person("Edith", &[("Runbook Producer", only)]);
    assert!(edith.may(RunbookEdit { runbook: RunbookPart::This(yard.at(&edith, "restart")) }));
    assert!(!edith.may(RunbookEdit { runbook: RunbookPart::New(project) }));
}

#[test]
fn places_are_refused_with_a_sentence_each() {
    type To = &'static [(&'static str, Option<&'static str>)];
    type Refused = Option<(&'static str, &'static str)>;
    let rows: &[(&str, To, Refused)] = &[
        ("TenantedOrUntenanted", &[("staging", None)], None),
        ("TenantedOrUntenanted", &[("staging", Some("contoso")), ("staging", Some("northwind"))], None),
        ("Untenanted", &[("staging", Some("contoso"))], Some(("Tenants", "is not run for tenants"))),
        ("Tenanted", &[("staging", None)], Some(("Tenants", "for tenants only"))),
        ("Tenanted", &[("production", Some("northwind"))], Some(("Tenants", "is not connected to Shop in Production"))),
        // All or none.
        (
            "Tenanted",
            &[("production", Some("contoso")), ("production", Some("northwind"))],
            Some(("Tenants", "is not connected")),
        ),
    ];
    for (mode, to, refused) in rows {
        let yard = yard(mode);
        let ada = yard.harbour.ada();
        match (yard.run(&ada, "restart", &Which::Published, to), refused) {
            (Ok(made), None) => assert_eq!(made.len(), to.len()),
            (Err(Error::Invalid(wrong)), Some((field, words))) => {
                assert!(wrong.of(field).is_some_and(|text| text.contains(words)), "{mode} {to:?}: {wrong:?}");
                assert_eq!(
                    yard.harbour.sql(|c| c.query_row("SELECT count(*) FROM tasks", (), |row| row.get::<_, i64>(0))),
                    0
                );
            }
            (other, _) => panic!("{mode} {to:?}: {other:?}"),
        }
    }
}

#[test]
fn environments_are_those_that_its_settings_say() {
    let yard = yard("Untenanted");
    let ada = yard.harbour.ada();
    let (staging, production) = (Id::new(yard.staging), Id::new(yard.production));
    for (scope, listed, staging_may, production_may) in [
        (EnvironmentScope::All, vec![], true, true),
        (EnvironmentScope::Specified, vec![production], false, true),
        (EnvironmentScope::Specified, vec![production, staging, staging], true, true),
    ] {
        let fields =
            Fields { environment_scope: scope, environments: listed, ..Fields::from(&yard.show(&ada, "restart")) };
        edit(&yard.edit(&ada, "restart"), fields).unwrap();
        for (place, may) in [("staging", staging_may), ("production", production_may)] {
            let answer = yard.run(&ada, "restart", &Which::Published, &[(place, None)]);
            assert_eq!(answer.is_ok(), may, "{scope:?} {place}");
        }
        let granted = ada.ask(RunbookView { runbook: yard.at(&ada, "restart") }).unwrap();
        let offered = choices(&granted).unwrap().places.len();
        assert_eq!(offered, usize::from(staging_may) + usize::from(production_may));
    }
    for environments in [vec![], vec![Id::new(99)]] {
        let fields = Fields {
            environment_scope: EnvironmentScope::Specified,
            environments,
            ..Fields::from(&yard.show(&ada, "restart"))
        };
        let refused = edit(&yard.edit(&ada, "restart"), fields).unwrap_err();
        assert!(matches!(refused, Error::Invalid(wrong) if wrong.of("Environments").is_some()));
    }
    yard.harbour.sql(|c| c.execute("DELETE FROM tenant_environments", ()));
    let environment = ada.locate(&yard.harbour.space(&ada), "staging").unwrap();
    let granted = ada.ask(crate::company::access::permissions::EnvironmentDelete { environment }).unwrap();
    let kept = crate::company::environments::delete(&granted).unwrap_err().to_string();
    assert!(kept.contains("Restart"), "{kept}");
}

#[test]
fn many_tenants_are_decided_one_by_one() {
    let yard = yard("Tenanted");
    let to = [("staging", Some("contoso")), ("staging", Some("northwind"))];
    let scope = |tenants: &'static [i64]| Scope { tenants, ..Scope::EVERYWHERE };
    assert_eq!(yard.contoso, 1);
    let two = [("Runbook Consumer", scope(&[1])), ("Runbook Consumer", scope(&[2]))];
    let both = yard.harbour.person("Both", &two);
    assert_eq!(yard.run(&both, "restart", &Which::Published, &to).unwrap().len(), 2);
    let one = yard.harbour.person("One", &two[..1]);
    assert!(yard.run(&one, "restart", &Which::Published, &to[..1]).is_ok());
    let refused = yard.run(&one, "restart", &Which::Published, &to);
    assert!(matches!(refused, Err(Error::NotFound(asked)) if asked == "northwind"), "not seen, so not there");
}

#[test]
fn a_name_is_taken_once_in_a_project_and_a_deleted_one_takes_its_runs_along() {
    let yard = yard("Untenanted");
    let ada = yard.harbour.ada();
    let project = ada.locate(&yard.harbour.space(&ada), "shop").unwrap();
    let new = ada.ask(RunbookEdit { runbook: RunbookPart::New(project) }).unwrap();
    for (name, taken) in [("restart ", true), ("", true), ("Renew", false), ("new", false)] {
        assert_eq!(create(&new, Fields::named(name)).is_err(), taken, "{name}");
    }
    assert_ne!(yard.show(&ada, "new").slug, "new", "“new” is the address of the form");
    let made = yard.run(&ada, "restart", &Which::Published, STAGING).unwrap();
    let refused = delete(&yard.edit(&ada, "restart")).unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "it waits to run");
    yard.harbour.sql(|c| c.execute("UPDATE tasks SET state = 'Success'", ()));
    delete(&yard.edit(&ada, "restart")).unwrap();
    let left = yard.harbour.sql(|c| {
        c.query_row("SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM runbook_runs)", (), |row| {
            row.get::<_, i64>(0)
        })
    });
    assert_eq!((made.len(), left), (1, 0));
    // A role that named it reaches no other in its place.
    let only = Scope { runbooks: &[yard.restart], ..Scope::EVERYWHERE };
    assert!(yard.names(&yard.harbour.person("Rita", &[("Runbook Consumer", only)])).is_empty());
}

#[test]
fn a_preview_shows_the_plan_and_what_stands_in_the_way() {
    let yard = yard("Tenanted");
    let ada = yard.harbour.ada();
    let runbook = ada.ask(RunbookView { runbook: yard.at(&ada, "restart") }).unwrap();
    let environment = ada.locate(&yard.harbour.space(&ada), "staging").unwrap();
    let environment = ada.ask(EnvironmentView { environment }).unwrap();
    let shown = preview(&runbook, &environment, None, &Which::Published, &[]).unwrap();
    assert_eq!(shown.plan.steps.len(), 1);
    assert!(shown.obstacle.is_some_and(|why| why.contains("for tenants only")));
    assert!(preview(&runbook, &environment, None, &Which::Draft, &[]).is_ok());
}

#[test]
fn a_run_is_deleted_when_it_has_ended_by_who_may_there() {
    let yard = yard("TenantedOrUntenanted");
    let ada = yard.harbour.ada();
    let to = [("staging", Some("contoso")), ("staging", None)];
    let made = yard.run(&ada, "restart", &Which::Published, &to).unwrap();
    let may = |who: &Visitor, run: &Run| {
        let run = who.locate(&yard.harbour.space(who), &run.id.to_string())?;
        who.ask(RunbookRunDelete { run }).map(|_| ())
    };
    // A right to delete runs for one tenant is none for another's, nor for none's (explicit).
    yard.harbour.role("Sweeper", &[("space", "RunbookRunView"), ("space", "RunbookRunDelete")]);
    let contoso = [yard.contoso];
    let only = Scope { tenants: &contoso, ..Scope::EVERYWHERE };
    let sue = yard.harbour.person("Sue", &[("Sweeper", only)]);
    let rita = yard.harbour.person("Rita", &[("Runbook Consumer", only)]);
    assert!(may(&sue, &made[0]).is_ok() && matches!(may(&sue, &made[1]), Err(Error::NotFound(_))));
    assert!(matches!(may(&rita, &made[0]), Err(Error::Denied(denied)) if denied.permission == "RunbookRunDelete"));
    let granted =
        |run: &Run| RunbookRunDelete { run: sue.locate(&yard.harbour.space(&sue), &run.id.to_string()).unwrap() };
    for state in ["Queued", "Executing", "Cancelling"] {
        yard.harbour.sql(|c| c.execute("UPDATE tasks SET state = ?1 WHERE id = ?2", (state, made[0].task)));
        let refused = delete_run(&sue.ask(granted(&made[0])).unwrap()).unwrap_err();
        assert!(matches!(refused, Error::Conflict(_)), "{state}");
    }
    yard.harbour.sql(|c| c.execute("UPDATE tasks SET state = 'Failed'", ()));
    delete_run(&sue.ask(granted(&made[0])).unwrap()).unwrap();
    let left = yard.harbour.sql(|c| {
        c.query_row("SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM runbook_runs)", (), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
    });
    assert_eq!(left, (1, 1), "the other run stays, with its task");
    let told = yard.harbour.trail().pop().unwrap();
    assert_eq!(told, "Deleted: A run of Restart of Shop in Staging for Contoso was deleted with its log");
    assert!(matches!(may(&sue, &made[0]), Err(Error::NotFound(_))));
}

#[test]
fn a_snapshot_is_deleted_unless_it_is_published_or_runs() {
    let yard = yard("Untenanted");
    let ada = yard.harbour.ada();
    let published = yard.show(&ada, "restart").published.unwrap();
    let old = yard.take(&ada, "restart");
    let made = yard.run(&ada, "restart", &Which::Snapshot(old.name.clone()), STAGING).unwrap();
    let refused = |text: &str| match snapshots::delete(&yard.edit(&ada, "restart"), text) {
        Err(Error::Conflict(sentence)) => sentence,
        other => panic!("{other:?}"),
    };
    assert!(refused(&published.name).contains("is the published snapshot"));
    assert!(refused(&old.name).contains("while it runs"));
    yard.harbour.sql(|c| c.execute("UPDATE tasks SET state = 'Success'", ()));
    // Another runbook's snapshot is not this one's.
    let wipes = yard.show(&ada, "wipe").published.unwrap().id.to_string();
    assert!(matches!(snapshots::delete(&yard.edit(&ada, "restart"), &wipes), Err(Error::NotFound(_))));
    snapshots::delete(&yard.edit(&ada, "restart"), &old.name).unwrap();
    let left = yard.harbour.sql(|c| {
        c.query_row("SELECT (SELECT count(*) FROM tasks) + (SELECT count(*) FROM runbook_runs)", (), |row| {
            row.get::<_, i64>(0)
        })
    });
    assert_eq!((made.len(), left), (1, 0), "its run went with it");
    let told = yard.harbour.trail().pop().unwrap();
    assert_eq!(told, format!("Deleted: Snapshot {} of the runbook Restart of Shop was deleted", old.name));
    assert!(yard.run(&ada, "restart", &Which::Published, STAGING).is_ok(), "what is published runs as before");
}
