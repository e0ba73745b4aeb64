//! Pages and API of one feature each, through the front door.

mod answers;
mod attack;
mod audit;
mod backup;
mod backup_load;
mod buttons;
mod categories;
mod companies;
mod command_line;
mod companies_crash;
mod connections;
mod damage;
mod damage_kinds;
mod dashboard;
mod defects;
mod deployments;
mod exchange;
mod face;
mod faults;
mod first_start;
mod first_steps;
mod found;
mod host_names;
mod https;
mod infrastructure_pages;
mod full_disk;
mod invitations;
mod kept_access;
mod keys;
mod killed;
mod library_pages;
mod lifecycles;
mod links;
mod long_lists;
mod mail;
mod me;
mod naming;
mod operator;
mod people;
mod proof;
mod putback;
mod projects;
mod projects_pages;
mod racing;
mod references;
mod releases;
mod removals;
mod rerun;
mod roles;
mod samples;
mod seats;
mod runbooks;
mod selfservice;
mod settings;
mod signin;
mod spaces;
mod spaces_pages;
mod teams;
mod targets;
mod tenants;
mod told_by_mail;
mod trail;
mod users_cli;
mod what_if;

use crate::support::{
    browser_like::BrowserLike,
    server::{Company, Server},
};

/// Harbour with Ada, its administrator, signed in.
fn harbour(server: &Server) -> (Company, BrowserLike) {
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let mut ada = server.browser();
    ada.sign_in("harbour", &harbour.email, &harbour.password);
    (harbour, ada)
}
