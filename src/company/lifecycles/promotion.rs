//! Which environments a release may reach next (`domain §5`). Pure: phases and successes in, answers out.

use super::{Lifecycle, Phase};
use crate::base::ids::{Environment as Kind, Id, Phase as PhaseKind};
use crate::company::environments::Environment;
use std::fmt;

/// An environment in a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: Id<Kind>,
    /// Its name.
    pub name: String,
    /// A release goes there by itself once the phase is open.
    pub automatic: bool,
}

/// A phase as it counts: with the environments it stands for today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseView {
    /// The phase of the lifecycle; `None` where the lifecycle has none and each environment is a phase.
    pub id: Option<Id<PhaseKind>>,
    /// Its name.
    pub name: String,
    /// Its environments, in their order.
    pub environments: Vec<Place>,
    /// How many of them must succeed; 0: all.
    pub minimum: usize,
    /// It may be left out.
    pub is_optional: bool,
}

/// How far a release is in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// An earlier phase comes first.
    Pending,
    /// It may go to the phase's environments, and has not been to enough of them.
    Current,
    /// It has been to enough of them.
    Complete,
}

impl Progress {
    /// Its word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Progress::Pending => "Pending",
            Progress::Current => "Current",
            Progress::Complete => "Complete",
        }
    }
}

/// A phase and how far the release is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseProgress {
    /// The phase.
    pub phase: PhaseView,
    /// How far.
    pub progress: Progress,
    /// Whether the release may go to its environments now: every earlier phase that is not optional is complete.
    pub is_open: bool,
    /// An unresolved defect keeps the release out of it.
    pub is_blocked: bool,
    /// Its environments that have a success.
    pub done: Vec<Id<Kind>>,
    /// Its environments that count and have none.
    pub missing: Vec<Id<Kind>>,
}

/// Why a release may not go to an environment yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// No phase has the environment.
    NotInLifecycle,
    /// What is wrong with the release is not resolved: the sentence says what.
    Defect(String),
    /// Phases that come first.
    First(Vec<Needed>),
}

/// What is missing in one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The phase; `None` where each environment is a phase and this one may not be seen.
    pub phase: Option<String>,
    /// Names of its environments without a success, of those that may be seen.
    pub missing: Vec<String>,
    /// It has others without a success, which may not be seen.
    pub hidden: bool,
    /// How many of all those must still succeed.
    pub count: usize,
}

/// What is said of environments that may not be seen, however many there are.
const OTHERS: &str = "others that you may not see";

impl fmt::Display for Blocked {
    /// "Staging first"; "2 of Test A, Test B and Test C first"; "not in the lifecycle".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blocked::NotInLifecycle => f.write_str("not in the lifecycle"),
            Blocked::Defect(why) => write!(f, "an unresolved defect: {why}"),
            Blocked::First(needed) => {
                for (place, one) in needed.iter().enumerate() {
                    let joined = match (one.missing.as_slice(), &one.phase) {
                        ([], Some(phase)) => phase.clone(),
                        ([], None) => OTHERS.to_owned(),
                        (names, _) if one.hidden => format!("{} and {OTHERS}", names.join(", ")),
                        ([name], _) => name.clone(),
                        ([names @ .., last], _) if one.count == one.missing.len() => {
                            format!("{} and {last}", names.join(", "))
                        }
                        ([names @ .., last], _) => format!("{} of {} or {last}", one.count, names.join(", ")),
                    };
                    write!(f, "{}{joined}", if place > 0 { ", then " } else { "" })?;
                }
                f.write_str(" first")
            }
        }
    }
}

/// The phases of a lifecycle over the environments of the space, which come in their order. No phases: one for each
/// environment. A phase that names none stands for every environment that no earlier phase names.
pub fn phases_of(lifecycle: &Lifecycle, environments: &[Environment]) -> Vec<PhaseView> {
    let place = |one: &Environment, automatic: bool| Place { id: one.id, name: one.name.clone(), automatic };
    if lifecycle.phases.is_empty() {
        return environments
            .iter()
            .map(|one| PhaseView {
                id: None,
                name: one.name.clone(),
                environments: vec![place(one, false)],
                minimum: 0,
                is_optional: false,
            })
            .collect();
    }
    let mut named: Vec<Id<Kind>> = Vec::new();
    let mut out = Vec::new();
    for phase in &lifecycle.phases {
        let inside = |one: &&Environment| {
            if names_none(phase) {
                !named.contains(&one.id)
            } else {
                phase.automatic.contains(&one.id) || phase.optional.contains(&one.id)
            }
        };
        let places =
            environments.iter().filter(inside).map(|one| place(one, phase.automatic.contains(&one.id))).collect();
        named.extend(phase.automatic.iter().chain(&phase.optional));
        out.push(PhaseView {
            id: Some(phase.id),
            name: phase.name.clone(),
            environments: places,
            minimum: usize::try_from(phase.minimum).unwrap_or(0),
            is_optional: phase.is_optional,
        });
    }
    out
}

