//! For whom a release is deployed: the tenants that can take it where it goes, the others by what stops them, and what each
//! that was chosen has now and will have (findings C1).

use super::{Chosen, count};
use crate::{
    base::ids::{Environment, Id},
    company::deployments::{Choices, Deployment, Place, Recipient, Verdict},
    web::page::{Choice, ScopePicker},
};
use std::collections::BTreeMap;

/// Tenants that cannot take it, for one reason.
pub(in crate::web) struct Rest {
    /// "Staging first · 112"
    pub reason: String,
    /// Their names, at most twelve.
    pub names: String,
}

/// What a tenant has and will have.
pub(in crate::web) struct Change {
    pub name: String,
    pub now: String,
    pub then: String,
}

/// The tenants at a place: those that can take the release, and why the others cannot.
pub(super) struct Whom<'c> {
    pub open: Vec<&'c Recipient>,
    closed: Vec<(&'c Recipient, String)>,
}

impl<'c> Whom<'c> {
    /// At a place, or, before one is chosen, anywhere.
    pub fn at(choices: &'c Choices, place: Option<&'c Place>) -> Whom<'c> {
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for (number, one) in choices.tenants.iter().enumerate() {
            let verdicts = match place {
                Some(place) => std::slice::from_ref(place).iter(),
                None => choices.places.iter(),
            };
            let verdicts: Vec<&Verdict> = verdicts.filter_map(|place| place.tenants.get(number)).collect();
            match verdicts.iter().any(|verdict| verdict.is_open()) {
                true => open.push(one),
                false => closed.push((one, why(&verdicts))),
            }
        }
        Whom { open, closed }
    }

    fn is(one: &Recipient, text: &str) -> bool {
        one.slug == text || one.id.to_string() == text
    }

    /// Of the tenants that were chosen, those that can take it.
    pub fn chosen(&self, chosen: &Chosen) -> Vec<&'c Recipient> {
        let wanted = |one: &&&Recipient| chosen.tenants.iter().any(|text| Self::is(one, text));
        self.open.iter().filter(wanted).copied().collect()
    }

    /// Those that were chosen and cannot take it, in a sentence for each reason.
    pub fn left_out(&self, chosen: &Chosen) -> Option<String> {
        let wanted = |one: &Recipient| chosen.tenants.iter().any(|text| Self::is(one, text));
        let groups = grouped(self.closed.iter().filter(|(one, _)| wanted(one)));
        let say = |rest: Rest| format!("{} ({})", rest.reason, rest.names);
        let said: Vec<String> = groups.into_iter().map(say).collect();
        (!said.is_empty()).then(|| format!("Some of the tenants chosen cannot take it now: {}.", said.join("; ")))
    }

    /// The others, by reason.
    pub fn rest(&self) -> Vec<Rest> {
        grouped(self.closed.iter())
    }

    /// The choice.
    pub fn picker(&self, choices: &Choices, chosen: &Chosen, place: Option<&Place>) -> ScopePicker {
        let name_of = |id: &Id<Environment>| choices.places.iter().find(|one| one.id == *id).map(|one| &*one.name);
        let ticked = self.chosen(chosen);
        let options = self.open.iter().map(|one| {
            let hint = match place {
                Some(_) => String::new(),
                None => one.environments.iter().filter_map(name_of).collect::<Vec<_>>().join(", "),
            };
            let ticked = ticked.iter().any(|other| other.id == one.id);
            Choice::new(&one.slug, &one.name).hint(hint).chosen(ticked)
        });
        let picker = ScopePicker::new("tenant", "Tenants", options.collect());
        if choices.mode.without_tenant() {
            picker
                .all("No tenant: deploy for none")
                .help("Choose tenants to deploy for each of them, or none to deploy without a tenant.")
        } else {
            picker.help("Each tenant gets a deployment and a task of its own.")
        }
    }
}

fn why(verdicts: &[&Verdict]) -> String {
    match verdicts.iter().find_map(|verdict| verdict.obstacle.as_ref()) {
        Some(why) => why.reason.to_string(),
        None => "You cannot deploy for them".into(),
    }
}

fn grouped<'a>(closed: impl Iterator<Item = &'a (&'a Recipient, String)>) -> Vec<Rest> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (one, why) in closed {
        groups.entry(why).or_default().push(&one.name);
    }
    let draw = |(reason, names): (&str, Vec<&str>)| {
        let more = names.len().saturating_sub(12);
        let mut listed = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
        if more > 0 {
            listed.push_str(&format!(" and {more} more"));
        }
        Rest { reason: format!("{reason} · {}", names.len()), names: listed }
    };
    groups.into_iter().map(draw).collect()
}

/// A row for each tenant that gets it: what it has now, and what it will have.
pub(super) fn changes(chosen: &[&Recipient], latest: &[Deployment], place: &Place, version: &str) -> Vec<Change> {
    let row = |one: &&Recipient| {
        let there = latest.iter().find(|spot| spot.tenant == Some(one.id) && spot.environment == place.id);
        let now = match there {
            Some(spot) if spot.state == crate::company::tasks::State::Success => spot.version.clone(),
            Some(spot) => format!("{} ({})", spot.version, spot.state.word().to_lowercase()),
            None => "nothing".into(),
        };
        Change { name: one.name.clone(), now, then: version.to_owned() }
    };
    chosen.iter().map(row).collect()
}

/// Why the button is off, when the choice is not whole (findings C2).
pub(super) fn unfinished(choices: &Choices, place: Option<&Place>, whom: &Whom<'_>, chosen: usize) -> Option<String> {
    let Some(place) = place else { return Some("Choose where to deploy.".into()) };
    if chosen > 0 {
        return None;
    }
    match &place.alone {
        None if whom.open.is_empty() => Some(format!("No tenant can take it in {} now.", place.name)),
        None => Some("Choose at least one tenant.".into()),
        Some(alone) => match &alone.obstacle {
            Some(_) if choices.mode.with_tenant() && !whom.open.is_empty() => {
                Some("It cannot go there without a tenant now. Choose at least one tenant.".into())
            }
            Some(why) => Some(why.sentence()),
            None if !alone.may => Some("You can deploy it there for tenants only. Choose at least one tenant.".into()),
            None => None,
        },
    }
}

/// "129 tenants cannot take it now".
pub(super) fn rest_title(rest: usize) -> String {
    format!("{} cannot take it now", count(rest as u64, "tenant", "tenants"))
}

impl Whom<'_> {
    /// How many cannot take it.
    pub fn closed(&self) -> usize {
        self.closed.len()
    }
}
