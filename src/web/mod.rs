//! Pages for people. Every route on one screen; a page asks the door, calls one command and draws.
//!
//! Handlers are plain functions of a [`Visit`] (somebody signed in) or of a [`Call`] (nobody yet). They know no axum.

mod accounts;
mod answer;
mod address;
mod again;
mod answers;
mod brand;
mod companies;
pub mod caller;
mod dashboard;
mod deployments;
mod environments;
pub mod error;
mod forgot;
mod form;
mod help;
mod identities;
mod invitations;
mod keys;
mod letters;
mod meanwhile;
mod lifecycles;
mod links;
mod list;
mod once;
pub mod page;
mod projectgroups;
mod passkey;
mod portal;
mod process;
mod projects;
mod proof;
mod register;
mod releases;
mod me;
mod people;
mod recipes;
mod roles;
mod runbooks;
mod teams;
mod trail;
mod search;
mod secondfactors;
mod seen;
mod selfservice;
mod settings;
mod serving;
mod setup;
mod signin;
mod spaces;
mod tagsets;
mod standing;
mod start;
mod tasks;
mod targets;
mod tenants;
mod why;

use crate::base::error::Result;
use crate::http::{
    Desk,
    call::Call,
    table::{Needs, Route},
};
use axum::http::Method;
use caller::{Answer, Visit};
use serving::ROUTES;
pub use serving::{is_page, refuse, serve};

/// A page for somebody who is signed in to a company.
pub type Page = fn(&Visit) -> Result<Answer>;
/// A page for anybody: sign-in and what leads to it.
pub type OpenPage = fn(&Call) -> Result<Answer>;

fn page(method: Method, path: &'static str, permission: &'static str, handler: Page) -> Route<Page> {
    let needs = if permission.is_empty() { Needs::Authenticated } else { Needs::Permission(permission) };
    Route { method, path, needs, handler }
}
fn open(method: Method, path: &'static str, handler: OpenPage) -> Route<OpenPage> {
    Route { method, path, needs: Needs::Public, handler }
}

/// Pages without a visitor: paths from the root of the appliance.
pub fn open_routes() -> Vec<Route<OpenPage>> {
    use Method as M;
    vec![
        open(M::GET, "/", signin::front),
        open(M::GET, "/login", signin::form),
        open(M::POST, "/login", signin::submit),
        open(M::GET, "/{company}/login", signin::form),
        open(M::POST, "/{company}/login", signin::submit),
        open(M::GET, "/{company}/code", signin::code_form),
        open(M::POST, "/{company}/code", signin::code_submit),
        open(M::GET, "/{company}/enrol", signin::enrol_form),
        open(M::POST, "/{company}/enrol", signin::enrol_submit),
        open(M::GET, "/{company}/passkey", passkey::alone_form),
        open(M::POST, "/{company}/passkey", passkey::alone_submit),
        open(M::POST, "/{company}/sign-out", signin::sign_out),
        open(M::GET, "/forgot", forgot::form),
        open(M::POST, "/forgot", forgot::submit),
        open(M::GET, "/{company}/forgot", forgot::form),
        open(M::POST, "/{company}/forgot", forgot::submit),
        open(M::GET, "/{company}/reset", forgot::reset_form),
        open(M::POST, "/{company}/reset", forgot::reset_submit),
        open(M::GET, "/{company}/invitation/{token}", signin::invitation_form),
        open(M::POST, "/{company}/invitation/{token}", signin::invitation_submit),
        open(M::GET, "/{company}/register/{token}", register::form),
        open(M::POST, "/{company}/register/{token}", register::submit),
        open(M::GET, "/{company}/brand/colours.css", brand::colours),
        open(M::GET, "/{company}/brand/logo.png", brand::logo),
        open(M::GET, "/setup/{token}", setup::form),
        open(M::POST, "/setup/{token}", setup::submit),
    ]
}

