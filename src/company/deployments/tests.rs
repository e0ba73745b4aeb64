use super::*;
use crate::company::{
    access::{
        At, Visitor, Within,
        permissions::{
            DeploymentCreate, EnvironmentView, ProcessEdit, ReleaseCreate, ReleaseView, TaskExecute, TenantView,
        },
    },
    projects::process::{self, Step, Syntax},
    releases, tasks,
    testing::{Harbour, Scope, harbour},
};

/// Harbour with the project Shop, two environments, two tenants and the release 1.0.0.
struct Yard {
    harbour: Harbour,
    shop: i64,
    staging: i64,
    production: i64,
    contoso: i64,
    northwind: i64,
}

fn yard(mode: &str) -> Yard {
    let harbour = harbour();
    let shop = harbour.project("Shop", None);
    let (staging, production) = (harbour.environment("Staging"), harbour.environment("Production"));
    let (contoso, northwind) = (harbour.tenant("Contoso"), harbour.tenant("Northwind"));
    harbour.sql(|c| {
        c.execute("UPDATE projects SET tenanted = ?1", [mode])?;
        c.execute("INSERT OR IGNORE INTO processes (project_id) VALUES (?1)", [shop])?;
        c.execute("INSERT OR IGNORE INTO channels (project_id, name, name_key, slug, is_default) VALUES (?1, 'Default', 'default', 'default', 1)", [shop])?;
        for tenant in [contoso, northwind] {
            c.execute("INSERT INTO tenant_projects VALUES (?1, ?2)", [tenant, shop])?;
            for environment in [staging, production] {
                c.execute("INSERT INTO tenant_environments VALUES (?1, ?2, ?3)", [tenant, shop, environment])?;
            }
        }
        Ok(())
    });
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let project = ada.locate(&space, "shop").unwrap();
    let granted = ada.ask(ProcessEdit { project: project.clone() }).unwrap();
    process::save(&granted, 0, vec![Step::script("Say", Syntax::Bash, "echo hello", &[])]).unwrap();
    let granted = ada.ask(ReleaseCreate { project }).unwrap();
    releases::create(&granted, releases::Fields { version: Some("1.0.0".into()), ..releases::Fields::default() })
        .unwrap();
    Yard { harbour, shop, staging, production, contoso, northwind }
}

type Places = Vec<(At<Environment>, Option<At<Tenant>>)>;

fn places(who: &Visitor, harbour: &Harbour, places: &[(&str, Option<&str>)]) -> Places {
    let space = harbour.space(who);
    let one = |(environment, tenant): &(&str, Option<&str>)| {
        (who.locate(&space, environment).unwrap(), tenant.map(|tenant| who.locate(&space, tenant).unwrap()))
    };
    places.iter().map(one).collect()
}

impl Yard {
    fn deploy(&self, who: &Visitor, to: &[(&str, Option<&str>)], options: &Options) -> Result<Vec<Deployment>> {
        let space = self.harbour.space(who);
        let project: At<Project> = who.locate(&space, "shop")?;
        let release = who.locate(&project, "1.0.0")?;
        deploy_to_many(who, &project, &release, &places(who, &self.harbour, to), options)
    }
    fn succeeded(&self, deployment: &Deployment) {
        self.harbour.sql(|c| {
            c.execute("UPDATE tasks SET state = 'Success', completed_at = 1 WHERE id = ?1", [deployment.task.0])
        });
    }
}

