//! Pages and API of one feature each, through the front door.

mod audit;
mod backup;
mod categories;
mod companies;
mod companies_crash;
mod dashboard;
mod deployments;
mod exchange;
mod infrastructure_pages;
mod invitations;
mod keys;
mod library_pages;
mod lifecycles;
mod people;
mod proof;
mod projects;
mod projects_pages;
mod releases;
mod signin;
mod spaces;
mod spaces_pages;
mod teams;
mod targets;
mod tenants;
mod trail;
mod users_cli;
