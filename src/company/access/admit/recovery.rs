//! Recovery codes: ten words of a person, each good once in place of a second factor that is lost (`access-rules §9`).
//!
//! A code has fifty bits, so it is stored as passwords are: argon2id, with a salt for each ten.

use super::{factor::By, hashing};
use crate::{
    base::{
        clock,
        error::Result,
        secret::{self, Secret},
    },
    company::access::{rows::Writing, vault::Company},
};

/// So many at once.
const COUNT: usize = 10;
/// Letters and digits of a code, without the dash that it is shown with.
pub(super) const LENGTH: usize = 10;

/// Ten fresh codes, hashed and not stored yet.
pub(in crate::company) struct Fresh {
    salt: [u8; 16],
    codes: Vec<String>,
    hashes: Vec<Vec<u8>>,
}

/// Makes ten. Takes as long as checking ten passwords; not inside a transaction.
pub(in crate::company) fn fresh(company: &Company) -> Result<Fresh> {
    let salt = secret::random::<16>();
    let codes: Vec<String> = (0..COUNT)
        .map(|_| data_encoding::BASE32_NOPAD.encode(&secret::random::<7>()).chars().take(LENGTH).collect())
        .collect();
    let hashes = codes
        .iter()
        .map(|code| hashing::hash_raw(company.slug(), &Secret::new(code.as_str()), &salt))
        .collect::<Result<_>>()?;
    Ok(Fresh { salt, codes, hashes })
}

/// Puts them in the place of those that somebody had. Gives them as they are shown, for the only time.
pub(in crate::company) fn store(tx: &Writing<'_>, user: i64, fresh: Fresh) -> Result<Vec<String>> {
    tx.run("DELETE FROM recovery_codes WHERE user_id = ?1", [user])?;
    for hash in &fresh.hashes {
        tx.run(
            "INSERT INTO recovery_codes (user_id, salt, code_hash, created_at) VALUES (?1, ?2, ?3, ?4)",
            (user, &fresh.salt[..], hash, clock::now()),
        )?;
    }
    let (head, tail) = (|code: &str| code[..LENGTH / 2].to_owned(), |code: &str| code[LENGTH / 2..].to_owned());
    Ok(fresh.codes.iter().map(|code| format!("{}-{}", head(code), tail(code))).collect())
}

/// What a code of somebody would be stored as; `None` when they have none. The work is done all the same.
pub(super) fn hash(company: &Company, user: i64, code: &str) -> Result<Option<Vec<u8>>> {
    let salt = company.snapshot()?.with(|rows| {
        rows.one("SELECT salt FROM recovery_codes WHERE user_id = ?1 LIMIT 1", [user], |row| row.get::<_, Vec<u8>>(0))
    })?;
    let code = Secret::new(code.to_ascii_uppercase());
    let hash = hashing::hash_raw(company.slug(), &code, salt.as_deref().unwrap_or(&[0; 16]))?;
    Ok(salt.map(|_| hash))
}

/// Uses one up. `None`: it is none, or was used.
pub(super) fn spend(tx: &Writing<'_>, user: i64, hash: &[u8]) -> Result<Option<By>> {
    let spent = tx.run(
        "UPDATE recovery_codes SET used_at = ?3 WHERE user_id = ?1 AND code_hash = ?2 AND used_at IS NULL",
        (user, hash, clock::now()),
    )?;
    if spent == 0 {
        return Ok(None);
    }
    let left = tx.number("SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL", [user])?;
    Ok(Some(By::Recovery { left }))
}
