//! Pages that are a form and nothing else; a refused form: each error beside its field, nothing lost; and removals, which
//! take the name of what goes.

use super::{
    answers::preview::Checked,
    caller::{Answer, Visit},
    page::{ConfirmDelete, FieldView, FormView, Frame},
};
use crate::base::error::{Error, Result};
use askama::Template;

/// A page with one form.
#[derive(Template)]
#[template(path = "_form.html")]
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

/// The page of a form once more, as [`refuse`] leaves it.
pub(super) fn refused(frame: Frame, form: FormView, error: Error, names: &[(&str, &str)]) -> Result<Answer> {
    Answer::refused(&FormPage { frame, form: refuse(form, error, names)? })
}

/// Asks before something is done that the next press does not take back: the page that asks, until it was answered.
pub(super) fn sure(visit: &Visit, frame: Frame, words: &str, submit: &str, back: String) -> Option<Result<Answer>> {
    if visit.form().text("confirmed") == "yes" {
        return None;
    }
    let form = FormView::new(visit.call.path_and_query(), submit)
        .field(FieldView::section("Nothing is changed yet", words))
        .field(FieldView::hidden("confirmed", "yes"))
        .cancel(back)
        .danger();
    Some(Answer::asked(&FormPage { frame, form }))
}

/// The removal by typing the name, with what was wrong at the last try.
pub(super) fn removal(action: String, kind: &str, name: &str, problem: Option<&str>) -> ConfirmDelete {
    let removal = ConfirmDelete::new(action, kind, name);
    match problem {
        Some(problem) => removal.error(problem),
        None => removal,
    }
}

/// A removal was sent. If the thing's name was typed, it is deleted and the way leads `back`. If another was, or the
/// thing cannot go as things are, the page is drawn `again` with the reason.
pub(super) fn remove(
    visit: &Visit,
    name: &str,
    back: String,
    delete: impl FnOnce() -> Result<()>,
    again: impl FnOnce(&str) -> Result<Answer>,
) -> Result<Answer> {
    remove_by(visit, name, back, || delete().map(Checked::Done), again)
}

/// As [`remove`], for what takes rights from people: who loses what may be shown first.
pub(super) fn remove_by(
    visit: &Visit,
    name: &str,
    back: String,
    delete: impl FnOnce() -> Result<Checked<()>>,
    again: impl FnOnce(&str) -> Result<Answer>,
) -> Result<Answer> {
    if visit.form().text("confirm").trim() != name {
        return again(TYPE_THE_NAME);
    }
    match delete() {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(())) => Answer::done(back, format!("{name} was deleted.")),
        Err(Error::Conflict(sentence)) => again(&sentence),
        Err(error) => Err(error),
    }
}

/// Said when another name was typed than the thing's.
pub(super) const TYPE_THE_NAME: &str = "Type the name as it stands here.";

/// What the buttons beside the rows of a form do: `add`, `remove-2`, `up-2`, `down-2`, counted from 0. Answers the row to
/// look at next, or `None` when the form is to be saved. `blank` makes a row that follows so many; a form has at most
/// `most`.
pub(super) fn rearrange<T>(
    asked: &str,
    rows: &mut Vec<T>,
    most: usize,
    blank: impl FnOnce(usize) -> T,
) -> Option<usize> {
    let (what, at) = asked.split_once('-').unwrap_or((asked, "0"));
    // A number that is none stands for no row.
    let at = at.parse::<usize>().unwrap_or(most).min(most);
    match what {
        "add" if rows.len() < most => {
            rows.push(blank(rows.len()));
            Some(rows.len() - 1)
        }
        "add" => Some(rows.len()),
        "remove" if at < rows.len() => {
            rows.remove(at);
            Some(at.min(rows.len().saturating_sub(1)))
        }
        "up" if at > 0 && at < rows.len() => {
            rows.swap(at, at - 1);
            Some(at - 1)
        }
        "down" if at + 1 < rows.len() => {
            rows.swap(at, at + 1);
            Some(at + 1)
        }
        "" => None,
        _ => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buttons_beside_rows_add_move_and_remove_and_lose_nothing() {
        let press = |asked: &str, rows: &mut Vec<String>| rearrange(asked, rows, 100, |number| format!("row {number}"));
        let mut rows = vec!["Test".to_owned(), "Production".to_owned()];
        assert_eq!(press("", &mut rows), None);
        assert_eq!(press("add", &mut rows), Some(2));
        assert_eq!(rows.join(" "), "Test Production row 2");
        assert_eq!(press("down-0", &mut rows), Some(1));
        assert_eq!(rows.join(" "), "Production Test row 2");
        assert_eq!(press("up-1", &mut rows), Some(0));
        assert_eq!(press("remove-2", &mut rows), Some(1));
        assert_eq!(rows.join(" "), "Test Production");
        for nonsense in ["up-0", "down-1", "remove-9", "down-99999999999999999999", "dance"] {
            assert!(press(nonsense, &mut rows).is_some(), "{nonsense} saves nothing");
            assert_eq!(rows.join(" "), "Test Production");
        }
    }

    #[test]
    fn a_full_form_takes_no_further_row() {
        let mut rows = vec![1, 2];
        assert_eq!(rearrange("add", &mut rows, 2, |_| 3), Some(2));
        assert_eq!(rows, [1, 2]);
    }
}
