//! Tells people by mail that a second factor is demanded of them: when the rule begins to reach them, whatever made it do so
//! (another rule, a team, a role), and once more before their days of grace end. A round of the engine does it, each once.
//! Only whoever has been signed in before is told: others meet the rule on their way in.

use crate::{
    base::{
        clock::{self, DAY, HOUR, Moment},
        error::Result,
    },
    company::{
        access::{
            Event, Granted, Rows,
            admit::{Demand, demand, demanded_from},
            permissions::GrantsKeep,
        },
        post::{self, Notice},
    },
};

/// The second letter comes so long before the end.
const BEFORE: i64 = 2 * DAY;
/// What changes nobody's rights is looked at so often.
const AGAIN: i64 = HOUR;

/// One letter.
struct Due {
    user: i64,
    name: String,
    from: Moment,
    again: bool,
}

/// Tells whoever has not been told. How many letters that were.
pub fn tell(granted: &Granted<'_, GrantsKeep>) -> Result<usize> {
    let now = clock::now();
    // Nobody's rights changed, and no day passed: nothing to look for among a thousand people.
    if !post::is_set() || !granted.is_round_due(now, AGAIN)? {
        return Ok(0);
    }
    if granted.read(|rows| due(rows, now))?.is_empty() {
        return Ok(0);
    }
    granted.write(|tx| {
        let began = tx.changes();
        let mut events = Vec::new();
        for one in due(tx, now)? {
            let near = one.from.0 - now.0 <= BEFORE;
            tx.run(
                "UPDATE users SET factor_told_from = ?2, factor_told_again = ?3 WHERE id = ?1",
                (one.user, one.from, near),
            )?;
            let notice =
                if one.again { Notice::FactorDemandedSoon(one.from) } else { Notice::FactorDemanded(one.from) };
            post::notice(tx, one.user, notice)?;
            let user = crate::base::ids::Id::<crate::base::ids::User>::new(one.user);
            let event = Event::new("SecondFactorDemanded").name(user, &one.name);
            events.push(event.say(" was told that a second factor is needed").detail("From", one.from.wire()));
        }
        let told = events.len();
        let Some(last) = events.pop() else { return tx.unchanged(began, 0) };
        events.into_iter().try_for_each(|event| tx.also(event))?;
        tx.record(last, told)
    })
}

fn due(rows: &Rows<'_>, now: Moment) -> Result<Vec<Due>> {
    let lacking = rows.all(
        "SELECT u.id, u.display_name, u.factor_told_from, u.factor_told_again FROM users u
         WHERE u.state = 'active' AND u.is_service = 0 AND u.email <> '' AND u.last_seen_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM factors f WHERE f.user_id = u.id) ORDER BY u.id",
        [],
        |row| {
            let told: (Option<Moment>, bool) = (row.get(2)?, row.get(3)?);
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, told))
        },
    )?;
    let mut due = Vec::new();
    for (user, name, (told, told_again)) in lacking {
        if demand(rows, user)? == Demand::None {
            continue;
        }
        let from = demanded_from(rows, user)?;
        let again = told == Some(from) && !told_again && from > now && from.0 - now.0 <= BEFORE;
        if told != Some(from) || again {
            due.push(Due { user, name, from, again });
        }
    }
    Ok(due)
}
