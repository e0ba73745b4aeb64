//! The door: the only way to a company's data.
//!
//! Somebody is admitted ([`admit`]) and becomes a [`Visitor`] of one company. A visitor locates things ([`At`]) and asks
//! for a permission on them; the answer is a [`Granted`] proof or an error that says what was missing. A proof is what
//! every command of every feature takes, what it reads its place from, and the only thing that opens a transaction.
//! A change must come with its event, or it does not compile.
//!
//! The door does not know what projects or releases are for; it knows where they are and who may do what there.
//!
//! Each example that must not compile stands beside its twin that does:
//!
//! ```
//! use bulkhead::{base::error::Result, company::{access::{Visitor, New, permissions::EnvironmentCreate}, environments}};
//! fn page(visitor: &Visitor) -> Result<()> {
//!     let space = visitor.locate_space("Spaces-1")?;
//!     let granted = visitor.ask(EnvironmentCreate { space: New::of(&space) })?;
//!     environments::create(&granted, environments::Fields::named("Production"))?;
//!     Ok(())
//! }
//! ```
//! With the proof of another permission:
//! ```compile_fail
//! use bulkhead::{base::error::Result, company::{access::{Visitor, New, permissions::TenantCreate}, environments}};
//! fn page(visitor: &Visitor) -> Result<()> {
//!     let space = visitor.locate_space("Spaces-1")?;
//!     let granted = visitor.ask(TenantCreate { space: New::of(&space) })?;
//!     environments::create(&granted, environments::Fields::named("Production"))?;
//!     Ok(())
//! }
//! ```
//! A page opens a transaction of its own:
//! ```
//! use bulkhead::company::access::{Granted, permissions::{List, EnvironmentView}};
//! fn page(granted: &Granted<'_, List<EnvironmentView>>) -> bool {
//!     granted.what().space() > 0
//! }
//! ```
//! ```compile_fail
//! use bulkhead::company::access::{Granted, permissions::{List, EnvironmentView}};
//! fn page(granted: &Granted<'_, List<EnvironmentView>>) -> bool {
//!     granted.read(|rows| rows.any("SELECT 1", [])).is_ok()
//! }
//! ```
//! A proof made by hand, and one kept for later:
//! ```
//! use bulkhead::company::access::{Granted, permissions::UserView};
//! fn pass_on<'v>(granted: Granted<'v, UserView>) -> Granted<'v, UserView> { granted }
//! ```
//! ```compile_fail
//! use bulkhead::company::access::{Granted, Visitor, permissions::UserView};
//! fn forge<'v>(visitor: &'v Visitor) -> Granted<'v, UserView> { Granted { visitor, what: UserView {} } }
//! ```
//! ```compile_fail
//! use bulkhead::company::access::{Granted, permissions::UserView};
//! fn keep<'v>(granted: &Granted<'v, UserView>) -> Granted<'v, UserView> { granted.clone() }
//! ```
//! A thing named by its bare number:
//! ```
//! use bulkhead::company::access::{At, permissions::TenantView};
//! use bulkhead::base::ids::Tenant;
//! fn question(tenant: At<Tenant>) -> TenantView { TenantView { tenant } }
//! ```
//! ```compile_fail
//! use bulkhead::company::access::permissions::TenantView;
//! use bulkhead::base::ids::{Id, Tenant};
//! fn question(tenant: Id<Tenant>) -> TenantView { TenantView { tenant } }
//! ```
//! Acting as the engine without its key:
//! ```
//! use bulkhead::company::{Company, access::{EngineKey, Visitor}};
//! fn act(company: &Company, key: &EngineKey) -> Visitor { Visitor::engine(company, key) }
//! ```
//! ```compile_fail
//! use bulkhead::company::{Company, access::{EngineKey, Visitor}};
//! fn act(company: &Company) -> Visitor { Visitor::engine(company, &EngineKey { _minted: () }) }
//! ```
//! Changing with a proof that only allows looking:
//! ```
//! use bulkhead::{base::ids::User, company::{access::{At, Granted, permissions::UserEdit}, people::keys}};
//! fn change(granted: &Granted<'_, UserEdit>, user: &At<User>) { let _ = keys::create_for(granted, user, "CI", 30); }
//! ```
//! ```compile_fail
//! use bulkhead::{base::ids::User, company::{access::{At, Granted, permissions::UserView}, people::keys}};
//! fn change(granted: &Granted<'_, UserView>, user: &At<User>) { let _ = keys::create_for(granted, user, "CI", 30); }
//! ```
//! Opening the company's file from outside:
//! ```
//! use bulkhead::company::Company;
//! fn name(company: &Company) -> &str { company.slug() }
//! ```
//! ```compile_fail
//! use bulkhead::company::Company;
//! fn open(company: &Company) { let _ = company.snapshot(); }
//! ```
//! Calling a feature's own SQL from a page:
//! ```
//! use bulkhead::company::environments::Fields;
//! fn fields() -> Fields { Fields::named("Production") }
//! ```
//! ```compile_fail
//! use bulkhead::company::environments::sql;
//! ```

pub mod admit;
pub mod builtin;
pub mod census;
mod conditions;
mod everyone;
mod explain;
mod giving;
mod granted;
pub mod grants;
mod lobby;
mod locate;
mod machines;
mod memory;
pub mod narrowing;
pub mod permissions;
pub(in crate::company) mod outbox;
mod own;
pub mod policy;
mod proving;
mod reach;
mod rows;
pub mod rules;
mod sight;
mod steward;
mod still;
mod trail;
mod spot;
mod trial;
mod unused;
mod uses;
mod vault;
mod visitor;

pub use conditions::{Conditions, numbers};
pub(in crate::company) use everyone::{are_in_everyone, customers, is_customer, is_in_everyone, of_customers};
pub use giving::{Gift, Gifts};
pub use granted::Granted;
pub use lobby::SpaceRow;
pub(in crate::company) use lobby::{SPACE_COLUMNS, read_space};
pub(in crate::company) use locate::named;
pub use locate::{At, Container, Locate, New, Within};
pub(in crate::company) use machines::{is_for, is_for_one_of};
pub use own::Myself;
pub use proving::{PROOFS, Proof};
pub use reach::{Columns, Reach};
pub(in crate::company) use rows::{Recorded, Rows, Writing};
pub use rules::Limits;
pub use sight::{Level, RunbookPart, TeamPart};
pub use spot::Spot;
pub use steward::Steward;
pub use trail::{Archive, Checkpoint, Event, Finding, Verified};
pub use trial::Tried;
pub use uses::Used;
pub(in crate::company) use uses::day;
pub use vault::{CHANGED, Company, FILE, FirstPerson, Founded, Founding, Label, Receipt, Seal, Seen, Standing, size};
pub use visitor::{ActorKind, EngineKey, From, OperatorKey, Visitor, mint_keys};

#[cfg(test)]
pub(in crate::company) mod testing;
#[cfg(test)]
mod tests;
