//! `/api/emergencies`: teams for emergencies, used for a reason until that ends by itself. To begin takes a session and a
//! fresh proof, which a program's key does not have.

use super::{
    caller::Ask,
    wire::{All, Created, Done, Sent, refer},
};
use crate::{
    base::{
        clock::Moment,
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
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An emergency on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EmergencyResource {
    #[schema(read_only)]
    id: String,
    team_id: refer::Team,
    #[schema(read_only)]
    user_id: String,
    #[schema(read_only)]
    user_name: Option<String>,
    /// What for: the administrators and the trail are told.
    reason: String,
    /// For how long. Left out: as long as the team allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<i64>,
    #[schema(read_only)]
    began: String,
    #[schema(read_only)]
    until: String,
    #[schema(read_only)]
    ended: Option<String>,
    #[schema(read_only)]
    is_active: bool,
}

/// A team for emergencies that one is in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StandbyTeam {
    team_id: String,
    team_name: String,
    most_hours: Option<i64>,
    /// The one under way.
    emergency: Option<EmergencyResource>,
}

fn draw(one: &Emergency) -> EmergencyResource {
    EmergencyResource {
        id: format!("Emergencies-{}", one.id),
        team_id: one.team.into(),
        user_id: one.user.to_string(),
        user_name: one.name.clone(),
        reason: one.reason.clone(),
        hours: None,
        began: one.began_at.wire(),
        until: one.until.wire(),
        ended: one.ended_at.map(Moment::wire),
        is_active: one.lasts(),
    }
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
pub(super) fn own(ask: &Ask) -> Result<All<StandbyTeam>> {
    let standby = emergency::own_standby(&ask.visitor()?.myself()?)?;
    let drawn = standby.into_iter().map(|one| StandbyTeam {
        team_id: one.team.wire_id(),
        most_hours: one.team.emergency_hours,
        emergency: one.now.as_ref().map(draw),
        team_name: one.team.name,
    });
    Ok(All(drawn.collect()))
}

/// Begins one.
pub(super) fn begin(ask: &Ask, Sent(sent): Sent<EmergencyResource>) -> Result<Created<EmergencyResource>> {
    let granted = ask.visitor()?.myself()?;
    let none = || Error::invalid("TeamId", "Choose one of your teams for emergencies.");
    let hidden = |error| if matches!(error, Error::NotFound(_)) { none() } else { error };
    let at = ask.visitor()?.named(Within::Company, sent.team_id.text()).map_err(hidden)?;
    let made = emergency::begin(&granted, &at, &sent.reason, sent.hours).map_err(hidden)?;
    Ok(Created(draw(&made)))
}

/// Ends one's own.
pub(super) fn end_own(ask: &Ask) -> Result<Done> {
    emergency::end_own(&ask.visitor()?.myself()?, number(ask)?)?;
    Ok(Done)
}

/// Those of a team, the newest first.
pub(super) fn list(ask: &Ask) -> Result<All<EmergencyResource>> {
    let granted = ask.visitor()?.ask(TeamView { team: team(ask, ask.parameter("id"))? })?;
    Ok(All(emergency::emergencies(&granted)?.iter().map(draw).collect()))
}

/// Ends somebody's.
pub(super) fn end(ask: &Ask) -> Result<Done> {
    let part = TeamPart::Whole(team(ask, ask.parameter("id"))?);
    emergency::end(&ask.visitor()?.ask(TeamEdit { team: part })?, number(ask)?)?;
    Ok(Done)
}
