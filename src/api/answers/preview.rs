//! What a change of access would give and take, person by person, in place of the change itself.

use crate::{
    api::{
        caller::{Ask, Reply},
        resource::wire,
        wire::{Answer, Described},
    },
    base::{clock::Moment, error::Result, ids},
    company::answers,
};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// The query of a change of access.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::api) struct AccessPreviewQuery {
    /// true: nothing is changed; answered is who would gain and lose what, where, what of it is grave (Dangers), and
    /// whether it reaches Everyone and whoever comes later (ReachesEveryone, Newcomers).
    pub preview: bool,
}

/// What a change of access would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AccessPreview {
    /// Who gains and loses what.
    affected: Vec<AffectedPeople>,
    people_affected: usize,
    /// So many rights more in spaces that whoever asks may not enter.
    hidden_changes: usize,
    is_complete: bool,
    /// What pages have confirmed: somebody gains Production or Administration.
    dangers: Vec<&'static str>,
    reaches_everyone: bool,
    /// How many of the tenants' own people gain something.
    customers: usize,
    /// What everybody who comes later gains and loses.
    newcomers: Vec<AccessChange>,
}

/// People who gain and lose the same.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AffectedPeople {
    people: Vec<AffectedPerson>,
    changes: Vec<AccessChange>,
}

/// Somebody, with the name where it may be seen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AffectedPerson {
    user_id: String,
    name: Option<String>,
}

/// Rights that are gained or lost together: in one place, for one time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AccessChange {
    /// Gained or Lost.
    change: &'static str,
    permissions: Vec<&'static str>,
    /// Null: the company as a whole.
    space_id: Option<String>,
    space_name: Option<String>,
    /// Where in it, in words; empty: everywhere.
    r#where: String,
    from: Option<String>,
    until: Option<String>,
    dangers: Vec<&'static str>,
}

fn words(dangers: &[answers::Danger]) -> Vec<&'static str> {
    dangers.iter().map(|danger| danger.word()).collect()
}

impl From<&answers::Bundle> for AccessChange {
    fn from(bundle: &answers::Bundle) -> Self {
        AccessChange {
            change: if bundle.gained { "Gained" } else { "Lost" },
            permissions: bundle.permissions.clone(),
            space_id: bundle.space.as_ref().map(|(id, _)| wire::<ids::Space>(*id)),
            space_name: bundle.space.as_ref().map(|(_, name)| name.clone()),
            r#where: bundle.place.clone(),
            from: bundle.from.map(Moment::wire),
            until: bundle.until.map(Moment::wire),
            dangers: words(&bundle.dangers),
        }
    }
}

impl From<&answers::Preview> for AccessPreview {
    fn from(told: &answers::Preview) -> Self {
        let person =
            |(id, name): &(i64, Option<String>)| AffectedPerson { user_id: wire::<ids::User>(*id), name: name.clone() };
        let affected = told.affected.iter().map(|one| AffectedPeople {
            people: one.people.iter().map(person).collect(),
            changes: one.bundles.iter().map(AccessChange::from).collect(),
        });
        AccessPreview {
            affected: affected.collect(),
            people_affected: told.people(),
            hidden_changes: told.hidden,
            is_complete: told.hidden == 0,
            dangers: words(&told.dangers),
            reaches_everyone: told.reaches_everyone,
            customers: told.customers.len(),
            newcomers: told.newcomers.iter().map(AccessChange::from).collect(),
        }
    }
}

/// A change that was made; or, where its preview was asked for, what it would do.
pub(in crate::api) enum Previewed<A> {
    Made(A),
    Told(Box<AccessPreview>),
}

impl<A: Answer> Answer for Previewed<A> {
    fn reply(self) -> Result<Reply> {
        match self {
            Previewed::Made(made) => made.reply(),
            Previewed::Told(told) => Reply::json(StatusCode::OK, &told),
        }
    }
    fn described() -> Option<(&'static str, Described)> {
        Some(match A::described() {
            Some((status, made)) => (status, Described { schema: made.schema, parts: parts::<A> }),
            None => ("200", Described::of::<AccessPreview>()),
        })
    }
}

fn parts<A: Answer>(into: &mut Vec<(String, RefOr<Schema>)>) {
    if let Some((_, made)) = A::described() {
        (made.parts)(into);
    }
    (Described::of::<AccessPreview>().parts)(into);
}

/// Carries a change of access out, as clients of the API expect, without asking back; or, where its preview is asked for,
/// tells what it would change, and changes nothing. What pages have confirmed stands in the preview: `Dangers` and
/// `ReachesEveryone`.
pub(in crate::api) fn change<T, A>(
    ask: &Ask,
    query: &AccessPreviewQuery,
    command: impl FnOnce() -> Result<T>,
    made: impl FnOnce(T) -> Result<A>,
) -> Result<Previewed<A>> {
    if query.preview {
        told(&answers::preview(ask.visitor()?, command)?)
    } else {
        Ok(Previewed::Made(made(command()?)?))
    }
}

/// The answer to who asked for a preview.
pub(in crate::api) fn told<A>(told: &answers::Preview) -> Result<Previewed<A>> {
    Ok(Previewed::Told(Box::new(AccessPreview::from(told))))
}
