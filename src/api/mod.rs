//! REST for programs, in Octopus's wire format (`rest-api`). Every route on one screen, each with its permission.
//!
//! Handlers are plain functions of an [`Ask`]; they go through the same commands as the pages.

mod accounts;
mod answers;
pub mod caller;
mod channels;
mod companies;
mod dashboard;
mod defects;
mod deployments;
mod emergencies;
mod environments;
mod events;
pub mod error;
mod letters;
mod lifecycles;
mod machinepolicies;
mod machines;
mod me;
pub mod openapi;
mod previews;
mod processes;
mod progression;
mod projectgroups;
mod projectsettings;
mod projects;
mod recipes;
mod releases;
pub mod resource;
mod root;
mod runbooks;
mod settings;
mod signin;
mod spaces;
mod steps;
mod teams;
mod userroles;
mod users;
mod tagsets;
mod tasks;
mod tenants;
mod unbuilt;
pub mod wire;
mod workers;

use crate::{
    base::error::Error,
    http::{
        Desk,
        call::{Call, new_reference},
        table::{self, Matched, Needs, Route, Table},
    },
};
use axum::{extract::Request, http::Method, response::Response};
use caller::{Ask, Reply};
use std::sync::LazyLock;
use wire::{Answers, Handler};

/// One route, and what it needs.
fn top<K>(method: Method, path: &'static str, permission: &'static str, handler: impl Answers<K>) -> Route<Handler> {
    let needs = match permission {
        "" => Needs::Authenticated,
        "public" => Needs::Public,
        name => Needs::Permission(name),
    };
    Route { method, path, needs, handler: handler.handler() }
}

