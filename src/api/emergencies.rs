//! `/api/emergencies`: teams for emergencies, used for a reason until that ends by itself. To begin takes a session and a
//! fresh proof, which a program's key does not have.

use super::caller::{Ask, Reply};
use crate::{
    base::{
        error::{Error, Result},
        ids,
    },
    company::{
        access::{
            At, TeamPart, Within,
            permissions::{TeamEdit, TeamView},
        },
        teams::emergency::{self, Emergency},
    },
};
use serde_json::{Value, json};

fn draw(one: &Emergency) -> Value {
    json!({
        "Id": format!("Emergencies-{}", one.id), "TeamId": one.team.to_string(), "UserId": one.user.to_string(),
        "UserName": one.name, "Reason": one.reason, "Began": one.began_at.wire(), "Until": one.until.wire(),
        "Ended": one.ended_at.map(crate::base::clock::Moment::wire), "IsActive": one.lasts(),
    })
}

fn team(ask: &Ask, text: &str) -> Result<At<ids::Team>> {
    ask.visitor()?.locate(Within::Company, text)
}

/// One, or `all`.
fn number(ask: &Ask) -> Result<Option<i64>> {
    let text = ask.parameter("emergency");
    let text = text.strip_prefix("Emergencies-").unwrap_or(text);
    if text == "all" { Ok(None) } else { text.parse().map(Some).map_err(|_| Error::NotFound(text.to_owned())) }
}

/// One's own teams for emergencies, with the one under way.
pub(super) fn own(ask: &Ask) -> Result<Reply> {
    let standby = emergency::own_standby(&ask.visitor()?.myself()?)?;
    let drawn = standby.iter().map(|one| {
        json!({
            "TeamId": one.team.wire_id(), "TeamName": one.team.name, "MostHours": one.team.emergency_hours,
            "Emergency": one.now.as_ref().map(draw),
        })
    });
    Reply::ok(drawn.collect())
}

/// Begins one: `TeamId`, `Reason`, `Hours`.
pub(super) fn begin(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.myself()?;
    let text = ask.body.text("TeamId");
    let none = || Error::invalid("TeamId", "Choose one of your teams for emergencies.");
    let at = team(ask, &text).map_err(|error| if matches!(error, Error::NotFound(_)) { none() } else { error })?;
    let made = emergency::begin(&granted, &at, &ask.body.text("Reason"), ask.body.number("Hours"));
    let made = made.map_err(|error| if matches!(error, Error::NotFound(_)) { none() } else { error })?;
    Reply::created(draw(&made))
}

/// Ends one's own.
pub(super) fn end_own(ask: &Ask) -> Result<Reply> {
    emergency::end_own(&ask.visitor()?.myself()?, number(ask)?)?;
    Reply::done()
}

/// Those of a team, the newest first.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(TeamView { team: team(ask, ask.parameter("id"))? })?;
    Reply::ok(emergency::emergencies(&granted)?.iter().map(draw).collect())
}

/// Ends somebody's.
pub(super) fn end(ask: &Ask) -> Result<Reply> {
    let part = TeamPart::Whole(team(ask, ask.parameter("id"))?);
    emergency::end(&ask.visitor()?.ask(TeamEdit { team: part })?, number(ask)?)?;
    Reply::done()
}
