//! `bulkhead user …`: people of a company, from outside: the way back in for whoever is locked out. Works whether or not
//! the server runs; the company's trail has it as done by the operator.

use super::{Failure, Start};
use crate::{
    appliance::Appliance,
    base::{
        error::Error,
        ids::{Team, User as Kind},
        paging::Page,
    },
    company::{
        Company,
        access::{
            At, Visitor, Within,
            admit::reset_path,
            permissions::{UserEdit, UserInvite, UserView},
        },
        people::{
            self, Fields, Filter, User,
            invitations::{self, Invited},
        },
        post, teams,
    },
};
use clap::Subcommand;
use serde_json::{Value, json};

/// `bulkhead user …`
#[derive(Subcommand)]
pub enum Command {
    /// List the people and service accounts of a company
    List {
        /// The company
        slug: String,
    },
    /// Invite somebody; prints the link, or sends it where mail is set up
    Invite {
        /// The company
        slug: String,
        /// Their e-mail address
        email: String,
        /// Their name [default: the first part of the address]
        #[arg(long, env = "BULKHEAD_USER_NAME")]
        name: Option<String>,
        /// A team of the whole company they are put into: its name or id
        #[arg(long = "team", env = "BULKHEAD_TEAMS", value_name = "NAME", value_delimiter = ',')]
        teams: Vec<String>,
    },
    /// Make another link for somebody who has not accepted the invitation; the one before no longer works
    InviteAgain {
        /// The company
        slug: String,
        /// Their e-mail address or username
        email: String,
    },
    /// Take an invitation back that was not accepted: the account goes
    Revoke {
        /// The company
        slug: String,
        /// Their e-mail address or username
        email: String,
    },
    /// Shut somebody out: sessions and keys end, what they did is kept
    Deactivate {
        /// The company
        slug: String,
        /// Their e-mail address or username
        email: String,
    },
    /// Make a link by which somebody chooses a new password; prints it, or sends it where mail is set up
    ResetPassword {
        /// The company
        slug: String,
        /// Their e-mail address or username
        email: String,
    },
    /// Take all second factors and recovery codes from somebody who lost them; their password stays
    ResetSecondFactor {
        /// The company
        slug: String,
        /// Their e-mail address or username
        email: String,
    },
    /// Let somebody in again
    Reactivate {
        /// The company
        slug: String,
        /// Their e-mail address or username
        email: String,
    },
}

fn state(user: &User) -> &'static str {
    user.state.word()
}

fn draw(user: &User) -> Value {
    json!({
        "id": user.id.to_string(), "username": user.username, "name": user.display_name, "email": user.email_address,
        "state": state(user), "isService": user.is_service, "hasSecondFactor": user.has_second_factor,
        "lastSeen": user.last_seen_at.map(crate::base::clock::Moment::wire),
    })
}

fn print(start: &Start, user: &User) {
    if start.json {
        println!("{}", draw(user));
    } else {
        println!("{}: {}", user.display_name, state(user));
    }
}

pub(super) fn located(operator: &Visitor, who: &str) -> Result<At<Kind>, Failure> {
    operator.named(Within::Company, who).map_err(|error| match error {
        Error::NotFound(_) => Failure::Refused(format!("There is nobody called “{who}” in this company.")),
        other => other.into(),
    })
}

