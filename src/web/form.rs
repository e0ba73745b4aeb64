//! A refused form: each error beside its field, nothing lost.

use super::page::FormView;
use crate::base::error::{Error, Result};

/// Puts a command's errors into the form. `names` maps the wire's field names to the form's; an error of another field
/// stands on top. Errors that are not about what was typed are passed on.
pub(super) fn refuse(form: FormView, error: Error, names: &[(&str, &str)]) -> Result<FormView> {
    match error {
        Error::Invalid(wrong) => {
            let errors = wrong.iter().map(|(field, message)| {
                let name =
                    names.iter().find(|(wire, _)| wire.eq_ignore_ascii_case(field)).map_or(field, |(_, name)| name);
                (name.to_owned(), message.to_owned())
            });
            Ok(form.errors(errors.collect::<Vec<_>>()))
        }
        Error::Conflict(sentence) => Ok(form.problem(sentence)),
        other => Err(other),
    }
}