fn names_none(phase: &Phase) -> bool {
    phase.automatic.is_empty() && phase.optional.is_empty()
}

/// How far a release is in each phase, given the environments where it was deployed with success. For a tenant,
/// `connected` are the environments that the tenant is connected to: only those count.
pub fn progression(phases: &[PhaseView], successes: &[Id<Kind>], connected: Option<&[Id<Kind>]>) -> Vec<PhaseProgress> {
    let mut is_open = true;
    phases
        .iter()
        .map(|phase| {
            let counts = |one: &&Place| connected.is_none_or(|connected| connected.contains(&one.id));
            let (done, missing): (Vec<Id<Kind>>, Vec<Id<Kind>>) =
                phase.environments.iter().filter(counts).map(|one| one.id).partition(|id| successes.contains(id));
            let complete = needed(phase, &done, &missing) == 0;
            let progress = match (complete, is_open) {
                (true, _) => Progress::Complete,
                (false, true) => Progress::Current,
                (false, false) => Progress::Pending,
            };
            let open = is_open;
            is_open &= complete || phase.is_optional;
            PhaseProgress { phase: phase.clone(), progress, is_open: open, is_blocked: false, done, missing }
        })
        .collect()
}

/// How many environments of a phase must still succeed.
fn needed(phase: &PhaseView, done: &[Id<Kind>], missing: &[Id<Kind>]) -> usize {
    let all = done.len() + missing.len();
    let wanted = if phase.minimum == 0 { all } else { phase.minimum.min(all) };
    wanted.saturating_sub(done.len())
}

/// Leaves out of the phases the environments that may not be seen, and with them the phases that are one each.
pub fn hide(phases: &mut Vec<PhaseView>, seen: &[Id<Kind>]) {
    phases.iter_mut().for_each(|phase| phase.environments.retain(|place| seen.contains(&place.id)));
    phases.retain(|phase| phase.id.is_some() || !phase.environments.is_empty());
}

impl Blocked {
    /// The same for who may see these environments: others are not named, nor counted.
    fn seen(mut self, seen: &[Id<Kind>], phases: &[PhaseView]) -> Blocked {
        let Blocked::First(needed) = &mut self else { return self };
        let hidden = |phase: &PhaseView, name: &str| {
            phase.environments.iter().any(|place| place.name == name && !seen.contains(&place.id))
        };
        for one in needed.iter_mut() {
            let Some(phase) = phases.iter().find(|phase| one.phase.as_ref() == Some(&phase.name)) else { continue };
            let before = one.missing.len();
            one.missing.retain(|name| !hidden(phase, name));
            one.hidden = one.missing.len() < before;
            if one.hidden && phase.id.is_none() {
                one.phase = None;
            }
        }
        let mut told = false;
        needed.retain(|one| one.phase.is_some() || !std::mem::replace(&mut told, true));
        self
    }
}

/// Whether a release may go to an environment: going back, and again, is always allowed. The reason names no environment
/// but those `seen`.
///
/// # Errors
/// What is missing, in words.
pub fn may_reach(
    phases: &[PhaseView],
    successes: &[Id<Kind>],
    connected: Option<&[Id<Kind>]>,
    environment: Id<Kind>,
    seen: &[Id<Kind>],
) -> Result<(), Blocked> {
    let progress = progression(phases, successes, connected);
    let Some(place) = progress.iter().position(|one| one.phase.environments.iter().any(|e| e.id == environment)) else {
        return Err(Blocked::NotInLifecycle);
    };
    if progress[place].is_open {
        return Ok(());
    }
    let first = progress[..place].iter().filter(|one| one.progress != Progress::Complete && !one.phase.is_optional);
    let blocked = Blocked::First(
        first
            .map(|one| Needed {
                phase: Some(one.phase.name.clone()),
                hidden: false,
                missing: one
                    .phase
                    .environments
                    .iter()
                    .filter(|e| one.missing.contains(&e.id))
                    .map(|e| e.name.clone())
                    .collect(),
                count: needed(&one.phase, &one.done, &one.missing),
            })
            .collect(),
    );
    Err(blocked.seen(seen, phases))
}

