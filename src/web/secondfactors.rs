//! Second factors of others: who can sign in without one, and taking away those that somebody lost.

use super::{
    caller::{Answer, Visit},
    page::{Frame, When},
    people::access,
    tasks::when,
};
use crate::{
    base::{error::Result, ids},
    company::{
        access::{
            At, Within,
            permissions::{UserEdit, UserView},
        },
        people::factors,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "people/lacking.html")]
struct Lacking {
    frame: Frame,
    rule: String,
    rows: Vec<Row>,
}
struct Row {
    name: String,
    email: String,
    href: String,
    demand: String,
    seen: Option<When>,
}

/// Who lacks one.
pub(super) fn lacking(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserView {})?;
    let rows = factors::lacking(&granted)?.into_iter().map(|one| Row {
        href: visit.path(&format!("/access/people/{}", one.user.id)),
        demand: match (one.is_demanded, one.until) {
            (false, _) => "No".into(),
            (true, Some(until)) => format!("From {}", visit.clock(until)),
            (true, None) => "At the next sign-in".into(),
        },
        seen: one.user.last_seen_at.map(when),
        email: one.user.email_address,
        name: one.user.display_name,
    });
    let rows = rows.collect();
    let frame = access(visit, "Who lacks a second factor", "people").crumb("People", visit.path("/access/people"));
    Answer::page(&Lacking { frame, rule: factors::rule(&granted)?, rows })
}

/// Takes all second factors from somebody who lost them.
pub(super) fn reset(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserEdit {})?;
    let user: At<ids::User> = visit.visitor.locate(Within::Company, visit.parameter("user"))?;
    let back = visit.path(&format!("/access/people/{}", user.id()));
    let page = access(visit, "Remove their second factors?", "people").crumb("People", visit.path("/access/people"));
    let words = "Their authenticator apps, passkeys and recovery codes go. They sign in with the password alone until a new second factor is set up.";
    if let Some(asked) = super::form::sure(visit, page, words, "Remove their second factors", back) {
        return asked;
    }
    let them = factors::reset_for(&granted, &user)?;
    let to = visit.path(&format!("/access/people/{}", them.id));
    Answer::done(
        to,
        format!("{} signs in with the password alone until a new second factor is set up.", them.display_name),
    )
}
