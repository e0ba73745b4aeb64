//! The links that people get: an invitation, an open one, the way to a new password. Where the company was renamed
//! meanwhile they lead on; one that does not work any more says what it was and whom to ask, alike for companies that
//! exist or not.

use super::{
    caller::{Answer, SESSION},
    error,
    signin::path_company,
};
use crate::{
    base::error::{Error, Result},
    company::{
        Company,
        access::admit::{self, Entry},
    },
    http::call::Call,
};

/// What a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Invitation,
    Open,
    Reset,
}

impl Link {
    fn told(self) -> (&'static str, &'static str) {
        match self {
            Link::Invitation => (
                "This invitation does not work any more",
                "An invitation works once, for 48 hours, and until a newer one is sent. If you have chosen a password with it, sign in. Otherwise ask whoever invited you to send it again.",
            ),
            Link::Open => (
                "This invitation does not work any more",
                "An invitation works once, for 48 hours, and until it is revoked. If you have registered with it, sign in. Otherwise ask whoever gave it to you for another.",
            ),
            Link::Reset => (
                "This link to a new password does not work any more",
                "Such a link works once, for an hour, and until a newer one is sent. If you have chosen a password with it, sign in. Otherwise ask for another link, or ask somebody who manages people in your company.",
            ),
        }
    }

    fn dead(self, call: &Call) -> Answer {
        let company = path_company(call);
        let base = if company.is_empty() { String::new() } else { call.base(&company) };
        let mut ways = vec![("Sign in".to_owned(), format!("{base}/login"))];
        if self == Link::Reset {
            ways.insert(0, ("Ask for another link".to_owned(), format!("{base}/forgot")));
        }
        let (title, text) = self.told();
        error::dead_link(title, text, ways)
    }

    fn company(self, call: &Call, slug: &str) -> Result<Option<Company>> {
        let found = match self {
            Link::Reset => call.desk.appliance.company(slug),
            Link::Invitation | Link::Open => call.desk.appliance.enter(slug),
        };
        match found {
            Ok(company) => Ok(Some(company)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where a link leads.
pub(super) enum Found<T> {
    /// It can be used here.
    Here(Company, T),
    /// It leads elsewhere, or nowhere any more.
    Not(Answer),
}

/// Looks a link up: what `look` finds of it in the company of the path, or where that company is now.
pub(super) fn find<T>(call: &Call, link: Link, look: impl Fn(&Company) -> Result<Option<T>>) -> Result<Found<T>> {
    let slug = call.parameter("company").to_lowercase();
    if let Some(company) = link.company(call, &slug)?
        && let Some(found) = look(&company)?
    {
        return Ok(Found::Here(company, found));
    }
    // Only who has a link that works there learns of the new name.
    if let Some(to) = call.desk.appliance.renamed(&slug)
        && let Some(company) = link.company(call, &to)?
        && look(&company)?.is_some()
    {
        let address = call.uri.path_and_query().map_or("", |address| address.as_str());
        let rest = address.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest);
        return Ok(Found::Not(Answer::Go(format!("/{}/{rest}", company.slug()))));
    }
    Ok(Found::Not(link.dead(call)))
}

/// Who is signed in to this company in this browser: their name.
pub(super) fn signed_in(call: &Call, company: &Company) -> Result<Option<String>> {
    let Some(token) = call.cookie(SESSION) else { return Ok(None) };
    Ok(match admit::enter(company, token, &call.from)? {
        Entry::Admitted(visitor) => Some(visitor.name().to_owned()),
        _ => None,
    })
}
