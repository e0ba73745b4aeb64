//! For tests only: visitors without a sign-in, and statements straight into the company's file.

use super::{Company, EngineKey, OperatorKey, Visitor, admit, visitor::From};
use crate::base::clock;
use rusqlite::Connection;

/// The visitor that this user would be, with the grants of this moment.
pub(in crate::company) fn visit(company: &Company, user: i64) -> Visitor {
    let snapshot = company.snapshot().unwrap();
    let (person, grants) = snapshot
        .with(|rows| {
            let version = rows.number("SELECT access_version FROM company", [])?;
            let person = rows.one("SELECT id, display_name, is_service FROM users WHERE id = ?1", [user], |row| {
                Ok(admit::Person { id: row.get(0)?, display_name: row.get(1)?, is_service: row.get(2)? })
            })?;
            Ok((person.unwrap(), company.grants_of(rows, user, version)?))
        })
        .unwrap();
    Visitor::person(company, snapshot, &person, None, "test".into(), &From::default(), grants)
}

/// The same, come by a session whose last proof is so old, in milliseconds; `None`: by one that never gave any.
pub(in crate::company) fn visit_by_session(company: &Company, user: i64, proved: Option<i64>) -> Visitor {
    let now = clock::now();
    let session = sql(company, |c| {
        c.execute(
            "INSERT INTO sessions (token_hash, user_id, stage, created_at, last_seen_at, expires_at, proved_at)
             VALUES (randomblob(32), ?1, 'full', ?2, ?2, ?2 + 86400000, ?2 - ?3)",
            (user, now, proved),
        )?;
        Ok(c.last_insert_rowid())
    });
    let snapshot = company.snapshot().unwrap();
    let visitor = visit(company, user);
    let person = admit::Person { id: user, display_name: visitor.name().to_owned(), is_service: false };
    let grants =
        snapshot.with(|rows| company.grants_of(rows, user, rows.number("SELECT access_version FROM company", [])?));
    Visitor::person(company, snapshot, &person, Some(session), "session".into(), &From::default(), grants.unwrap())
        .proved(proved.map(|age| now.plus(-age)))
}

/// The engine at this company.
pub(in crate::company) fn engine(company: &Company) -> Visitor {
    Visitor::engine(company, &EngineKey::for_tests())
}

/// The operator at this company.
pub(in crate::company) fn operator(company: &Company) -> Visitor {
    Visitor::operator(company, &OperatorKey::for_tests())
}

/// Statements through the company's own writer, without an event; whatever was compiled before is stale afterwards.
pub(in crate::company) fn sql<T>(company: &Company, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> T {
    company
        .store_for_tests()
        .write(|connection| {
            let value = work(connection)?;
            connection.execute("UPDATE company SET access_version = access_version + 1", [])?;
            Ok(value)
        })
        .unwrap()
}

/// A generator of numbers (splitmix), by which random cases are drawn and drawn again.
pub(in crate::company) struct Dice(pub u64);

impl Dice {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
    /// Yes, once in so many.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}
