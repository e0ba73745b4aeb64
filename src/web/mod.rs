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
use crate::company::access::permissions::{
    AccountCreate, AccountDelete, AccountEdit, AccountView, CompanyBackup, CompanyCreate, CompanyLimit, CompanyRemove,
    CompanyRename, CompanySuspend, CompanyView, ConfigureServer, DefectReport, DefectResolve, DeploymentCreate,
    DeploymentView, EnvironmentCreate, EnvironmentDelete, EnvironmentEdit, EnvironmentView, EventRetentionDelete,
    EventRetentionView, EventView, LifecycleCreate, LifecycleDelete, LifecycleEdit, LifecycleView, MachineCreate,
    MachineDelete, MachineEdit, MachineView, Permission, ProcessEdit, ProcessView, ProjectCreate, ProjectDelete,
    ProjectEdit, ProjectGroupCreate, ProjectGroupDelete, ProjectGroupEdit, ProjectGroupView, ProjectView,
    ReleaseCreate, ReleaseDelete, ReleaseEdit, ReleaseView, RunbookEdit, RunbookRunCreate, RunbookRunDelete,
    RunbookRunView, RunbookSnapshotCreate, RunbookView, SpaceCreate, SpaceDelete, SpaceEdit, SpaceView, TagSetCreate,
    TagSetDelete, TagSetEdit, TaskCancel, TaskCreate, TaskView, TeamCreate, TeamDelete, TeamEdit, TeamMembersEdit,
    TeamView, TenantCreate, TenantDelete, TenantEdit, TenantView, UserEdit, UserInvite, UserRoleEdit, UserRoleView,
    UserView,
};
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

/// Anybody who is signed in; what is shown is their own or narrowed.
const SIGNED_IN: Needs = Needs::Authenticated;