/// Routes of the company, below `/{company}/api`.
#[rustfmt::skip]
pub fn company_routes() -> Vec<Route<Handler>> {
    use Method as M;
    vec![
        top(M::GET,    "/",                                     "public",            root::company),
        top(M::GET,    "/capabilities",                         "public",            root::capabilities),
        top(M::GET,    "/configuration/feature-toggles",        "",                  root::toggles),
        top(M::GET,    "/serverconfiguration",                  "ConfigureServer",   settings::show),
        top(M::GET,    "/serverstatus",                         "public",            root::status),
        top(M::GET,    "/serverstatus/health",                  "public",            root::health),
        // What the company settles for itself
        top(M::GET,    "/settings",                             "ConfigureServer",   settings::all),
        top(M::PUT,    "/settings/general",                     "ConfigureServer",   settings::general),
        top(M::PUT,    "/settings/signin",                      "ConfigureServer",   settings::sign_in),
        top(M::PUT,    "/settings/brand",                       "ConfigureServer",   settings::brand),
        top(M::PUT,    "/settings/brand/logo",                  "ConfigureServer",   settings::logo),
        top(M::DELETE, "/settings/brand/logo",                  "ConfigureServer",   settings::no_logo),
        top(M::PUT,    "/settings/trail",                       "ConfigureServer",   settings::trail),
        // The operator's own compartment: the companies of the appliance
        top(M::GET,    "/companies",                            "CompanyView",       companies::list),
        top(M::POST,   "/companies",                            "CompanyCreate",     companies::create),
        top(M::POST,   "/companies/adopt",                      "CompanyCreate",     companies::adopt),
        top(M::GET,    "/companies/{id}",                       "CompanyView",       companies::show),
        top(M::DELETE, "/companies/{id}",                       "CompanyRemove",     companies::remove),
        top(M::POST,   "/companies/{id}/invite-again",          "CompanyCreate",     companies::invite_again),
        top(M::POST,   "/companies/{id}/suspend",               "CompanySuspend",    companies::suspend),
        top(M::POST,   "/companies/{id}/resume",                "CompanySuspend",    companies::resume),
        top(M::POST,   "/companies/{id}/rename",                "CompanyRename",     companies::rename),
        top(M::PUT,    "/companies/{id}/hosts",                 "CompanyRename",     companies::hosts),
        top(M::PUT,    "/companies/{id}/limits",                "CompanyLimit",      companies::limit),
        top(M::POST,   "/companies/{id}/backups",               "CompanyBackup",     companies::back_up),
        // Spaces
        top(M::GET,    "/spaces",                               "",                  spaces::list),
        top(M::GET,    "/spaces/all",                           "",                  spaces::all),
        top(M::POST,   "/spaces",                               "SpaceCreate",       spaces::create),
        top(M::GET,    "/spaces/{id}",                          "",                  spaces::show),
        top(M::PUT,    "/spaces/{id}",                          "SpaceEdit",         spaces::update),
        top(M::DELETE, "/spaces/{id}",                          "SpaceDelete",       spaces::delete),
        // People, service accounts, keys
        top(M::GET,    "/users",                                "UserView",          users::list),
        top(M::GET,    "/users/all",                            "UserView",          users::all),
        top(M::POST,   "/users/login",                          "public",            signin::login),
        top(M::POST,   "/users/logout",                         "public",            signin::logout),
        top(M::GET,    "/users/me",                             "",                  users::me),
        top(M::PUT,    "/users/me",                             "",                  me::update),
        top(M::PUT,    "/users/me/password",                    "",                  me::change_password),
        top(M::GET,    "/users/me/factors",                     "",                  me::list),
        top(M::POST,   "/users/me/factors",                     "",                  me::add),
        top(M::POST,   "/users/me/factors/app",                 "",                  me::begin_app),
        top(M::POST,   "/users/me/factors/passkey",             "",                  me::begin_passkey),
        top(M::PUT,    "/users/me/factors/{factor}",            "",                  me::rename),
        top(M::DELETE, "/users/me/factors/{factor}",            "",                  me::remove),
        top(M::POST,   "/users/me/recoverycodes",               "",                  me::renew_codes),
        top(M::POST,   "/users/me/proof",                       "",                  me::prove),
        top(M::POST,   "/users/me/proof/passkey",               "",                  me::begin_proof),
        top(M::GET,    "/users/me/sessions",                    "",                  me::sessions),
        top(M::DELETE, "/users/me/sessions/{session}",          "",                  me::end_session),
        top(M::GET,    "/users/withoutsecondfactor",            "UserView",          me::lacking),
        top(M::DELETE, "/users/{id}/factors",                   "UserEdit",          me::reset),
        top(M::POST,   "/users",                                "UserEdit",          users::create),
        top(M::GET,    "/users/invitations",                    "UserInvite",        users::invitations::list),
        top(M::POST,   "/users/invitations",                    "UserInvite",        users::invitations::create),
        top(M::POST,   "/users/invitations/preview",            "UserInvite",        users::invitations::preview),
        top(M::GET,    "/users/invitations/{id}",               "UserInvite",        users::invitations::show),
        top(M::DELETE, "/users/invitations/{id}",               "UserInvite",        users::invitations::revoke),
        top(M::POST,   "/users/invitations/{id}/again",         "UserInvite",        users::invitations::again),
        top(M::POST,   "/users/register",                       "public",            users::invitations::register),
        top(M::GET,    "/users/{id}",                           "UserView",          users::show),
        top(M::PUT,    "/users/{id}",                           "UserEdit",          users::update),
        top(M::DELETE, "/users/{id}",                           "UserEdit",          users::delete),
        top(M::GET,    "/users/{id}/apikeys",                   "",                  users::keys::list),
        top(M::POST,   "/users/{id}/apikeys",                   "",                  users::keys::create),
        top(M::GET,    "/users/{id}/apikeys/{key}",             "",                  users::keys::show),
        top(M::DELETE, "/users/{id}/apikeys/{key}",             "",                  users::keys::delete),
        top(M::GET,    "/users/{id}/teams",                     "",                  users::teams),
        top(M::GET,    "/users/{id}/spaces",                    "",                  users::spaces),
        top(M::GET,    "/users/{id}/permissions",               "",                  answers::permissions),
        top(M::GET,    "/users/{id}/permissions/export",        "",                  answers::export),
        top(M::GET,    "/users/{id}/permissions/configuration", "",                  userroles::configuration),
        top(M::GET,    "/serviceaccounts/{id}/oidcidentities/v1",            "UserView", users::accounts::list),
        top(M::POST,   "/serviceaccounts/{id}/oidcidentities/create/v1",     "UserEdit", users::accounts::create),
        top(M::GET,    "/serviceaccounts/{id}/oidcidentities/{identity}/v1", "UserView", users::accounts::show),
        top(M::PUT,    "/serviceaccounts/{id}/oidcidentities/{identity}/v1", "UserEdit", users::accounts::update),
        top(M::DELETE, "/serviceaccounts/{id}/oidcidentities/{identity}/v1", "UserEdit", users::accounts::delete),
        top(M::GET,    "/openid-configuration",                 "public",            users::accounts::discovery),
        top(M::GET,    "/jwks",                                 "public",            users::accounts::keys),
        top(M::POST,   "/token/v1",                             "public",            users::accounts::exchange),
        // Letters
        top(M::GET,    "/letters",                              "ConfigureServer",   letters::list),
        top(M::POST,   "/letters/test",                         "ConfigureServer",   letters::send_test),
        // Teams and what they may do
        top(M::GET,    "/teams",                                "TeamView",          teams::list),
        top(M::GET,    "/teams/all",                            "TeamView",          teams::all),
        top(M::POST,   "/teams",                                "TeamCreate",        teams::create),
        top(M::GET,    "/teams/{id}",                           "TeamView",          teams::show),
        top(M::PUT,    "/teams/{id}",                           "TeamEdit",          teams::update),
        top(M::DELETE, "/teams/{id}",                           "TeamDelete",        teams::delete),
        top(M::GET,    "/teams/{id}/scopeduserroles",           "TeamView",          teams::scoped::of_team),
        top(M::GET,    "/teammembership",                       "",                  teams::membership),
        top(M::GET,    "/scopeduserroles",                      "TeamView",          teams::scoped::list),
        top(M::POST,   "/scopeduserroles",                      "TeamEdit",          teams::scoped::add),
        top(M::GET,    "/scopeduserroles/{id}",                 "TeamView",          teams::scoped::show),
        top(M::PUT,    "/scopeduserroles/{id}",                 "TeamEdit",          teams::scoped::update),
        top(M::DELETE, "/scopeduserroles/{id}",                 "TeamEdit",          teams::scoped::remove),
        top(M::GET,    "/userroles",                            "UserRoleView",      userroles::list),
        top(M::GET,    "/userroles/all",                        "UserRoleView",      userroles::all),
        top(M::GET,    "/userroles/{id}",                       "UserRoleView",      userroles::show),
        top(M::POST,   "/userroles",                            "UserRoleEdit",      userroles::create),
        top(M::PUT,    "/userroles/{id}",                       "UserRoleEdit",      userroles::update),
        top(M::DELETE, "/userroles/{id}",                       "UserRoleEdit",      userroles::delete),
        top(M::GET,    "/userroles/{id}/uses",                  "UserRoleView",      userroles::uses),
        top(M::POST,   "/userroles/{id}/clone",                 "UserRoleEdit",      userroles::copy),
        top(M::POST,   "/userroles/{id}/reset",                 "UserRoleEdit",      userroles::reset),
        top(M::GET,    "/recipes",                              "TeamCreate",        recipes::list),
        top(M::POST,   "/recipes/{id}",                         "TeamCreate",        recipes::start),
        top(M::GET,    "/emergencies",                          "",                  emergencies::own),
        top(M::POST,   "/emergencies",                          "",                  emergencies::begin),
        top(M::DELETE, "/emergencies/{emergency}",              "",                  emergencies::end_own),
        top(M::GET,    "/teams/{id}/emergencies",               "TeamView",          emergencies::list),
        top(M::DELETE, "/teams/{id}/emergencies/{emergency}",   "TeamEdit",          emergencies::end),
        top(M::GET,    "/permissions/all",                      "",                  userroles::permissions),
        // Answers about access: why, who, the review
        top(M::GET,    "/access/why",                           "",                  answers::why::why),
        top(M::GET,    "/access/who",                           "UserView",          answers::why::who),
        top(M::GET,    "/access/review",                        "UserView",          answers::review::review),
        top(M::GET,    "/access/review/export",                 "UserView",          answers::review::export),
        top(M::GET,    "/access/review/signoffs",               "UserView",          answers::review::sign_offs),
        top(M::POST,   "/access/review/signoffs",               "UserEdit",          answers::review::sign_off),
        // The trail
        top(M::GET,    "/events",                               "EventView",         events::list),
        top(M::GET,    "/events/categories",                    "",                  events::categories),
        top(M::GET,    "/events/groups",                        "",                  events::groups),
        top(M::GET,    "/events/agents",                        "",                  events::agents),
        top(M::GET,    "/events/documenttypes",                 "",                  events::document_types),
        top(M::GET,    "/events/export",                        "EventView",         events::export),
        top(M::GET,    "/events/archives",                      "EventRetentionView",   events::keeping::archives),
        top(M::GET,    "/events/archives/{id}",                 "EventRetentionView",   events::keeping::archive),
        top(M::DELETE, "/events/archives/{id}",                 "EventRetentionDelete", events::keeping::delete_archive),
        top(M::GET,    "/events/proofs",                        "EventRetentionView",   events::keeping::proofs),
        top(M::POST,   "/events/proofs/secret",                 "ConfigureServer",      events::keeping::secret),
        top(M::GET,    "/events/{id}",                          "EventView",         events::show),
    ]
}

