//! Targets and accounts: the rules, and the commands through the door.

use super::chosen::takes_part;
use super::{
    accounts::{self, Change, CredentialKind, Method},
    *,
};
use crate::{
    base::secret::Secret,
    company::{
        access::{Visitor, permissions::*},
        testing::{self, Harbour, Scope},
    },
};

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

fn environments(visitor: &Visitor, names: &[&str]) -> Vec<At<Environment>> {
    let space = visitor.locate_space("Spaces-1").unwrap();
    names.iter().map(|name| visitor.locate(&space, name).unwrap()).collect()
}
fn tenants(visitor: &Visitor, names: &[&str]) -> Vec<At<Tenant>> {
    let space = visitor.locate_space("Spaces-1").unwrap();
    names.iter().map(|name| visitor.locate(&space, name).unwrap()).collect()
}

fn password_account(visitor: &Visitor, name: &str, places: &[&str]) -> Result<accounts::Account> {
    let space = visitor.locate_space("Spaces-1").unwrap();
    let granted = visitor.ask(AccountCreate { space, environments: environments(visitor, places) })?;
    let fields = accounts::Fields {
        name: name.into(),
        method: Some(Method::UsernamePassword),
        username: "deploy".into(),
        secret: Change::Set(Secret::new("hunter2hunter2")),
        ..accounts::Fields::default()
    };
    accounts::create(&granted, fields)
}

fn fields(name: &str) -> Fields {
    Fields {
        name: name.into(),
        roles: vec!["web".into()],
        host: "web1.example.com".into(),
        port: 22,
        host_key: KEY.into(),
        ..Fields::default()
    }
}

fn target(visitor: &Visitor, places: &[&str], fors: &[&str], account: Id<Account>, fields: Fields) -> Result<Target> {
    let space = visitor.locate_space("Spaces-1").unwrap();
    let account = visitor.locate(&space, &account.to_string())?;
    let account = visitor.ask(AccountView { account })?;
    let what = MachineCreate { space, environments: environments(visitor, places), tenants: tenants(visitor, fors) };
    create(&visitor.ask(what)?, Some(&account), fields)
}

fn names_of(visitor: &Visitor) -> Vec<String> {
    let space = visitor.locate_space("Spaces-1").unwrap();
    let granted = visitor.ask(List::<MachineView>::of(&space)).unwrap();
    list(&granted, &Filter::default(), Page::ALL).unwrap().items.into_iter().map(|target| target.name).collect()
}

fn house() -> Harbour {
    let harbour = testing::harbour();
    for name in ["Staging", "Production"] {
        harbour.environment(name);
    }
    for name in ["Contoso", "Fabrikam"] {
        harbour.tenant(name);
    }
    harbour
}

#[test]
fn secrets_are_sealed_and_come_back_only_as_a_credential() {
    let harbour = house();
    let ada = harbour.ada();
    let made = password_account(&ada, "Deployer", &[]).unwrap();
    assert!(made.has_secret && !made.has_passphrase);
    let stored: Vec<u8> = harbour.sql(|c| c.query_row("SELECT secret FROM accounts", [], |row| row.get(0)));
    assert!(!String::from_utf8_lossy(&stored).contains("hunter2"));
    assert!(!harbour.trail().iter().any(|line| line.contains("hunter2")));

    let space = harbour.space(&ada);
    let account = ada.locate(&space, "Deployer").unwrap();
    let granted = ada.ask(AccountView { account }).unwrap();
    let credential = granted.read(|rows| accounts::credential(rows, granted.seal(), made.id)).unwrap();
    assert_eq!(credential.username, "deploy");
    assert!(matches!(credential.kind, CredentialKind::Password(secret) if secret.expose() == "hunter2hunter2"));
    let shown = accounts::show(&granted).unwrap();
    assert!(!format!("{shown:?}").contains("hunter2"));

    // An edit without a secret keeps it.
    let account = ada.locate(&space, "Deployer").unwrap();
    let granted = ada.ask(AccountEdit { account }).unwrap();
    let after = ada.ask(After::<AccountEdit>::of(&space, vec![], vec![])).unwrap();
    let fields = accounts::Fields { name: "Deployer".into(), username: "root".into(), ..accounts::Fields::default() };
    accounts::edit(&granted, &after, fields).unwrap();
    let credential = granted.read(|rows| accounts::credential(rows, granted.seal(), made.id)).unwrap();
    assert!(matches!(credential.kind, CredentialKind::Password(secret) if secret.expose() == "hunter2hunter2"));
}

