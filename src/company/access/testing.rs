//! For tests only: visitors without a sign-in, and statements straight into the company's file.

use super::{Company, EngineKey, OperatorKey, Visitor, admit, visitor::From};
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
