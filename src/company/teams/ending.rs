//! What time ended is told in the trail, once: roles on teams, and emergencies. A round of the engine does it, so that it
//! is told also of what ended while the server was off. Nothing is ended here: what has ended allows nothing from that
//! moment on, whether it was told or not.

use super::{emergency, sql};
use crate::{
    base::{clock, error::Result},
    company::access::{Event, Granted, permissions::GrantsKeep},
};

/// So many are told in one change; the rest waits for the next.
const AT_ONCE: i64 = 200;

/// Tells what has not been told yet. How many ends that were.
pub fn tell(granted: &Granted<'_, GrantsKeep>) -> Result<usize> {
    let now = clock::now();
    if !granted.read(|rows| sql::anything_ended(rows, now))? {
        return Ok(0);
    }
    granted.write(|tx| {
        let began = tx.changes();
        let mut events = Vec::new();
        for id in sql::roles_that_ended(tx, now, AT_ONCE)? {
            sql::set_ending_told(tx, id)?;
            let Some(role) = sql::scoped_roles(tx, None, Some(id))?.pop() else { continue };
            let team = sql::by_id(tx, role.team)?;
            let event = Event::new("RoleExpired")
                .say("The role ")
                .name(role.role, &role.role_name)
                .say(" of team ")
                .name(team.id, &team.name)
                .say(" ended");
            let event = event.related(id).space(super::number(role.space.or(team.space)));
            events.push(event.detail("ExpiresAt", role.until.map(clock::Moment::wire)));
        }
        for one in sql::emergencies_that_ended(tx, now, AT_ONCE)? {
            sql::end_emergency(tx, one.id, one.until)?;
            let team = sql::by_id(tx, one.team)?;
            events.push(emergency::ended(&one, &team, " ended by itself"));
        }
        let told = events.len();
        let Some(last) = events.pop() else { return tx.unchanged(began, 0) };
        events.into_iter().try_for_each(|event| tx.also(event))?;
        tx.record(last, told)
    })
}
