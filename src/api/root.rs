//! The documents that every client starts with (`rest-api §2, §3`).

use super::{
    caller::{Ask, Reply},
    resource,
};
use crate::base::error::Result;
use serde_json::{Map, Value, json};

/// The version we report: the TypeScript client wants at least 2022.3.5512.
pub const VERSION: &str = "2026.3.0";

/// Services of a space: link name, path below the space, parameters.
const SPACE_LINKS: &[(&str, &str)] = &[
    ("Accounts", "/accounts{/id}{?skip,take,ids,partialName,accountType}"),
    ("ActionTemplates", "/actiontemplates{/id}{?skip,take,ids,partialName}"),
    ("Artifacts", "/artifacts{/id}{?skip,take,regarding,ids,partialName,order}"),
    ("BuildInformation", "/build-information{/id}{?packageId,filter,latest,skip,take,overwriteMode}"),
    ("BuildInformationBulk", "/build-information/bulk{?ids}"),
    ("Certificates", "/certificates{/id}{?skip,take,search,archived,tenant,firstResult,orderBy,ids,partialName}"),
    ("Channels", "/channels{/id}{?skip,take,ids,partialName}"),
    ("Dashboard", "/dashboard{?projectId,releaseId,selectedTenants,selectedTags,showAll}"),
    ("DashboardDynamic", "/dashboard/dynamic{?projects,environments,includePrevious}"),
    ("DeploymentProcesses", "/deploymentprocesses{/id}{?skip,take,ids}"),
    ("Deployments", "/deployments{/id}{?skip,take,ids,projects,environments,tenants,channels,taskState,partialName}"),
    ("DiscoverMachine", "/machines/discover{?host,port,type,proxyId}"),
    ("Environments", "/environments{/id}{?name,skip,ids,take,partialName}"),
    ("EnvironmentSortOrder", "/environments/sortorder"),
    (
        "EnvironmentsSummary",
        "/environments/summary{?ids,partialName,machinePartialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,hideEmptyEnvironments,shellNames,deploymentTargetTypes}",
    ),
    (
        "Events",
        "/events{/id}{?skip,regarding,regardingAny,user,users,projects,projectGroups,environments,eventGroups,eventCategories,eventAgents,tenants,tags,from,to,internal,fromAutoId,toAutoId,documentTypes,asCsv,take,ids,spaces,includeSystem,excludeDifference}",
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
    ("PackageDeltaSignature", "/packages/{packageId}/{version}/delta-signature"),
    ("PackageDeltaUpload", "/packages/{packageId}/{baseVersion}/delta{?replace,overwriteMode}"),
    ("PackageNotesList", "/packages/notes{?packageIds}"),
    ("Packages", "/packages{/id}{?nuGetPackageId,filter,latest,skip,take,includeNotes}"),
    ("PackagesBulk", "/packages/bulk{?ids}"),
    ("PackageUpload", "/packages/raw{?replace,overwriteMode}"),
    ("ProjectGroups", "/projectgroups{/id}{?skip,take,ids,partialName}"),
    ("ProjectPulse", "/projects/pulse{?projectIds}"),
    ("Projects", "/projects{/id}{?name,skip,ids,clone,take,partialName,clonedFromProjectId}"),
    ("ProjectsExperimentalSummaries", "/projects/experimental/summaries{?ids}"),
    ("ProjectTriggers", "/projecttriggers{/id}{?skip,take,ids,runbooks}"),
    ("Proxies", "/proxies{/id}{?skip,take,ids,partialName}"),
    ("Releases", "/releases{/id}{?skip,ignoreChannelRules,take,ids}"),
    ("RunbookProcesses", "/runbookProcesses{/id}{?skip,take,ids}"),
    ("RunbookRuns", "/runbookRuns{/id}{?skip,take,ids,projects,environments,tenants,runbooks,taskState,partialName}"),
    ("Runbooks", "/runbooks{/id}{?skip,take,ids,partialName,projectIds}"),
    ("RunbookSnapshots", "/runbookSnapshots{/id}{?skip,take,ids,publish}"),
    ("ScheduledProjectTriggers", "/projects/{projectId}/triggers/scheduled{?skip,take}"),
    ("ScopedUserRoles", "/scopeduserroles{/id}{?skip,take,ids,partialName,spaces,includeSystem}"),
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
    ("VariableNames", "/variables/names{?project,projectEnvironmentsFilter}"),
    ("VariablePreview", "/variables/preview{?project,runbook,environment,channel,tenant,action,machine,role}"),
    ("Variables", "/variables{/id}{?ids}"),
    ("VersionRuleTest", "/channels/rule-test{?version,versionRange,preReleaseTag,feedType}"),
    ("WorkerPools", "/workerpools{/id}{?skip,take,ids,partialName}"),
    ("WorkerPoolsDynamicWorkerTypes", "/workerpools/dynamicworkertypes"),
    (
        "WorkerPoolsSummary",
        "/workerpools/summary{?ids,partialName,machinePartialName,isDisabled,healthStatuses,commStyles,hideEmptyWorkerPools,shellNames}",
    ),
    ("WorkerPoolsSupportedTypes", "/workerpools/supportedtypes"),
    (
        "Workers",
        "/workers{/id}{?skip,take,name,ids,partialName,isDisabled,healthStatuses,commStyles,workerPoolIds,thumbprint,shellNames}",
    ),
];

/// Services of the company as a whole.
const COMPANY_LINKS: &[(&str, &str)] = &[
    ("Authentication", "/authentication"),
    ("CurrentUser", "/users/me"),
    ("EventAgents", "/events/agents"),
    ("EventCategories", "/events/categories{?appliesTo}"),
    ("EventDocumentTypes", "/events/documenttypes"),
    ("EventGroups", "/events/groups{?appliesTo}"),
    ("FeaturesConfiguration", "/featuresconfiguration"),
    ("Invitations", "/users/invitations"),
    ("OctopusServerNodes", "/octopusservernodes{/id}{?skip,take,ids,partialName}"),
    ("PermissionDescriptions", "/permissions/all"),
    ("Register", "/users/register"),
    ("ServerConfiguration", "/serverconfiguration"),
    ("ServerStatus", "/serverstatus"),
    ("SignIn", "/users/login{?returnUrl}"),
    ("SignOut", "/users/logout"),
    ("SmtpConfiguration", "/smtpconfiguration"),
    ("SpaceHome", "/{spaceId}"),
    ("Spaces", "/spaces{/id}{?skip,ids,take,partialName}"),
    ("TaskTypes", "/tasks/tasktypes"),
    ("TeamMembership", "/teammembership{?userId,spaces,includeSystem}"),
    ("UserRoles", "/userroles{/id}{?skip,take,ids,partialName}"),
    ("Users", "/users{/id}{?skip,take,ids,filter}"),
];

/// Services of a space that answer for the company as a whole, too: its root leads to those.
const EVERYWHERE: &[&str] = &["Events", "ScopedUserRoles", "Tasks", "Teams"];

fn space_links(ask: &Ask, space: i64, links: &mut Map<String, Value>) {
    let own = resource::space_api(ask, space);
    for (name, path) in SPACE_LINKS {
        links.insert((*name).into(), json!(format!("{own}{path}")));
    }
}

/// `GET /api`: anybody may ask; with a key it carries the links of the default space too.
pub(super) fn company(ask: &Ask) -> Result<Reply> {
    let api = resource::api(ask);
    let mut links = Map::new();
    if let Some(space) = ask.somebody().and_then(|visitor| visitor.home_space()) {
        space_links(ask, space.id().0, &mut links);
    }
    let everywhere = SPACE_LINKS.iter().filter(|(name, _)| EVERYWHERE.contains(name));
    for (name, path) in everywhere.chain(COMPANY_LINKS) {
        links.insert((*name).into(), json!(format!("{api}{path}")));
    }
    links.insert("Self".into(), json!(api));
    links.insert("Web".into(), json!(format!("/{}/app#/", ask.slug())));
    // Whoever shows no key does not learn whether there is such a company.
    let known = ask.somebody().and(ask.known_company());
    let id = known.map_or(uuid::Uuid::nil(), |company| company.id());
    Reply::ok(json!({
        "Application": "Octopus Deploy", "Version": VERSION, "ApiVersion": "3.0.0",
        "InstallationId": id.to_string(), "IsEarlyAccessProgram": false, "HasLongTermSupport": false, "Links": links,
    }))
}

/// `GET /api/{space}`.
pub(super) fn space(ask: &Ask) -> Result<Reply> {
    let space = ask.space()?;
    let mut links = Map::new();
    space_links(ask, space.id().0, &mut links);
    links.insert("Self".into(), json!(resource::space_api(ask, space.id().0)));
    links.insert("Web".into(), json!(format!("/{}/app#/{}", ask.company()?.slug(), space.id())));
    Reply::ok(json!({
        "Application": "Octopus Deploy", "Version": VERSION, "ApiVersion": "3.0.0",
        "InstallationId": ask.company()?.id().to_string(), "Links": links,
    }))
}

/// `GET /api/capabilities`.
pub(super) fn capabilities(_: &Ask) -> Result<Reply> {
    Reply::ok(json!({ "Capabilities": [
        "GetAllSpacesRequest", "CreateReleaseCommandV1", "CreateDeploymentUntenantedCommandV1", "CreateDeploymentTenantedCommandV1",
    ] }))
}

/// `GET /api/configuration/feature-toggles`: none is on.
pub(super) fn toggles(_: &Ask) -> Result<Reply> {
    Reply::ok(json!({ "FeatureToggles": [] }))
}

/// `GET /api/serverstatus`.
pub(super) fn status(ask: &Ask) -> Result<Reply> {
    let own = format!("{}/serverstatus", resource::api(ask));
    Reply::ok(
        json!({ "IsInMaintenanceMode": false, "IsDatabaseEncrypted": false, "Links": resource::links(&own, &[("Health", "/health")]) }),
    )
}

/// `GET /api/serverstatus/health`.
pub(super) fn health(_: &Ask) -> Result<Reply> {
    Reply::ok(
        json!({ "Description": "The server is running.", "IsOperatingNormally": true, "IsCompliantWithLicense": true }),
    )
}
