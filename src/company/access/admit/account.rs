//! What an account is called: checked, unique in the company, written down (`access-rules §9`). By those who may make
//! accounts, and by whoever registers with an invitation.

use crate::{
    base::{
        clock,
        error::{Fields as Wrong, Result},
        ids::{Id, User},
        names,
    },
    company::access::{
        rows::{Rows, Writing},
        rules::room_for_a_person,
    },
};

/// A username has at most so many characters.
const LONGEST_USERNAME: usize = 64;

/// What is given of an account.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// 1–64 characters, unique; empty: the e-mail address.
    pub username: String,
    /// Required, 1–64 characters.
    pub display_name: String,
    /// Required for people, unique.
    pub email_address: String,
}

/// Checks the names of an account: a new one, or this one.
///
/// # Errors
/// `Invalid` for what is missing, too long or taken: ignoring case, in any spelling of Unicode.
pub(in crate::company) fn check_names(
    rows: &Rows<'_>,
    fields: &Names,
    this: Option<Id<User>>,
    service: bool,
) -> Result<Names> {
    let mut wrong = Wrong::new();
    let named = names::visible(&fields.display_name).and_then(|name| names::name(&name, 64));
    let display_name = wrong.check("DisplayName", named).unwrap_or_default();
    let none = service && fields.email_address.trim().is_empty();
    let email = match none {
        true => Ok(String::new()),
        false => names::visible(&fields.email_address).and_then(|email| names::email(&email)),
    };
    let email_address = wrong.check("EmailAddress", email).unwrap_or_default();
    let wish = fields.username.trim();
    let as_email = wish.is_empty() && !service || names::account_keys(wish).1 == names::key(&email_address) && !none;
    let username = if as_email && email_address.chars().count() <= LONGEST_USERNAME {
        email_address.clone()
    } else if wish.is_empty() || as_email {
        let wish = names::slug_of(&display_name, if service { "service" } else { "person" });
        names::free(&wish, |word| is_taken(rows, word, this))?
    } else {
        let wish = names::visible(wish).and_then(|wish| names::name(&wish, LONGEST_USERNAME));
        wrong.check("Username", wish).unwrap_or_default()
    };
    // Somebody is found by either word, so neither may be a word of anybody else.
    for (field, word) in [("Username", &username), ("EmailAddress", &email_address)] {
        if !word.is_empty() && wrong.of("EmailAddress").is_none() && is_taken(rows, word, this)? {
            wrong.add(field, format!("“{word}” belongs to somebody else already. Choose another."));
        }
    }
    wrong.finish()?;
    Ok(Names { username, display_name, email_address })
}

fn is_taken(rows: &Rows<'_>, word: &str, but: Option<Id<User>>) -> Result<bool> {
    let (plain, ascii) = names::account_keys(word);
    rows.any(
        "SELECT 1 FROM users WHERE (username_key IN (?1, ?2) OR email_key IN (?1, ?2)) AND id IS NOT ?3",
        (plain, ascii, but),
    )
}

/// Writes a new account down. `state` is its word.
///
/// # Errors
/// `Limit` when the company has as many people as it may have.
pub(in crate::company) fn insert_account(
    tx: &Writing<'_>,
    names: &Names,
    state: &str,
    service: bool,
    hash: Option<&str>,
) -> Result<Id<User>> {
    if !service {
        room_for_a_person(tx)?;
    }
    let id = tx.insert(
        "INSERT INTO users (username, username_key, display_name, email, email_key, state, is_service, password_hash, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            &names.username,
            names::key(&names.username),
            &names.display_name,
            &names.email_address,
            email_key(names),
            state,
            service,
            hash,
            clock::now(),
        ),
    )?;
    Ok(Id::new(id))
}

/// Writes the names of an account down anew.
pub(in crate::company) fn rename_account(tx: &Writing<'_>, id: Id<User>, names: &Names) -> Result<()> {
    tx.run(
        "UPDATE users SET username = ?2, username_key = ?3, display_name = ?4, email = ?5, email_key = ?6 WHERE id = ?1",
        (id, &names.username, names::key(&names.username), &names.display_name, &names.email_address, email_key(names)),
    )?;
    Ok(())
}

fn email_key(names: &Names) -> Option<String> {
    Some(names::key(&names.email_address)).filter(|key| !key.is_empty())
}
