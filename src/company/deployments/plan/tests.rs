//! What is planned for which machines, with which variables, and why something is passed over.

use super::*;
use crate::company::projects::process::PropertyValue;

fn machine(number: i64, name: &str, roles: &[&str]) -> Machine {
    Machine {
        id: Id::new(number),
        name: name.into(),
        host: format!("{name}.example"),
        port: 22,
        host_key: "SHA256:key".into(),
        account: Id::new(1),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

fn material(steps: Vec<Step>) -> Material {
    Material {
        made: Some(("Deployments-7".into(), Id::new(9))),
        name: "Deploy to Production".into(),
        created_at: Moment(1_769_853_600_000),
        created_by: "Ada".into(),
        space: (Id::new(1), "Default".into()),
        project: (Id::new(2), "Shop".into(), "shop".into()),
        subject: Subject::Release {
            release: (Id::new(3), "1.2.0".into(), "Faster".into()),
            channel: (Id::new(4), "Default".into()),
        },
        environment: (Id::new(5), "Production".into()),
        tenant: Some(Recipient {
            id: Id::new(6),
            name: "Contoso".into(),
            tags: vec!["Ring/Early".into(), "Region/EU".into()],
        }),
        steps,
        machines: vec![machine(1, "web-1", &["web", "eu"]), machine(2, "web-2", &["Web"]), machine(3, "db-1", &["db"])],
        excluded: Vec::new(),
        allows_no_targets: false,
        skip: Vec::new(),
        gone: BTreeMap::new(),
        barred: BTreeSet::new(),
        builtins: Builtins::default(),
    }
}

fn script(name: &str, roles: &[&str]) -> Step {
    Step::script(name, Syntax::Bash, "echo #{Octopus.Release.Number}", roles)
}

#[test]
fn a_plan_says_what_runs_where() {
    let mut rolling = script("Install", &["WEB"]);
    rolling.properties.insert("Octopus.Action.MaxParallelism".into(), PropertyValue::Text("1".into()));
    let mut together = script("Warm up", &["web"]);
    together.start_trigger = StartTrigger::StartWithPrevious;
    let mut tidy = script("Tell people", &[]);
    tidy.condition = Condition::Failure;
    let plan =
        build(&material(vec![script("Prepare", &[]), rolling, together, script("Cache", &["cache", "edge"]), tidy]));
    insta::assert_json_snapshot!(plan);
}

#[test]
fn actions_are_left_out_for_reasons_that_are_told() {
    let with = |change: fn(&mut Action)| {
        let mut step = script("Step", &[]);
        change(&mut step.actions[0]);
        let plan = build(&material(vec![step]));
        plan.steps[0].skipped.clone()
    };
    assert_eq!(with(|_| ()), None);
    assert_eq!(with(|a| a.is_disabled = true).as_deref(), Some("It is disabled."));
    assert_eq!(
        with(|a| a.environments = vec!["Environments-1".into()]).as_deref(),
        Some("It does not run in Production.")
    );
    assert_eq!(with(|a| a.environments = vec!["environments-5".into()]), None);
    assert_eq!(
        with(|a| a.excluded_environments = vec!["Environments-5".into()]).as_deref(),
        Some("It does not run in Production.")
    );
    assert_eq!(
        with(|a| a.channels = vec!["Channels-9".into()]).as_deref(),
        Some("It does not run for releases of the channel Default.")
    );
    assert_eq!(
        with(|a| a.tenant_tags = vec!["ring/early".into(), "Ring/Late".into()]),
        None,
        "one tag of the set is enough"
    );
    assert_eq!(
        with(|a| a.tenant_tags = vec!["Ring/Early".into(), "Region/US".into()]).as_deref(),
        Some("It runs only for tenants with these tags: Ring/Early, Region/US."),
        "but one of every set"
    );
    let mut untenanted = material(vec![script("Step", &[])]);
    untenanted.steps[0].actions[0].tenant_tags = vec!["Ring/Early".into()];
    untenanted.tenant = None;
    assert!(build(&untenanted).steps[0].skipped.is_some());
}

#[test]
fn a_runbook_has_variables_of_its_own_and_no_channel() {
    let mut all = material(vec![script("One", &[]), script("Two", &[])]);
    all.steps[1].actions[0].channels = vec!["Channels-4".into()];
    all.skip = vec!["One".into()];
    all.made = Some(("RunbookRuns-7".into(), Id::new(9)));
    all.subject =
        Subject::Runbook { runbook: (Id::new(3), "Restart".into()), snapshot: (Id::new(4), "Snapshot 2".into()) };
    let plan = build(&all);
    assert_eq!(plan.steps[0].skipped.as_deref(), Some("It was left out of this run by hand."));
    let why = "It runs only for releases of some channels, and a runbook has none.";
    assert_eq!(plan.steps[1].skipped.as_deref(), Some(why));
    let of = |name: &str| plan.variables.get(&format!("Octopus.{name}")).map(String::as_str);
    for (name, value) in [
        ("RunbookRun.Id", Some("RunbookRuns-7")),
        ("RunbookRun.CreatedBy.DisplayName", Some("Ada")),
        ("Runbook.Id", Some("Runbooks-3")),
        ("Runbook.Name", Some("Restart")),
        ("RunbookSnapshot.Name", Some("Snapshot 2")),
        ("Environment.Name", Some("Production")),
        ("Deployment.Tenant.Name", Some("Contoso")),
        ("Task.Id", Some("ServerTasks-9")),
        ("Deployment.Id", None),
        ("Release.Number", None),
    ] {
        assert_eq!(of(name), value, "{name}");
    }
}

#[test]
fn a_step_is_left_out_by_name_unless_it_is_required() {
    let mut all = material(vec![script("One", &[]), script("Two", &[])]);
    all.steps[1].actions[0].is_required = true;
    all.skip = vec!["one ".into(), "Two".into()];
    let plan = build(&all);
    assert_eq!(plan.steps[0].skipped.as_deref(), Some("It was left out of this deployment by hand."));
    assert_eq!(plan.steps[1].skipped, None);
}

#[test]
fn a_step_without_a_target_is_passed_over() {
    let mut all = material(vec![script("One", &["cache"])]);
    assert_eq!(
        build(&all).steps[0].skipped.as_deref(),
        Some("No deployment target in Production for Contoso has the tag cache.")
    );
    all.tenant = None;
    assert_eq!(build(&all).steps[0].skipped.as_deref(), Some("No deployment target in Production has the tag cache."));
}

/// (findings C3)
#[test]
fn a_deployment_to_no_targets_is_refused_unless_the_project_allows_it() {
    let mut all = material(vec![script("Prepare", &[]), script("Install", &["cache"])]);
    assert_eq!(
        build(&all).refused.as_deref(),
        Some(
            "There is no deployment target for this deployment. No deployment target in Production for Contoso has the tag cache. \
             Add one, or let the settings of Shop allow deployments to no targets."
        )
    );
    all.allows_no_targets = true;
    assert_eq!(build(&all).refused, None);
    all.allows_no_targets = false;
    all.steps.push(script("Serve", &["web"]));
    assert_eq!(build(&all).refused, None, "some step has targets");
    all.steps.truncate(2);
    all.skip = vec!["Install".into()];
    assert_eq!(build(&all).refused, None, "what is left out by hand wants no targets");
    let plan = build(&material(vec![script("Prepare", &[])]));
    assert!(plan.refused.is_none() && !plan.does_nothing());
}

/// (findings C3)
#[test]
fn a_target_that_was_excluded_is_not_called_missing() {
    let mut all = material(vec![script("One", &["db"]), script("Two", &["cache"])]);
    let (excluded, machines) = all.machines.into_iter().partition(|machine| machine.name == "db-1");
    (all.machines, all.excluded) = (machines, excluded);
    let plan = build(&all);
    let why: Vec<_> = plan.steps.iter().map(|step| step.skipped.as_deref().unwrap()).collect();
    assert_eq!(
        why,
        [
            "Every deployment target in Production for Contoso with the tag db was excluded from this deployment.",
            "No deployment target in Production for Contoso has the tag cache."
        ]
    );
    assert!(plan.does_nothing());
    assert!(plan.refused.unwrap().contains("was excluded from this deployment"));
}

#[test]
fn a_worker_acts_on_behalf_of_each_target() {
    let mut step = script("Check", &["web"]);
    step.actions[0].properties.insert("Octopus.Action.RunOnServer".into(), "True".into());
    let plan = build(&material(vec![step]));
    let step = &plan.steps[0];
    assert_eq!(step.places.iter().map(Place::name).collect::<Vec<_>>(), ["web-1", "web-2"]);
    assert!(step.actions[0].on_worker);
    let variables = plan.variables_at(step, &step.actions[0], &step.places[1], None);
    assert_eq!(variables["Octopus.Machine.Hostname"], "web-2.example");
    assert_eq!(variables["Octopus.Action.Name"], "Check");
}
