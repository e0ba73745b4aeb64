use super::*;
use crate::company::{
    access::{
        Within,
        builtin::default_of,
        permissions::{self, SpaceView, TeamView},
    },
    testing::{Harbour, Scope, harbour},
};

fn start_as(visitor: &Visitor, key: &str, fields: &Fields) -> Result<Started> {
    let recipe = named(key).unwrap();
    let space = fields.space.map(|space| visitor.locate_space(&space.to_string()).unwrap());
    start(&Starting::ask(visitor, recipe, space.as_ref())?, fields)
}
fn in_default() -> Fields {
    Fields { space: Some(Id::new(1)), ..Fields::default() }
}
fn roles(harbour: &Harbour, team: Id<TeamKind>) -> Vec<String> {
    let ada = harbour.ada();
    let at: At<TeamKind> = ada.locate(Within::Company, &team.to_string()).unwrap();
    let roles = teams::roles_of(&ada.ask(TeamView { team: at }).unwrap()).unwrap();
    roles.iter().map(|role| format!("{} {}", role.role_name, teams::summary(role).place)).collect()
}
fn wrong<T>(answer: Result<T>) -> String {
    match answer {
        Err(Error::Invalid(fields)) => fields.iter().map(|(field, _)| field.to_owned()).collect::<Vec<_>>().join(" "),
        Err(Error::Denied(denied)) => format!("denied {}", denied.permission),
        Err(other) => other.to_string(),
        Ok(_) => "fine".into(),
    }
}

#[test]
fn every_role_of_the_table_is_there_or_can_be_made() {
    for recipe in RECIPES {
        assert!(std::ptr::eq(named(recipe.key).unwrap(), recipe));
        for role in recipe.teams.iter().flat_map(|team| team.roles) {
            match role {
                RecipeRole::Builtin(builtin) => assert!(!name_of(builtin).is_empty(), "{builtin}"),
                RecipeRole::Own(own) => {
                    for name in own.space {
                        assert!(permissions::named(name).is_some_and(|info| info.in_space()), "{name}");
                    }
                    assert!(own.system.is_empty());
                }
            }
        }
        assert!(recipe.needs.is_none_or(|needed| recipe.limits.contains(&needed)), "{}", recipe.key);
        // Where anything is limited at all, runbooks are where a role has permissions about them.
        // A right to tasks or the trail honours them too, but is not about them.
        let about = |info: &permissions::Info| info.name.starts_with("Runbook");
        let runbooks = recipe.teams.iter().flat_map(|team| team.roles).any(|role| match role {
            RecipeRole::Builtin(builtin) => {
                default_of(builtin).iter().any(|(_, name)| permissions::named(name).is_some_and(about))
            }
            RecipeRole::Own(own) => own.space.iter().any(|name| permissions::named(name).is_some_and(about)),
        });
        let limited = recipe.limits.contains(&Dimension::Runbook);
        assert_eq!(limited, runbooks && !recipe.limits.is_empty(), "{}", recipe.key);
    }
    let RecipeRole::Builtin(own) = SELF_SERVICE else { panic!("a built-in role") };
    assert!(!name_of(own).is_empty());
    // As the trade's own description has it.
    let wanted = "AccountView, ArtifactView, DeploymentCreate, DeploymentView, EnvironmentView, EventView, FeedView, \
                  InterruptionView, InterruptionViewSubmitResponsible, LibraryVariableSetView, LifecycleView, \
                  MachinePolicyView, MachineView, ProcessView, ProjectGroupView, ProjectView, ReleaseView, TaskCancel, \
                  TaskCreate, TaskView, TeamView, TenantEdit, TenantView, VariableView, VariableViewUnscoped";
    assert_eq!(TENANT_PROJECT_DEPLOYER.space.join(", "), wanted);
    assert_eq!(TENANT_PROJECT_DEPLOYER.space.len(), 25);
    assert!(named("none").is_err());
}