#[test]
fn an_account_says_what_it_lacks() {
    let harbour = house();
    let ada = harbour.ada();
    let granted = ada.ask(AccountCreate { space: harbour.space(&ada), environments: vec![] }).unwrap();
    let Err(Error::Invalid(wrong)) = accounts::create(
        &granted,
        accounts::Fields {
            method: Some(Method::SshKeyPair),
            secret: Change::Set(Secret::new("nonsense")),
            ..Default::default()
        },
    ) else {
        panic!("made")
    };
    for field in ["Name", "Username", "PrivateKeyFile"] {
        assert!(wrong.of(field).is_some(), "{field}");
    }
}

#[test]
fn a_target_keeps_to_its_accounts_environments() {
    let harbour = house();
    let ada = harbour.ada();
    let account = password_account(&ada, "Staging only", &["Staging"]).unwrap().id;
    let Err(Error::Invalid(wrong)) = target(&ada, &["Staging", "Production"], &[], account, fields("web")) else {
        panic!("made")
    };
    assert!(wrong.of("AccountId").is_some_and(|why| why.contains("Staging only")));
    target(&ada, &["Staging"], &[], account, fields("web")).unwrap();

    // The account cannot leave the target behind, nor go while it is used.
    let space = harbour.space(&ada);
    let granted = ada.ask(AccountEdit { account: ada.locate(&space, "Staging only").unwrap() }).unwrap();
    let after = ada.ask(After::<AccountEdit>::of(&space, environments(&ada, &["Production"]), vec![])).unwrap();
    let same =
        accounts::Fields { name: "Staging only".into(), username: "deploy".into(), ..accounts::Fields::default() };
    assert!(matches!(accounts::edit(&granted, &after, same), Err(Error::Conflict(why)) if why.contains("web")));
    let granted = ada.ask(AccountDelete { account: ada.locate(&space, "Staging only").unwrap() }).unwrap();
    assert!(matches!(accounts::delete(&granted), Err(Error::Conflict(why)) if why.contains("web")));
}

#[test]
fn deployments_go_by_participation() {
    let harbour = house();
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &[]).unwrap().id;
    let with = |name: &str, participation| Fields { participation, ..fields(name) };
    target(&ada, &["Production"], &[], account, with("plain", Participation::Untenanted)).unwrap();
    target(&ada, &["Production"], &["Contoso"], account, with("contoso", Participation::Tenanted)).unwrap();
    target(&ada, &["Production"], &["Contoso"], account, with("both", Participation::TenantedOrUntenanted)).unwrap();
    target(&ada, &["Production"], &[], account, with("nobody", Participation::Tenanted)).unwrap();
    target(&ada, &["Staging"], &[], account, with("elsewhere", Participation::Untenanted)).unwrap();
    let off = Fields { is_disabled: true, ..with("off", Participation::Untenanted) };
    target(&ada, &["Production"], &[], account, off).unwrap();

    let space = harbour.space(&ada);
    let production = environments(&ada, &["Production"]).pop().unwrap().id();
    let contoso = tenants(&ada, &["Contoso"]).pop().unwrap().id();
    let fabrikam = tenants(&ada, &["Fabrikam"]).pop().unwrap().id();
    let granted = ada.ask(List::<MachineView>::of(&space)).unwrap();
    for (tenant, expected) in
        [(None, vec!["both", "plain"]), (Some(contoso), vec!["both", "contoso"]), (Some(fabrikam), vec![])]
    {
        let chosen = granted.read(|rows| for_deployment(rows, space.id(), production, tenant)).unwrap();
        assert_eq!(chosen.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(), expected, "{tenant:?}");
    }
}

