//! "Give this customer access": a team for the tenant's own people, its role and invitations in one step; and what those
//! people will be able to do, before anything is done.

use super::{
    answers::preview::{Change, Checked, guarded},
    caller::{Answer, Visit},
    form::refuse,
    once::Once,
    page::{FieldView, FormView, Frame, count},
};
use crate::{
    base::{
        error::{Error, Result},
        ids,
    },
    company::{
        access::{At, permissions::TenantView},
        tenants::{
            self,
            selfservice::{self, Given, Present},
        },
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "tenants/access.html")]
struct Access {
    frame: Frame,
    tenant: String,
    form: FormView,
    rights: Vec<&'static str>,
    people: Vec<Person>,
    /// So many more whose names the visitor may not see.
    others: u64,
    links: Vec<Link>,
    said: String,
    team_href: Option<String>,
    portal_href: String,
}
struct Person {
    name: String,
    address: String,
    state: &'static str,
}
/// A link to hand over, shown once.
struct Link {
    name: String,
    address: String,
    url: String,
}

fn located(visit: &Visit) -> Result<At<ids::Tenant>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("tenant"))
}

fn own(visit: &Visit) -> String {
    visit.space_path(&format!("/tenants/{}", visit.parameter("tenant")))
}

fn form(visit: &Visit) -> FormView {
    FormView::new(format!("{}/access", own(visit)), "")
        .field(
            FieldView::textarea("emails", "E-mail addresses")
                .rows(4)
                .required()
                .autofocus()
                .placeholder("Jo Doe <jo@contoso.example>\nkim@contoso.example")
                .help("One a line; a name may stand before the address. Who is in the company already joins as well."),
        )
        .cancel(own(visit))
}

/// What the button says that does it.
fn send(visit: &Visit) -> &'static str {
    if visit.call.desk.mail { "Send the invitations" } else { "Make the invitations" }
}

fn page(visit: &Visit, at: &At<ids::Tenant>, form: FormView, given: Option<&Given>) -> Result<Access> {
    let seen = visit.visitor.ask(TenantView { tenant: at.clone() })?;
    let Present { tenant, team, members, rights, .. } = selfservice::present(&seen)?;
    let named = members.iter().filter_map(|member| {
        Some(Person {
            name: member.name.clone()?,
            address: member.username.clone().unwrap_or_default(),
            state: if member.is_active { "" } else { "has not signed in yet" },
        })
    });
    let people: Vec<Person> = named.collect();
    let others = members.len() as u64 - people.len() as u64;
    let by_mail = visit.call.desk.mail;
    let links = given.filter(|_| !by_mail).map_or(Vec::new(), |given| {
        let link = |one: &crate::company::people::invitations::Invited| Link {
            name: one.user.display_name.clone(),
            address: one.user.email_address.clone(),
            url: super::invitations::link(visit, &one.token),
        };
        given.invited.iter().map(link).collect()
    });
    let said = given.map(|given| said(given, &tenant, by_mail)).unwrap_or_default();
    Ok(Access {
        frame: visit
            .frame("tenants", format!("Give {tenant} access"))
            .crumb("Tenants", visit.space_path("/tenants"))
            .crumb(&tenant, own(visit)),
        tenant,
        form,
        rights: rights.iter().map(|info| info.meaning).collect(),
        people,
        others,
        links,
        said,
        portal_href: visit.path(&format!("/portal/{}", visit.parameter("tenant"))),
        team_href: team.map(|(id, _)| visit.path(&format!("/access/teams/{id}"))),
    })
}

fn said(given: &Given, tenant: &str, by_mail: bool) -> String {
    let mut parts = Vec::new();
    if !given.invited.is_empty() {
        let people = count(given.invited.len() as u64, "person was", "people were");
        let how = if by_mail {
            " by mail"
        } else {
            ". Hand each their link; it works once, for 48 hours, and is shown only now"
        };
        parts.push(format!("{people} invited{how}."));
    }
    if !given.joined.is_empty() {
        let names: Vec<&str> = given.joined.iter().map(|(_, name)| name.as_str()).collect();
        parts.push(format!("{} joined.", names.join(", ")));
    }
    if parts.is_empty() {
        parts.push(format!("They are all among {tenant}'s people already."));
    }
    parts.join(" ")
}

/// The form, with what those people will be able to do.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    selfservice::ask(&visit.visitor, &visit.space()?, &at)?;
    Answer::page(&page(visit, &at, form(visit), None)?)
}

/// The form was sent.
pub(super) fn give(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let permit = selfservice::ask(&visit.visitor, &visit.space()?, &at)?;
    let sent = visit.form();
    let (wanted, back) = ([sent.text("emails").to_owned()], format!("{}/access", own(visit)));
    let change = Change::new("What giving them access does", send(visit), &back).shown_first();
    match guarded(visit, change, || selfservice::give(&permit, &wanted)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(given)) if given.invited.is_empty() || visit.call.desk.mail => {
            let name = tenants::show(&visit.visitor.ask(TenantView { tenant: at })?)?.name;
            Answer::done(own(visit), said(&given, &name, true))
        }
        Ok(Checked::Done(given)) => {
            Answer::once(Once::Invitations, back.clone(), &page(visit, &at, form(visit), Some(&given))?)
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            let form = refuse(form(visit).typed(sent.typed()), error, &[("EmailAddresses", "emails")])?;
            Answer::refused(&page(visit, &at, form, None)?)
        }
        Err(other) => Err(other),
    }
}
