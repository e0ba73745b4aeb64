//! The documents that every client starts with (`rest-api §2, §3`).

use super::{
    caller::Ask,
    resource,
    wire::{Json, Links, NoList, Query},
};
use crate::base::error::Result;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The version we report: the TypeScript client wants at least 2022.3.5512.
pub const VERSION: &str = "2026.3.0";

/// Services of a space: link name, path below the space, parameters.
const SPACE_LINKS: &[(&str, &str)] = &[
    ("Accounts", "/accounts{/id}{?skip,take,ids,partialName,accountType}"),
    ("ActionTemplates", "/actiontemplates{/id}{?skip,take,ids,partialName}"),
    ("Artifacts", "/artifacts{/id}{?skip,take,regarding,ids,partialName,order}"),
    ("Certificates", "/certificates{/id}{?skip,take,search,archived,tenant,firstResult,orderBy,ids,partialName}"),
    ("Channels", "/channels{/id}{?skip,take,ids,partialName}"),
    ("Dashboard", "/dashboard{?projectId,releaseId,selectedTenants,selectedTags,showAll}"),
    ("DashboardDynamic", "/dashboard/dynamic{?projects,environments,includePrevious}"),
    ("DeploymentProcesses", "/deploymentprocesses{/id}{?skip,take,ids}"),
    ("Deployments", "/deployments{/id}{?skip,take,ids,projects,environments,tenants,channels,taskState,partialName}"),
    ("Environments", "/environments{/id}{?name,skip,ids,take,partialName}"),
    ("EnvironmentSortOrder", "/environments/sortorder"),
    (
        "EnvironmentsSummary",
        "/environments/summary{?ids,partialName,machinePartialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,hideEmptyEnvironments,shellNames,deploymentTargetTypes}",
    ),
    (
        "Events",
        "/events{/id}{?skip,take,regarding,regardingAny,user,users,projects,projectGroups,environments,tenants,tags,eventGroups,eventCategories,eventAgents,documentTypes,from,to,fromAutoId,toAutoId,spaces,includeSystem,excludeDifference,asCsv,text,actor}",
    ),
    ("Feeds", "/feeds{/id}{?feedType,ids,partialName,skip,take}"),
    ("GitCredentials", "/git-credentials{/id}{?name,skip,take}"),
    ("Interruptions", "/interruptions{/id}{?skip,take,regarding,pendingOnly,ids}"),
    ("LibraryVariables", "/libraryvariablesets{/id}{?skip,contentType,take,ids,partialName}"),
    ("Lifecycles", "/lifecycles{/id}{?skip,take,ids,partialName}"),
    ("MachinePolicies", "/machinepolicies{/id}{?skip,take,ids,partialName}"),
    ("MachineRoles", "/machineroles/all"),
    (
        "Machines",
        "/machines{/id}{?skip,take,name,ids,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,environmentIds,thumbprint,deploymentId,shellNames,deploymentTargetTypes}",
    ),
    ("ProjectGroups", "/projectgroups{/id}{?skip,take,ids,partialName}"),
    ("Projects", "/projects{/id}{?name,skip,ids,clone,take,partialName,clonedFromProjectId}"),
    ("ProjectTriggers", "/projecttriggers{/id}{?skip,take,ids,runbooks}"),
    ("Proxies", "/proxies{/id}{?skip,take,ids,partialName}"),
    ("Releases", "/releases{/id}{?skip,ignoreChannelRules,take,ids}"),
    ("RunbookProcesses", "/runbookProcesses{/id}{?skip,take,ids}"),
    ("RunbookRuns", "/runbookRuns{/id}{?skip,take,ids,projects,environments,tenants,runbooks,taskState,partialName}"),
    ("Runbooks", "/runbooks{/id}{?skip,take,ids,partialName,projectIds}"),
    ("RunbookSnapshots", "/runbookSnapshots{/id}{?skip,take,ids,publish}"),
    ("ScopedUserRoles", "/scopeduserroles{/id}{?skip,take,ids,spaces,includeSystem}"),
    ("Subscriptions", "/subscriptions{/id}{?skip,take,ids,partialName,spaces}"),
    ("TagSets", "/tagsets{/id}{?skip,take,ids,partialName}"),
    ("TagSetSortOrder", "/tagsets/sortorder"),
    (
        "Tasks",
        "/tasks{/id}{?skip,active,environment,tenant,runbook,project,name,node,running,states,hasPendingInterruptions,hasWarningsOrErrors,take,ids,partialName,spaces,includeSystem,description,fromCompletedDate,toCompletedDate,fromQueueDate,toQueueDate,fromStartDate,toStartDate}",
    ),
    ("Teams", "/teams{/id}{?skip,take,ids,partialName,spaces,includeSystem}"),
    ("Tenants", "/tenants{/id}{?skip,projectId,name,tags,take,ids,clone,partialName,clonedFromTenantId,isDisabled}"),
    ("TenantsMissingVariables", "/tenants/variables-missing{?tenantId,projectId,environmentId,includeDetails}"),
    ("TenantsStatus", "/tenants/status"),
    ("TenantTagTest", "/tenants/tag-test{?tenantIds,tags}"),
    ("TenantVariables", "/tenantvariables/all{?projectId}"),
    ("WorkerPools", "/workerpools{/id}{?skip,take,ids,partialName}"),
    (
        "Workers",
        "/workers{/id}{?skip,take,name,ids,partialName,isDisabled,healthStatuses,commStyles,workerPoolIds,thumbprint,shellNames}",
    ),
];

