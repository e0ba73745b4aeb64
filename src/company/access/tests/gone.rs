//! What a role or a key is limited to may be deleted. The limit stays, and then lets nothing through: not everything, and
//! not what is made afterwards under the same name.

use crate::{
    base::{ids::Id, paging::Page},
    company::{
        access::{
            RunbookPart, Visitor, admit,
            permissions::{self as ask, List},
            policy::Dimension,
        },
        environments,
        people::keys::{self, narrowed::Narrow},
        projects, runbooks, tenants,
        testing::{Harbour, Scope, harbour},
    },
};

/// One more thing of the dimension; its number.
fn make(harbour: &Harbour, dimension: Dimension, name: &str) -> i64 {
    match dimension {
        Dimension::Group => {
            let group = harbour.group(name);
            harbour.project(&format!("Of {name}"), Some(group));
            group
        }
        Dimension::Project => harbour.project(name, None),
        Dimension::Environment => harbour.environment(name),
        Dimension::Tenant => harbour.tenant(name),
        Dimension::Runbook => harbour.sql(|c| {
            c.execute(
                "INSERT INTO runbooks (space_id, project_id, name, name_key, slug, created_at)
                 VALUES (1, (SELECT min(id) FROM projects), ?1, lower(?1), lower(?1), 0)",
                [name],
            )?;
            Ok(c.last_insert_rowid())
        }),
    }
}

/// Deleted as a page would.
fn delete(harbour: &Harbour, dimension: Dimension, id: i64) {
    let ada = harbour.ada();
    let space = harbour.space(&ada);
    let named = |prefix: &str| format!("{prefix}-{id}");
    match dimension {
        Dimension::Group => {
            harbour.sql(|c| c.execute("UPDATE projects SET group_id = 1 WHERE group_id = ?1", [id]));
            let group = ada.locate(&space, &named("ProjectGroups")).unwrap();
            projects::groups::delete(&ada.ask(ask::ProjectGroupDelete { group }).unwrap()).unwrap();
        }
        Dimension::Project => {
            let project = ada.locate(&space, &named("Projects")).unwrap();
            projects::delete(&ada.ask(ask::ProjectDelete { project }).unwrap()).unwrap();
        }
        Dimension::Environment => {
            let environment = ada.locate(&space, &named("Environments")).unwrap();
            environments::delete(&ada.ask(ask::EnvironmentDelete { environment }).unwrap()).unwrap();
        }
        Dimension::Tenant => {
            let tenant = ada.locate(&space, &named("Tenants")).unwrap();
            tenants::delete(&ada.ask(ask::TenantDelete { tenant }).unwrap()).unwrap();
        }
        Dimension::Runbook => {
            let runbook = RunbookPart::This(ada.locate(&space, &named("Runbooks")).unwrap());
            runbooks::delete(&ada.ask(ask::RunbookEdit { runbook }).unwrap()).unwrap();
        }
    }
}

/// The names that somebody is shown of what the dimension limits.
fn names(harbour: &Harbour, who: &Visitor, dimension: Dimension) -> Vec<String> {
    let space = harbour.space(who);
    fn all<T>(found: crate::base::paging::Listed<T>, name: impl Fn(T) -> String) -> Vec<String> {
        assert_eq!(found.total as usize, found.items.len());
        found.items.into_iter().map(name).collect()
    }
    match dimension {
        Dimension::Group | Dimension::Project => {
            let granted = who.ask(List::<ask::ProjectView>::of(&space)).unwrap();
            all(projects::list(&granted, &projects::Filter::default(), Page::ALL).unwrap(), |one| one.name)
        }
        Dimension::Environment => {
            let granted = who.ask(List::<ask::EnvironmentView>::of(&space)).unwrap();
            all(environments::list(&granted, &environments::Filter::default(), Page::ALL).unwrap(), |one| one.name)
        }
        Dimension::Tenant => {
            let granted = who.ask(List::<ask::TenantView>::of(&space)).unwrap();
            all(tenants::list(&granted, &tenants::Filter::default(), Page::ALL).unwrap(), |one| one.name)
        }
        Dimension::Runbook => {
            let granted = who.ask(List::<ask::RunbookView>::of(&space)).unwrap();
            all(runbooks::list(&granted, &runbooks::Filter::default(), Page::ALL).unwrap(), |one| one.name)
        }
    }
}

#[test]
fn a_limit_to_what_is_gone_lets_nothing_through() {
    for dimension in Dimension::ALL {
        let harbour = harbour();
        harbour.project("Ground", None);
        let (own, other) = (make(&harbour, dimension, "Own"), make(&harbour, dimension, "Other"));
        let list = [own];
        let of = |wanted: Dimension| if wanted == dimension { &list[..] } else { &[] };
        let scope = Scope {
            groups: of(Dimension::Group),
            projects: of(Dimension::Project),
            environments: of(Dimension::Environment),
            tenants: of(Dimension::Tenant),
            runbooks: of(Dimension::Runbook),
            ..Scope::EVERYWHERE
        };
        let ben = harbour.person("Ben", &[("Space Manager", scope)]).user().unwrap().0;
        fn ids<T>(list: &[i64]) -> Vec<Id<T>> {
            list.iter().map(|id| Id::new(*id)).collect()
        }
        let narrow = Narrow {
            groups: ids(of(Dimension::Group)),
            projects: ids(of(Dimension::Project)),
            environments: ids(of(Dimension::Environment)),
            tenants: ids(of(Dimension::Tenant)),
            runbooks: ids(of(Dimension::Runbook)),
            ..Narrow::default()
        };
        let ada = harbour.by_session(1, Some(0));
        let fields = keys::Fields { narrow, ..keys::Fields::of("test", None) };
        let (key, _) = keys::create_own(&ada.myself().unwrap(), &fields).unwrap();
        let by_key = || admit::api_key(&harbour.company, &key, &admit_from()).unwrap().unwrap();
        let wanted = match dimension {
            Dimension::Group => "Of Own",
            _ => "Own",
        };
        assert!(names(&harbour, &harbour.ada(), dimension).len() > 1);
        assert_eq!(names(&harbour, &harbour.visit(ben), dimension), [wanted], "{dimension:?}");
        assert_eq!(names(&harbour, &by_key(), dimension), [wanted], "{dimension:?}");

        delete(&harbour, dimension, own);
        let again = make(&harbour, dimension, "Own again");
        assert!(again != own && other != own, "an id is given once");
        for who in [harbour.visit(ben), by_key()] {
            assert!(
                names(&harbour, &who, dimension).is_empty(),
                "{dimension:?}: {:?}",
                names(&harbour, &who, dimension)
            );
        }
    }
}

fn admit_from() -> crate::company::access::From {
    crate::company::access::From { address: "192.0.2.7".into(), ..Default::default() }
}
