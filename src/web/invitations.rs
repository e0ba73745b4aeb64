//! Inviting people: into which teams, what that lets them do, the link; sending it again, taking it back.

use super::{
    answers::preview::{Change, Checked, guarded, guarded_by},
    caller::{Answer, Visit},
    form::refuse,
    once::Once,
    page::{Choice, FieldView, FormView, Frame},
    people::{access, base, draw_page, located, show_page},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::Team,
        paging::Page,
    },
    company::{
        access::{
            At, Within,
            permissions::{TeamView, UserInvite},
        },
        answers,
        people::{
            Fields,
            invitations::{self, Invited},
        },
        teams,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "people/invite.html")]
struct Invite {
    frame: Frame,
    form: FormView,
    /// The link of an open invitation that was just made.
    link: String,
}

fn team_choices(visit: &Visit, chosen: &[String]) -> Result<Vec<Choice>> {
    let levels = match visit.visitor.ask_anywhere::<TeamView>(None) {
        Ok(levels) => levels,
        Err(Error::Denied(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let all = teams::list(&levels, &teams::Filter::default(), Page::ALL)?;
    let mut choices = Vec::new();
    for team in all.items.into_iter().filter(teams::Team::has_members) {
        let at: At<Team> = visit.visitor.locate(Within::Company, &team.id.to_string())?;
        if teams::Joining::may(&visit.visitor, &at) {
            let id = team.id.to_string();
            let mut choice = Choice::new(id.clone(), team.name).chosen(chosen.contains(&id));
            if let Some(space) = team.space_name {
                choice = choice.hint(space);
            }
            choices.push(choice);
        }
    }
    Ok(choices)
}

const NAMES: [(&str, &str); 4] =
    [("DisplayName", "name"), ("EmailAddress", "email"), ("Username", "username"), ("AddToTeamIds", "teams")];

fn form(visit: &Visit, chosen: &[String]) -> Result<FormView> {
    Ok(FormView::new(format!("{}/invite", base(visit)), "")
        .field(FieldView::text("name", "Name").required().autofocus().max_length(64))
        .field(FieldView::email("email", "E-mail").required().help("They sign in with it."))
        .field(
            FieldView::checks("teams", "Teams", team_choices(visit, chosen)?)
                .help("What the person will be able to do comes from these teams."),
        )
        .cancel(base(visit)))
}

fn page(visit: &Visit, form: FormView) -> Invite {
    let frame = access(visit, "Invite a person", "people").crumb("People", base(visit));
    Invite { frame, form, link: String::new() }
}

/// The form for an invitation.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserInvite {})?;
    Answer::page(&page(visit, form(visit, &[])?))
}

fn into<'v>(visit: &'v Visit, chosen: &[String]) -> Result<Vec<teams::Joining<'v>>> {
    let ask = |id: &String| -> Result<teams::Joining<'v>> {
        let at: At<Team> = visit.visitor.named(Within::Company, id).map_err(|error| match error {
            Error::NotFound(_) => Error::invalid("AddToTeamIds", "A chosen team is gone. Choose again."),
            other => other,
        })?;
        teams::Joining::ask(&visit.visitor, &at)
    };
    chosen.iter().map(ask).collect()
}

/// The form was sent: what the invitation gives is shown before it is made.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserInvite {})?;
    let sent = visit.form();
    let chosen = sent.all("teams");
    let back = base(visit);
    let refused =
        |error| Answer::refused(&page(visit, refuse(form(visit, &chosen)?.typed(sent.typed()), error, &NAMES)?));
    if sent.text("step") == "open" {
        let change = Change::new("What the invitation gives", "Make the open invitation", &back).shown_first();
        let open = |into: Vec<teams::Joining<'_>>| {
            let preview = || answers::preview_open(&granted, &into);
            guarded_by(visit, change, preview, || invitations::invite_open(&granted, &into))
        };
        return match into(visit, &chosen).and_then(open) {
            Ok(Checked::Shown(answer)) => Ok(answer),
            Ok(Checked::Done((code, _))) => {
                let link = address(visit, &format!("/register/{code}"));
                Answer::once(Once::OpenInvitation, base(visit), &Invite { link, ..page(visit, form(visit, &[])?) })
            }
            Err(error) => refused(error),
        };
    }
    let fields = Fields {
        display_name: sent.text("name").into(),
        email_address: sent.text("email").into(),
        ..Fields::default()
    };
    let send = if visit.call.desk.mail { "Send the invitation" } else { "Make the invitation" };
    let change = Change::new("What the invitation gives", send, &back).shown_first();
    let sent_to =
        |into: Vec<teams::Joining<'_>>| guarded(visit, change, || invitations::invite(&granted, &into, &fields));
    match into(visit, &chosen).and_then(sent_to) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(invited)) => made(visit, &invited, false),
        Err(error) => refused(error),
    }
}

/// Where mail is set the link goes by mail and nobody else sees it; else it is shown, once.
fn made(visit: &Visit, invited: &Invited, by_hand: bool) -> Result<Answer> {
    let user = &invited.user;
    if visit.call.desk.mail && !by_hand {
        let words = format!("The invitation goes to {} by mail.", user.email_address);
        return Answer::done(format!("{}/{}", base(visit), user.id), words);
    }
    let at = visit.visitor.locate(Within::Company, &user.id.to_string())?;
    let page = draw_page(visit, &at, &link(visit, &invited.token), "")?;
    Answer::once(Once::Invitation, format!("{}/{}", base(visit), user.id), &page)
}

/// The address at which an invitation is accepted.
pub(super) fn link(visit: &Visit, token: &str) -> String {
    address(visit, &format!("/invitation/{token}"))
}

/// An address of the company, whole, to be handed over.
fn address(visit: &Visit, path: &str) -> String {
    format!("{}{}", visit.call.address(), visit.path(path))
}

/// A new link for somebody who has not accepted yet; the old one stops working.
pub(super) fn again(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(UserInvite {})?;
    let by_hand = visit.call.asked("by") == Some("hand");
    let made_again = match by_hand {
        true => invitations::invite_again_by_hand(&granted, &at),
        false => invitations::invite_again(&granted, &at),
    };
    match made_again {
        Ok(invited) => made(visit, &invited, by_hand),
        Err(Error::Conflict(sentence)) => show_page(visit, &at, &sentence),
        Err(error) => Err(error),
    }
}

/// Takes an invitation back.
pub(super) fn revoke(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(UserInvite {})?;
    let back = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What revoking the invitation does", "Revoke the invitation", &back);
    match guarded(visit, change, || invitations::revoke(&granted, &at)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(())) => Answer::done(base(visit), "The invitation was revoked; its link no longer works."),
        Err(Error::Conflict(sentence)) => show_page(visit, &at, &sentence),
        Err(error) => Err(error),
    }
}

/// Takes an open invitation back.
pub(super) fn revoke_open(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserInvite {})?;
    let text = visit.parameter("invitation");
    let number = text.strip_prefix("Invitations-").unwrap_or(text);
    let id = number.parse().map_err(|_| Error::NotFound(text.to_owned()))?;
    invitations::revoke_open(&granted, id)?;
    Answer::done(base(visit), "The open invitation was revoked; its code no longer works.")
}