/// Routes of a space. Each is reached in three spellings: below `/{company}/api/{space}`, below
/// `/{company}/api/spaces/{space}`, and below `/{company}/api` for the default space.
#[rustfmt::skip]
pub fn space_routes() -> Vec<Route<Handler>> {
    use Method as M;
    vec![
        top(M::GET,    "/",                                     "",                  root::space),
        // Teams, people and the trail as seen from a space
        top(M::GET,    "/teams",                                "TeamView",          teams::list),
        top(M::GET,    "/teams/all",                            "TeamView",          teams::all),
        top(M::POST,   "/teams",                                "TeamCreate",        teams::create),
        top(M::GET,    "/teams/{id}",                           "TeamView",          teams::show),
        top(M::PUT,    "/teams/{id}",                           "TeamEdit",          teams::update),
        top(M::DELETE, "/teams/{id}",                           "TeamDelete",        teams::delete),
        top(M::GET,    "/teams/{id}/scopeduserroles",           "TeamView",          teams::scoped::of_team),
        top(M::GET,    "/scopeduserroles",                      "TeamView",          teams::scoped::list),
        top(M::POST,   "/scopeduserroles",                      "TeamEdit",          teams::scoped::add),
        top(M::GET,    "/scopeduserroles/{id}",                 "TeamView",          teams::scoped::show),
        top(M::PUT,    "/scopeduserroles/{id}",                 "TeamEdit",          teams::scoped::update),
        top(M::DELETE, "/scopeduserroles/{id}",                 "TeamEdit",          teams::scoped::remove),
        top(M::GET,    "/users/{id}/permissions",               "",                  answers::permissions),
        top(M::GET,    "/users/{id}/permissions/export",        "",                  answers::export),
        top(M::GET,    "/events",                               "EventView",         events::list),
        top(M::GET,    "/events/{id}",                          "EventView",         events::show),
        // Environments
        top(M::GET,    "/environments",                         "EnvironmentView",   environments::list),
        top(M::GET,    "/environments/all",                     "EnvironmentView",   environments::all),
        top(M::GET,    "/environments/v2",                      "EnvironmentView",   environments::list),
        top(M::GET,    "/environments/summary",                 "EnvironmentView",   environments::summary::all),
        top(M::POST,   "/environments",                         "EnvironmentCreate", environments::create),
        top(M::PUT,    "/environments/sortorder",               "EnvironmentEdit",   environments::sort),
        top(M::GET,    "/environments/{id}",                    "EnvironmentView",   environments::show),
        top(M::GET,    "/environments/{id}/machines",           "MachineView",       machines::of_environment),
        top(M::GET,    "/environments/{id}/singlyScopedVariableDetails", "EnvironmentView", environments::summary::variables),
        top(M::PUT,    "/environments/{id}",                    "EnvironmentEdit",   environments::update),
        top(M::DELETE, "/environments/{id}",                    "EnvironmentDelete", environments::delete),
        // Project groups
        top(M::GET,    "/projectgroups",                        "ProjectGroupView",   projectgroups::list),
        top(M::GET,    "/projectgroups/all",                    "ProjectGroupView",   projectgroups::all),
        top(M::POST,   "/projectgroups",                        "ProjectGroupCreate", projectgroups::create),
        top(M::GET,    "/projectgroups/{id}",                   "ProjectGroupView",   projectgroups::show),
        top(M::GET,    "/projectgroups/{id}/projects",          "ProjectGroupView",   projectgroups::projects),
        top(M::PUT,    "/projectgroups/{id}",                   "ProjectGroupEdit",   projectgroups::update),
        top(M::DELETE, "/projectgroups/{id}",                   "ProjectGroupDelete", projectgroups::delete),
        // Lifecycles
        top(M::GET,    "/lifecycles",                           "LifecycleView",     lifecycles::list),
        top(M::GET,    "/lifecycles/all",                       "LifecycleView",     lifecycles::all),
        top(M::POST,   "/lifecycles",                           "LifecycleCreate",   lifecycles::create),
        top(M::GET,    "/lifecycles/{id}",                      "LifecycleView",     lifecycles::show),
        top(M::GET,    "/lifecycles/{id}/preview",              "LifecycleView",     lifecycles::preview),
        top(M::GET,    "/lifecycles/{id}/projects",             "LifecycleView",     lifecycles::projects),
        top(M::PUT,    "/lifecycles/{id}",                      "LifecycleEdit",     lifecycles::update),
        top(M::DELETE, "/lifecycles/{id}",                      "LifecycleDelete",   lifecycles::delete),
        // Projects and their processes
        top(M::GET,    "/projects",                             "ProjectView",       projects::list),
        top(M::GET,    "/projects/all",                         "ProjectView",       projects::all),
        top(M::POST,   "/projects",                             "ProjectCreate",     projects::create),
        top(M::GET,    "/projects/{project}",                   "ProjectView",       projects::show),
        top(M::PUT,    "/projects/{project}",                   "ProjectEdit",       projects::update),
        top(M::DELETE, "/projects/{project}",                   "ProjectDelete",     projects::delete),
        top(M::GET,    "/projects/{project}/deploymentsettings", "ProjectView",      projectsettings::show),
        top(M::PUT,    "/projects/{project}/deploymentsettings", "ProjectEdit",      projectsettings::update),
        top(M::GET,    "/projects/{project}/summary",           "ProjectView",       projectsettings::summary),
        top(M::GET,    "/variables/{id}",                       "VariableViewUnscoped", projectsettings::variables),
        top(M::GET,    "/projects/{project}/deploymentprocesses",          "ProcessView",   processes::of_project),
        top(M::PUT,    "/projects/{project}/deploymentprocesses",          "ProcessEdit",   processes::update_of_project),
        top(M::GET,    "/projects/{project}/deploymentprocesses/template", "ReleaseCreate", processes::template),
        top(M::GET,    "/deploymentprocesses/{id}",             "ProcessView",       processes::show),
        top(M::PUT,    "/deploymentprocesses/{id}",             "ProcessEdit",       processes::update),
        top(M::GET,    "/deploymentprocesses/{id}/template",    "ReleaseCreate",     processes::template_by_id),
        // Channels
        top(M::GET,    "/channels",                             "ProcessView",       channels::list),
        top(M::GET,    "/channels/all",                         "ProcessView",       channels::all),
        top(M::POST,   "/channels",                             "ProcessEdit",       channels::create),
        top(M::GET,    "/channels/{id}",                        "ProcessView",       channels::show),
        top(M::GET,    "/channels/{id}/releases",               "ReleaseView",       channels::releases),
        top(M::PUT,    "/channels/{id}",                        "ProcessEdit",       channels::update),
        top(M::DELETE, "/channels/{id}",                        "ProcessEdit",       channels::delete),
        top(M::GET,    "/projects/{project}/channels",          "ProcessView",       channels::of_project),
        top(M::POST,   "/projects/{project}/channels",          "ProcessEdit",       channels::create),
        top(M::GET,    "/projects/{project}/channels/{id}",     "ProcessView",       channels::show),
        top(M::PUT,    "/projects/{project}/channels/{id}",     "ProcessEdit",       channels::update),
        top(M::DELETE, "/projects/{project}/channels/{id}",     "ProcessEdit",       channels::delete),
        top(M::GET,    "/projects/{project}/channels/{id}/releases", "ReleaseView",  channels::releases),
        // Releases
        top(M::POST,   "/releases/create/v1",                   "ReleaseCreate",     releases::create_v1),
        top(M::GET,    "/releases",                             "ReleaseView",       releases::list),
        top(M::POST,   "/releases",                             "ReleaseCreate",     releases::create),
        top(M::GET,    "/releases/{id}",                        "ReleaseView",       releases::show),
        top(M::PUT,    "/releases/{id}",                        "ReleaseEdit",       releases::update),
        top(M::DELETE, "/releases/{id}",                        "ReleaseDelete",     releases::delete),
        top(M::GET,    "/releases/{id}/progression",            "ReleaseView",       progression::of_release),
        top(M::GET,    "/releases/{id}/defects",                "ReleaseView",       defects::list),
        top(M::POST,   "/releases/{id}/defects",                "DefectReport",      defects::report),
        top(M::POST,   "/releases/{id}/defects/resolve",        "DefectResolve",     defects::resolve),
        top(M::GET,    "/releases/{id}/missingpackages",        "ReleaseView",       releases::missing_packages),
        top(M::POST,   "/releases/{id}/snapshot-variables",     "ReleaseEdit",       releases::variables::snapshot),
        top(M::POST,   "/releases/{id}/snapshot-variables-by-name", "ReleaseEdit",   releases::variables::snapshot_by_name),
        top(M::GET,    "/projects/{project}/releases",          "ReleaseView",       releases::of_project),
        top(M::GET,    "/projects/{project}/progression",       "ProjectView",       progression::of_project),
        top(M::GET,    "/progression/{project}",                "ProjectView",       progression::of_project),
        top(M::GET,    "/projects/{project}/releases/{id}",     "ReleaseView",       releases::show),
        // Deployments
        top(M::GET,    "/deployments",                          "DeploymentView",    deployments::list),
        top(M::POST,   "/deployments",                          "DeploymentCreate",  deployments::create),
        top(M::GET,    "/deployments/{id}",                     "DeploymentView",    deployments::show),
        top(M::DELETE, "/deployments/{id}",                     "DeploymentDelete",  deployments::delete),
        top(M::POST,   "/deployments/create/untenanted/v1",     "DeploymentCreate",  deployments::untenanted),
        top(M::POST,   "/deployments/create/tenanted/v1",       "DeploymentCreate",  deployments::tenanted),
        top(M::GET,    "/releases/{id}/deployments",            "DeploymentView",    deployments::of_release),
        top(M::GET,    "/releases/{id}/deployments/template",   "ReleaseView",       previews::template),
        top(M::GET,    "/releases/{id}/deployments/preview/{environment}",          "ReleaseView", previews::show),
        top(M::GET,    "/releases/{id}/deployments/preview/{environment}/{tenant}", "ReleaseView", previews::show),
        top(M::POST,   "/releases/{id}/deployments/previews",   "ReleaseView",       previews::several),
        // Runbooks, their processes, snapshots and runs
        top(M::GET,    "/runbooks",                             "RunbookView",       runbooks::list),
        top(M::GET,    "/runbooks/all",                         "RunbookView",       runbooks::all),
        top(M::POST,   "/runbooks",                             "RunbookEdit",       runbooks::create),
        top(M::GET,    "/runbooks/{id}",                        "RunbookView",       runbooks::show),
        top(M::PUT,    "/runbooks/{id}",                        "RunbookEdit",       runbooks::update),
        top(M::DELETE, "/runbooks/{id}",                        "RunbookEdit",       runbooks::delete),
        top(M::GET,    "/runbooks/{id}/environments",           "RunbookView",       runbooks::environments),
        top(M::GET,    "/runbooks/{runbook}/runbookSnapshots",  "RunbookView",       runbooks::snapshots::list),
        top(M::GET,    "/runbooks/{runbook}/runbookSnapshots/{id}",       "RunbookView",           runbooks::snapshots::show),
        top(M::GET,    "/runbooks/{runbook}/runbookSnapshotTemplate",     "RunbookSnapshotCreate", runbooks::snapshots::template),
        top(M::GET,    "/runbooks/{runbook}/runbookRuns/preview/{environment}", "RunbookView",     runbooks::runs::preview),
        top(M::POST,   "/runbooks/{runbook}/runbookRuns/previews",        "RunbookView",           runbooks::runs::previews),
        top(M::GET,    "/projects/{project}/runbooks",          "RunbookView",       runbooks::list),
        top(M::POST,   "/projects/{project}/runbooks",          "RunbookEdit",       runbooks::create),
        top(M::GET,    "/projects/{project}/runbooks/{id}",     "RunbookView",       runbooks::show),
        top(M::PUT,    "/projects/{project}/runbooks/{id}",     "RunbookEdit",       runbooks::update),
        top(M::DELETE, "/projects/{project}/runbooks/{id}",     "RunbookEdit",       runbooks::delete),
        top(M::GET,    "/projects/{project}/runbooks/{id}/environments",  "RunbookView",           runbooks::environments),
        top(M::GET,    "/projects/{project}/runbooks/{runbook}/runbookSnapshots",      "RunbookView", runbooks::snapshots::list),
        top(M::GET,    "/projects/{project}/runbooks/{runbook}/runbookSnapshots/{id}", "RunbookView", runbooks::snapshots::show),
        top(M::GET,    "/projects/{project}/runbooks/{runbook}/runbookSnapshotTemplate", "RunbookSnapshotCreate", runbooks::snapshots::template),
        top(M::GET,    "/projects/{project}/runbooks/{runbook}/runbookRuns/preview/{environment}", "RunbookView",  runbooks::runs::preview),
        top(M::POST,   "/projects/{project}/runbooks/{runbook}/runbookRuns/previews", "RunbookView",  runbooks::runs::previews),
        top(M::GET,    "/projects/{project}/runbookProcesses/{id}", "RunbookView",   runbooks::process::show),
        top(M::PUT,    "/projects/{project}/runbookProcesses/{id}", "RunbookEdit",   runbooks::process::update),
        top(M::GET,    "/runbookProcesses/{id}",                "RunbookView",       runbooks::process::show),
        top(M::PUT,    "/runbookProcesses/{id}",                "RunbookEdit",       runbooks::process::update),
        top(M::GET,    "/projects/{project}/runbookSnapshots",  "RunbookView",       runbooks::snapshots::of_project),
        top(M::GET,    "/projects/{project}/runbookSnapshots/{snapshot}", "RunbookView", runbooks::snapshots::show_in_project),
        top(M::DELETE, "/projects/{project}/runbookSnapshots/{snapshot}", "RunbookEdit", runbooks::snapshots::delete_in_project),
        top(M::POST,   "/projects/{project}/runbookSnapshots",  "RunbookSnapshotCreate", runbooks::snapshots::take),
        top(M::POST,   "/runbookSnapshots",                     "RunbookSnapshotCreate", runbooks::snapshots::take),
        top(M::GET,    "/runbookSnapshots/{snapshot}",          "RunbookView",       runbooks::snapshots::show),
        top(M::DELETE, "/runbookSnapshots/{snapshot}",          "RunbookEdit",       runbooks::snapshots::delete),
        top(M::POST,   "/runbookSnapshots/{snapshot}/snapshot-variables",         "RunbookEdit", runbooks::snapshots::variables),
        top(M::POST,   "/runbookSnapshots/{snapshot}/snapshot-variables-by-name", "RunbookEdit", runbooks::snapshots::variables_by_name),
        top(M::GET,    "/runbookSnapshots/{snapshot}/runbookRuns/preview/{environment}", "RunbookView", runbooks::runs::preview),
        top(M::GET,    "/runbookRuns",                          "RunbookRunView",    runbooks::runs::list),
        top(M::POST,   "/runbookRuns",                          "RunbookRunCreate",  runbooks::runs::create_one),
        top(M::GET,    "/runbookRuns/{id}",                     "RunbookRunView",    runbooks::runs::show),
        top(M::DELETE, "/runbookRuns/{id}",                     "RunbookRunDelete",  runbooks::runs::delete),
        top(M::POST,   "/runbook-runs/create/v1",               "RunbookRunCreate",  runbooks::runs::create),
        // Tasks
        top(M::GET,    "/tasks",                                "TaskView",          tasks::list),
        top(M::POST,   "/tasks",                                "TaskCreate",        tasks::create),
        top(M::GET,    "/tasks/tasktypes",                      "",                  tasks::types),
        top(M::GET,    "/tasks/{id}",                           "TaskView",          tasks::show),
        top(M::GET,    "/tasks/{id}/details",                   "TaskView",          tasks::details::details),
        top(M::GET,    "/tasks/{id}/raw",                       "TaskView",          tasks::raw),
        top(M::POST,   "/tasks/{id}/cancel",                    "TaskCancel",        tasks::cancel),
        top(M::POST,   "/tasks/rerun/{id}",                     "DeploymentCreate",  tasks::rerun::rerun),
        // Dashboard
        top(M::GET,    "/dashboard",                            "",                  dashboard::show),
        top(M::GET,    "/dashboard/dynamic",                    "",                  dashboard::dynamic),
        // Tenants and their tags
        top(M::GET,    "/tenants",                              "TenantView",        tenants::list),
        top(M::GET,    "/tenants/all",                          "TenantView",        tenants::all),
        top(M::GET,    "/tenants/tag-test",                     "TenantView",        tenants::test_tags),
        top(M::GET,    "/tenants/status",                       "TenantView",        tenants::status),
        top(M::GET,    "/tenants/variables-missing",            "TenantView",        tenants::variables::missing),
        top(M::POST,   "/tenants",                              "TenantCreate",      tenants::create),
        top(M::GET,    "/tenants/{id}",                         "TenantView",        tenants::show),
        top(M::PUT,    "/tenants/{id}",                         "TenantEdit",        tenants::update),
        top(M::DELETE, "/tenants/{id}",                         "TenantDelete",      tenants::delete),
        top(M::GET,    "/tenants/{id}/selfservice",             "TenantView",        tenants::selfservice::show),
        top(M::POST,   "/tenants/{id}/selfservice",             "UserInvite",        tenants::selfservice::give),
        top(M::GET,    "/tenants/{id}/variables",               "TenantView",        tenants::variables::show),
        top(M::PUT,    "/tenants/{id}/variables",               "TenantEdit",        tenants::variables::set),
        top(M::POST,   "/tenants/{id}/variables",               "TenantEdit",        tenants::variables::set),
        top(M::GET,    "/tenants/{id}/commonvariables",         "TenantView",        tenants::variables::show),
        top(M::PUT,    "/tenants/{id}/commonvariables",         "TenantEdit",        tenants::variables::set),
        top(M::GET,    "/tenants/{id}/projectvariables",        "TenantView",        tenants::variables::show),
        top(M::PUT,    "/tenants/{id}/projectvariables",        "TenantEdit",        tenants::variables::set),
        top(M::GET,    "/tenantvariables/all",                  "TenantView",        tenants::variables::all),
        top(M::GET,    "/tagsets",                              "",                  tagsets::list),
        top(M::GET,    "/tagsets/all",                          "",                  tagsets::all),
        top(M::PUT,    "/tagsets/sortorder",                    "TagSetEdit",        tagsets::sort),
        top(M::POST,   "/tagsets",                              "TagSetCreate",      tagsets::create),
        top(M::GET,    "/tagsets/{id}",                         "",                  tagsets::show),
        top(M::PUT,    "/tagsets/{id}",                         "TagSetEdit",        tagsets::update),
        top(M::DELETE, "/tagsets/{id}",                         "TagSetDelete",      tagsets::delete),
        // Deployment targets and accounts
        top(M::GET,    "/machines",                             "MachineView",       machines::list),
        top(M::GET,    "/machines/all",                         "MachineView",       machines::all),
        top(M::POST,   "/machines",                             "MachineCreate",     machines::create),
        top(M::GET,    "/machines/{id}",                        "MachineView",       machines::show),
        top(M::PUT,    "/machines/{id}",                        "MachineEdit",       machines::update),
        top(M::DELETE, "/machines/{id}",                        "MachineDelete",     machines::delete),
        top(M::GET,    "/machines/{id}/connection",             "MachineView",       machines::connection),
        top(M::GET,    "/machines/{id}/tasks",                  "MachineView",       tasks::of_machine),
        top(M::GET,    "/machineroles/all",                     "MachineView",       machines::roles),
        top(M::GET,    "/machinepolicies",                      "MachinePolicyView", machinepolicies::list),
        top(M::GET,    "/machinepolicies/all",                  "MachinePolicyView", machinepolicies::all),
        top(M::GET,    "/machinepolicies/{id}",                 "MachinePolicyView", machinepolicies::show),
        top(M::GET,    "/workerpools",                          "",                  workers::pools),
        top(M::GET,    "/workerpools/all",                      "",                  workers::all_pools),
        top(M::GET,    "/workerpools/{id}",                     "",                  workers::show_pool),
        top(M::GET,    "/workers",                              "WorkerView",        workers::list),
        top(M::GET,    "/workers/all",                          "WorkerView",        workers::all),
        top(M::GET,    "/accounts",                             "AccountView",       accounts::list),
        top(M::GET,    "/accounts/all",                         "AccountView",       accounts::all),
        top(M::POST,   "/accounts",                             "AccountCreate",     accounts::create),
        top(M::GET,    "/accounts/{id}",                        "AccountView",       accounts::show),
        top(M::PUT,    "/accounts/{id}",                        "AccountEdit",       accounts::update),
        top(M::DELETE, "/accounts/{id}",                        "AccountDelete",     accounts::delete),
        // Services that this version does not have yet
        top(M::GET,    "/actiontemplates",                      "",                  unbuilt::action_templates::list),
        top(M::GET,    "/actiontemplates/all",                  "",                  unbuilt::action_templates::all),
        top(M::POST,   "/actiontemplates",                      "",                  unbuilt::action_templates::create),
        top(M::GET,    "/artifacts",                            "",                  unbuilt::artifacts::list),
        top(M::GET,    "/artifacts/all",                        "",                  unbuilt::artifacts::all),
        top(M::POST,   "/artifacts",                            "",                  unbuilt::artifacts::create),
        top(M::GET,    "/certificates",                         "",                  unbuilt::certificates::list),
        top(M::GET,    "/certificates/all",                     "",                  unbuilt::certificates::all),
        top(M::POST,   "/certificates",                         "",                  unbuilt::certificates::create),
        top(M::GET,    "/feeds",                                "",                  unbuilt::feeds::list),
        top(M::GET,    "/feeds/all",                            "",                  unbuilt::feeds::all),
        top(M::POST,   "/feeds",                                "",                  unbuilt::feeds::create),
        top(M::GET,    "/git-credentials",                      "",                  unbuilt::git_credentials::list),
        top(M::GET,    "/git-credentials/all",                  "",                  unbuilt::git_credentials::all),
        top(M::POST,   "/git-credentials",                      "",                  unbuilt::git_credentials::create),
        top(M::GET,    "/interruptions",                        "",                  unbuilt::interruptions::list),
        top(M::GET,    "/interruptions/all",                    "",                  unbuilt::interruptions::all),
        top(M::POST,   "/interruptions",                        "",                  unbuilt::interruptions::create),
        top(M::GET,    "/libraryvariablesets",                  "",                  unbuilt::library_variable_sets::list),
        top(M::GET,    "/libraryvariablesets/all",              "",                  unbuilt::library_variable_sets::all),
        top(M::POST,   "/libraryvariablesets",                  "",                  unbuilt::library_variable_sets::create),
        top(M::GET,    "/projecttriggers",                      "",                  unbuilt::project_triggers::list),
        top(M::GET,    "/projecttriggers/all",                  "",                  unbuilt::project_triggers::all),
        top(M::POST,   "/projecttriggers",                      "",                  unbuilt::project_triggers::create),
        top(M::GET,    "/proxies",                              "",                  unbuilt::proxies::list),
        top(M::GET,    "/proxies/all",                          "",                  unbuilt::proxies::all),
        top(M::POST,   "/proxies",                              "",                  unbuilt::proxies::create),
        top(M::GET,    "/subscriptions",                        "",                  unbuilt::subscriptions::list),
        top(M::GET,    "/subscriptions/all",                    "",                  unbuilt::subscriptions::all),
        top(M::POST,   "/subscriptions",                        "",                  unbuilt::subscriptions::create),
    ]
}

