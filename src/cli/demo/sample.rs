//! What the sample companies hold. Everything is made through the door, as its administrator would make it.

use crate::{
    base::{
        error::Result,
        ids::{Id, Task},
    },
    company::{
        access::{
            At, New, RunbookPart, Visitor,
            permissions::{
                EnvironmentCreate, List, ProcessEdit, ProjectCreate, ProjectGroupCreate, ProjectGroupView,
                ReleaseCreate, RunbookEdit, RunbookSnapshotCreate, TagSetCreate, TenantCreate,
            },
        },
        deployments, environments,
        projects::{
            self, TenantedMode, groups,
            process::{self, Step, Syntax},
        },
        releases,
        runbooks::{self, EnvironmentScope, snapshots},
        tenants::{self, tags},
    },
};

/// A project to make.
pub(super) struct Project {
    pub name: &'static str,
    pub description: &'static str,
    pub group: &'static str,
    pub tenanted: bool,
    pub releases: &'static [(&'static str, &'static str)],
    /// Name, description and script of its runbook.
    pub runbook: Option<(&'static str, &'static str, &'static str)>,
}

/// What a company is filled with.
pub(super) struct Sample {
    pub environments: &'static [&'static str],
    pub projects: &'static [Project],
    /// Name, description, `Set/Tag`.
    pub tenants: &'static [(&'static str, &'static str, &'static str)],
    pub regions: &'static [(&'static str, &'static str)],
}

pub(super) const ACME: Sample = Sample {
    environments: &["Development", "Staging", "Production"],
    projects: &[
        Project {
            name: "Shop",
            description: "The web shop that every customer runs.",
            group: "Customer products",
            tenanted: true,
            releases: &[("1.0.0", "First release."), ("1.1.0", "Gift cards. Faster search.")],
            runbook: Some((
                "Show disk use",
                "When a customer says that the shop is slow: what takes the room. It changes nothing.",
                DISK_USE,
            )),
        },
        Project {
            name: "Billing",
            description: "Invoices and reminders.",
            group: "Customer products",
            tenanted: true,
            releases: &[("2026.11.1", "New invoice layout.")],
            runbook: None,
        },
        Project {
            name: "Status page",
            description: "What our customers look at when something is slow.",
            group: "Our own",
            tenanted: false,
            releases: &[("0.4.0", "Incident history.")],
            runbook: None,
        },
    ],
    tenants: &[
        ("Contoso", "Furniture, three shops in Leeds.", "Region/Europe"),
        ("Fabrikam", "Bicycles, sold on the web only.", "Region/Europe"),
        ("Northwind", "Food and drink for restaurants.", "Region/North America"),
    ],
    regions: &[("Europe", "#2F6FDE"), ("North America", "#B4540A")],
};

pub(super) const GLOBEX: Sample = Sample {
    environments: &["Test", "Production"],
    projects: &[Project {
        name: "Portal",
        description: "Where customers see their orders.",
        group: "Products",
        tenanted: false,
        releases: &[("3.2.1", "Sign-in by link.")],
        runbook: None,
    }],
    tenants: &[],
    regions: &[],
};

const PREPARE: &str = r#"echo "Preparing $(get_octopusvariable "Octopus.Project.Name") $(get_octopusvariable "Octopus.Release.Number")"
for part in database templates pictures; do
  echo "Checking $part"
  sleep 0.4
done
echo "Everything is in place."
"#;

const INSTALL: &str = r#"tenant="$(get_octopusvariable "Octopus.Deployment.Tenant.Name")"
place="$(get_octopusvariable "Octopus.Environment.Name")"
mkdir -p site
for page in index products basket checkout contact; do
  printf '<h1>%s for %s</h1>\n' "$page" "${tenant:-everybody}" > "site/$page.html"
  echo "Wrote site/$page.html"
  sleep 0.3
done
echo "Installed in $place for ${tenant:-everybody}: $(ls site | wc -l) pages."
"#;

const DISK_USE: &str = r#"tenant="$(get_octopusvariable "Octopus.Deployment.Tenant.Name")"
echo "Disk use of $(get_octopusvariable "Octopus.Project.Name") for ${tenant:-everybody}, in $(get_octopusvariable "Octopus.Environment.Name"):"
df -h . | tail -n 1
du -sh . 2>/dev/null
"#;

