//! What the machine owns: the data folder, its companies and their keys.
//!
//! A company exists because its folder does: `<data>/companies/<slug>/company.db`. There is no registry beside the
//! folders. The master key and the sealed keys of the companies lie outside the companies' folders. Knows sizes and
//! health of companies, never their content.

mod backup;
mod course;
mod keys;
mod registry;
mod trails;
mod view;

pub use backup::{How, Restored, backup, restore, verify, verify_backup};
pub use registry::{Appliance, NewCompany};
pub use view::{CompanyRow, Suspension};