/// Runs `bulkhead user …`.
pub fn run(start: &Start, command: Command) -> Result<(), Failure> {
    let appliance = Appliance::open(&start.data)?;
    let slug = match &command {
        Command::List { slug }
        | Command::Invite { slug, .. }
        | Command::InviteAgain { slug, .. }
        | Command::Revoke { slug, .. }
        | Command::Deactivate { slug, .. }
        | Command::ResetPassword { slug, .. }
        | Command::ResetSecondFactor { slug, .. }
        | Command::Reactivate { slug, .. } => slug.clone(),
    };
    let company = appliance.company(&slug)?;
    let operator = Visitor::operator(&company, &start.operator);
    match command {
        Command::List { .. } => list(start, &operator),
        Command::Invite { email, name, teams, .. } => invite(start, &company, &operator, &email, name, &teams),
        Command::InviteAgain { email, .. } => {
            let at = located(&operator, &email)?;
            print_link(start, &company, &invitations::invite_again(&operator.ask(UserInvite {})?, &at)?);
            Ok(())
        }
        Command::Revoke { email, .. } => {
            let at = located(&operator, &email)?;
            let user = people::show(&operator.ask(UserView {})?, &at)?;
            invitations::revoke(&operator.ask(UserInvite {})?, &at)?;
            if start.json {
                println!("{}", json!({ "revoked": draw(&user) }));
            } else {
                println!("{}: the invitation was revoked", user.display_name);
            }
            Ok(())
        }
        Command::Deactivate { email, .. } => {
            let at = located(&operator, &email)?;
            let user = people::deactivate(&operator.ask(UserEdit {})?, &at);
            print(start, &user.map_err(|error| instead(error, "revoke", &slug, &email))?);
            Ok(())
        }
        Command::ResetPassword { email, .. } => {
            let at = located(&operator, &email)?;
            let token = people::reset::send(&operator.ask(UserEdit {})?, &at)?;
            let path = token.map(|token| reset_path(company.slug(), &token));
            match (start.json, path) {
                (true, path) => {
                    let link = path.as_deref().and_then(|path| start.whole_link(path));
                    println!("{}", json!({ "reset": path, "link": link, "sent": path.is_none() }));
                }
                (false, None) => println!("sent: the server sends the link to them by mail"),
                (false, Some(path)) => {
                    eprintln!("{} It works once, for an hour.", start.where_to_open());
                    println!("reset: {}", start.link(&path));
                }
            }
            Ok(())
        }
        Command::ResetSecondFactor { email, .. } => {
            let at = located(&operator, &email)?;
            let user = people::factors::reset_for(&operator.ask(UserEdit {})?, &at)?;
            if start.json {
                println!("{}", draw(&user));
            } else {
                println!("{}: no second factor", user.display_name);
            }
            Ok(())
        }
        Command::Reactivate { email, .. } => {
            let at = located(&operator, &email)?;
            let user = people::reactivate(&operator.ask(UserEdit {})?, &at);
            print(start, &user.map_err(|error| instead(error, "invite-again", &slug, &email))?);
            Ok(())
        }
    }
}

fn list(start: &Start, operator: &Visitor) -> Result<(), Failure> {
    let found = people::list(&operator.ask(UserView {})?, &Filter::default(), Page::ALL)?;
    if start.json {
        println!("{}", Value::Array(found.items.iter().map(draw).collect()));
        return Ok(());
    }
    for user in &found.items {
        let kind = if user.is_service { "service account" } else { &user.email_address };
        let factor = match (user.is_service, user.has_second_factor) {
            (false, false) => "no second factor",
            _ => "",
        };
        println!("{:<24} {:<36} {:<9} {factor}", user.display_name, kind, state(user));
    }
    Ok(())
}

fn invite(
    start: &Start,
    company: &Company,
    operator: &Visitor,
    email: &str,
    name: Option<String>,
    teams: &[String],
) -> Result<(), Failure> {
    let mut into = Vec::new();
    for team in teams {
        let at: At<Team> = operator.named(Within::Company, team).map_err(|error| match error {
            Error::NotFound(_) => Failure::Refused(format!("There is no team called “{team}” in this company.")),
            other => other.into(),
        })?;
        // The operator does not reach into spaces: who is in their teams is a matter of those who look after them.
        into.push(teams::Joining::ask(operator, &at).map_err(|error| match error {
            Error::NotFound(_) | Error::Denied(_) => Failure::Refused(format!(
                "The team “{team}” belongs to a space. From here people are put into teams of the whole company; whoever manages the space puts them into this one."
            )),
            other => other.into(),
        })?);
    }
    let display_name = name.unwrap_or_else(|| email.split('@').next().unwrap_or(email).to_owned());
    let fields = Fields { display_name, email_address: email.to_owned(), ..Fields::default() };
    let made = invitations::invite(&operator.ask(UserInvite {})?, &into, &fields)?;
    print_link(start, company, &made);
    Ok(())
}

fn print_link(start: &Start, company: &Company, made: &Invited) {
    let path = format!("/{}/invitation/{}", company.slug(), made.token);
    if start.json {
        let link = start.whole_link(&path);
        let made = json!({ "user": draw(&made.user), "invitation": path, "link": link, "expires": made.until.wire() });
        println!("{made}");
        return;
    }
    if post::is_set() {
        eprintln!("The server sends the link to {} by mail. It is this one:", made.user.email_address);
    } else {
        eprintln!("{} It works once, for 48 hours.", start.where_to_open());
    }
    println!("invitation: {}", start.link(&path));
}

/// What is refused to somebody who is invited names the command that is meant.
fn instead(error: Error, command: &str, slug: &str, email: &str) -> Failure {
    match error {
        Error::Conflict(sentence) if sentence.contains("has not accepted") => {
            Failure::Refused(format!("{sentence} Run: bulkhead user {command} {slug} {email}"))
        }
        other => other.into(),
    }
}