static COMPANY_ROUTES: LazyLock<Table<Handler>> = LazyLock::new(|| Table::new(company_routes()));
static SPACE_ROUTES: LazyLock<Table<Handler>> = LazyLock::new(|| Table::new(space_routes()));

/// Who answers, and the parameters of the path.
type Found<'t> = (&'t Route<Handler>, table::Parameters);

/// Where a path of the API leads: the route and its parameters, `space` among them as it was spelt.
fn route(method: &Method, segments: &[String]) -> std::result::Result<Found<'static>, Option<Vec<Method>>> {
    let (company, space) = (&*COMPANY_ROUTES, &*SPACE_ROUTES);
    let mut methods = None;
    let mut attempt = |routes: &'static Table<Handler>, segments: &[String], spelt: Option<&String>| match routes
        .find(method, segments)
    {
        Matched::Route(route, mut parameters) => {
            if let Some(spelt) = spelt {
                parameters.set("space", spelt.clone());
            }
            Some((route, parameters))
        }
        Matched::Method(others) => {
            methods = Some(others);
            None
        }
        Matched::Nothing => None,
    };
    let found = attempt(company, segments, None)
        .or_else(|| (!segments.is_empty()).then(|| attempt(space, segments, None)).flatten())
        .or_else(|| match segments.split_first() {
            Some((word, rest)) if word.eq_ignore_ascii_case("spaces") => {
                let (spelt, rest) = rest.split_first()?;
                attempt(space, rest, Some(spelt)).filter(|_| !rest.is_empty())
            }
            Some((spelt, rest)) => attempt(space, rest, Some(spelt)),
            None => None,
        });
    found.ok_or(methods)
}

