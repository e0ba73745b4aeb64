//! Inviting people: into which teams, what that lets them do, the link; sending it again, taking it back.

use super::{
    answers::preview::{Checked, guarded},
    caller::{Answer, Visit},
    form::refuse,
    page::{Choice, FieldView, FormView, Frame},
    people::{access, base, located, show_page},
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
        people::{
            Fields,
            invitations::{self, Invited, Preview},
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
    /// What the person will be able to do, when that was asked.
    preview: Option<Vec<Line>>,
    hidden: usize,
    send: String,
    /// The link of an open invitation that was just made.
    link: String,
}
struct Line {
    can: String,
    place: String,
    through: String,
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

fn page(visit: &Visit, form: FormView, preview: Option<Preview>) -> Invite {
    let hidden = preview.as_ref().map_or(0, |preview| preview.hidden);
    let lines = preview.map(|preview| {
        let line = |(team, role): &(String, teams::ScopedRole)| {
            let words = teams::summary(role);
            Line { can: words.can, place: words.place, through: format!("{} in {team}", role.role_name) }
        };
        preview.roles.iter().map(line).collect()
    });
    let send = if visit.call.desk.mail { "Send the invitation" } else { "Make the invitation" };
    Invite {
        frame: access(visit, "Invite a person", "people").crumb("People", base(visit)),
        form,
        preview: lines,
        hidden,
        send: send.into(),
        link: String::new(),
    }
}

/// The form for an invitation.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserInvite {})?;
    Answer::page(&page(visit, form(visit, &[])?, None))
}

fn into<'v>(visit: &'v Visit, chosen: &[String]) -> Result<Vec<teams::Joining<'v>>> {
    let ask = |id: &String| -> Result<teams::Joining<'v>> {
        let at: At<Team> = visit.visitor.locate(Within::Company, id).map_err(|error| match error {
            Error::NotFound(_) => Error::invalid("AddToTeamIds", "A chosen team is gone. Choose again."),
            other => other,
        })?;
        teams::Joining::ask(&visit.visitor, &at)
    };
    chosen.iter().map(ask).collect()
}

/// The form was sent: what it would let somebody do is shown, or the invitation is made.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserInvite {})?;
    let sent = visit.form();
    let chosen = sent.all("teams");
    let typed = || Ok::<_, Error>(form(visit, &chosen)?.typed(sent.typed()));
    if sent.text("step") == "preview" {
        return match into(visit, &chosen).and_then(|into| invitations::preview(&granted, &into)) {
            Ok(preview) => Answer::page(&page(visit, typed()?, Some(preview))),
            Err(error) => Answer::refused(&page(visit, refuse(typed()?, error, &NAMES)?, None)),
        };
    }
    if sent.text("step") == "open" {
        return match into(visit, &chosen).and_then(|into| invitations::invite_open(&granted, &into)) {
            Ok((code, _)) => {
                let link = address(visit, &format!("/register/{code}"));
                Answer::page(&Invite { link, ..page(visit, form(visit, &[])?, None) })
            }
            Err(error) => Answer::refused(&page(visit, refuse(typed()?, error, &NAMES)?, None)),
        };
    }
    let fields = Fields {
        display_name: sent.text("name").into(),
        email_address: sent.text("email").into(),
        ..Fields::default()
    };
    let sent_to = |into: Vec<teams::Joining<'_>>| {
        guarded(visit, "What the invitation gives", &base(visit), || invitations::invite(&granted, &into, &fields))
    };
    match into(visit, &chosen).and_then(sent_to) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(invited)) => made(visit, &invited),
        Err(error) => Answer::refused(&page(visit, refuse(typed()?, error, &NAMES)?, None)),
    }
}

/// Where mail is set the link goes by mail and nobody else sees it; else it is shown, once.
fn made(visit: &Visit, invited: &Invited) -> Result<Answer> {
    let user = &invited.user;
    if visit.call.desk.mail {
        let words = format!("The invitation goes to {} by mail.", user.email_address);
        return Answer::done(format!("{}/{}", base(visit), user.id), words);
    }
    let at = visit.visitor.locate(Within::Company, &user.id.to_string())?;
    show_page(visit, &at, &link(visit, &invited.token), "")
}

/// The address at which an invitation is accepted.
pub(super) fn link(visit: &Visit, token: &str) -> String {
    address(visit, &format!("/invitation/{token}"))
}

/// An address of the company, whole, to be handed over.
fn address(visit: &Visit, path: &str) -> String {
    let host = visit
        .call
        .desk
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", visit.call.header("host").unwrap_or("localhost")));
    format!("{host}{}", visit.path(path))
}

/// A new link for somebody who has not accepted yet; the old one stops working.
pub(super) fn again(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    match invitations::invite_again(&visit.visitor.ask(UserInvite {})?, &at) {
        Ok(invited) => made(visit, &invited),
        Err(Error::Conflict(sentence)) => show_page(visit, &at, "", &sentence),
        Err(error) => Err(error),
    }
}

/// Takes an invitation back.
pub(super) fn revoke(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    match invitations::revoke(&visit.visitor.ask(UserInvite {})?, &at) {
        Ok(()) => Answer::done(base(visit), "The invitation was revoked; its link no longer works."),
        Err(Error::Conflict(sentence)) => show_page(visit, &at, "", &sentence),
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