#[test]
fn an_account_manager_gets_a_role_of_their_own_for_their_tenants() {
    let harbour = harbour();
    let (contoso, fabrikam) = (harbour.tenant("Contoso"), harbour.tenant("Fabrikam"));
    let ada = harbour.ada();
    let limits = ScopedFields { tenants: vec![Id::new(contoso), Id::new(fabrikam)], ..ScopedFields::default() };
    let fields = Fields { name: "Jo's customers".into(), limits, ..in_default() };
    let made = start_as(&ada, "account-manager", &fields).unwrap();
    assert_eq!((made.teams.len(), made.teams[0].name.as_str()), (1, "Jo's customers"));
    let place = "in Default: tenants Contoso and Fabrikam";
    assert_eq!(roles(&harbour, made.teams[0].id), [format!("Tenant project deployer {place}")]);
    // A second time the role is there; the name of the team is taken.
    let again = Fields { name: String::new(), ..fields.clone() };
    start_as(&harbour.ada(), "account-manager", &again).unwrap();
    assert_eq!(wrong(start_as(&harbour.ada(), "account-manager", &fields)), "Name");
    for (limits, field) in [
        (ScopedFields::default(), "TenantIds"),
        (ScopedFields { tenants: vec![Id::new(99)], ..ScopedFields::default() }, "TenantIds"),
        (ScopedFields { groups: vec![Id::new(1)], ..fields.limits.clone() }, "ProjectGroupIds"),
    ] {
        let fields = Fields { name: "Other".into(), limits, ..in_default() };
        assert_eq!(wrong(start_as(&harbour.ada(), "account-manager", &fields)), field);
    }
    let told = harbour.trail();
    assert!(told.contains(&"Created: User role Tenant project deployer was created".into()));
    assert!(told.contains(&"Created: Started from the recipe Account managers".into()));
}

#[test]
fn the_other_recipes_make_what_they_say() {
    let harbour = harbour();
    let small = start_as(&harbour.ada(), "small-company", &in_default()).unwrap();
    assert_eq!(small.teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["Developers", "Viewers"]);
    assert_eq!(
        roles(&harbour, small.teams[0].id),
        ["Project Deployer in all of Default", "Project Lead in all of Default"]
    );
    let infrastructure = start_as(&harbour.ada(), "infrastructure-manager", &in_default()).unwrap();
    assert_eq!(
        roles(&harbour, infrastructure.teams[0].id),
        ["Environment Manager in all of Default", "Tenant viewer in all of Default"]
    );
    let fields = Fields { name: "Finance".into(), ..Fields::default() };
    let department = start_as(&harbour.ada(), "department", &fields).unwrap();
    let space = department.space.unwrap();
    let ada = harbour.ada();
    assert_eq!(space.name, "Finance");
    let managers = spaces::managers(&ada.ask(SpaceView {}).unwrap(), space.id).unwrap();
    assert_eq!(managers.people, [Id::new(1)]);
    assert!(department.teams.iter().all(|team| team.space == Some(space.id)));
    let fields = Fields { name: "Auditors".into(), ..in_default() };
    assert_eq!(start_as(&ada, "viewers", &fields).unwrap().teams[0].name, "Auditors");
}

#[test]
fn nobody_starts_what_they_could_not_make_step_by_step() {
    let harbour = harbour();
    let team = [("system", "TeamCreate"), ("system", "TeamEdit"), ("system", "TeamView"), ("system", "SpaceView")];
    harbour.role("Teams", &team);
    let ben = harbour.person("Ben", &[("Teams", Scope::SYSTEM)]).user().unwrap().0;
    let contoso = harbour.tenant("Contoso");
    let limits = ScopedFields { tenants: vec![Id::new(contoso)], ..ScopedFields::default() };
    let with = Fields { limits, ..in_default() };
    assert_eq!(wrong(start_as(&harbour.visit(ben), "account-manager", &with)), "denied UserRoleEdit");
    assert!(wrong(start_as(&harbour.visit(ben), "viewers", &in_default())).starts_with("denied "));
    let department = Fields { name: "Finance".into(), ..Fields::default() };
    assert_eq!(wrong(start_as(&harbour.visit(ben), "department", &department)), "denied SpaceCreate");
    // A manager of the space starts in the space.
    let cleo = harbour.person("Cleo", &[("Space Manager", Scope::EVERYWHERE)]).user().unwrap().0;
    let made = start_as(&harbour.visit(cleo), "viewers", &in_default()).unwrap();
    assert_eq!(made.teams[0].space, Some(Id::new(1)));
    assert!(matches!(start_as(&harbour.by_session(1, Some(30)), "viewers", &in_default()), Err(Error::ProofNeeded)));
    let nowhere = start(&Starting::ask(&harbour.ada(), named("viewers").unwrap(), None).unwrap(), &Fields::default());
    assert_eq!(wrong(nowhere), "SpaceId");
}