/// The parts of an address below a company's `api`. A client that joins a link to its base address names the company twice.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut segments = table::segments(path)?;
    if let [first, second, third, ..] = segments.as_slice()
        && first.eq_ignore_ascii_case(second)
        && third.eq_ignore_ascii_case("api")
    {
        segments.remove(0);
    }
    Some(segments)
}

/// Answers a request of a program; `path` is what follows `/{company}/api`.
pub async fn serve(desk: Desk, request: Request) -> Response {
    let Some(segments) = segments(request.uri().path()) else {
        return error::reply(&Error::NotFound(request.uri().path().to_owned()), "").respond();
    };
    if segments.first().is_some_and(|first| first.eq_ignore_ascii_case("api")) {
        return error::no_company(&desk.address(request.headers())).respond();
    }
    // The table begins behind these two.
    let below = |second: &String| second.eq_ignore_ascii_case("api") || second == ".well-known";
    let is_there = segments.get(1).is_some_and(below);
    let method = request.method().clone();
    let mut call = match Call::read(desk, request).await {
        Ok(call) => call,
        Err(status) => return error::status(status).respond(),
    };
    let kind = call.media_type().to_ascii_lowercase();
    // A browser cannot send a key from a foreign page; so what comes with one is JSON, whatever its type says.
    let json = kind.is_empty()
        || kind == "application/json"
        || kind.ends_with("+json")
        || kind == "text/json"
        || caller::key(&call).is_some();
    if !call.body.is_empty() && !json && kind != "multipart/form-data" {
        return error::status(axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE).respond();
    }
    let looks = matches!(method, Method::GET | Method::HEAD);
    let seat = match segments.first() {
        Some(company) => call.desk.seat(company).await,
        None => None,
    };
    let work = move || {
        let answer = match is_there {
            true => answer(&mut call, &method, &segments),
            false => error::reply(&Error::NotFound(call.uri.path().to_owned()), ""),
        };
        drop(seat);
        Ok(answer)
    };
    let answer = if looks { crate::http::looking(work).await } else { crate::http::blocking(work).await };
    answer.unwrap_or_else(|fault| error::reply(&fault, &new_reference())).respond()
}

