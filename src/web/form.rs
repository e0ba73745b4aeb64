//! A refused form: each error beside its field, nothing lost. And the page that is a form and nothing else.

use super::page::{ConfirmDelete, FormView, Frame};
use crate::base::error::{Error, Result};
use askama::Template;

/// A page with one form.
#[derive(Template)]
#[template(path = "environments/form.html")]
pub(super) struct FormPage {
    /// What stands around it.
    pub frame: Frame,
    /// The form.
    pub form: FormView,
}

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

/// The removal by typing the name, with what was wrong at the last try.
pub(super) fn removal(action: String, kind: &str, name: &str, problem: Option<&str>) -> ConfirmDelete {
    let removal = ConfirmDelete::new(action, kind, name);
    match problem {
        Some(problem) => removal.error(problem),
        None => removal,
    }
}

/// Said when another name was typed than the thing's.
pub(super) const TYPE_THE_NAME: &str = "Type the name as it stands here.";
