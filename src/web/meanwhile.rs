//! What somebody else changed while a form stood open: the form says what stood in it when it was drawn, and is refused
//! when that is no longer what is kept. Both are shown, and nothing that was typed is lost.

use super::page::{FieldView, FormView, Look};
use crate::http::call::Form;
use std::collections::BTreeMap;

/// The field that carries what stood in the form.
pub(super) const WAS: &str = "was";

/// What stands in each field that people change: the values, and what they are called.
fn standing(form: &FormView) -> BTreeMap<String, (Vec<String>, String)> {
    let of = |field: &FieldView| match field.look {
        Look::Hidden | Look::Section | Look::Password | Look::Secret | Look::Code | Look::File => None,
        Look::Checkbox => {
            let (value, word) = if field.checked { ("true", "ticked") } else { ("", "not ticked") };
            Some((vec![value.to_owned()], word.to_owned()))
        }
        Look::Select | Look::Radios | Look::Checks => {
            let chosen = || field.choices.iter().filter(|choice| choice.chosen);
            let words: Vec<&str> = chosen().map(|choice| choice.label.as_str()).collect();
            Some((chosen().map(|choice| choice.value.clone()).collect(), words.join(", ")))
        }
        _ => Some((vec![field.value.clone()], field.value.clone())),
    };
    form.fields.iter().filter_map(|field| Some((field.name.clone(), of(field)?))).collect()
}

fn written(form: &FormView) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, (values, _)) in standing(form) {
        for value in values {
            text.append_pair(&name, &value);
        }
    }
    text.finish()
}

/// The form, which says what stands in it.
pub(super) fn remembering(form: FormView) -> FormView {
    let was = written(&form);
    form.field(FieldView::hidden(WAS, was))
}

/// The form once more, which says what stood in it at first.
pub(super) fn carry(form: FormView, sent: &Form) -> FormView {
    form.field(FieldView::hidden(WAS, sent.text(WAS)))
}

/// The form as it is refused: `present` is as it would be drawn now, `typed` holds what was sent. `None` when nobody
/// changed anything meanwhile, or the form says nothing of it.
pub(super) fn refuse(present: &FormView, typed: FormView, sent: &Form) -> Option<FormView> {
    if sent.text(WAS).is_empty() {
        return None;
    }
    let mut was: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(sent.text(WAS).as_bytes()) {
        was.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let said = |words: &str| if words.is_empty() { "nothing".to_owned() } else { format!("“{words}”") };
    let changed: Vec<(String, String)> = standing(present)
        .into_iter()
        .filter(|(name, (values, _))| was.get(name).cloned().unwrap_or_default() != *values)
        .map(|(name, (_, words))| {
            let message = format!("Somebody else set this to {} meanwhile. Here stands what you sent.", said(&words));
            (name, message)
        })
        .collect();
    if changed.is_empty() {
        return None;
    }
    let form = typed.errors(changed).problem(
        "Somebody else changed this while your page stood open. Nothing was saved. Compare, then send it again.",
    );
    Some(form.field(FieldView::hidden(WAS, written(present))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::page::Choice;

    fn form(people: &str, zone: &str, ticked: bool) -> FormView {
        let zones = ["UTC", "Europe/Berlin"].map(|one| Choice::new(one, one).chosen(one == zone));
        FormView::new("/x", "Save")
            .field(FieldView::text("people", "People").value(people))
            .field(FieldView::select("zone", "Zone", zones.into()))
            .field(FieldView::checkbox("all", "All", ticked))
            .field(FieldView::password("secret", "Secret"))
    }
    fn sent(drawn: FormView) -> Form {
        let was = remembering(drawn).get(WAS).value;
        let body = form_urlencoded::Serializer::new(String::new()).append_pair(WAS, &was).finish();
        Form::of(form_urlencoded::parse(body.as_bytes()).into_owned())
    }

    /// Findings I5.
    #[test]
    fn what_somebody_else_changed_is_named_and_nothing_else() {
        let drawn = || form("3", "UTC", true);
        assert!(refuse(&drawn(), drawn(), &sent(drawn())).is_none());
        assert!(refuse(&form("4", "UTC", true), drawn(), &Form::default()).is_none(), "a program says nothing of it");
        for (now, field, word) in [
            (form("5", "UTC", true), "people", "“5”"),
            (form("", "UTC", true), "people", "nothing"),
            (form("3", "Europe/Berlin", true), "zone", "Europe/Berlin"),
            (form("3", "UTC", false), "all", "not ticked"),
        ] {
            let refused = refuse(&now, form("7", "UTC", true), &sent(drawn())).expect("a difference");
            assert!(refused.get(field).error.contains(word), "{}", refused.get(field).error);
            assert_eq!(refused.fields.iter().filter(|one| !one.error.is_empty()).count(), 1);
            assert_eq!(refused.get("people").value, "7", "what was typed stands");
            assert_eq!(refused.get(WAS).value, written(&now), "sent once more it is meant");
        }
    }
}