fn sentence(error: Error) -> String {
    match error {
        Error::Invalid(fields) => {
            fields.iter().map(|(field, why)| format!("{field}: {why}")).collect::<Vec<_>>().join(" | ")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deployment_comes_with_its_task_and_its_event() {
    let yard = yard("Untenanted");
    let ada = yard.harbour.ada();
    let made = yard
        .deploy(&ada, &[("staging", None)], &Options { comments: "For the fair".into(), ..Options::default() })
        .unwrap();
    let [deployment] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!((deployment.name.as_str(), deployment.comments.as_str()), ("Deploy to Staging", "For the fair"));
    assert_eq!(deployment.state, State::Queued);
    let ada = yard.harbour.ada();
    let task = ada.locate(Within::Company, &deployment.task.to_string()).unwrap();
    let task = tasks::show(&ada.ask(crate::company::access::permissions::TaskView { task }).unwrap()).unwrap();
    assert_eq!(task.description, "Deploy Shop 1.0.0 to Staging");
    assert_eq!(task.arguments["DeploymentId"], deployment.id.to_string());
    let key: String = yard.harbour.sql(|c| c.query_row("SELECT exclusive_key FROM tasks", [], |row| row.get(0)));
    assert_eq!(key, format!("Projects-{}/Environments-{}", yard.shop, yard.staging));
    let trail = yard.harbour.trail();
    assert!(trail.contains(&"DeploymentQueued: Deployment of Shop 1.0.0 to Staging was queued".into()), "{trail:?}");
}

#[test]
fn every_refusal_says_what_to_do() {
    let yard_ = yard("TenantedOrUntenanted");
    let ada = yard_.harbour.ada();
    let refused =
        |to: &[(&str, Option<&str>)], options: &Options| sentence(yard_.deploy(&ada, to, options).unwrap_err());
    let plain = Options::default();
    assert!(
        refused(&[("production", None)], &plain)
            .starts_with("EnvironmentName: The release may not go to Production yet")
    );
    assert!(
        refused(&[("production", Some("contoso"))], &plain)
            .starts_with("EnvironmentName: Contoso: The release may not go to Production yet")
    );
    assert_eq!(
        refused(&[("staging", None)], &Options { skip_steps: vec!["Nope".into()], ..Options::default() }),
        "SkipStepNames: The release has no step called “Nope”."
    );
    assert!(refused(&[], &plain).starts_with("EnvironmentName: Name at least one"));
    let far = Some(crate::base::clock::now().plus(31 * crate::base::clock::DAY));
    assert!(refused(&[("staging", None)], &Options { not_before: far, ..Options::default() }).starts_with("RunAt: "));
    assert!(
        refused(&[("staging", None)], &Options { not_after: Some(Moment(1)), ..Options::default() })
            .starts_with("NoRunAfter: ")
    );
    yard_.harbour.sql(|c| {
        c.execute(
            "DELETE FROM tenant_environments WHERE tenant_id = ?1 AND environment_id = ?2",
            [yard_.contoso, yard_.staging],
        )
    });
    let ada = yard_.harbour.ada();
    assert_eq!(
        sentence(yard_.deploy(&ada, &[("staging", Some("contoso"))], &plain).unwrap_err()),
        "Tenants: Contoso is not connected to Shop in Staging. Connect it on the tenant's page first."
    );
    yard_.harbour.sql(|c| c.execute("UPDATE tenants SET is_disabled = 1", []));
    let ada = yard_.harbour.ada();
    assert!(
        sentence(yard_.deploy(&ada, &[("staging", Some("northwind"))], &plain).unwrap_err())
            .contains("Northwind is disabled")
    );
    yard_.harbour.sql(|c| c.execute("UPDATE projects SET is_disabled = 1", []));
    let ada = yard_.harbour.ada();
    assert!(
        sentence(yard_.deploy(&ada, &[("staging", None)], &plain).unwrap_err())
            .starts_with("ProjectName: Shop is disabled")
    );

    let untenanted = yard("Untenanted");
    let ada = untenanted.harbour.ada();
    assert!(
        sentence(untenanted.deploy(&ada, &[("staging", Some("contoso"))], &plain).unwrap_err())
            .starts_with("Tenants: Shop is not deployed for tenants")
    );
    let tenanted = yard("Tenanted");
    let ada = tenanted.harbour.ada();
    assert!(
        sentence(tenanted.deploy(&ada, &[("staging", None)], &plain).unwrap_err())
            .starts_with("Tenants: Shop is deployed for tenants only")
    );
    assert_eq!(
        tenanted.harbour.sql(|c| c.query_row("SELECT count(*) FROM tasks", [], |row| row.get::<_, i64>(0))),
        0,
        "a refusal leaves nothing"
    );
}

#[test]
fn many_tenants_are_all_or_none_and_every_reason_is_named() {
    let yard = yard("Tenanted");
    yard.harbour.sql(|c| {
        c.execute("UPDATE tenants SET is_disabled = 1", [])?;
        Ok(())
    });
    let both = [("staging", Some("contoso")), ("staging", Some("northwind"))];
    let ada = yard.harbour.ada();
    let why = sentence(yard.deploy(&ada, &both, &Options::default()).unwrap_err());
    assert!(why.contains("Contoso is disabled") && why.contains("Northwind is disabled"), "{why}");
    yard.harbour.sql(|c| c.execute("UPDATE tenants SET is_disabled = 0", []));
    let ada = yard.harbour.ada();
    let made = yard.deploy(&ada, &both, &Options::default()).unwrap();
    assert_eq!(made.len(), 2);
    assert_ne!(made[0].task, made[1].task);
    let keys: Vec<String> = yard
        .harbour
        .sql(|c| c.prepare("SELECT exclusive_key FROM tasks ORDER BY id")?.query_map([], |row| row.get(0))?.collect());
    assert_eq!(keys[0], format!("Tenants-{}/Projects-{}/Environments-{}", yard.contoso, yard.shop, yard.staging));
}

#[test]
fn each_tenant_is_decided_by_a_grant_that_covers_it_alone() {
    let yard = yard("Tenanted");
    let of = |tenant| Scope { tenants: tenant, ..Scope::EVERYWHERE };
    let (contoso, northwind) = ([yard.contoso], [yard.northwind]);
    // Two teams, one tenant each: a request for both is accepted (`access-rules §10`, 6).
    let ben = yard.harbour.person("Ben", &[("Project Deployer", of(&contoso)), ("Project Deployer", of(&northwind))]);
    yard.deploy(&ben, &[("staging", Some("contoso")), ("staging", Some("northwind"))], &Options::default()).unwrap();
    // One tenant's right does not carry the other's, and nothing of the request is done.
    let cleo =
        yard.harbour.person("Cleo", &[("Project Deployer", of(&contoso)), ("Project Viewer", Scope::EVERYWHERE)]);
    let error = yard
        .deploy(&cleo, &[("staging", Some("contoso")), ("staging", Some("northwind"))], &Options::default())
        .unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "{error:?}");
    assert_eq!(
        yard.harbour.sql(|c| c.query_row("SELECT count(*) FROM deployments", [], |row| row.get::<_, i64>(0))),
        2
    );
    // Nor does it carry untenanted work.
    let error = yard.deploy(&cleo, &[("staging", None)], &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "{error:?}");
}

#[test]
fn success_opens_the_next_environment_for_that_tenant_alone() {
    let yard = yard("Tenanted");
    let ada = yard.harbour.ada();
    let made = yard.deploy(&ada, &[("staging", Some("contoso"))], &Options::default()).unwrap();
    yard.succeeded(&made[0]);
    let ada = yard.harbour.ada();
    assert!(yard.deploy(&ada, &[("production", Some("northwind"))], &Options::default()).is_err());
    yard.deploy(&ada, &[("production", Some("contoso"))], &Options::default()).unwrap();
}

#[test]
fn lists_and_the_latest_of_each_place_are_narrowed() {
    let yard = yard("TenantedOrUntenanted");
    let ada = yard.harbour.ada();
    for to in
        [("staging", Some("contoso")), ("staging", Some("contoso")), ("staging", Some("northwind")), ("staging", None)]
    {
        yard.deploy(&ada, &[to], &Options::default()).unwrap();
    }
    let seen = |who: &Visitor, filter: &Filter| {
        let granted = who.ask(List::<DeploymentView>::of(&yard.harbour.space(who))).unwrap();
        let ids = |all: Vec<Deployment>| all.into_iter().map(|one| one.id.0).collect::<Vec<_>>();
        let listed = list(&granted, filter, Page::ALL).unwrap();
        assert_eq!(listed.total, listed.items.len() as i64);
        (ids(listed.items), ids(latest(&granted, filter).unwrap()))
    };
    let ada = yard.harbour.ada();
    assert_eq!(seen(&ada, &Filter::default()), (vec![4, 3, 2, 1], vec![4, 3, 2]));
    assert_eq!(seen(&ada, &Filter { tenants: Some(vec![yard.contoso]), ..Filter::default() }), (vec![2, 1], vec![2]));
    assert_eq!(seen(&ada, &Filter { environments: Some(vec![yard.production]), ..Filter::default() }).0, [0i64; 0]);
    assert_eq!(seen(&ada, &Filter { states: vec![State::Success], ..Filter::default() }).0, [0i64; 0]);
    let contoso = [yard.contoso];
    let ben = yard.harbour.person("Ben", &[("Project Viewer", Scope { tenants: &contoso, ..Scope::EVERYWHERE })]);
    // Untenanted deployments are not among those of a tenant (`explicit`).
    assert_eq!(seen(&ben, &Filter::default()), (vec![2, 1], vec![2]));
}

#[test]
fn a_preview_says_what_would_run_and_what_stands_in_the_way() {
    let yard = yard("Tenanted");
    let ada = yard.harbour.ada();
    let space = yard.harbour.space(&ada);
    let project: At<Project> = ada.locate(&space, "shop").unwrap();
    let release = ada.ask(ReleaseView { release: ada.locate(&project, "1.0.0").unwrap() }).unwrap();
    let environment = |name: &str| ada.ask(EnvironmentView { environment: ada.locate(&space, name).unwrap() }).unwrap();
    let contoso = ada.ask(TenantView { tenant: ada.locate(&space, "contoso").unwrap() }).unwrap();
    let open = preview(&release, &environment("staging"), Some(&contoso), &[]).unwrap();
    assert_eq!(open.obstacle, None);
    assert_eq!(open.plan.steps[0].places[0].name(), "Built-in worker");
    assert_eq!(open.plan.variables["Octopus.Deployment.Tenant.Name"], "Contoso");
    assert!(
        preview(&release, &environment("production"), Some(&contoso), &[])
            .unwrap()
            .obstacle
            .unwrap()
            .contains("may not go to Production yet")
    );
    assert!(
        preview(&release, &environment("staging"), None, &[]).unwrap().obstacle.unwrap().contains("for tenants only")
    );
}

#[test]
fn the_engine_gets_the_plan_of_the_task() {
    let yard = yard("Untenanted");
    let ada = yard.harbour.ada();
    let made = yard
        .deploy(&ada, &[("staging", None)], &Options { skip_steps: vec!["say".into()], ..Options::default() })
        .unwrap();
    let engine = yard.harbour.engine();
    let task = engine.locate(Within::Company, &made[0].task.to_string()).unwrap();
    let prepared = prepare(&engine.ask(TaskExecute { task }).unwrap()).unwrap();
    assert_eq!(prepared.plan.variables["Octopus.Deployment.Id"], made[0].id.to_string());
    assert_eq!(prepared.plan.variables["Octopus.Deployment.CreatedBy.DisplayName"], "Ada");
    assert_eq!(prepared.plan.steps[0].skipped.as_deref(), Some("It was left out of this deployment by hand."));
    assert!(prepared.credentials.is_empty());
}

#[test]
fn a_release_of_another_project_is_not_found() {
    let yard = yard("Untenanted");
    let desk = yard.harbour.project("Desk", None);
    assert_ne!(desk, yard.shop);
    let ada = yard.harbour.ada();
    let space = yard.harbour.space(&ada);
    let shop: At<Project> = ada.locate(&space, "shop").unwrap();
    let release = ada.locate(&shop, "1.0.0").unwrap();
    let granted = ada
        .ask(DeploymentCreate {
            project: ada.locate(&space, "desk").unwrap(),
            environment: ada.locate(&space, "staging").unwrap(),
            tenant: None,
        })
        .unwrap();
    assert!(matches!(deploy(&granted, &release, &Options::default()), Err(Error::NotFound(_))));
}
