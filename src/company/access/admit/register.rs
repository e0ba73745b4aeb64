//! Registering with the code of an invitation, as programs do it (`access-rules §9`): for the person who was invited, or,
//! with an open invitation, for whoever has the code. A code works once; of several who use it at the same moment one
//! gets in.

use super::{
    From,
    account::{Names, check_names, insert_account, rename_account},
    check_choice, hash, hash_password, invitation, nobody,
};
use crate::{
    base::{
        clock,
        error::{Error, Result},
        ids::{Id, User},
        names,
        secret::Secret,
    },
    company::access::{
        giving::Gifts,
        permissions::{Permission, UserInvite},
        rows::{Rows, Writing},
        trail::Event,
        vault::Company,
    },
};

/// Somebody who registered.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Their id.
    pub id: Id<User>,
    /// What they are called.
    pub names: Names,
}

/// Uses the code of an invitation: afterwards one can sign in with the password. Names that are not given stay those of
/// the invitation.
///
/// # Errors
/// `Invalid` for a password or names out of bounds, `NotFound` when the code cannot be used (any more), `Conflict` when
/// whoever invited may not give any more what the invitation's teams hold: a team became stronger, or they lost rights.
pub fn register(company: &Company, code: &str, wish: &Names, password: &Secret, from: &From) -> Result<Registered> {
    let gone = || Error::NotFound("invitation".into());
    // Blanks come along when a code is copied.
    let code = code.trim();
    let token = hash(code);
    let open = company.snapshot()?.with(|rows| is_open(rows, &token))?;
    if !open && invitation(company, code)?.is_none() {
        return Err(gone());
    }
    let known = invitation(company, code)?.unwrap_or_default();
    let about = [company.slug(), company.name(), &known.0, &known.1, &wish.display_name, &wish.email_address];
    check_choice(password, company.rules().password_min, &about)
        .map_err(|message| Error::invalid("Password", message))?;
    let hashed = hash_password(company.slug(), password)?;
    company.write(nobody(from), |tx| {
        let used = if open { by_open(tx, &token, wish, &hashed)? } else { by_own(tx, &token, wish, &hashed)? };
        let (id, names, event) = used.ok_or_else(gone)?;
        tx.access_changed()?;
        tx.record(event, Registered { id, names })
    })
}

/// Whether a code is one of an open invitation that can be used.
pub fn open_invitation(company: &Company, code: &str) -> Result<bool> {
    company.snapshot()?.with(|rows| is_open(rows, &hash(code.trim())))
}

fn is_open(rows: &Rows<'_>, token: &[u8; 32]) -> Result<bool> {
    rows.any(
        "SELECT 1 FROM open_invitations WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2",
        (&token[..], clock::now()),
    )
}

type Used = Option<(Id<User>, Names, Event)>;

fn by_own(tx: &Writing<'_>, token: &[u8; 32], wish: &Names, hashed: &str) -> Result<Used> {
    let used: Option<Id<User>> = tx.one(
        "UPDATE one_time_links SET used_at = ?2 WHERE token_hash = ?1 AND kind = 'invitation' AND used_at IS NULL AND expires_at > ?2
         RETURNING user_id",
        (&token[..], clock::now()),
        |row| row.get(0),
    )?;
    let Some(id) = used else { return Ok(None) };
    let invited =
        tx.one("SELECT username, display_name, email FROM users WHERE id = ?1 AND state = 'invited'", [id], |row| {
            Ok(Names { username: row.get(0)?, display_name: row.get(1)?, email_address: row.get(2)? })
        })?;
    let Some(invited) = invited else { return Ok(None) };
    let email = wish.email_address.trim();
    if !email.is_empty() && names::account_keys(email).1 != names::account_keys(&invited.email_address).1 {
        return Err(Error::invalid("EmailAddress", "The invitation is for another e-mail address. Leave it out."));
    }
    let given = |text: &str, invited: &str| if text.trim().is_empty() { invited.to_owned() } else { text.to_owned() };
    let names = Names {
        username: given(&wish.username, &invited.username),
        display_name: given(&wish.display_name, &invited.display_name),
        email_address: invited.email_address,
    };
    let names = check_names(tx, &names, Some(id), false)?;
    rename_account(tx, id, &names)?;
    tx.run("UPDATE users SET password_hash = ?2, state = 'active' WHERE id = ?1", (id, hashed))?;
    let event =
        Event::new("UserActivated").name(id, &names.display_name).say(" accepted the invitation and chose a password");
    Ok(Some((id, names, event)))
}

fn by_open(tx: &Writing<'_>, token: &[u8; 32], wish: &Names, hashed: &str) -> Result<Used> {
    let used = tx.one(
        "UPDATE open_invitations SET used_at = ?2 WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2
         RETURNING id, inviter_id, inviter",
        (&token[..], clock::now()),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, String>(2)?)),
    )?;
    let Some((invitation, maker, inviter)) = used else { return Ok(None) };
    let teams: Vec<i64> =
        tx.all("SELECT team_id FROM open_invitation_teams WHERE invitation_id = ?1", [invitation], |row| row.get(0))?;
    // A team may have become stronger since, and whoever invited weaker.
    if let Some(maker) = maker
        && !Gifts::of_newcomer(tx, &teams)?.may_come_from(tx, maker, UserInvite::INFO)?
    {
        return Err(Error::Conflict(
            "Whoever made this invitation may no longer give what its teams may do. Ask for a new invitation.".into(),
        ));
    }
    let names = check_names(tx, wish, None, false)?;
    let id = insert_account(tx, &names, "active", false, Some(hashed))?;
    tx.run(
        "INSERT INTO team_members (team_id, user_id) SELECT team_id, ?2 FROM open_invitation_teams WHERE invitation_id = ?1",
        (invitation, id),
    )?;
    let event =
        Event::new("Created").name(id, &names.display_name).say(" registered with an invitation of ").say(&inviter);
    Ok(Some((id, names, event.detail("Invitation", invitation))))
}
