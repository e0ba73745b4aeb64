//! The rules of sign-in: who must have a second factor, how long a password is, how long a session lives, who may have
//! keys. Changing them needs a fresh proof.

use super::{Rules, SecondFactor, Settings, rules, sql};
use crate::{
    base::{
        clock,
        error::{Fields, Result},
    },
    company::access::{
        Event, Granted, Proof,
        permissions::{ConfigureServer, named},
    },
};
use serde::Serialize;

/// The rules of sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignIn {
    /// Who must have a second factor.
    pub second_factor: SecondFactor,
    /// The permissions whose holders must, by name.
    pub second_factor_permissions: Vec<String>,
    /// Days in which one may still sign in without.
    pub grace_days: i64,
    /// The fewest characters of a new password.
    pub password_min: i64,
    /// A session ends after so many minutes without use.
    pub session_idle_minutes: i64,
    /// And after so many in any case.
    pub session_absolute_minutes: i64,
    /// Whether people may have API keys.
    pub people_may_have_keys: bool,
    /// A new key lives at most so many days.
    pub key_days_max: i64,
    /// A new key lives so many days unless told otherwise.
    pub key_days_usual: i64,
    /// Whether only people, and no keys and tokens, change who may do what.
    pub access_by_people_only: bool,
}

impl SignIn {
    fn of(rules: Rules) -> SignIn {
        SignIn {
            second_factor: rules.second_factor,
            second_factor_permissions: rules.second_factor_permissions,
            grace_days: rules.grace_days,
            password_min: rules.password_min as i64,
            session_idle_minutes: rules.session_idle_minutes,
            session_absolute_minutes: rules.session_absolute_minutes,
            people_may_have_keys: rules.people_may_have_keys,
            key_days_max: rules.key_days_max,
            key_days_usual: rules.key_days_usual,
            access_by_people_only: rules.access_by_people_only,
        }
    }

    /// Whether somebody must have a second factor by these rules who need not by those.
    fn stricter_than(&self, before: &SignIn) -> bool {
        match (before.second_factor, self.second_factor) {
            (SecondFactor::Everyone, _) | (_, SecondFactor::Nobody) => false,
            (SecondFactor::Holders, SecondFactor::Holders) => {
                self.second_factor_permissions.iter().any(|name| !before.second_factor_permissions.contains(name))
            }
            _ => true,
        }
    }

    fn checked(&self) -> Result<SignIn> {
        let mut wrong = Fields::new();
        let mut permissions = Vec::new();
        for name in &self.second_factor_permissions {
            match named(name) {
                Some(info) => permissions.push(info.name.to_owned()),
                None => wrong.add("SecondFactorPermissions", format!("There is no permission “{name}”.")),
            }
        }
        permissions.sort();
        permissions.dedup();
        if self.second_factor == SecondFactor::Holders && permissions.is_empty() {
            wrong.add("SecondFactorPermissions", "Choose at least one permission, or nobody above.");
        }
        for (field, value, least, most) in [
            ("GraceDays", self.grace_days, 0, 90),
            ("PasswordMin", self.password_min, 12, 128),
            ("SessionIdleMinutes", self.session_idle_minutes, 5, 10_080),
            ("SessionAbsoluteMinutes", self.session_absolute_minutes, 15, 129_600),
            ("KeyDaysMax", self.key_days_max, 1, 3650),
            ("KeyDaysUsual", self.key_days_usual, 1, 3650),
        ] {
            if !(least..=most).contains(&value) {
                wrong.add(field, format!("Choose {least} to {most}."));
            }
        }
        if self.session_idle_minutes > self.session_absolute_minutes {
            wrong.add("SessionIdleMinutes", "A session cannot rest for longer than it lives.");
        }
        if self.key_days_usual > self.key_days_max {
            wrong.add("KeyDaysUsual", "The usual life of a key cannot be longer than the longest.");
        }
        wrong.finish()?;
        Ok(SignIn { second_factor_permissions: permissions, ..self.clone() })
    }
}

impl Settings {
    /// The present rules of sign-in, for a form.
    pub fn sign_in(&self) -> SignIn {
        SignIn::of(self.rules.clone())
    }
}

/// Changes the rules of sign-in. They hold from the next request on, for sessions that are there too; the days of grace
/// run from now when somebody must have a second factor who need not before. Only a person with a fresh proof can do it, and
/// no key, whatever it holds.
///
/// # Errors
/// `ProofNeeded`, `PersonNeeded`; `Invalid` by field; `Conflict` as [`super::still`].
pub fn change_sign_in(
    granted: &Granted<'_, ConfigureServer>,
    made_from: Option<&SignIn>,
    wished: &SignIn,
) -> Result<SignIn> {
    granted.in_person()?;
    let after = wished.checked()?;
    let done = granted.write_asking(Proof::Person, |tx| {
        let present = rules(tx)?;
        let since = present.second_factor_since;
        let before = SignIn::of(present);
        super::still(made_from, &before)?;
        if before == after {
            return tx.unchanged(tx.changes(), after);
        }
        sql::set_sign_in(tx, &after, if after.stricter_than(&before) { clock::now() } else { since })?;
        let event = Event::new("SignInRulesChanged").say("The rules of sign-in were changed");
        tx.record(event.difference(&before, &after), after)
    })?;
    granted.visitor().company().changed()?;
    Ok(done)
}