#[test]
fn several_environments_take_one_to_look_and_all_to_change_before_and_after() {
    let harbour = house();
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &[]).unwrap().id;
    target(&ada, &["Staging"], &[], account, fields("staging")).unwrap();
    target(&ada, &["Staging", "Production"], &[], account, fields("both")).unwrap();
    target(&ada, &["Production"], &[], account, fields("production")).unwrap();

    let staging = environments(&ada, &["Staging"])[0].id().0;
    let ben =
        harbour.person("Ben", &[("Environment Manager", Scope { environments: &[staging], ..Scope::EVERYWHERE })]);
    assert_eq!(names_of(&ben), ["both", "staging"]);
    let space = harbour.space(&ben);
    let locate = |name: &str| ben.locate::<Kind>(&space, name).unwrap();
    assert!(ben.ask(MachineView { target: locate("both") }).is_ok());
    assert!(matches!(ben.ask(MachineEdit { target: locate("both") }), Err(Error::Denied(_))));
    assert!(matches!(ben.ask(MachineView { target: locate("production") }), Err(Error::NotFound(_))));
    let granted = ben.ask(MachineEdit { target: locate("staging") }).unwrap();
    let wider = After::<MachineEdit>::of(&space, environments(&ada, &["Staging", "Production"]), vec![]);
    assert!(ben.ask(wider).is_err());
    let same = ben.ask(After::<MachineEdit>::of(&space, environments(&ada, &["Staging"]), vec![])).unwrap();
    let edited = edit(&granted, &same, None, Fields { host: "web2.example.com".into(), ..fields("staging") }).unwrap();
    assert_eq!((edited.host.as_str(), edited.account), ("web2.example.com", account));
    // An account for all environments: Ben sees it and may not change it.
    let everywhere = ben.locate::<Account>(&space, "Deployer").unwrap();
    assert!(ben.ask(AccountView { account: everywhere.clone() }).is_ok());
    assert!(ben.ask(AccountEdit { account: everywhere }).is_err());
    let granted = ben.ask(List::<AccountView>::of(&space)).unwrap();
    assert_eq!(accounts::list(&granted, &accounts::Filter::default(), Page::ALL).unwrap().total, 1);
}

#[test]
fn who_may_not_see_an_account_leads_its_password_nowhere_else() {
    let harbour = house();
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &[]).unwrap().id;
    target(&ada, &["Staging"], &[], account, fields("web")).unwrap();
    harbour.role(
        "Looks after machines",
        &[("space", "MachineEdit"), ("space", "MachineView"), ("space", "EnvironmentView")],
    );
    let ben = harbour.person("Ben", &[("Looks after machines", Scope::EVERYWHERE)]);
    let space = harbour.space(&ben);
    let granted = ben.ask(MachineEdit { target: ben.locate(&space, "web").unwrap() }).unwrap();
    let after = ben.ask(After::<MachineEdit>::of(&space, environments(&ada, &["Staging"]), vec![])).unwrap();
    let other_key = format!("SHA256:{}", "A".repeat(43));
    for elsewhere in [
        Fields { host: "ben.example.com".into(), ..fields("web") },
        Fields { port: 2222, ..fields("web") },
        Fields { host_key: other_key, ..fields("web") },
    ] {
        let Err(Error::Invalid(wrong)) = edit(&granted, &after, None, elsewhere) else { panic!("led elsewhere") };
        assert!(wrong.of("AccountId").is_some_and(|why| why.contains("may not see the account")));
    }
    assert_eq!(edit(&granted, &after, None, fields("web-1")).unwrap().name, "web-1", "all else may change");
}

