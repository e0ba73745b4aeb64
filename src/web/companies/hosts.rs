//! The host names that lead to a company alone.

use super::{Shown, address, appliance, base, here, show_page};
use crate::{
    base::error::{Error, Result},
    company::access::{Steward, permissions::CompanyRename},
    web::{
        caller::{Answer, Visit},
        form::refuse,
        page::{FieldView, FormView},
    },
};

/// The form, with the names that there are.
pub(super) fn form(visit: &Visit, slug: &str, hosts: &[String]) -> FormView {
    FormView::new(format!("{}/{slug}/hosts", base(visit)), "Set the host names").field(
        FieldView::textarea("hosts", "Host names")
            .value(hosts.join("\n"))
            .mono()
            .help("One on each line, such as deploy.example.com. An empty field takes them away."),
    )
}

/// Sets them.
pub(in crate::web) fn set(visit: &Visit) -> Result<Answer> {
    let granted = here(visit)?.ask(CompanyRename {})?;
    let (sent, slug) = (visit.form(), visit.parameter("which"));
    let typed: Vec<String> = sent.text("hosts").split([',', ' ', '\n', '\r', '\t']).map(str::to_owned).collect();
    let typed: Vec<String> = typed.into_iter().filter(|name| !name.is_empty()).collect();
    let public = visit.call.desk.public_url.as_deref();
    match appliance(visit).set_hosts(&Steward::of(&granted)?, slug, &typed, public) {
        Ok(_) => Answer::done(address(visit), format!("The host names of {slug} were set.")),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            let error = match error {
                Error::Conflict(sentence) => Error::invalid("Hosts", sentence),
                other => other,
            };
            let form = refuse(form(visit, slug, &[]).typed(sent.typed()), error, &[("Hosts", "hosts")])?;
            Answer::refused(&show_page(visit, slug, Shown { hosts: Some(form), ..Shown::default() })?)
        }
        Err(error) => Err(error),
    }
}