/// Fills a company's default space.
pub(super) fn fill(visitor: &Visitor, sample: &Sample) -> Result<()> {
    let space = visitor.locate_space("Spaces-1")?;
    for name in sample.environments {
        environments::create(
            &visitor.ask(EnvironmentCreate { space: New::of(&space) })?,
            environments::Fields::named(name),
        )?;
    }
    if !sample.regions.is_empty() {
        let tags = sample.regions.iter().map(|(name, color)| tags::TagFields {
            name: (*name).into(),
            color: (*color).into(),
            ..tags::TagFields::default()
        });
        let fields = tags::Fields {
            name: "Region".into(),
            description: "Where the customer is.".into(),
            tags: tags.collect(),
            ..tags::Fields::default()
        };
        tags::create(&visitor.ask(TagSetCreate { space: space.clone() })?, fields)?;
    }
    for project in sample.projects {
        make_project(visitor, &space, project)?;
    }
    for (name, description, tag) in sample.tenants {
        let fields = tenants::Fields {
            name: (*name).into(),
            description: (*description).into(),
            tags: vec![(*tag).into()],
            ..tenants::Fields::default()
        };
        let everywhere = || sample.environments.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let wished: Vec<(String, Vec<String>)> = sample
            .projects
            .iter()
            .filter(|project| project.tenanted)
            .map(|project| (project.name.to_owned(), everywhere()))
            .collect();
        let connections = tenants::connections(visitor, &space, &wished)?;
        tenants::create(&visitor.ask(TenantCreate { space: New::of(&space) })?, fields, &connections)?;
    }
    Ok(())
}

fn make_project(visitor: &Visitor, space: &At<crate::base::ids::Space>, sample: &Project) -> Result<()> {
    let known = groups::list(
        &visitor.ask(List::<ProjectGroupView>::of(space))?,
        &groups::Filter { partial_name: sample.group.into(), ..groups::Filter::default() },
        crate::base::paging::Page::ALL,
    )?;
    if known.items.is_empty() {
        let fields = groups::Fields { name: sample.group.into(), ..groups::Fields::default() };
        groups::create(&visitor.ask(ProjectGroupCreate { space: New::of(space) })?, fields)?;
    }
    let group = visitor.locate(space, sample.group)?;
    let fields = projects::Fields {
        name: sample.name.into(),
        description: sample.description.into(),
        tenanted: if sample.tenanted { TenantedMode::Tenanted } else { TenantedMode::Untenanted },
        ..projects::Fields::default()
    };
    projects::create(&visitor.ask(ProjectCreate { group })?, fields)?;
    let project = visitor.locate(space, sample.name)?;
    let granted = visitor.ask(ProcessEdit { project: At::clone(&project) })?;
    let steps = vec![
        Step::script("Prepare", Syntax::Bash, PREPARE, &[]),
        Step::script("Install the pages", Syntax::Bash, INSTALL, &[]),
    ];
    process::save(&granted, 0, steps)?;
    for (version, notes) in sample.releases {
        let fields = releases::Fields {
            version: Some((*version).into()),
            notes: (*notes).into(),
            ..releases::Fields::default()
        };
        releases::create(&visitor.ask(ReleaseCreate { project: At::clone(&project) })?, fields)?;
    }
    match sample.runbook {
        Some((name, description, script)) => make_runbook(visitor, &project, (name, description, script)),
        None => Ok(()),
    }
}

/// A runbook of one step, published.
fn make_runbook(
    visitor: &Visitor,
    project: &At<crate::base::ids::Project>,
    (name, description, script): (&str, &str, &str),
) -> Result<()> {
    let fields = runbooks::Fields {
        description: description.into(),
        tenanted: TenantedMode::TenantedOrUntenanted,
        environment_scope: EnvironmentScope::All,
        ..runbooks::Fields::named(name)
    };
    runbooks::create(&visitor.ask(RunbookEdit { runbook: RunbookPart::New(At::clone(project)) })?, fields)?;
    let runbook: At<crate::base::ids::Runbook> = visitor.locate(project, name)?;
    let edit = visitor.ask(RunbookEdit { runbook: RunbookPart::This(runbook.clone()) })?;
    runbooks::process::save(&edit, 0, vec![Step::script(name, Syntax::Bash, script, &[])])?;
    let take = visitor.ask(RunbookSnapshotCreate { runbook })?;
    snapshots::take(&take, &snapshots::Fields::default(), Some(&edit))?;
    Ok(())
}

/// Deploys a release of Shop to the first environment for two tenants. Gives the tasks.
pub(super) fn deploy(visitor: &Visitor) -> Result<Vec<Id<Task>>> {
    let space = visitor.locate_space("Spaces-1")?;
    let project = visitor.locate(&space, "Shop")?;
    let release = visitor.locate(&project, "1.0.0")?;
    let environment: At<crate::base::ids::Environment> = visitor.locate(&space, "Development")?;
    let places = ["Contoso", "Fabrikam"]
        .into_iter()
        .map(|tenant| Ok((environment.clone(), Some(visitor.locate(&space, tenant)?))))
        .collect::<Result<Vec<_>>>()?;
    let options = deployments::Options {
        comments: "The deployment that the demonstration begins with.".into(),
        ..Default::default()
    };
    let made = deployments::deploy_to_many(visitor, &project, &release, &places, &options)?;
    Ok(made.iter().map(|deployment| deployment.task).collect())
}
