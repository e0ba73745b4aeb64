//! Teams for emergencies: one's own use of them, and what a team's page says and sets of it.

use super::{base, located, whole};
use crate::{
    base::{
        error::{Error, Result},
        ids::Team,
    },
    company::{
        access::{
            At, Within,
            permissions::{TeamEdit, TeamView},
        },
        teams::{
            self,
            emergency::{self, Emergency, MOST_HOURS},
        },
    },
    web::{
        answers::preview::{Change, Checked, guarded},
        caller::{Answer, Visit},
        form::refuse,
        page::{FieldView, FormView, Frame, count},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "me/emergencies.html")]
struct Own {
    frame: Frame,
    teams: Vec<Standby>,
}
struct Standby {
    name: String,
    description: String,
    can: Vec<(String, String)>,
    most: String,
    /// Until when it is used, and where to end it; else the form to begin.
    now: Option<(String, String, String)>,
    form: Option<FormView>,
}

/// An emergency on the page of its team.
pub(super) struct Row {
    pub name: String,
    pub reason: String,
    pub when: String,
    pub lasts: bool,
    pub end: String,
}

/// What a team's page says of emergencies.
pub(super) struct Part {
    /// For how many hours at most; empty for an ordinary team.
    pub most: String,
    pub rows: Vec<Row>,
    /// To set the hours; for who may change the team.
    pub form: Option<FormView>,
    /// Makes it an ordinary team.
    pub ordinary: String,
}

fn hours_form(address: &str, team: &teams::Team) -> FormView {
    let submit = if team.emergency_hours.is_some() { "Save the hours" } else { "Make it a team for emergencies" };
    FormView::new(format!("{address}/emergency"), submit).field(
        FieldView::number("hours", "Hours at most")
            .value(team.emergency_hours.unwrap_or(4).to_string())
            .required()
            .between(1, MOST_HOURS)
            .help("An emergency ends by itself after that, at the latest."),
    )
}

/// The part of a team's page.
pub(super) fn part(visit: &Visit, at: &At<Team>, team: &teams::Team) -> Result<Option<Part>> {
    let address = format!("{}/{}", base(visit), team.id);
    let may_edit = team.is_own() && visit.visitor.may(whole(at));
    if team.emergency_hours.is_none() && !may_edit {
        return Ok(None);
    }
    let all = emergency::emergencies(&visit.visitor.ask(TeamView { team: at.clone() })?)?;
    let me = visit.visitor.user();
    let rows = all.into_iter().map(|one| Row {
        when: told(visit, &one),
        lasts: one.lasts(),
        end: if one.lasts() && (may_edit || me == Some(one.user)) {
            format!("{address}/emergencies/{}/end", one.id)
        } else {
            String::new()
        },
        name: one.name.unwrap_or_else(|| "Somebody".into()),
        reason: one.reason,
    });
    let form = may_edit.then(|| hours_form(&address, team));
    Ok(Some(Part {
        most: team.emergency_hours.map(|hours| count(hours.unsigned_abs(), "hour", "hours")).unwrap_or_default(),
        rows: rows.collect(),
        form,
        ordinary: if may_edit && team.emergency_hours.is_some() {
            format!("{address}/emergency")
        } else {
            String::new()
        },
    }))
}

fn told(visit: &Visit, one: &Emergency) -> String {
    match (one.lasts(), one.ended_at) {
        (true, _) => format!("from {} until {}", visit.clock(one.began_at), visit.clock(one.until)),
        (false, ended) => format!("from {} to {}", visit.clock(one.began_at), visit.clock(ended.unwrap_or(one.until))),
    }
}

/// Makes a team one for emergencies, sets its hours, or makes it an ordinary one.
pub(in crate::web) fn set(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(TeamEdit { team: crate::company::access::TeamPart::Whole(at.clone()) })?;
    let sent = visit.form();
    let hours = match sent.text("hours").trim() {
        _ if sent.text("step") == "ordinary" => None,
        text => Some(text.parse().unwrap_or(0)),
    };
    let done = format!("{}/{}", base(visit), at.id());
    let change = Change::new("What changing the team does", "Save the team", &done);
    match guarded(visit, change, || emergency::set_emergency(&granted, hours)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(team)) if team.emergency_hours.is_some() => {
            Answer::done(done, "It is a team for emergencies now.")
        }
        Ok(Checked::Done(_)) => Answer::done(done, "It is an ordinary team now: its members hold its roles."),
        Err(Error::Conflict(sentence)) => super::show_page(visit, &at, &sentence, None),
        Err(error @ Error::Invalid(_)) => super::show_page(visit, &at, &error.to_string(), None),
        Err(error) => Err(error),
    }
}

