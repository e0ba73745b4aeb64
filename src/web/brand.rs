//! The company's face: its colours and its logo for every page of it, also before anybody is signed in.

use super::{
    caller::Answer,
    page::{Bare, Frame},
};
use crate::{
    base::error::{Error, Result},
    company::{Company, access::admit, settings::Shades},
    http::call::Call,
};

fn colours_href(call: &Call, company: &Company) -> Option<String> {
    let accent = company.rules().brand_accent.as_deref()?;
    Some(format!("{}/brand/colours.css?v={}", call.base(company.slug()), accent.trim_start_matches('#')))
}
fn logo_href(call: &Call, company: &Company) -> Option<String> {
    let digest = company.rules().brand_logo.as_deref()?;
    Some(format!("{}/brand/logo.png?v={digest}", call.base(company.slug())))
}

/// What is shown as the company's name.
pub(super) fn name(company: &Company) -> &str {
    company.rules().brand_name.as_deref().unwrap_or(company.name())
}

/// Puts the company's face on a frame.
pub(super) fn on_frame(frame: &mut Frame, call: &Call, company: &Company) {
    frame.colours_href = colours_href(call, company);
    frame.logo_href = logo_href(call, company);
    frame.zone.clone_from(&company.rules().time_zone);
}

/// A page of a company before anybody is signed in, with its face.
pub(super) fn bare(call: &Call, title: impl Into<String>, company: &Company) -> Bare {
    let mut frame = Bare::new(title).company(name(company));
    frame.colours_href = colours_href(call, company);
    frame.logo_href = logo_href(call, company);
    frame.names_product = company.rules().names_product;
    frame
}

/// The frame of a page at a company's address for who is not known yet: with the company's face when it has chosen one.
/// One that has not looks like one that is not there, and neither names the product. At no company's address ("") it is
/// the product's own page.
pub(super) fn sign_in(call: &Call, title: &str, slug: &str) -> Bare {
    match call.desk.appliance.look_in(slug) {
        Ok(company) if has_face(&company) => bare(call, title, &company),
        _ if slug.is_empty() => Bare::new(title),
        _ => Bare::new(title).neutral(),
    }
}

fn has_face(company: &Company) -> bool {
    let rules = company.rules();
    rules.brand_name.is_some() || rules.brand_accent.is_some() || rules.brand_logo.is_some() || rules.names_product
}

fn of(call: &Call) -> Result<Company> {
    call.desk.appliance.look_in(call.parameter("company")).map_err(|error| match error {
        Error::NotFound(_) => missing(),
        other => other,
    })
}

fn missing() -> Error {
    Error::NotFound("page".into())
}

/// The colours as a style sheet.
pub(super) fn colours(call: &Call) -> Result<Answer> {
    let company = of(call)?;
    let shades = company.rules().brand_accent.as_deref().and_then(Shades::of).ok_or_else(missing)?;
    Ok(Answer::Asset { kind: "text/css; charset=utf-8", bytes: shades.sheet.into_bytes() })
}

/// The logo.
pub(super) fn logo(call: &Call) -> Result<Answer> {
    let bytes = admit::logo(&of(call)?)?.ok_or_else(missing)?;
    Ok(Answer::Asset { kind: "image/png", bytes })
}
