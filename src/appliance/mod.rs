//! What the machine owns: the data folder, its companies and their keys.
//!
//! A company exists because its folder does: `<data>/companies/<slug>/company.db`. There is no registry beside the
//! folders. The master key and the sealed keys of the companies lie outside the companies' folders. Knows sizes and
//! health of companies, never their content.

mod adopt;
mod archive;
mod aside;
mod backup;
mod closed;
mod course;
mod files;
mod found;
mod hosts;
mod identity;
mod keys;
mod registry;
mod renamed;
mod reserve;
mod restore;
mod trails;
mod view;

pub use adopt::Adopted;
pub use backup::backup;
pub use course::Removed;
pub use found::NewCompany;
pub use registry::Appliance;
pub use reserve::{RESERVE, keep as keep_reserve};
pub use restore::{How, Restored, restore, verify, verify_backup};
pub use view::{CompanyRow, Suspension};