/// Services of the company as a whole.
const COMPANY_LINKS: &[(&str, &str)] = &[
    ("CurrentUser", "/users/me"),
    ("EventAgents", "/events/agents"),
    ("EventCategories", "/events/categories"),
    ("EventDocumentTypes", "/events/documenttypes"),
    ("EventGroups", "/events/groups"),
    ("Invitations", "/users/invitations"),
    ("PermissionDescriptions", "/permissions/all"),
    ("Register", "/users/register"),
    ("ServerConfiguration", "/serverconfiguration"),
    ("ServerStatus", "/serverstatus"),
    ("SignIn", "/users/login"),
    ("SignOut", "/users/logout"),
    ("SpaceHome", "/{spaceId}"),
    ("Spaces", "/spaces{/id}{?skip,ids,take,name,partialName}"),
    ("TaskTypes", "/tasks/tasktypes"),
    ("TeamMembership", "/teammembership{?userId,spaces,includeSystem}"),
    ("UserRoles", "/userroles{/id}{?skip,take,ids,partialName}"),
    ("Users", "/users{/id}{?skip,take,ids,filter}"),
];

/// Services of a space that answer for the company as a whole, too: its root leads to those.
const EVERYWHERE: &[&str] = &["Events", "ScopedUserRoles", "Tasks", "Teams"];

fn space_links(ask: &Ask, space: i64, links: Links) -> Links {
    let own = resource::space_api(ask, space);
    SPACE_LINKS.iter().fold(links, |links, (name, path)| links.and(name, [&own, *path].concat()))
}

/// A root document.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RootResource {
    application: &'static str,
    version: &'static str,
    api_version: &'static str,
    installation_id: String,
    is_early_access_program: bool,
    has_long_term_support: bool,
    links: Links,
}

impl RootResource {
    fn new(installation_id: String, links: Links) -> RootResource {
        RootResource {
            application: "Octopus Deploy",
            version: VERSION,
            api_version: "3.0.0",
            installation_id,
            is_early_access_program: false,
            has_long_term_support: false,
            links,
        }
    }
}

/// What a client may ask for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Capabilities {
    capabilities: Vec<&'static str>,
}

/// Which toggle.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ToggleQuery {
    #[serde(rename = "Name")]
    name: String,
}

/// What can be turned on for trial.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FeatureToggles {
    feature_toggles: NoList,
}

/// How the server is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServerStatus {
    is_in_maintenance_mode: bool,
    is_database_encrypted: bool,
    links: Links,
}

/// Whether the server is well.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServerHealth {
    description: &'static str,
    is_operating_normally: bool,
    is_compliant_with_license: bool,
}

/// `GET /api`. With a default space the visitor may enter, it carries the services of that space too.
pub(super) fn company(ask: &Ask) -> Result<Json<RootResource>> {
    let api = resource::api(ask);
    let mut links = Links::default();
    if let Some(space) = ask.somebody().and_then(|visitor| visitor.home_space()) {
        links = space_links(ask, space.id().0, links);
    }
    let everywhere = SPACE_LINKS.iter().filter(|(name, _)| EVERYWHERE.contains(name));
    for (name, path) in everywhere.chain(COMPANY_LINKS) {
        links = links.with(name, format!("{api}{path}"));
    }
    links = links.and("Web", format!("{}/app#/", ask.base())).and("Self", api);
    // Whoever shows no key does not learn whether there is such a company.
    let known = ask.somebody().and(ask.known_company());
    let id = known.map_or(uuid::Uuid::nil(), |company| company.id());
    Ok(Json(RootResource::new(id.to_string(), links)))
}

/// `GET /api/{space}`.
pub(super) fn space(ask: &Ask) -> Result<Json<RootResource>> {
    let space = ask.space()?;
    let web = format!("{}/app#/{}", ask.base(), space.id());
    let links = space_links(ask, space.id().0, Links::of(resource::space_api(ask, space.id().0), &[]));
    Ok(Json(RootResource::new(ask.company()?.id().to_string(), links.and("Web", web))))
}

/// `GET /api/capabilities`.
pub(super) fn capabilities(_: &Ask) -> Result<Json<Capabilities>> {
    let capabilities = vec![
        "GetAllSpacesRequest",
        "CreateReleaseCommandV1",
        "CreateDeploymentUntenantedCommandV1",
        "CreateDeploymentTenantedCommandV1",
    ];
    Ok(Json(Capabilities { capabilities }))
}

/// `GET /api/configuration/feature-toggles`: none is on, whichever is asked for.
pub(super) fn toggles(_: &Ask, query: Query<ToggleQuery>) -> Result<Json<FeatureToggles>> {
    let ToggleQuery { name: _ } = &*query;
    Ok(Json(FeatureToggles { feature_toggles: NoList::default() }))
}

/// `GET /api/serverstatus`.
pub(super) fn status(ask: &Ask) -> Result<Json<ServerStatus>> {
    let own = format!("{}/serverstatus", resource::api(ask));
    Ok(Json(ServerStatus {
        is_in_maintenance_mode: false,
        is_database_encrypted: false,
        links: Links::of(&own, &[("Health", "/health")]),
    }))
}

/// `GET /api/serverstatus/health`.
pub(super) fn health(_: &Ask) -> Result<Json<ServerHealth>> {
    Ok(Json(ServerHealth {
        description: "The server is running.",
        is_operating_normally: true,
        is_compliant_with_license: true,
    }))
}