#[test]
fn who_is_limited_to_some_tenants_chooses_none_by_tag() {
    let harbour = house();
    harbour.sql(|c| {
        c.execute_batch(
            "INSERT INTO tag_sets (space_id, name, name_key, slug) VALUES (1, 'Region', 'region', 'region');
             INSERT INTO tags (tag_set_id, name, name_key) VALUES (1, 'North', 'north');",
        )
    });
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &[]).unwrap().id;
    let by_tag = |name: &str| Fields {
        participation: Participation::Tenanted,
        tenant_tags: vec!["Region/North".into()],
        ..fields(name)
    };
    target(&ada, &["Production"], &[], account, by_tag("north")).unwrap();
    let contoso = tenants(&ada, &["Contoso"])[0].id().0;
    let scope = Scope { tenants: &[contoso], ..Scope::EVERYWHERE };
    let ben = harbour.person("Ben", &[("Environment Manager", scope), ("Space Viewer", Scope::EVERYWHERE)]);
    let tenanted = |name: &str| Fields { participation: Participation::Tenanted, ..fields(name) };
    target(&ben, &["Production"], &["Contoso"], account, tenanted("contoso")).unwrap();
    let denied = |answer: Result<Target>| matches!(answer, Err(Error::Denied(denied)) if denied.permission.starts_with("Machine"));
    assert!(denied(target(&ben, &["Production"], &["Contoso"], account, by_tag("mine"))));
    let space = harbour.space(&ben);
    let change = |name: &str, fields: Fields| {
        let ben = harbour.visit(ben.user().unwrap().0);
        let granted = ben.ask(MachineEdit { target: ben.locate(&space, name).unwrap() }).unwrap();
        let after = After::<MachineEdit>::of(&space, environments(&ada, &["Production"]), vec![]);
        edit(&granted, &ben.ask(after).unwrap(), None, fields)
    };
    assert!(denied(change("contoso", by_tag("contoso"))), "afterwards");
    let granted = ben.locate(&space, "north").map(|target| ben.ask(MachineEdit { target }).map(drop));
    assert!(matches!(granted, Ok(Err(Error::Denied(_)))), "before");
    assert!(ben.ask(MachineDelete { target: ben.locate(&space, "north").unwrap() }).is_err());
    // Nor for no tenant at all, or for none beside their own (findings B5).
    assert!(denied(target(&ben, &["Production"], &["Contoso"], account, fields("nobody's"))));
    assert!(denied(change("contoso", fields("contoso"))));
    let mine = harbour.visit(ben.user().unwrap().0);
    let granted = mine.ask(MachineEdit { target: mine.locate(&space, "contoso").unwrap() }).unwrap();
    let own = super::tests::tenants(&ada, &["Contoso"]);
    let after = After::<MachineEdit>::of(&space, environments(&ada, &["Production"]), own);
    edit(&granted, &mine.ask(after).unwrap(), None, tenanted("contoso-1")).unwrap();
}