/// Whoever has this permission.
const fn of<P: Permission>() -> Needs {
    Needs::of::<P>()
}
fn page(method: Method, path: &'static str, needs: Needs, handler: Page) -> Route<Page> {
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
        page(M::GET,  "/", SIGNED_IN, caller::home),
        page(M::GET,  "/{space}", SIGNED_IN, dashboard::show),
        page(M::GET,  "/search", SIGNED_IN, search::search),
        page(M::GET,  "/app", SIGNED_IN, search::bridge),
        page(M::GET,  "/go/{space}/{kind}/{id}", SIGNED_IN, search::go),
        // The portal: what tenants' own people see
        page(M::GET,  "/portal",                                                        SIGNED_IN,                portal::home),
        page(M::GET,  "/portal/{tenant}",                                               of::<TenantView>(),       portal::tenant),
        page(M::GET,  "/portal/{tenant}/log/{deployment}",                              of::<DeploymentView>(),   portal::log),
        page(M::POST, "/portal/{tenant}/log/{deployment}/cancel",                       of::<TaskCancel>(),       portal::cancel),
        page(M::GET,  "/portal/{tenant}/{project}/{environment}",                       of::<ProjectView>(),      portal::place),
        page(M::GET,  "/portal/{tenant}/{project}/{environment}/{version}",             of::<DeploymentCreate>(), portal::confirm),
        page(M::POST, "/portal/{tenant}/{project}/{environment}/{version}",             of::<DeploymentCreate>(), portal::deploy),
        page(M::GET,  "/portal/{tenant}/{project}/runbooks/{runbook}/{environment}",    of::<RunbookRunCreate>(), portal::confirm_run),
        page(M::POST, "/portal/{tenant}/{project}/runbooks/{runbook}/{environment}",    of::<RunbookRunCreate>(), portal::run),
        page(M::GET,  "/portal/{tenant}/{project}/runbooks/{runbook}/runs/{run}",       of::<RunbookRunView>(),   portal::run_log),
        page(M::POST, "/portal/{tenant}/{project}/runbooks/{runbook}/runs/{run}/cancel", of::<TaskCancel>(),      portal::cancel_run),
        // Tasks
        page(M::GET,  "/tasks",                of::<TaskView>(),   tasks::list),
        page(M::GET,  "/tasks/{task}",         of::<TaskView>(),   tasks::show),
        page(M::POST, "/tasks/{task}/cancel",  of::<TaskCancel>(), tasks::cancel),
        // Deployments
        page(M::GET,  "/{space}/projects/{project}/releases/{version}/deployments/new", of::<DeploymentCreate>(), deployments::new),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/deployments",     of::<DeploymentCreate>(), deployments::create),
        page(M::GET,  "/{space}/projects/{project}/deployments",                        of::<DeploymentView>(),   deployments::list),
        page(M::GET,  "/{space}/projects/{project}/deployments/{deployment}",           of::<DeploymentView>(),   deployments::show),
        // Runbooks
        page(M::GET,  "/{space}/projects/{project}/runbooks",                             of::<RunbookView>(),      runbooks::list),
        page(M::POST, "/{space}/projects/{project}/runbooks",                             of::<RunbookEdit>(),      runbooks::create),
        page(M::GET,  "/{space}/projects/{project}/runbooks/new",                         of::<RunbookEdit>(),      runbooks::new),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}",                   of::<RunbookView>(),      runbooks::show),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}",                   of::<RunbookEdit>(),      runbooks::update),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/edit",              of::<RunbookEdit>(),      runbooks::edit),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/delete",            of::<RunbookEdit>(),      runbooks::delete),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/run",               of::<RunbookRunCreate>(), runbooks::run_form),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/run",               of::<RunbookRunCreate>(), runbooks::run),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/publish",           of::<RunbookEdit>(),      runbooks::publish),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/snapshots",         of::<RunbookSnapshotCreate>(), runbooks::take),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/snapshots/{snapshot}",         of::<RunbookView>(), runbooks::snapshot),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/snapshots/{snapshot}/publish", of::<RunbookEdit>(), runbooks::publish_snapshot),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/snapshots/{snapshot}/delete",  of::<RunbookEdit>(), runbooks::delete_snapshot),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/runs/{run}",                   of::<RunbookRunView>(),   runbooks::show_run),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/runs/{run}/delete",            of::<RunbookRunDelete>(), runbooks::delete_run),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/process",                      of::<RunbookView>(), process::show),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/process/new",                  of::<RunbookEdit>(), process::new),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps",                of::<RunbookEdit>(), process::add),
        page(M::GET,  "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}",         of::<RunbookEdit>(), process::edit),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}",         of::<RunbookEdit>(), process::update),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}/up",      of::<RunbookEdit>(), process::up),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}/down",    of::<RunbookEdit>(), process::down),
        page(M::POST, "/{space}/projects/{project}/runbooks/{runbook}/process/steps/{step}/remove",  of::<RunbookEdit>(), process::remove),
        // Tenants
        page(M::GET,  "/{space}/tenants",                        of::<TenantView>(),   tenants::list),
        page(M::POST, "/{space}/tenants",                        of::<TenantCreate>(), tenants::create),
        page(M::GET,  "/{space}/tenants/new",                    of::<TenantCreate>(), tenants::new),
        page(M::GET,  "/{space}/tenants/{tenant}",               of::<TenantView>(),   tenants::show),
        page(M::POST, "/{space}/tenants/{tenant}",               of::<TenantEdit>(),   tenants::update),
        page(M::GET,  "/{space}/tenants/{tenant}/edit",          of::<TenantEdit>(),   tenants::edit),
        page(M::GET,  "/{space}/tenants/{tenant}/connections",   of::<TenantEdit>(),   tenants::connections),
        page(M::POST, "/{space}/tenants/{tenant}/connections",   of::<TenantEdit>(),   tenants::connect),
        page(M::GET,  "/{space}/tenants/{tenant}/clone",         of::<TenantCreate>(), tenants::copy),
        page(M::POST, "/{space}/tenants/{tenant}/clone",         of::<TenantCreate>(), tenants::make_copy),
        page(M::POST, "/{space}/tenants/{tenant}/delete",        of::<TenantDelete>(), tenants::delete),
        page(M::GET,  "/{space}/tenants/{tenant}/access",        of::<UserInvite>(),   selfservice::show),
        page(M::POST, "/{space}/tenants/{tenant}/access",        of::<UserInvite>(),   selfservice::give),
        // People and access
        page(M::GET,  "/access/people",                                   of::<UserView>(),     people::list),
        page(M::GET,  "/access/people/new-service-account",               of::<UserEdit>(),     people::service_form),
        page(M::POST, "/access/people/new-service-account",               of::<UserEdit>(),     people::create_service),
        page(M::GET,  "/access/people/{user}",                            of::<UserView>(),     people::show),
        page(M::POST, "/access/people/{user}",                            of::<UserEdit>(),     people::update),
        page(M::GET,  "/access/people/{user}/edit",                       of::<UserEdit>(),     people::edit),
        page(M::POST, "/access/people/{user}/invite-again",               of::<UserInvite>(),   invitations::again),
        page(M::POST, "/access/people/{user}/revoke",                     of::<UserInvite>(),   invitations::revoke),
        page(M::GET,  "/access/people/invite",                            of::<UserInvite>(),   invitations::new),
        page(M::POST, "/access/people/invite",                            of::<UserInvite>(),   invitations::create),
        page(M::POST, "/access/people/open-invitations/{invitation}/revoke", of::<UserInvite>(), invitations::revoke_open),
        page(M::GET,  "/access/people/{user}/keys",                       of::<UserEdit>(),     keys::list),
        page(M::POST, "/access/people/{user}/keys",                       of::<UserEdit>(),     keys::create),
        page(M::GET,  "/access/people/{user}/keys/new",                   of::<UserEdit>(),     keys::new),
        page(M::POST, "/access/people/{user}/keys/{key}/delete",          of::<UserEdit>(),     keys::revoke),
        page(M::GET,  "/access/people/{user}/identities",                 of::<UserView>(),     identities::list),
        page(M::POST, "/access/people/{user}/identities",                 of::<UserEdit>(),     identities::create),
        page(M::GET,  "/access/people/{user}/identities/new",             of::<UserEdit>(),     identities::new),
        page(M::POST, "/access/people/{user}/identities/{identity}",      of::<UserEdit>(),     identities::update),
        page(M::GET,  "/access/people/{user}/identities/{identity}/edit", of::<UserEdit>(),     identities::edit),
        page(M::POST, "/access/people/{user}/identities/{identity}/delete", of::<UserEdit>(),   identities::delete),
        page(M::POST, "/access/people/{user}/reset-password",             of::<UserEdit>(),     forgot::send),
        page(M::GET,  "/access/people/second-factors",                    of::<UserView>(),     secondfactors::lacking),
        page(M::POST, "/access/people/{user}/reset-second-factors",       of::<UserEdit>(),     secondfactors::reset),
        page(M::POST, "/access/people/{user}/deactivate",                 of::<UserEdit>(),     people::deactivate),
        page(M::POST, "/access/people/{user}/reactivate",                 of::<UserEdit>(),     people::reactivate),
        page(M::GET,  "/access/people/{user}/rights",                     of::<UserView>(),     answers::rights::show),
        page(M::GET,  "/access/people/{user}/rights/export",              of::<UserView>(),     answers::rights::export),
        page(M::GET,  "/access/why",                                      SIGNED_IN,            answers::why),
        page(M::GET,  "/access/who",                                      of::<UserView>(),     answers::who),
        page(M::GET,  "/access/review",                                   of::<UserView>(),     answers::review::show),
        page(M::GET,  "/access/review/export",                            of::<UserView>(),     answers::review::export),
        page(M::POST, "/access/review/sign-off",                          of::<UserEdit>(),     answers::review::sign_off),
        page(M::GET,  "/access/roles",                                    of::<UserRoleView>(), roles::list),
        page(M::POST, "/access/roles",                                    of::<UserRoleEdit>(), roles::create),
        page(M::GET,  "/access/roles/new",                                of::<UserRoleEdit>(), roles::new),
        page(M::GET,  "/access/roles/{role}",                             of::<UserRoleView>(), roles::show),
        page(M::POST, "/access/roles/{role}",                             of::<UserRoleEdit>(), roles::update),
        page(M::GET,  "/access/roles/{role}/edit",                        of::<UserRoleEdit>(), roles::edit),
        page(M::GET,  "/access/roles/{role}/clone",                       of::<UserRoleEdit>(), roles::copy),
        page(M::POST, "/access/roles/{role}/clone",                       of::<UserRoleEdit>(), roles::make_copy),
        page(M::POST, "/access/roles/{role}/reset",                       of::<UserRoleEdit>(), roles::reset),
        page(M::POST, "/access/roles/{role}/delete",                      of::<UserRoleEdit>(), roles::delete),
        page(M::GET,  "/access/recipes",                                  of::<TeamCreate>(),   recipes::list),
        page(M::GET,  "/access/recipes/{recipe}",                         of::<TeamCreate>(),   recipes::form),
        page(M::POST, "/access/recipes/{recipe}",                         of::<TeamCreate>(),   recipes::start),
        page(M::GET,  "/access/teams",                                    of::<TeamView>(),     teams::list),
        page(M::POST, "/access/teams",                                    of::<TeamCreate>(),   teams::create),
        page(M::GET,  "/access/teams/new",                                of::<TeamCreate>(),   teams::new),
        page(M::GET,  "/access/teams/{team}",                             of::<TeamView>(),     teams::show),
        page(M::POST, "/access/teams/{team}",                             of::<TeamEdit>(),     teams::update),
        page(M::GET,  "/access/teams/{team}/edit",                        of::<TeamEdit>(),     teams::edit),
        page(M::POST, "/access/teams/{team}/delete",                      of::<TeamDelete>(),   teams::delete),
        page(M::POST, "/access/teams/{team}/members",                     of::<TeamMembersEdit>(), teams::add_members),
        page(M::POST, "/access/teams/{team}/members/{user}/delete",       of::<TeamMembersEdit>(), teams::remove_member),
        page(M::POST, "/access/teams/{team}/emergency",                   of::<TeamEdit>(),     teams::emergency::set),
        page(M::POST, "/access/teams/{team}/emergencies/{emergency}/end", of::<TeamEdit>(),     teams::emergency::end),
        page(M::GET,  "/access/teams/{team}/roles/new",                   of::<TeamEdit>(),     teams::add_form),
        page(M::POST, "/access/teams/{team}/roles",                       of::<TeamEdit>(),     teams::add),
        page(M::GET,  "/access/teams/{team}/roles/{role}/edit",           of::<TeamEdit>(),     teams::change_form),
        page(M::POST, "/access/teams/{team}/roles/{role}",                of::<TeamEdit>(),     teams::change),
        page(M::POST, "/access/teams/{team}/roles/{role}/delete",         of::<TeamEdit>(),     teams::remove),
        // One's own account, and the trail
        page(M::GET,  "/me",                                              SIGNED_IN,            me::show),
        page(M::POST, "/me",                                              SIGNED_IN,            me::rename),
        page(M::GET,  "/me/emergencies",                                  SIGNED_IN,            teams::emergency::own),
        page(M::POST, "/me/emergencies",                                  SIGNED_IN,            teams::emergency::begin),
        page(M::POST, "/me/emergencies/{emergency}/end",                  SIGNED_IN,            teams::emergency::end_own),
        page(M::GET,  "/me/proof",                                        SIGNED_IN,            proof::show),
        page(M::POST, "/me/proof",                                        SIGNED_IN,            proof::show),
        page(M::GET,  "/me/typed/{mark}",                                 SIGNED_IN,            again::show),
        page(M::GET,  "/me/keys",                                         SIGNED_IN,            keys::list),
        page(M::POST, "/me/keys",                                         SIGNED_IN,            keys::create),
        page(M::GET,  "/me/keys/new",                                     SIGNED_IN,            keys::new),
        page(M::POST, "/me/keys/{key}/delete",                            SIGNED_IN,            keys::revoke),
        page(M::GET,  "/me/email",                                        SIGNED_IN,            me::factors::email_form),
        page(M::POST, "/me/email",                                        SIGNED_IN,            me::factors::change_email),
        page(M::GET,  "/me/password",                                     SIGNED_IN,            me::factors::password_form),
        page(M::POST, "/me/password",                                     SIGNED_IN,            me::factors::change_password),
        page(M::GET,  "/me/rights",                                       SIGNED_IN,            me::rights::show),
        page(M::GET,  "/me/rights/export",                                SIGNED_IN,            me::rights::export),
        page(M::GET,  "/me/factors/app",                                  SIGNED_IN,            me::factors::new_app),
        page(M::POST, "/me/factors/app",                                  SIGNED_IN,            me::factors::add_app),
        page(M::GET,  "/me/factors/passkey",                              SIGNED_IN,            me::factors::new_passkey),
        page(M::POST, "/me/factors/passkey",                              SIGNED_IN,            me::factors::add_passkey),
        page(M::GET,  "/me/factors/{factor}/edit",                        SIGNED_IN,            me::factors::edit),
        page(M::POST, "/me/factors/{factor}",                             SIGNED_IN,            me::factors::rename),
        page(M::POST, "/me/factors/{factor}/delete",                      SIGNED_IN,            me::factors::remove),
        page(M::POST, "/me/recovery-codes",                               SIGNED_IN,            me::factors::renew_codes),
        page(M::POST, "/me/sessions/{session}/delete",                    SIGNED_IN,            me::end_session),
        page(M::GET,  "/trail",                                           of::<EventView>(),    trail::list),
        page(M::GET,  "/trail/{event}",                                   of::<EventView>(),    trail::show),
        page(M::POST, "/trail/export",                                    of::<EventView>(),    trail::export),
        page(M::GET,  "/trail/proofs",                                    of::<EventRetentionView>(),   trail::proofs),
        page(M::POST, "/trail/proofs/secret",                             of::<ConfigureServer>(),      trail::secret),
        page(M::POST, "/trail/archives/{archive}",                        of::<EventRetentionView>(),   trail::archive),
        page(M::POST, "/trail/archives/{archive}/delete",                 of::<EventRetentionDelete>(), trail::delete_archive),
        // Environments
        page(M::GET,  "/{space}/infrastructure/environments",                       of::<EnvironmentView>(),   environments::list),
        page(M::POST, "/{space}/infrastructure/environments",                       of::<EnvironmentCreate>(), environments::create),
        page(M::GET,  "/{space}/infrastructure/environments/new",                   of::<EnvironmentCreate>(), environments::new),
        page(M::GET,  "/{space}/infrastructure/environments/{environment}",         of::<EnvironmentView>(),   environments::show),
        page(M::GET,  "/{space}/infrastructure/environments/{environment}/edit",    of::<EnvironmentEdit>(),   environments::edit),
        page(M::POST, "/{space}/infrastructure/environments/{environment}",         of::<EnvironmentEdit>(),   environments::update),
        page(M::POST, "/{space}/infrastructure/environments/{environment}/delete",  of::<EnvironmentDelete>(), environments::delete),
        // Help
        page(M::GET,  "/help",                                                      SIGNED_IN,                  help::index),
        page(M::GET,  "/help/parts",                                                SIGNED_IN,                  help::parts),
        // The operator's own compartment: the companies of the appliance
        page(M::GET,  "/companies",                                                 of::<CompanyView>(),        companies::list),
        page(M::POST, "/companies",                                                 of::<CompanyCreate>(),      companies::create),
        page(M::GET,  "/companies/new",                                             of::<CompanyCreate>(),      companies::new),
        page(M::POST, "/companies/adopt",                                           of::<CompanyCreate>(),      companies::adopt),
        page(M::GET,  "/companies/{which}",                                         of::<CompanyView>(),        companies::show),
        page(M::POST, "/companies/{which}/invite-again",                            of::<CompanyCreate>(),      companies::invite_again),
        page(M::POST, "/companies/{which}/suspend",                                 of::<CompanySuspend>(),     companies::suspend),
        page(M::POST, "/companies/{which}/resume",                                  of::<CompanySuspend>(),     companies::resume),
        page(M::POST, "/companies/{which}/rename",                                  of::<CompanyRename>(),      companies::rename),
        page(M::POST, "/companies/{which}/hosts",                                   of::<CompanyRename>(),      companies::hosts::set),
        page(M::POST, "/companies/{which}/limits",                                  of::<CompanyLimit>(),       companies::limit),
        page(M::POST, "/companies/{which}/backup",                                  of::<CompanyBackup>(),      companies::back_up),
        page(M::POST, "/companies/{which}/remove",                                  of::<CompanyRemove>(),      companies::remove),
        // Settings: the company, its spaces
        page(M::GET,  "/settings",                                                  of::<SpaceView>(),          settings::company),
        page(M::GET,  "/settings/letters",                                          of::<ConfigureServer>(),    letters::list),
        page(M::POST, "/settings/letters/test",                                     of::<ConfigureServer>(),    letters::send_test),
        page(M::POST, "/settings",                                                  of::<ConfigureServer>(),    settings::save_company),
        page(M::GET,  "/settings/sign-in",                                          of::<ConfigureServer>(),    settings::sign_in),
        page(M::POST, "/settings/sign-in",                                          of::<ConfigureServer>(),    settings::save_sign_in),
        page(M::GET,  "/settings/brand",                                            of::<ConfigureServer>(),    settings::brand),
        page(M::POST, "/settings/brand",                                            of::<ConfigureServer>(),    settings::save_brand),
        page(M::POST, "/settings/brand/logo",                                       of::<ConfigureServer>(),    settings::save_logo),
        page(M::POST, "/settings/brand/logo/delete",                                of::<ConfigureServer>(),    settings::delete_logo),
        page(M::GET,  "/settings/limits",                                           of::<ConfigureServer>(),    settings::limits),
        page(M::GET,  "/settings/trail",                                            of::<ConfigureServer>(),    settings::trail),
        page(M::POST, "/settings/trail",                                            of::<ConfigureServer>(),    settings::save_trail),
        page(M::GET,  "/settings/spaces",                                           of::<SpaceView>(),          spaces::list),
        page(M::POST, "/settings/spaces",                                           of::<SpaceCreate>(),        spaces::create),
        page(M::GET,  "/settings/spaces/new",                                       of::<SpaceCreate>(),        spaces::new),
        page(M::GET,  "/settings/spaces/{which}",                                   of::<SpaceView>(),          spaces::show),
        page(M::GET,  "/settings/spaces/{which}/edit",                              of::<SpaceEdit>(),          spaces::edit),
        page(M::POST, "/settings/spaces/{which}",                                   of::<SpaceEdit>(),          spaces::update),
        page(M::POST, "/settings/spaces/{which}/stop",                              of::<SpaceEdit>(),          spaces::stop),
        page(M::POST, "/settings/spaces/{which}/resume",                            of::<SpaceEdit>(),          spaces::resume),
        page(M::POST, "/settings/spaces/{which}/delete",                            of::<SpaceDelete>(),        spaces::delete),
        // Deployment targets and accounts
        page(M::GET,  "/{space}/infrastructure/targets",                            of::<MachineView>(),        targets::list),
        page(M::POST, "/{space}/infrastructure/targets",                            of::<MachineCreate>(),      targets::create),
        page(M::GET,  "/{space}/infrastructure/targets/new",                        of::<MachineCreate>(),      targets::new),
        page(M::GET,  "/{space}/infrastructure/targets/{target}",                   of::<MachineView>(),        targets::show),
        page(M::GET,  "/{space}/infrastructure/targets/{target}/edit",              of::<MachineEdit>(),        targets::edit),
        page(M::POST, "/{space}/infrastructure/targets/{target}",                   of::<MachineEdit>(),        targets::update),
        page(M::POST, "/{space}/infrastructure/targets/{target}/health",            of::<TaskCreate>(),         targets::check),
        page(M::POST, "/{space}/infrastructure/targets/{target}/delete",            of::<MachineDelete>(),      targets::delete),
        page(M::GET,  "/{space}/infrastructure/accounts",                           of::<AccountView>(),        accounts::list),
        page(M::POST, "/{space}/infrastructure/accounts",                           of::<AccountCreate>(),      accounts::create),
        page(M::GET,  "/{space}/infrastructure/accounts/new",                       of::<AccountCreate>(),      accounts::new),
        page(M::GET,  "/{space}/infrastructure/accounts/{account}",                 of::<AccountView>(),        accounts::show),
        page(M::GET,  "/{space}/infrastructure/accounts/{account}/edit",            of::<AccountEdit>(),        accounts::edit),
        page(M::POST, "/{space}/infrastructure/accounts/{account}",                 of::<AccountEdit>(),        accounts::update),
        page(M::POST, "/{space}/infrastructure/accounts/{account}/delete",          of::<AccountDelete>(),      accounts::delete),
        // Library: lifecycles, tag sets, project groups
        page(M::GET,  "/{space}/library/lifecycles",                                of::<LifecycleView>(),      lifecycles::list),
        page(M::POST, "/{space}/library/lifecycles",                                of::<LifecycleCreate>(),    lifecycles::create),
        page(M::GET,  "/{space}/library/lifecycles/new",                            of::<LifecycleCreate>(),    lifecycles::new),
        page(M::GET,  "/{space}/library/lifecycles/{lifecycle}",                    of::<LifecycleView>(),      lifecycles::show),
        page(M::GET,  "/{space}/library/lifecycles/{lifecycle}/edit",               of::<LifecycleEdit>(),      lifecycles::edit),
        page(M::POST, "/{space}/library/lifecycles/{lifecycle}",                    of::<LifecycleEdit>(),      lifecycles::update),
        page(M::POST, "/{space}/library/lifecycles/{lifecycle}/delete",             of::<LifecycleDelete>(),    lifecycles::delete),
        page(M::GET,  "/{space}/library/tag-sets",                                  SIGNED_IN,                  tagsets::list),
        page(M::POST, "/{space}/library/tag-sets",                                  of::<TagSetCreate>(),       tagsets::create),
        page(M::GET,  "/{space}/library/tag-sets/new",                              of::<TagSetCreate>(),       tagsets::new),
        page(M::GET,  "/{space}/library/tag-sets/{set}",                            SIGNED_IN,                  tagsets::show),
        page(M::GET,  "/{space}/library/tag-sets/{set}/edit",                       of::<TagSetEdit>(),         tagsets::edit),
        page(M::POST, "/{space}/library/tag-sets/{set}",                            of::<TagSetEdit>(),         tagsets::update),
        page(M::POST, "/{space}/library/tag-sets/{set}/up",                         of::<TagSetEdit>(),         tagsets::up),
        page(M::POST, "/{space}/library/tag-sets/{set}/down",                       of::<TagSetEdit>(),         tagsets::down),
        page(M::POST, "/{space}/library/tag-sets/{set}/delete",                     of::<TagSetDelete>(),       tagsets::delete),
        page(M::GET,  "/{space}/library/project-groups",                            of::<ProjectGroupView>(),   projectgroups::list),
        page(M::POST, "/{space}/library/project-groups",                            of::<ProjectGroupCreate>(), projectgroups::create),
        page(M::GET,  "/{space}/library/project-groups/new",                        of::<ProjectGroupCreate>(), projectgroups::new),
        page(M::GET,  "/{space}/library/project-groups/{group}",                    of::<ProjectGroupView>(),   projectgroups::show),
        page(M::GET,  "/{space}/library/project-groups/{group}/edit",               of::<ProjectGroupEdit>(),   projectgroups::edit),
        page(M::POST, "/{space}/library/project-groups/{group}",                    of::<ProjectGroupEdit>(),   projectgroups::update),
        page(M::POST, "/{space}/library/project-groups/{group}/delete",             of::<ProjectGroupDelete>(), projectgroups::delete),
        // Projects, their processes and releases
        page(M::GET,  "/{space}/projects",                                               of::<ProjectView>(),   projects::list),
        page(M::POST, "/{space}/projects",                                               of::<ProjectCreate>(), projects::create),
        page(M::GET,  "/{space}/projects/new",                                           of::<ProjectCreate>(), projects::new),
        page(M::GET,  "/{space}/projects/{project}",                                     of::<ProjectView>(),   projects::show),
        page(M::GET,  "/{space}/projects/{project}/settings",                            of::<ProjectEdit>(),   projects::settings),
        page(M::POST, "/{space}/projects/{project}/settings",                            of::<ProjectEdit>(),   projects::update),
        page(M::POST, "/{space}/projects/{project}/delete",                              of::<ProjectDelete>(), projects::delete),
        page(M::GET,  "/{space}/projects/{project}/process",                             of::<ProcessView>(),   process::show),
        page(M::GET,  "/{space}/projects/{project}/process/new",                         of::<ProcessEdit>(),   process::new),
        page(M::POST, "/{space}/projects/{project}/process/steps",                       of::<ProcessEdit>(),   process::add),
        page(M::GET,  "/{space}/projects/{project}/process/steps/{step}",                of::<ProcessEdit>(),   process::edit),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}",                of::<ProcessEdit>(),   process::update),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}/up",             of::<ProcessEdit>(),   process::up),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}/down",           of::<ProcessEdit>(),   process::down),
        page(M::POST, "/{space}/projects/{project}/process/steps/{step}/remove",         of::<ProcessEdit>(),   process::remove),
        page(M::GET,  "/{space}/projects/{project}/releases",                            of::<ReleaseView>(),   releases::list),
        page(M::POST, "/{space}/projects/{project}/releases",                            of::<ReleaseCreate>(), releases::create),
        page(M::GET,  "/{space}/projects/{project}/releases/new",                        of::<ReleaseCreate>(), releases::new),
        page(M::GET,  "/{space}/projects/{project}/releases/{version}",                  of::<ReleaseView>(),   releases::show),
        page(M::POST, "/{space}/projects/{project}/releases/{version}",                  of::<ReleaseEdit>(),   releases::update),
        page(M::GET,  "/{space}/projects/{project}/releases/{version}/edit",             of::<ReleaseEdit>(),   releases::edit),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/delete",           of::<ReleaseDelete>(), releases::delete),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/defects",          of::<DefectReport>(),  releases::report),
        page(M::POST, "/{space}/projects/{project}/releases/{version}/defects/resolve",  of::<DefectResolve>(), releases::resolve),
    ]
}

/// Routes that stream.
pub fn streams() -> axum::Router<Desk> {
    axum::Router::new().route("/{company}/tasks/{task}/events", axum::routing::get(tasks::live::events))
}