/// One, or `all`.
fn number(visit: &Visit) -> Result<Option<i64>> {
    let text = visit.parameter("emergency");
    if text == "all" { Ok(None) } else { text.parse().map(Some).map_err(|_| Error::NotFound(text.to_owned())) }
}

/// Ends somebody's, from the page of the team.
pub(in crate::web) fn end(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(whole(&at))?;
    emergency::end(&granted, number(visit)?)?;
    Answer::done(format!("{}/{}", base(visit), at.id()), "The emergency was ended.")
}

/// One's own teams for emergencies.
pub(in crate::web) fn own(visit: &Visit) -> Result<Answer> {
    own_page(visit, None)
}

fn begin_form(visit: &Visit, team: &teams::Team) -> FormView {
    let most = team.emergency_hours.unwrap_or(1);
    FormView::new(visit.path("/me/emergencies"), "Use it now")
        .field(FieldView::hidden("team", team.id.to_string()))
        .field(
            FieldView::textarea("reason", "Reason")
                .required()
                .rows(2)
                .max_length(1000)
                .help("Every administrator of the company gets it by mail, and it stands in the trail."),
        )
        .field(FieldView::number("hours", "Hours").value(most.to_string()).required().between(1, most))
        .danger()
}

/// `refused`: the team that was to be used, and what was wrong.
fn own_page(visit: &Visit, refused: Option<(String, Error)>) -> Result<Answer> {
    let granted = visit.visitor.myself()?;
    let is_refused = refused.is_some();
    let mut refused = refused;
    let mut rows = Vec::new();
    for standby in emergency::own_standby(&granted)? {
        let team = standby.team;
        let now = standby
            .now
            .map(|one| (visit.clock(one.until), one.reason, visit.path(&format!("/me/emergencies/{}/end", one.id))));
        let mut form = now.is_none().then(|| begin_form(visit, &team));
        if let Some((_, error)) = refused.take_if(|(asked, _)| *asked == team.id.to_string())
            && let Some(present) = form.take()
        {
            let typed = present.typed(visit.form().typed());
            form = Some(refuse(typed, error, &[("Reason", "reason"), ("Hours", "hours")])?);
        }
        let can = teams::roles_in_standby(&granted, team.id)?.into_iter().map(|role| {
            let words = teams::summary(&role);
            (words.can, words.place)
        });
        rows.push(Standby {
            can: can.collect(),
            most: count(team.emergency_hours.unwrap_or(1).unsigned_abs(), "hour", "hours"),
            name: team.name,
            description: team.description,
            now,
            form,
        });
    }
    if let Some((_, error)) = refused {
        return Err(error);
    }
    let frame = visit.frame("", "Emergencies").crumb("Your account", visit.path("/me"));
    let page = Own { frame, teams: rows };
    if is_refused { Answer::refused(&page) } else { Answer::page(&page) }
}

/// One begins.
pub(in crate::web) fn begin(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.myself()?;
    let sent = visit.form();
    let asked = sent.text("team").to_owned();
    let at: At<Team> = match visit.visitor.named(Within::Company, &asked) {
        Err(Error::NotFound(_)) => return own_refused(),
        other => other?,
    };
    let hours = match sent.text("hours").trim() {
        "" => None,
        text => Some(text.parse().unwrap_or(0)),
    };
    match emergency::begin(&granted, &at, sent.text("reason"), hours) {
        Ok(one) => Answer::done(
            visit.path("/me/emergencies"),
            format!("You hold what the team allows until {}. The administrators were told.", visit.clock(one.until)),
        ),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => own_page(visit, Some((asked, error))),
        Err(Error::NotFound(_)) => own_refused(),
        Err(error) => Err(error),
    }
}

fn own_refused() -> Result<Answer> {
    Err(Error::Conflict("Choose one of your teams for emergencies.".into()))
}

/// One's own ends before its time.
pub(in crate::web) fn end_own(visit: &Visit) -> Result<Answer> {
    emergency::end_own(&visit.visitor.myself()?, number(visit)?)?;
    Answer::done(visit.path("/me/emergencies"), "The emergency was ended.")
}
