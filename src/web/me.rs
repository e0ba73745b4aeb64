//! One's own account: name, sessions, API keys, teams.

pub(super) mod factors;
pub(super) mod rights;

use super::{
    caller::{Answer, Visit, encode},
    form::refuse,
    page::{FieldView, FormView, Frame, Kv, Message, When},
    tasks::when,
};
use crate::{
    base::error::{Error, Result},
    company::{
        people::{self, own},
        teams,
    },
};
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "me/profile.html")]
struct Profile {
    frame: Frame,
    about: Kv,
    form: FormView,
    keys: Message,
    sessions: Vec<SessionRow>,
    others: bool,
    end_others: String,
    teams: Vec<TeamRow>,
    email_href: String,
    password_href: String,
    factors: Vec<FactorRow>,
    new_app: String,
    new_passkey: Option<String>,
    recovery: Option<i64>,
    renew: String,
    rights_href: String,
    /// The teams for emergencies one is in; empty for none.
    emergencies: String,
}
struct FactorRow {
    name: String,
    kind: &'static str,
    added: When,
    used: Option<When>,
    edit: String,
    remove: Option<String>,
}
/// Recovery codes, shown the only time.
#[derive(Template)]
#[template(path = "_parts/recovery_codes.html")]
pub(super) struct Codes {
    text: String,
    file: String,
    name: String,
}
impl HtmlSafe for Codes {}

impl Codes {
    /// From the codes as they are shown.
    pub(super) fn new(company: &str, codes: Vec<String>) -> Codes {
        let text = codes.join("\n");
        let head = format!("Recovery codes for {company}\nEach works once.\n\n{text}\n");
        let encoded = encode(&head);
        Codes {
            text,
            file: format!("data:text/plain;charset=utf-8,{}", encoded.replace('+', "%20")),
            name: format!("recovery-codes-{}.txt", crate::base::names::slug_of(company, "company")),
        }
    }
}
struct SessionRow {
    /// What the browser says of itself.
    agent: String,
    /// The same in words.
    browser: String,
    address: String,
    seen: When,
    is_this: bool,
    end: String,
}
struct TeamRow {
    name: String,
    can: Vec<(String, String)>,
}

fn name_form(visit: &Visit, name: &str) -> FormView {
    FormView::new(visit.path("/me"), "Save the name")
        .field(FieldView::text("name", "Name").value(name).required().max_length(64).autocomplete("name"))
}

fn page(visit: &Visit, form: Option<FormView>) -> Result<Profile> {
    let granted = visit.visitor.myself()?;
    let me = own::profile(&granted)?;
    let sessions = own::sessions(&granted)?;
    let roles = teams::own_roles(&granted)?;
    let all_teams = teams::own_teams(&granted)?;
    let emergencies: Vec<&str> =
        all_teams.iter().filter(|team| team.emergency_hours.is_some()).map(|team| team.name.as_str()).collect();
    let emergencies = emergencies.join(", ");
    let mine = all_teams.into_iter().map(|team| TeamRow {
        can: roles
            .iter()
            .filter(|role| role.team == team.id)
            .map(|role| {
                let words = teams::summary(role);
                (words.can, words.place)
            })
            .collect(),
        name: team.name,
    });
    let (mine_also, ways) = (people::factors::list(&granted)?, people::factors::ways(&granted)?);
    let keep = mine_also.len() == 1 && people::factors::is_demanded(&granted)?;
    Ok(Profile {
        frame: visit.frame("", "Your account"),
        about: Kv::new().row("E-mail", &me.email_address).mono("Id", me.id.to_string()),
        form: form.unwrap_or_else(|| name_form(visit, &me.display_name)),
        keys: super::keys::mention(visit)?,
        others: sessions.len() > 1,
        sessions: sessions
            .into_iter()
            .map(|session| SessionRow {
                browser: browser(&session.agent),
                agent: session.agent,
                address: session.address,
                seen: when(session.last_seen_at),
                is_this: session.is_this,
                end: visit.path(&format!("/me/sessions/{}/delete", session.id)),
            })
            .collect(),
        end_others: visit.path("/me/sessions/others/delete"),
        teams: mine.collect(),
        email_href: visit.path("/me/email"),
        password_href: visit.path("/me/password"),
        factors: mine_also
            .into_iter()
            .map(|factor| FactorRow {
                kind: if factor.is_passkey { "Passkey" } else { "Authenticator app" },
                added: when(factor.created_at),
                used: factor.last_used_at.map(when),
                edit: visit.path(&format!("/me/factors/{}/edit", factor.id)),
                remove: (!keep).then(|| visit.path(&format!("/me/factors/{}/delete", factor.id))),
                name: factor.name,
            })
            .collect(),
        new_app: visit.path("/me/factors/app"),
        new_passkey: visit.call.site().map(|_| visit.path("/me/factors/passkey")),
        recovery: ways.any().then_some(ways.recovery),
        renew: visit.path("/me/recovery-codes"),
        rights_href: visit.path("/me/rights"),
        emergencies,
    })
}

/// Shows it.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    Answer::page(&page(visit, None)?)
}

/// A new name was sent.
pub(super) fn rename(visit: &Visit) -> Result<Answer> {
    let name = visit.form().text("name").to_owned();
    match own::rename(&visit.visitor.myself()?, &name) {
        Ok(_) => Answer::done(visit.path("/me"), "Your name was saved."),
        Err(error) => {
            let form = refuse(name_form(visit, &name), error, &[("DisplayName", "name")])?;
            Answer::refused(&page(visit, Some(form))?)
        }
    }
}

/// Ends a session, or all others.
pub(super) fn end_session(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.myself()?;
    match visit.parameter("session") {
        "others" => {
            let ended = own::end_other_sessions(&granted)?;
            Answer::done(visit.path("/me"), format!("Other sessions ended: {ended}."))
        }
        number => {
            let id = number.parse().map_err(|_| Error::NotFound(number.to_owned()))?;
            own::end_session(&granted, id)?;
            Answer::done(visit.path("/me"), "The session was ended.")
        }
    }
}

/// A browser in words, such as "Firefox on Windows"; what is not known of says itself.
fn browser(agent: &str) -> String {
    // The order matters: nearly all of them call themselves Chrome or Safari too.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let known =
        |among: &[(&str, &'static str)]| among.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if agent.is_empty() => "Unknown".to_owned(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_told_in_words() {
        for (agent, words) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on macOS",
            ),
            ("curl/8.14", "curl/8.14"),
            ("", "Unknown"),
        ] {
            assert_eq!(browser(agent), words);
        }
    }
}
