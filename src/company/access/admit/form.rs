//! For whom a form was drawn: a sealed mark in it. When the form comes back without a session, or with the word of an
//! older one, what was typed is kept for that person and nobody else. The mark opens nothing.

use crate::{
    base::{
        ids::{Id, User},
        secret::{self, Secret},
    },
    company::access::vault::Company,
};

/// The mark of a form that this person gets.
pub fn form_mark(company: &Company, user: Id<User>) -> Option<String> {
    let user = user.0;
    let chance = Secret::new(data_encoding::HEXLOWER.encode(&secret::random::<8>()));
    let sealed = company.seal().seal("forms", "mark", user, &chance).ok()?;
    Some(format!("{user}-{}", data_encoding::BASE64URL_NOPAD.encode(&sealed)))
}

/// The number of whom a form was drawn for at this company, from its mark.
pub fn drawn_for(company: &Company, mark: &str) -> Option<Id<User>> {
    let (user, sealed) = mark.split_once('-').filter(|_| mark.len() < 200)?;
    let user = user.parse().ok()?;
    let sealed = data_encoding::BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
    company.seal().open("forms", "mark", user, &sealed).ok().map(|_| Id::new(user))
}