/// With an unresolved defect, the phases after the first that have no success are closed to the release. For a tenant, the
/// first is the first that has an environment of theirs.
pub fn block(progress: &mut [PhaseProgress]) {
    let counts = |one: &&mut PhaseProgress| !one.done.is_empty() || !one.missing.is_empty();
    progress.iter_mut().filter(counts).skip(1).for_each(|one| one.is_blocked = one.done.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Space;

    const DEV: i64 = 1;
    const TEST: i64 = 2;
    const STAGING: i64 = 3;
    const PROD: i64 = 4;

    fn environments() -> Vec<Environment> {
        ["Dev", "Test", "Staging", "Prod"]
            .iter()
            .enumerate()
            .map(|(place, name)| Environment {
                id: Id::new(place as i64 + 1),
                space: Id::<Space>::new(1),
                name: (*name).into(),
                slug: name.to_lowercase(),
                description: String::new(),
                sort_order: place as i64,
                use_guided_failure: false,
                allow_dynamic_infrastructure: false,
            })
            .collect()
    }
    /// `"Name: 1 2*"`: manual and automatic environments; `min=1`, `optional` as further words.
    fn lifecycle(phases: &[&str]) -> Lifecycle {
        let phases = phases
            .iter()
            .enumerate()
            .map(|(place, line)| {
                let (name, words) = line.split_once(':').unwrap();
                let mut phase = Phase {
                    id: Id::new(place as i64 + 1),
                    name: name.into(),
                    automatic: vec![],
                    optional: vec![],
                    minimum: 0,
                    is_optional: false,
                    release_retention: None,
                    tentacle_retention: None,
                };
                for word in words.split_whitespace() {
                    if word == "optional" {
                        phase.is_optional = true;
                    } else if let Some(minimum) = word.strip_prefix("min=") {
                        phase.minimum = minimum.parse().unwrap();
                    } else if let Some(number) = word.strip_suffix('*') {
                        phase.automatic.push(Id::new(number.parse().unwrap()));
                    } else {
                        phase.optional.push(Id::new(word.parse().unwrap()));
                    }
                }
                phase
            })
            .collect();
        Lifecycle {
            id: Id::new(1),
            space: Id::new(1),
            name: "L".into(),
            slug: "l".into(),
            description: String::new(),
            is_default: false,
            release_retention: Default::default(),
            tentacle_retention: Default::default(),
            phases,
        }
    }
    fn ids(numbers: &[i64]) -> Vec<Id<Kind>> {
        numbers.iter().map(|n| Id::new(*n)).collect()
    }
    fn shape(phases: &[&str]) -> String {
        let phases = phases_of(&lifecycle(phases), &environments());
        phases
            .iter()
            .map(|p| {
                format!(
                    "{}={}",
                    p.name,
                    p.environments
                        .iter()
                        .map(|e| format!("{}{}", e.id.0, if e.automatic { "*" } else { "" }))
                        .collect::<String>()
                )
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn phases_stand_for_environments() {
        assert_eq!(shape(&[]), "Dev=1 Test=2 Staging=3 Prod=4");
        assert_eq!(shape(&["A: 1 2*", "B: 4"]), "A=12* B=4");
        assert_eq!(shape(&["A: 4 1"]), "A=14");
        assert_eq!(shape(&["A: 1", "Rest:", "Last: 4"]), "A=1 Rest=234 Last=4");
        assert_eq!(shape(&["Any:"]), "Any=1234");
        assert_eq!(shape(&["A: 1 2 3 4", "Rest:"]), "A=1234 Rest=");
    }

    #[test]
    fn a_phase_opens_when_every_earlier_one_is_complete() {
        type Case = (&'static [&'static str], &'static [i64], Option<&'static [i64]>, &'static str);
        let cases: &[Case] = &[
            (&[], &[], None, "C P P P"),
            (&[], &[DEV], None, "X C P P"),
            (&[], &[DEV, TEST, STAGING], None, "X X X C"),
            (&[], &[TEST], None, "C X P P"),
            (&["A: 1 2", "B: 4"], &[DEV], None, "C P"),
            (&["A: 1 2", "B: 4"], &[DEV, TEST], None, "X C"),
            (&["A: 1 2 min=1", "B: 4"], &[TEST], None, "X C"),
            (&["A: 1 2 min=9", "B: 4"], &[TEST], None, "C P"),
            (&["A: 1 optional", "B: 2", "C: 4"], &[], None, "C C P"),
            (&["A: 1 optional", "B: 2", "C: 4"], &[TEST], None, "C X C"),
            (&["A: 1 2 3 4", "Rest:"], &[], None, "C X"),
            // A tenant that is connected to Staging and Prod alone need not pass Dev and Test.
            (&[], &[], Some(&[STAGING, PROD]), "X X C P"),
            (&[], &[STAGING], Some(&[STAGING, PROD]), "X X X C"),
            (&["A: 1 2 min=2", "B: 4"], &[DEV], Some(&[DEV, PROD]), "X C"),
        ];
        for (phases, successes, connected, want) in cases {
            let connected = connected.map(ids);
            let phases = phases_of(&lifecycle(phases), &environments());
            let got: Vec<&str> = progression(&phases, &ids(successes), connected.as_deref())
                .iter()
                .map(|p| match p.progress {
                    Progress::Pending => "P",
                    Progress::Current => "C",
                    Progress::Complete => "X",
                })
                .collect();
            assert_eq!(got.join(" "), *want, "{phases:?} {successes:?}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        type Case = (&'static [&'static str], &'static [i64], i64, &'static str);
        let cases: &[Case] = &[
            (&[], &[], DEV, ""),
            (&[], &[], TEST, "Dev first"),
            (&[], &[], PROD, "Dev, then Test, then Staging first"),
            (&[], &[DEV, TEST, STAGING, PROD], DEV, ""),
            (&[], &[DEV, TEST], STAGING, ""),
            (&["A: 1 2 3", "B: 4"], &[DEV], PROD, "Test and Staging first"),
            (&["A: 1 2 3 min=2", "B: 4"], &[], PROD, "2 of Dev, Test or Staging first"),
            (&["A: 1 2 3 min=2", "B: 4"], &[DEV], PROD, "1 of Test or Staging first"),
            (&["A: 1 optional", "B: 2", "C: 4"], &[], PROD, "Test first"),
            (&["A: 1", "B: 2"], &[], PROD, "not in the lifecycle"),
            (&["A: 1", "Rest:"], &[], PROD, "Dev first"),
            (&["A: 1", "Rest:"], &[DEV], PROD, ""),
        ];
        for (phases, successes, to, want) in cases {
            let phases = phases_of(&lifecycle(phases), &environments());
            let got = may_reach(&phases, &ids(successes), None, Id::new(*to), &ids(&[DEV, TEST, STAGING, PROD]))
                .map_or_else(|b| b.to_string(), |()| String::new());
            assert_eq!(got, *want, "{phases:?} {successes:?} → {to}");
        }
    }

    #[test]
    fn what_may_not_be_seen_is_neither_named_nor_counted() {
        let others = "others that you may not see";
        let cases: &[(&[&str], &[i64], String)] = &[
            (&[], &[PROD], format!("{others} first")),
            (&[], &[TEST, PROD], format!("{others}, then Test first")),
            (&[], &[DEV, PROD], format!("Dev, then {others} first")),
            (&["A: 1 2 3", "B: 4"], &[PROD], "A first".into()),
            (&["A: 1 2 3 min=2", "B: 4"], &[DEV, PROD], format!("Dev and {others} first")),
            (&["A: 1 2", "B: 3", "C: 4"], &[DEV, TEST, PROD], "Dev and Test, then B first".into()),
        ];
        for (phases, seen, want) in cases {
            let mut phases = phases_of(&lifecycle(phases), &environments());
            let blocked = may_reach(&phases, &[], None, Id::new(PROD), &ids(seen)).unwrap_err();
            assert_eq!(blocked.to_string(), *want, "{phases:?} {seen:?}");
            hide(&mut phases, &ids(seen));
            let left: Vec<Id<Kind>> = phases.iter().flat_map(|phase| &phase.environments).map(|one| one.id).collect();
            assert_eq!(left, ids(seen));
            assert!(phases.iter().all(|phase| phase.id.is_some() || phase.environments.len() == 1), "{phases:?}");
        }
    }

    #[test]
    fn findings_d10_a_defect_closes_what_a_release_has_not_reached() {
        let phases = phases_of(&lifecycle(&["A: 1", "B: 2", "C: 3 4"]), &environments());
        for (successes, connected, blocked) in [
            (&[][..], None, [false, true, true]),
            (&[DEV], None, [false, true, true]),
            (&[DEV, TEST], None, [false, false, true]),
            (&[DEV, TEST, STAGING], None, [false, false, false]),
            (&[], Some(ids(&[TEST, PROD])), [false, false, true]),
        ] {
            let mut progress = progression(&phases, &ids(successes), connected.as_deref());
            block(&mut progress);
            let got: Vec<bool> = progress.iter().map(|one| one.is_blocked).collect();
            assert_eq!(got, blocked, "{successes:?} {connected:?}");
        }
    }
}
