//! The door's own tests: `access-rules §10` as tables, and every way in and round.

mod budget;
mod customers;
mod files;
mod giving;
mod gone;
mod passkeys;
mod proof;
mod memory;
mod open_sessions;
mod oracle;
mod password;
mod random;
mod refusals;
mod rules;
mod sign_in;
mod trail;
mod trail_end;