/// A machine is its tenants' by name and by tag, as they stand now: the door and the lists say the same as the choice of a
/// deployment's machines, for every participation, whatever the tenants are tagged with (findings B5).
#[test]
fn a_machine_belongs_to_the_tenants_that_its_names_and_tags_reach_now() {
    let harbour = house();
    let tenants: Vec<i64> = (3..=8).map(|n| harbour.tenant(&format!("Tenant {n}"))).chain([1, 2]).collect();
    harbour.sql(|c| {
        c.execute_batch(
            "INSERT INTO tag_sets (space_id, name, name_key, slug) VALUES (1, 'Region', 'region', 'region'), (1, 'Ring', 'ring', 'ring');
             INSERT INTO tags (tag_set_id, name, name_key) VALUES (1, 'North', 'north'), (1, 'South', 'south'), (2, 'Early', 'early'), (2, 'Late', 'late');",
        )
    });
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &[]).unwrap().id;
    let mut dice = 7_u64;
    let mut below = |bound: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % bound
    };
    let people: Vec<(i64, i64)> = tenants
        .iter()
        .map(|id| {
            let scope = Scope { tenants: &[*id], ..Scope::EVERYWHERE };
            (*id, harbour.person(&format!("Of {id}"), &[("Space Viewer", scope)]).user().unwrap().0)
        })
        .collect();
    let (mut machines, mut seen, mut hidden) = (0, 0, 0);
    for round in 0..40 {
        let named: Vec<i64> = tenants.iter().copied().filter(|_| below(5) == 0).collect();
        let tags: Vec<i64> = if below(3) == 0 { vec![] } else { (1..=4).filter(|_| below(2) == 0).collect() };
        let participation = Participation::ALL[below(3) as usize];
        let made =
            target(&ada, &["Staging"], &[], account, Fields { participation, ..fields(&format!("m{round}")) }).unwrap();
        harbour.sql(|c| {
            for id in &named {
                c.execute("INSERT INTO target_tenants VALUES (?1, ?2)", (made.id.0, id))?;
            }
            for id in &tags {
                c.execute("INSERT INTO target_tenant_tags VALUES (?1, ?2)", (made.id.0, id))?;
            }
            // Tenants are tagged anew in each round: what counts is what they are tagged with now.
            c.execute("DELETE FROM tenant_tags", [])?;
            for id in &tenants {
                for tag in (1..=4).filter(|_| below(2) == 0).collect::<Vec<i64>>() {
                    c.execute("INSERT INTO tenant_tags VALUES (?1, ?2)", (id, tag))?;
                }
            }
            Ok(())
        });
        machines += 1;
        let space = Id::<Space>::new(1);
        for (id, person) in &people {
            let person = harbour.visit(*person);
            let here = harbour.space(&person);
            let granted = person.ask(List::<MachineView>::of(&here)).unwrap();
            let listed = list(&granted, &Filter::default(), Page::ALL).unwrap();
            let chosen = granted
                .read(|rows| {
                    for_deployment(rows, space, Id::new(1), Some(Id::new(*id)))?
                        .iter()
                        .map(|one| Ok(one.id))
                        .collect::<Result<Vec<_>>>()
                })
                .unwrap();
            let listed: Vec<Id<Kind>> = listed.items.iter().map(|one| one.id).collect();
            assert_eq!(listed, chosen, "round {round}, tenant {id}: {named:?} {tags:?} {participation:?}");
            for number in 1..=machines {
                let at = person.locate(&here, &Id::<Kind>::new(number).to_string()).unwrap();
                let sees = listed.contains(&at.id());
                assert_eq!(
                    person.may(MachineView { target: at }),
                    sees,
                    "round {round}, tenant {id}, machine {number}"
                );
                if sees { seen += 1 } else { hidden += 1 }
            }
        }
    }
    assert!(seen > 500 && hidden > 500, "{seen} {hidden}");
}

#[test]
fn what_one_may_not_see_stands_in_the_way_without_its_name() {
    let harbour = house();
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &["Staging"]).unwrap().id;
    target(&ada, &["Staging"], &["Fabrikam"], account, fields("secret-host")).unwrap();
    let rights = ["AccountDelete", "AccountView", "EnvironmentDelete", "EnvironmentView", "TenantDelete", "TenantView"];
    harbour.role("Tidies up", &rights.map(|right| ("space", right)));
    let ben = harbour.person("Ben", &[("Tidies up", Scope::EVERYWHERE)]);
    let space = harbour.space(&ben);
    let told = |answer: Result<()>| answer.unwrap_err().to_string();
    let granted = ben.ask(AccountDelete { account: ben.locate(&space, "Deployer").unwrap() }).unwrap();
    let of_account = told(accounts::delete(&granted));
    let granted = ben.ask(EnvironmentDelete { environment: ben.locate(&space, "Staging").unwrap() }).unwrap();
    let of_environment = told(crate::company::environments::delete(&granted));
    let granted = ben.ask(TenantDelete { tenant: ben.locate(&space, "Fabrikam").unwrap() }).unwrap();
    let of_tenant = told(crate::company::tenants::delete(&granted));
    for told in [of_account, of_environment, of_tenant] {
        assert!(told.contains("a deployment target that you may not see") && !told.contains("secret-host"), "{told}");
    }
    let granted = ada.ask(EnvironmentDelete { environment: ada.locate(&space, "Staging").unwrap() }).unwrap();
    let seen = crate::company::environments::delete(&granted).unwrap_err().to_string();
    assert!(seen.contains("the deployment target secret-host"), "{seen}");
}

