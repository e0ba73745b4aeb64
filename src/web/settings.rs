//! The page of the company itself, and the frame of all pages under Settings.

use super::{
    caller::{Answer, Visit},
    page::{Frame, Kv, count},
};
use crate::{
    base::error::Result,
    company::access::permissions::{ConfigureServer, SpaceView},
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/company.html")]
struct Company {
    frame: Frame,
    about: Kv,
    address: String,
    may_see_spaces: bool,
    spaces: String,
    spaces_href: String,
}

/// The frame of a page under Settings, with its tabs.
pub(super) fn settings(visit: &Visit, title: &str, current: &str) -> Frame {
    let frame = visit.frame("settings", title).tab("Company", visit.path("/settings"), current == "company");
    let frame = if visit.visitor.may(SpaceView {}) {
        frame.tab("Spaces", visit.path("/settings/spaces"), current == "spaces")
    } else {
        frame
    };
    if visit.visitor.may(ConfigureServer {}) {
        frame.tab("Letters", visit.path("/settings/letters"), current == "letters")
    } else {
        frame
    }
}

/// The company.
pub(super) fn company(visit: &Visit) -> Result<Answer> {
    if !visit.visitor.may(ConfigureServer {}) {
        visit.visitor.ask(SpaceView {})?;
    }
    let company = visit.company();
    let host = visit.call.desk.public_url.clone().or_else(|| {
        let host = visit.call.header("host")?;
        Some(format!("http://{host}"))
    });
    let spaces = visit.visitor.spaces()?.len() as u64;
    Answer::page(&Company {
        frame: settings(visit, company.name(), "company"),
        about: Kv::new()
            .row("Name", company.name())
            .mono("Short name", company.slug())
            .hint("stands in every address")
            .mono("Id", company.id().to_string()),
        address: format!("{}/{}", host.unwrap_or_default(), company.slug()),
        may_see_spaces: visit.visitor.may(SpaceView {}),
        spaces: count(spaces, "space", "spaces"),
        spaces_href: visit.path("/settings/spaces"),
    })
}
