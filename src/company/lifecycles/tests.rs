use super::*;
use crate::company::{
    access::{At, Visitor, Within},
    testing::harbour,
};

fn at(visitor: &Visitor, text: &str) -> At<Kind> {
    visitor.locate(Within::Space(1), text).unwrap()
}
fn phase(name: &str, optional: &[i64]) -> PhaseFields {
    PhaseFields {
        name: name.into(),
        optional: optional.iter().map(|id| Id::new(*id)).collect(),
        ..PhaseFields::default()
    }
}
fn fields(name: &str, phases: &[PhaseFields]) -> Fields {
    Fields { name: name.into(), phases: phases.to_vec(), ..Fields::default() }
}
fn wrong<T>(result: Result<T>) -> Vec<String> {
    match result {
        Err(Error::Invalid(fields)) => fields.iter().map(|(field, _)| field.to_owned()).collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it went through"),
    }
}

#[test]
fn phases_are_kept_with_their_numbers() {
    let harbour = harbour();
    let ada = harbour.ada();
    let (dev, prod) = (harbour.environment("Dev"), harbour.environment("Prod"));
    let granted = ada.ask(LifecycleCreate { space: harbour.space(&ada) }).unwrap();
    let made = create(&granted, fields("Careful", &[phase("First", &[dev]), phase("Last", &[prod])])).unwrap();
    assert_eq!(made.phases.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["First", "Last"]);
    let edited = ada.ask(LifecycleEdit { lifecycle: at(&ada, "Careful") }).unwrap();
    let mut turned = Fields::from(&made);
    turned.phases.reverse();
    turned.phases.insert(1, PhaseFields { name: "Between".into(), ..PhaseFields::default() });
    let after = edit(&edited, turned).unwrap();
    assert_eq!((after.phases[0].id, after.phases[2].id), (made.phases[1].id, made.phases[0].id));
    let seen = preview(&ada.ask(LifecycleView { lifecycle: at(&ada, "careful") }).unwrap()).unwrap();
    let places: Vec<usize> = seen.iter().map(|p| p.environments.len()).collect();
    assert_eq!(places, [1, 1, 1], "the phase without environments stands for those not named before it");
}

#[test]
fn wrong_phases_are_refused_beside_their_field() {
    let harbour = harbour();
    let ada = harbour.ada();
    let dev = harbour.environment("Dev");
    let granted = ada.ask(LifecycleCreate { space: harbour.space(&ada) }).unwrap();
    let bad = |phases: &[PhaseFields]| wrong(create(&granted, fields("L", phases)));
    assert_eq!(bad(&[phase("", &[])]), ["Phases[0].Name"]);
    assert_eq!(bad(&[phase("A", &[]), phase("a", &[])]), ["Phases[1].Name"]);
    assert_eq!(bad(&[phase("A", &[99])]), ["Phases[0].OptionalDeploymentTargets"]);
    assert_eq!(bad(&[phase("A", &[dev]), phase("B", &[dev])]), ["Phases[1].OptionalDeploymentTargets"]);
    let both = PhaseFields { automatic: vec![Id::new(dev)], ..phase("A", &[dev]) };
    assert_eq!(bad(&[both]), ["Phases[0].OptionalDeploymentTargets"]);
    assert_eq!(
        bad(&[PhaseFields { minimum: 2, ..phase("A", &[dev]) }]),
        ["Phases[0].MinimumEnvironmentsBeforePromotion"]
    );
    assert_eq!(wrong(create(&granted, fields("default lifecycle", &[]))), ["Name"]);
}

#[test]
fn what_is_used_stays() {
    let harbour = harbour();
    let ada = harbour.ada();
    create(&ada.ask(LifecycleCreate { space: harbour.space(&ada) }).unwrap(), fields("Other", &[])).unwrap();
    let refused =
        |name: &str| delete(&ada.ask(LifecycleDelete { lifecycle: at(&ada, name) }).unwrap()).unwrap_err().to_string();
    assert!(refused("Default lifecycle").contains("new projects of this space follow it"));
    harbour.project("Shop", None);
    harbour.sql(|c| c.execute("UPDATE projects SET lifecycle_id = 2", []));
    assert!(refused("Other").contains("the project Shop"));
    harbour.sql(|c| c.execute("UPDATE projects SET lifecycle_id = 1", []));
    delete(&ada.ask(LifecycleDelete { lifecycle: at(&ada, "Other") }).unwrap()).unwrap();
}