fn answer(call: &mut Call, method: &Method, segments: &[String]) -> Reply {
    // The path begins with the company and `api`.
    let (Some(company), Some(rest)) = (segments.first(), segments.get(2..)) else {
        return error::reply(&Error::NotFound(call.uri.path().to_owned()), "");
    };
    let found = route(method, rest);
    let open = matches!(&found, Ok((route, _)) if route.needs == Needs::Public);
    let ask = match Ask::enter(call, company, open) {
        Ok(ask) => ask,
        Err(reply) => return reply,
    };
    match found {
        Ok((route, parameters)) => {
            let ask = ask.at(parameters);
            let reply = ask.read_body().and_then(|ask| {
                let asked = ask.somebody().map_or(Ok(()), |visitor| route.proof(visitor));
                let reply = asked.and_then(|()| route.handler.run(&ask));
                // What was read around damage is no answer, whatever it says.
                call.desk.appliance.unless_broken(company).and(reply)
            });
            reply.unwrap_or_else(|fault| error::reply(&fault, call.reference()))
        }
        Err(Some(methods)) => error::method(&methods),
        Err(None) => error::reply(&Error::NotFound(call.uri.path().to_owned()), ""),
    }
}

/// The answer to a request that is not looked at any further.
pub fn refuse(status: axum::http::StatusCode) -> Response {
    error::status(status).respond()
}

/// Routes that stream or take large bodies.
pub fn streams() -> axum::Router<Desk> {
    axum::Router::new()
}
