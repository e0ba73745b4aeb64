//! Making a company: by the operator, or by whoever has the set-up link while there is none yet.

use super::{
    aside::Aside,
    files,
    registry::{Appliance, PARTS},
};
use crate::{
    base::{
        clock::{self, MINUTE, Moment},
        error::{Error, Fields, Result},
        names,
        secret::{self, Secret},
    },
    company::{
        Company,
        access::{FirstPerson, Founding, admit::check_choice, rules::Rules},
    },
};
use std::{
    fs::File,
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// The set-up link works for so long.
const SETUP_LIFE: i64 = 30 * MINUTE;

/// What makes a company.
pub struct NewCompany<'a> {
    /// First path segment of its addresses.
    pub slug: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its first administrator's name.
    pub person: &'a str,
    /// Their e-mail address.
    pub email: &'a str,
    /// Their password; without one they are invited.
    pub password: Option<&'a Secret>,
}

impl Appliance {
    /// Makes a company with its first administrator. Gives the token of the invitation when no password was given.
    pub(super) fn make(&self, new: &NewCompany<'_>) -> Result<(Company, Option<String>)> {
        crate::base::room::may_add()?;
        self.make_alone(&self.alone()?, new)
    }

    fn make_alone(&self, _alone: &File, new: &NewCompany<'_>) -> Result<(Company, Option<String>)> {
        let mut wrong = Fields::new();
        let slug = wrong.check("Slug", names::compartment(new.slug)).unwrap_or_default();
        let name = wrong.check("Name", names::name(new.name, 100)).unwrap_or_default();
        let person = wrong.check("AdminName", names::name(new.person, 64)).unwrap_or_default();
        let email = wrong.check("AdminEmail", names::email(new.email)).unwrap_or_default();
        if let Some(password) = new.password {
            let shortest = Rules::default().password_min;
            wrong.check("AdminPassword", check_choice(password, shortest, &[&slug, &name, &person, &email]));
        }
        wrong.finish()?;
        if self.folder(&slug).symlink_metadata().is_ok() {
            return Err(Error::Conflict(format!("There is a company “{slug}” already. Choose another slug.")));
        }
        // Built aside and moved into place, so that a company is there whole or not at all.
        let mut aside = Aside::folder(self.data(), &self.data().join("companies"))?;
        let id = Uuid::now_v7();
        aside.with_key(&id.to_string())?;
        let key = self.keys().create(&id.to_string())?;
        let founding = Founding {
            slug: &slug,
            name: &name,
            administrator: FirstPerson { name: &person, email: &email, password: new.password },
        };
        let founded = Company::found(aside.path(), id, &key, &founding)?;
        founded.company.settle()?;
        drop(founded.company);
        for part in PARTS {
            files::make_private_folder(&aside.path().join(part))?;
        }
        files::sync_folder(aside.path())?;
        // Of one that was called so before.
        self.forget_trail(&slug)?;
        self.put(aside.path(), &slug)?;
        aside.moved();
        Ok((self.company(&slug)?, founded.invitation))
    }

    /// The token of the one-time set-up link, when there is no company yet.
    pub fn offer_setup(&self) -> Result<Option<String>> {
        Ok(if self.slugs()?.is_empty() { Some(self.setup().offer()) } else { None })
    }

    /// Whether this set-up link can be used: not when its time is over, nor as soon as any company exists, whoever made it.
    pub fn setup_open(&self, token: &str) -> bool {
        self.setup().is_open(token) && self.slugs().is_ok_and(|slugs| slugs.is_empty())
    }

    /// Uses the set-up link: makes the first company and, if wished, the operator's own compartment with an account of
    /// the same name. A refused form does not use it up.
    ///
    /// # Errors
    /// `NotFound` when the link cannot be used; `Invalid` by field.
    pub fn set_up(&self, token: &str, new: &NewCompany<'_>, operator: bool) -> Result<Company> {
        let alone = self.alone()?;
        // Asked while nobody else can make a company.
        if !self.setup_open(token) {
            return Err(Error::NotFound("set-up link".into()));
        }
        if new.slug == names::OPERATOR {
            let message = format!("“{}” is a reserved word. Choose another.", new.slug);
            return Err(Error::invalid("Slug", message));
        }
        let (company, _) = self.make_alone(&alone, new)?;
        self.setup().close();
        if operator {
            self.make_alone(&alone, &NewCompany { slug: names::OPERATOR, name: "Operator", ..*new })?;
        }
        Ok(company)
    }
}

/// The one-time link by which the first company is made, while there is one.
#[derive(Default)]
pub(super) struct Setup(Mutex<Option<(String, Moment)>>);

impl Setup {
    fn offer(&self) -> String {
        let token = secret::token();
        *self.link() = Some((token.clone(), clock::now().plus(SETUP_LIFE)));
        token
    }
    fn is_open(&self, token: &str) -> bool {
        let same = |stored: &str| bool::from(subtle::ConstantTimeEq::ct_eq(stored.as_bytes(), token.as_bytes()));
        self.link().as_ref().is_some_and(|(stored, until)| same(stored) && *until > clock::now())
    }
    fn close(&self) {
        *self.link() = None;
    }
    fn link(&self) -> MutexGuard<'_, Option<(String, Moment)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