#[test]
fn lists_are_filtered() {
    let harbour = house();
    let ada = harbour.ada();
    let account = password_account(&ada, "Deployer", &[]).unwrap().id;
    target(&ada, &["Staging"], &[], account, fields("one")).unwrap();
    target(
        &ada,
        &["Production"],
        &["Contoso"],
        account,
        Fields { roles: vec!["DB".into()], is_disabled: true, ..fields("two") },
    )
    .unwrap();
    let granted = ada.ask(List::<MachineView>::of(&harbour.space(&ada))).unwrap();
    let found = |filter: Filter| {
        list(&granted, &filter, Page::ALL)
            .unwrap()
            .items
            .into_iter()
            .map(|target| target.name)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let contoso = tenants(&ada, &["Contoso"])[0].id().0;
    for (filter, expected) in [
        (Filter::default(), "one two"),
        (Filter { partial_name: "TW".into(), ..Filter::default() }, "two"),
        (Filter { name: Some("ONE".into()), ..Filter::default() }, "one"),
        (Filter { roles: vec!["db".into()], ..Filter::default() }, "two"),
        (Filter { is_disabled: Some(false), ..Filter::default() }, "one"),
        (Filter { tenants: Some(vec![contoso]), ..Filter::default() }, "two"),
        (Filter { health: vec!["unknown".into()], ..Filter::default() }, "one two"),
        (Filter { health: vec!["Healthy".into()], ..Filter::default() }, ""),
        (Filter { ids: Some(vec![]), ..Filter::default() }, ""),
        (Filter { tenant_tags: vec!["No/Such".into()], ..Filter::default() }, ""),
    ] {
        assert_eq!(found(filter.clone()), expected, "{filter:?}");
    }
    assert_eq!(roles(&granted).unwrap(), ["DB", "web"]);
}

#[test]
fn who_takes_part() {
    use Participation::*;
    // (participation, without a tenant, for a tenant it is for, for another)
    for (participation, untenanted, listed, other) in
        [(Untenanted, true, false, false), (Tenanted, false, true, false), (TenantedOrUntenanted, true, true, false)]
    {
        assert_eq!(takes_part(participation, None), untenanted, "{participation:?}");
        assert_eq!(takes_part(participation, Some(true)), listed, "{participation:?}");
        assert_eq!(takes_part(participation, Some(false)), other, "{participation:?}");
    }
}

#[test]
fn roles_ignore_case_and_are_needed() {
    let roles = |list: &[&str]| roles_of(&list.iter().map(|role| role.to_string()).collect::<Vec<_>>());
    assert_eq!(roles(&["Web", " web ", "db", ""]), Ok(vec!["Web".to_string(), "db".into()]));
    assert!(roles(&[]).is_err());
    assert!(roles(&["a,b"]).is_err());
}

#[test]
fn hosts_and_fingerprints() {
    for good in ["web1.example.com", "10.0.0.1", "::1", "localhost"] {
        assert!(host_of(good).is_ok(), "{good}");
    }
    for bad in ["", "-oProxyCommand=x", "a b", "a/b", "a;b"] {
        assert!(host_of(bad).is_err(), "{bad}");
    }
    let digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    assert_eq!(fingerprint(&format!("SHA256:{digest}=")), Ok(format!("SHA256:{digest}")));
    assert_eq!(fingerprint(digest), fingerprint(&format!("SHA256:{digest}")));
    for bad in ["", "SHA256:", "SHA256:abc", "MD5:00:11"] {
        assert!(fingerprint(bad).is_err(), "{bad}");
    }
}
