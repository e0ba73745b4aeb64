//! What one may do here: every right, by the company as a whole and by space. Drawn as anybody's rights are.

pub(in crate::web) use crate::web::answers::rights::{export_own as export, show_own as show};