/// Pages of a company: paths below `/{company}`.
#[rustfmt::skip]
pub fn routes() -> Vec<Route<Page>> {
    use Method as M;
    vec![
        page(M::GET,  "/", "", caller::home),
        page(M::GET,  "/{space}", "", dashboard::show),
        page(M::GET,  "/search", "", search::search),
        page(M::GET,  "/app", "", search::bridge),
        page(M::GET,  "/go/{space}/{kind}/{id}", "", search::go),
        // The portal: what tenants' own people see
        page(M::GET,  "/portal",                                                        "",                 portal::home),
        page(M::GET,  "/portal/{tenant}",                                               "TenantView",       portal::tenant),
        page(M::GET,  "/portal/{tenant}/log/{deployment}",                              "DeploymentView",   portal::log),
        page(M::POST, "/portal/{tenant}/log/{deployment}/cancel",                       "TaskCancel",       portal::cancel),
        page(M::GET,  "/portal/{tenant}/{project}/{environment}",                       "ProjectView",      portal::place),
        page(M::GET,  "/portal/{tenant}/{project}/{environment}/{version}",             "DeploymentCreate", portal::confirm),
        page(M::POST, "/portal/{tenant}/{project}/{environment}/{version}",             "DeploymentCreate", portal::deploy),
        page(M::GET,  "/portal/{tenant}/{project}/runbooks/{runbook}/{environment}",    "RunbookRunCreate", portal::confirm_run),
        page(M::POST, "/portal/{tenant}/{project}/runbooks/{runbook}/{environment}",    "RunbookRunCreate", portal::run),
        page(M::GET,  "/portal/{tenant}/{project}/runbooks/{runbook}/runs/{run}",       "RunbookRunView",   portal::run_log),
        page(M::POST, "/portal/{tenant}/{project}/runbooks/{runbook}/runs/{run}/cancel", "TaskCancel",      portal::cancel_run),
        // Tasks
        page(M::GET,  "/tasks",                "TaskView",   tasks::list),
        page(M::GET,  "/tasks/{task}",         "TaskView",   tasks::show),
        page(M::POST, "/tasks/{task}/cancel",  "TaskCancel", tasks::cancel),
        // Deployments
        page(M::GET,  "/{space}/projects/{project}/releases/{version}/deployments/new", "DeploymentCreate", deployments::new),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/deployments",     "DeploymentCreate", deployments::create),
        page(M::GET,  "/{space}/projects/{project}/deployments",                        "DeploymentView",   deployments::list),
        page(M::GET,  "/{space}/projects/{project}/deployments/{deployment}",           "DeploymentView",   deployments::show),
        // Runbooks
        page(M::GET,  "/{space}/projects/{project}/runbooks",                             "RunbookView",      runbooks::list),
        page(M::POST, "/{space}/projects/{project}/runbooks",                             "RunbookEdit",      runbooks::create),
        page(M::GET,  "/{space}/projects/{project}/runbooks/new",                         "RunbookEdit",      runbooks::new),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}",                   "RunbookView",      runbooks::show),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}",                   "RunbookEdit",      runbooks::update),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/edit",              "RunbookEdit",      runbooks::edit),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/delete",            "RunbookEdit",      runbooks::delete),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/run",               "RunbookRunCreate", runbooks::run_form),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/run",               "RunbookRunCreate", runbooks::run),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/publish",           "RunbookEdit",      runbooks::publish),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/snapshots",         "RunbookSnapshotCreate", runbooks::take),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/snapshots/{snapshot}",         "RunbookView", runbooks::snapshot),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/snapshots/{snapshot}/publish", "RunbookEdit", runbooks::publish_snapshot),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/snapshots/{snapshot}/delete",  "RunbookEdit", runbooks::delete_snapshot),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/runs/{run}",                   "RunbookRunView",   runbooks::show_run),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/runs/{run}/delete",            "RunbookRunDelete", runbooks::delete_run),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/process",                      "RunbookView", process::show),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/process/new",                  "RunbookEdit", process::new),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps",                "RunbookEdit", process::add),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}",         "RunbookEdit", process::edit),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}",         "RunbookEdit", process::update),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}/up",      "RunbookEdit", process::up),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}/down",    "RunbookEdit", process::down),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}/remove",  "RunbookEdit", process::remove),
        // Tenants
        page(M::GET,  "/{space}/tenants",                        "TenantView",   tenants::list),
        page(M::POST, "/{space}/tenants",                        "TenantCreate", tenants::create),
        page(M::GET,  "/{space}/tenants/new",                    "TenantCreate", tenants::new),
        page(M::GET,  "/{space}/tenants/{tenant}",               "TenantView",   tenants::show),
        page(M::POST, "/{space}/tenants/{tenant}",               "TenantEdit",   tenants::update),
        page(M::GET,  "/{space}/tenants/{tenant}/edit",          "TenantEdit",   tenants::edit),
        page(M::GET,  "/{space}/tenants/{tenant}/connections",   "TenantEdit",   tenants::connections),
        page(M::POST, "/{space}/tenants/{tenant}/connections",   "TenantEdit",   tenants::connect),
        page(M::GET,  "/{space}/tenants/{tenant}/clone",         "TenantCreate", tenants::copy),
        page(M::POST, "/{space}/tenants/{tenant}/clone",         "TenantCreate", tenants::make_copy),
        page(M::POST, "/{space}/tenants/{tenant}/delete",        "TenantDelete", tenants::delete),
        page(M::GET,  "/{space}/tenants/{tenant}/access",        "UserInvite",   selfservice::show),
        page(M::POST, "/{space}/tenants/{tenant}/access",        "UserInvite",   selfservice::give),
        // People and access
        page(M::GET,  "/access/people",                                   "UserView",     people::list),
        page(M::GET,  "/access/people/new-service-account",               "UserEdit",     people::service_form),
        page(M::POST, "/access/people/new-service-account",               "UserEdit",     people::create_service),
        page(M::GET,  "/access/people/{user}",                            "UserView",     people::show),
        page(M::POST, "/access/people/{user}",                            "UserEdit",     people::update),
        page(M::GET,  "/access/people/{user}/edit",                       "UserEdit",     people::edit),
        page(M::POST, "/access/people/{user}/invite-again",               "UserInvite",   invitations::again),
        page(M::POST, "/access/people/{user}/revoke",                     "UserInvite",   invitations::revoke),
        page(M::GET,  "/access/people/invite",                            "UserInvite",   invitations::new),
        page(M::POST, "/access/people/invite",                            "UserInvite",   invitations::create),
        page(M::POST, "/access/people/open-invitations/{invitation}/revoke", "UserInvite", invitations::revoke_open),
        page(M::GET,  "/access/people/{user}/keys",                       "UserEdit",     keys::list),
        page(M::POST, "/access/people/{user}/keys",                       "UserEdit",     keys::create),
        page(M::GET,  "/access/people/{user}/keys/new",                   "UserEdit",     keys::new),
        page(M::POST, "/access/people/{user}/keys/{key}/delete",          "UserEdit",     keys::revoke),
        page(M::GET,  "/access/people/{user}/identities",                 "UserView",     identities::list),
        page(M::POST, "/access/people/{user}/identities",                 "UserEdit",     identities::create),
        page(M::GET,  "/access/people/{user}/identities/new",             "UserEdit",     identities::new),
        page(M::POST, "/access/people/{user}/identities/{identity}",      "UserEdit",     identities::update),
        page(M::GET,  "/access/people/{user}/identities/{identity}/edit", "UserEdit",     identities::edit),
        page(M::POST, "/access/people/{user}/identities/{identity}/delete", "UserEdit",   identities::delete),
        page(M::POST, "/access/people/{user}/reset-password",             "UserEdit",     forgot::send),
        page(M::GET,  "/access/people/second-factors",                    "UserView",     secondfactors::lacking),
        page(M::POST, "/access/people/{user}/reset-second-factors",       "UserEdit",     secondfactors::reset),
        page(M::POST, "/access/people/{user}/deactivate",                 "UserEdit",     people::deactivate),
        page(M::POST, "/access/people/{user}/reactivate",                 "UserEdit",     people::reactivate),
        page(M::GET,  "/access/people/{user}/rights",                     "UserView",     answers::rights::show),
        page(M::GET,  "/access/people/{user}/rights/export",              "UserView",     answers::rights::export),
        page(M::GET,  "/access/why",                                      "",             answers::why),
        page(M::GET,  "/access/who",                                      "UserView",     answers::who),
        page(M::GET,  "/access/review",                                   "UserView",     answers::review::show),
        page(M::GET,  "/access/review/export",                            "UserView",     answers::review::export),
        page(M::POST, "/access/review/sign-off",                          "UserEdit",     answers::review::sign_off),
        page(M::GET,  "/access/roles",                                    "UserRoleView", roles::list),
        page(M::POST, "/access/roles",                                    "UserRoleEdit", roles::create),
        page(M::GET,  "/access/roles/new",                                "UserRoleEdit", roles::new),
        page(M::GET,  "/access/roles/{role}",                             "UserRoleView", roles::show),
        page(M::POST, "/access/roles/{role}",                             "UserRoleEdit", roles::update),
        page(M::GET,  "/access/roles/{role}/edit",                        "UserRoleEdit", roles::edit),
        page(M::GET,  "/access/roles/{role}/clone",                       "UserRoleEdit", roles::copy),
        page(M::POST, "/access/roles/{role}/clone",                       "UserRoleEdit", roles::make_copy),
        page(M::POST, "/access/roles/{role}/reset",                       "UserRoleEdit", roles::reset),
        page(M::POST, "/access/roles/{role}/delete",                      "UserRoleEdit", roles::delete),
        page(M::GET,  "/access/recipes",                                  "TeamCreate",   recipes::list),
        page(M::GET,  "/access/recipes/{recipe}",                         "TeamCreate",   recipes::form),
        page(M::POST, "/access/recipes/{recipe}",                         "TeamCreate",   recipes::start),
        page(M::GET,  "/access/teams",                                    "TeamView",     teams::list),
        page(M::POST, "/access/teams",                                    "TeamCreate",   teams::create),
        page(M::GET,  "/access/teams/new",                                "TeamCreate",   teams::new),
        page(M::GET,  "/access/teams/{team}",                             "TeamView",     teams::show),
        page(M::POST, "/access/teams/{team}",                             "TeamEdit",     teams::update),
        page(M::GET,  "/access/teams/{team}/edit",                        "TeamEdit",     teams::edit),
        page(M::POST, "/access/teams/{team}/delete",                      "TeamDelete",   teams::delete),
        page(M::POST, "/access/teams/{team}/members",                     "TeamMembersEdit", teams::add_members),
        page(M::POST, "/access/teams/{team}/members/{user}/delete",       "TeamMembersEdit", teams::remove_member),
        page(M::POST, "/access/teams/{team}/emergency",                   "TeamEdit",     teams::emergency::set),
        page(M::POST, "/access/teams/{team}/emergencies/{emergency}/end", "TeamEdit",     teams::emergency::end),
        page(M::GET,  "/access/teams/{team}/roles/new",                   "TeamEdit",     teams::add_form),
        page(M::POST, "/access/teams/{team}/roles",                       "TeamEdit",     teams::add),
        page(M::GET,  "/access/teams/{team}/roles/{role}/edit",           "TeamEdit",     teams::change_form),
        page(M::POST, "/access/teams/{team}/roles/{role}",                "TeamEdit",     teams::change),
        page(M::POST, "/access/teams/{team}/roles/{role}/delete",         "TeamEdit",     teams::remove),
        // One's own account, and the trail
        page(M::GET,  "/me",                                              "",             me::show),
        page(M::POST, "/me",                                              "",             me::rename),
        page(M::GET,  "/me/emergencies",                                  "",             teams::emergency::own),
        page(M::POST, "/me/emergencies",                                  "",             teams::emergency::begin),
        page(M::POST, "/me/emergencies/{emergency}/end",                  "",             teams::emergency::end_own),
        page(M::GET,  "/me/proof",                                        "",             proof::show),
        page(M::POST, "/me/proof",                                        "",             proof::show),
        page(M::GET,  "/me/typed/{mark}",                                 "",             again::show),
        page(M::GET,  "/me/keys",                                         "",             keys::list),
        page(M::POST, "/me/keys",                                         "",             keys::create),
        page(M::GET,  "/me/keys/new",                                     "",             keys::new),
        page(M::POST, "/me/keys/{key}/delete",                            "",             keys::revoke),
        page(M::GET,  "/me/email",                                        "",             me::factors::email_form),
        page(M::POST, "/me/email",                                        "",             me::factors::change_email),
        page(M::GET,  "/me/password",                                     "",             me::factors::password_form),
        page(M::POST, "/me/password",                                     "",             me::factors::change_password),
        page(M::GET,  "/me/rights",                                       "",             me::rights::show),
        page(M::GET,  "/me/rights/export",                                "",             me::rights::export),
        page(M::GET,  "/me/factors/app",                                  "",             me::factors::new_app),
        page(M::POST, "/me/factors/app",                                  "",             me::factors::add_app),
        page(M::GET,  "/me/factors/passkey",                              "",             me::factors::new_passkey),
        page(M::POST, "/me/factors/passkey",                              "",             me::factors::add_passkey),
        page(M::GET,  "/me/factors/{factor}/edit",                        "",             me::factors::edit),
        page(M::POST, "/me/factors/{factor}",                             "",             me::factors::rename),
        page(M::POST, "/me/factors/{factor}/delete",                      "",             me::factors::remove),
        page(M::POST, "/me/recovery-codes",                               "",             me::factors::renew_codes),
        page(M::POST, "/me/sessions/{session}/delete",                    "",             me::end_session),
        page(M::GET,  "/trail",                                           "EventView",    trail::list),
        page(M::GET,  "/trail/{event}",                                   "EventView",    trail::show),
        page(M::POST, "/trail/export",                                    "EventView",    trail::export),
        page(M::GET,  "/trail/proofs",                                    "EventRetentionView",   trail::proofs),
        page(M::POST, "/trail/proofs/secret",                             "ConfigureServer",      trail::secret),
        page(M::POST, "/trail/archives/{archive}",                        "EventRetentionView",   trail::archive),
        page(M::POST, "/trail/archives/{archive}/delete",                 "EventRetentionDelete", trail::delete_archive),
        // Environments
        page(M::GET,  "/{space}/infrastructure/environments",                       "EnvironmentView",   environments::list),
        page(M::POST, "/{space}/infrastructure/environments",                       "EnvironmentCreate", environments::create),
        page(M::GET,  "/{space}/infrastructure/environments/new",                   "EnvironmentCreate", environments::new),
        page(M::GET,  "/{space}/infrastructure/environments/{environment}",         "EnvironmentView",   environments::show),
        page(M::GET,  "/{space}/infrastructure/environments/{environment}/edit",    "EnvironmentEdit",   environments::edit),
        page(M::POST, "/{space}/infrastructure/environments/{environment}",         "EnvironmentEdit",   environments::update),
        page(M::POST, "/{space}/infrastructure/environments/{environment}/delete",  "EnvironmentDelete", environments::delete),
        // Help
        page(M::GET,  "/help",                                                      "",                   help::index),
        page(M::GET,  "/help/parts",                                                "",                   help::parts),
        // The operator's own compartment: the companies of the appliance
        page(M::GET,  "/companies",                                                 "CompanyView",        companies::list),
        page(M::POST, "/companies",                                                 "CompanyCreate",      companies::create),
        page(M::GET,  "/companies/new",                                             "CompanyCreate",      companies::new),
        page(M::POST, "/companies/adopt",                                           "CompanyCreate",      companies::adopt),
        page(M::GET,  "/companies/{which}",                                         "CompanyView",        companies::show),
        page(M::POST, "/companies/{which}/invite-again",                            "CompanyCreate",      companies::invite_again),
        page(M::POST, "/companies/{which}/suspend",                                 "CompanySuspend",     companies::suspend),
        page(M::POST, "/companies/{which}/resume",                                  "CompanySuspend",     companies::resume),
        page(M::POST, "/companies/{which}/rename",                                  "CompanyRename",      companies::rename),
        page(M::POST, "/companies/{which}/hosts",                                   "CompanyRename",      companies::hosts::set),
        page(M::POST, "/companies/{which}/limits",                                  "CompanyLimit",       companies::limit),
        page(M::POST, "/companies/{which}/backup",                                  "CompanyBackup",      companies::back_up),
        page(M::POST, "/companies/{which}/remove",                                  "CompanyRemove",      companies::remove),
        // Settings: the company, its spaces
        page(M::GET,  "/settings",                                                  "SpaceView",          settings::company),
        page(M::GET,  "/settings/letters",                                          "ConfigureServer",    letters::list),
        page(M::POST, "/settings/letters/test",                                     "ConfigureServer",    letters::send_test),
        page(M::POST, "/settings",                                                  "ConfigureServer",    settings::save_company),
        page(M::GET,  "/settings/sign-in",                                          "ConfigureServer",    settings::sign_in),
        page(M::POST, "/settings/sign-in",                                          "ConfigureServer",    settings::save_sign_in),
        page(M::GET,  "/settings/brand",                                            "ConfigureServer",    settings::brand),
        page(M::POST, "/settings/brand",                                            "ConfigureServer",    settings::save_brand),
        page(M::POST, "/settings/brand/logo",                                       "ConfigureServer",    settings::save_logo),
        page(M::POST, "/settings/brand/logo/delete",                                "ConfigureServer",    settings::delete_logo),
        page(M::GET,  "/settings/limits",                                           "ConfigureServer",    settings::limits),
        page(M::GET,  "/settings/trail",                                            "ConfigureServer",    settings::trail),
        page(M::POST, "/settings/trail",                                            "ConfigureServer",    settings::save_trail),
        page(M::GET,  "/settings/spaces",                                           "SpaceView",          spaces::list),
        page(M::POST, "/settings/spaces",                                           "SpaceCreate",        spaces::create),
        page(M::GET,  "/settings/spaces/new",                                       "SpaceCreate",        spaces::new),
        page(M::GET,  "/settings/spaces/{which}",                                   "SpaceView",          spaces::show),
        page(M::GET,  "/settings/spaces/{which}/edit",                              "SpaceEdit",          spaces::edit),
        page(M::POST, "/settings/spaces/{which}",                                   "SpaceEdit",          spaces::update),
        page(M::POST, "/settings/spaces/{which}/stop",                              "SpaceEdit",          spaces::stop),
        page(M::POST, "/settings/spaces/{which}/resume",                            "SpaceEdit",          spaces::resume),
        page(M::POST, "/settings/spaces/{which}/delete",                            "SpaceDelete",        spaces::delete),
        // Deployment targets and accounts
        page(M::GET,  "/{space}/infrastructure/targets",                            "MachineView",        targets::list),
        page(M::POST, "/{space}/infrastructure/targets",                            "MachineCreate",      targets::create),
        page(M::GET,  "/{space}/infrastructure/targets/new",                        "MachineCreate",      targets::new),
        page(M::GET,  "/{space}/infrastructure/targets/{target}",                   "MachineView",        targets::show),
        page(M::GET,  "/{space}/infrastructure/targets/{target}/edit",              "MachineEdit",        targets::edit),
        page(M::POST, "/{space}/infrastructure/targets/{target}",                   "MachineEdit",        targets::update),
        page(M::POST, "/{space}/infrastructure/targets/{target}/health",            "TaskCreate",         targets::check),
        page(M::POST, "/{space}/infrastructure/targets/{target}/delete",            "MachineDelete",      targets::delete),
        page(M::GET,  "/{space}/infrastructure/accounts",                           "AccountView",        accounts::list),
        page(M::POST, "/{space}/infrastructure/accounts",                           "AccountCreate",      accounts::create),
        page(M::GET,  "/{space}/infrastructure/accounts/new",                       "AccountCreate",      accounts::new),
        page(M::GET,  "/{space}/infrastructure/accounts/{account}",                 "AccountView",        accounts::show),
        page(M::GET,  "/{space}/infrastructure/accounts/{account}/edit",            "AccountEdit",        accounts::edit),
        page(M::POST, "/{space}/infrastructure/accounts/{account}",                 "AccountEdit",        accounts::update),
        page(M::POST, "/{space}/infrastructure/accounts/{account}/delete",          "AccountDelete",      accounts::delete),
        // Library: lifecycles, tag sets, project groups
        page(M::GET,  "/{space}/library/lifecycles",                                "LifecycleView",      lifecycles::list),
        page(M::POST, "/{space}/library/lifecycles",                                "LifecycleCreate",    lifecycles::create),
        page(M::GET,  "/{space}/library/lifecycles/new",                            "LifecycleCreate",    lifecycles::new),
        page(M::GET,  "/{space}/library/lifecycles/{lifecycle}",                    "LifecycleView",      lifecycles::show),
        page(M::GET,  "/{space}/library/lifecycles/{lifecycle}/edit",               "LifecycleEdit",      lifecycles::edit),
        page(M::POST, "/{space}/library/lifecycles/{lifecycle}",                    "LifecycleEdit",      lifecycles::update),
        page(M::POST, "/{space}/library/lifecycles/{lifecycle}/delete",             "LifecycleDelete",    lifecycles::delete),
        page(M::GET,  "/{space}/library/tag-sets",                                  "",                   tagsets::list),
        page(M::POST, "/{space}/library/tag-sets",                                  "TagSetCreate",       tagsets::create),
        page(M::GET,  "/{space}/library/tag-sets/new",                              "TagSetCreate",       tagsets::new),
        page(M::GET,  "/{space}/library/tag-sets/{set}",                            "",                   tagsets::show),
        page(M::GET,  "/{space}/library/tag-sets/{set}/edit",                       "TagSetEdit",         tagsets::edit),
        page(M::POST, "/{space}/library/tag-sets/{set}",                            "TagSetEdit",         tagsets::update),
        page(M::POST, "/{space}/library/tag-sets/{set}/up",                         "TagSetEdit",         tagsets::up),
        page(M::POST, "/{space}/library/tag-sets/{set}/down",                       "TagSetEdit",         tagsets::down),
        page(M::POST, "/{space}/library/tag-sets/{set}/delete",                     "TagSetDelete",       tagsets::delete),
        page(M::GET,  "/{space}/library/project-groups",                            "ProjectGroupView",   projectgroups::list),
        page(M::POST, "/{space}/library/project-groups",                            "ProjectGroupCreate", projectgroups::create),
        page(M::GET,  "/{space}/library/project-groups/new",                        "ProjectGroupCreate", projectgroups::new),
        page(M::GET,  "/{space}/library/project-groups/{group}",                    "ProjectGroupView",   projectgroups::show),
        page(M::GET,  "/{space}/library/project-groups/{group}/edit",               "ProjectGroupEdit",   projectgroups::edit),
        page(M::POST, "/{space}/library/project-groups/{group}",                    "ProjectGroupEdit",   projectgroups::update),
        page(M::POST, "/{space}/library/project-groups/{group}/delete",             "ProjectGroupDelete", projectgroups::delete),
        // Projects, their processes and releases
        page(M::GET,  "/{space}/projects",                                               "ProjectView",   projects::list),
        page(M::POST, "/{space}/projects",                                               "ProjectCreate", projects::create),
        page(M::GET,  "/{space}/projects/new",                                           "ProjectCreate", projects::new),
        page(M::GET,  "/{space}/projects/{project}",                                     "ProjectView",   projects::show),
        page(M::GET,  "/{space}/projects/{project}/settings",                            "ProjectEdit",   projects::settings),
        page(M::POST, "/{space}/projects/{project}/settings",                            "ProjectEdit",   projects::update),
        page(M::POST, "/{space}/projects/{project}/delete",                              "ProjectDelete", projects::delete),
        page(M::GET,  "/{space}/projects/{project}/process",                             "ProcessView",   process::show),
        page(M::GET,  "/{space}/projects/{project}/process/new",                         "ProcessEdit",   process::new),
        page(M::POST, "/{space}/projects/{project}/process/steps",                       "ProcessEdit",   process::add),
        page(M::GET,  "/{space}/projects/{project}/process/steps/{step}",                "ProcessEdit",   process::edit),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}",                "ProcessEdit",   process::update),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}/up",             "ProcessEdit",   process::up),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}/down",           "ProcessEdit",   process::down),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}/remove",         "ProcessEdit",   process::remove),
        page(M::GET,  "/{space}/projects/{project}/releases",                            "ReleaseView",   releases::list),
        page(M::POST, "/{space}/projects/{project}/releases",                            "ReleaseCreate", releases::create),
        page(M::GET,  "/{space}/projects/{project}/releases/new",                        "ReleaseCreate", releases::new),
        page(M::GET,  "/{space}/projects/{project}/releases/{version}",                  "ReleaseView",   releases::show),
        page(M::POST, "/{space}/projects/{project}/releases/{version}",                  "ReleaseEdit",   releases::update),
        page(M::GET,  "/{space}/projects/{project}/releases/{version}/edit",             "ReleaseEdit",   releases::edit),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/delete",           "ReleaseDelete", releases::delete),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/defects",          "DefectReport",  releases::report),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/defects/resolve",  "DefectResolve", releases::resolve),
    ]
}

/// Routes that stream.
pub fn streams() -> axum::Router<Desk> {
    axum::Router::new().route("/{company}/tasks/{task}/events", axum::routing::get(tasks::live::events))
}
