//! The file's stamp and the seal: what is not this company's does not open.

use crate::{
    base::{error::Error, secret::Secret},
    company::{
        Company,
        testing::{founded, harbour},
    },
};

fn why<T>(answer: Result<T, Error>) -> String {
    match answer {
        Err(error @ Error::Fault(_)) => {
            let public = error.public();
            assert!(!public.contains('/') && !public.contains('“'), "no path, no other company: {public}");
            error.to_string()
        }
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(_) => panic!("opened"),
    }
}

#[test]
fn a_sealed_value_opens_in_its_own_cell_only() {
    let (here, there) = (founded("harbour", "Harbour"), founded("meridian", "Meridian"));
    let seal = here.company.seal();
    let sealed = seal.seal("accounts", "secret", 7, &Secret::new("hunter2")).unwrap();
    assert_eq!(seal.open("accounts", "secret", 7, &sealed).unwrap().expose(), "hunter2");
    assert_ne!(
        sealed,
        seal.seal("accounts", "secret", 7, &Secret::new("hunter2")).unwrap(),
        "no two seals are the same"
    );
    for (table, column, row) in [("accounts", "secret", 8), ("accounts", "passphrase", 7), ("users", "secret", 7)] {
        assert!(seal.open(table, column, row, &sealed).is_err());
    }
    assert!(there.company.seal().open("accounts", "secret", 7, &sealed).is_err());
    let mut bent = sealed.clone();
    bent[30] ^= 1;
    for bad in [&bent[..], &sealed[..20], &[][..]] {
        assert!(seal.open("accounts", "secret", 7, bad).is_err());
    }
    // The same key in another company does not open it either.
    let twin = crate::company::access::Seal::new(uuid::Uuid::new_v4(), &here.key);
    assert!(twin.open("accounts", "secret", 7, &sealed).is_err());
}

#[test]
fn a_company_opens_again_with_its_key_and_name() {
    let harbour = harbour();
    let folder = harbour.folder.path().join("harbour");
    let again = Company::open(&folder, "harbour", |_| Ok(harbour.key.clone())).unwrap();
    assert_eq!((again.slug(), again.name(), again.id()), ("harbour", "Harbour", harbour.company.id()));
}

#[test]
fn a_file_that_is_not_this_companys_is_refused() {
    let harbour = harbour();
    let folder = harbour.folder.path().join("harbour");
    let moved = harbour.folder.path().join("haven");
    harbour.company.settle().unwrap();
    std::fs::create_dir(&moved).unwrap();
    std::fs::copy(folder.join("company.db"), moved.join("company.db")).unwrap();
    let sentence = why(Company::open(&moved, "haven", |_| Ok(harbour.key.clone())));
    assert!(sentence.contains("holds the company “harbour”, not “haven”") && sentence.contains("adopt"), "{sentence}");

    let other_key = founded("other", "Other").key.clone();
    assert!(why(Company::open(&folder, "harbour", |_| Ok(other_key))).contains("key"));
    assert!(
        why(Company::open(&harbour.folder.path().join("nowhere"), "nowhere", |_| Ok(harbour.key.clone())))
            .contains("missing")
    );

    std::fs::write(
        moved.join("company.db"),
        b"this is no database, whatever its name says, and long enough to look at",
    )
    .unwrap();
    assert!(!why(Company::open(&moved, "haven", |_| Ok(harbour.key.clone()))).is_empty());
    std::fs::write(moved.join("company.db"), b"").unwrap();
    assert!(why(Company::open(&moved, "haven", |_| Ok(harbour.key.clone()))).contains("not a company's file"));
}

#[test]
fn a_file_of_a_newer_program_is_refused() {
    let harbour = harbour();
    harbour.sql(|c| c.pragma_update(None, "user_version", crate::store::migrate::newest() + 1));
    let sentence = why(Company::open(&harbour.folder.path().join("harbour"), "harbour", |_| Ok(harbour.key.clone())));
    assert!(sentence.contains("newer Bulkhead"), "{sentence}");
}

#[test]
fn a_folder_that_has_a_company_does_not_get_another() {
    use crate::company::access::{FirstPerson, Founding};
    let harbour = harbour();
    let administrator = FirstPerson { name: "Eve", email: "eve@example.com", password: None };
    let founding = Founding { slug: "harbour", name: "Other", administrator };
    let again = Company::found(&harbour.folder.path().join("harbour"), uuid::Uuid::new_v4(), &harbour.key, &founding);
    assert!(matches!(again, Err(Error::Conflict(_))));
    assert!(harbour.company.verify(None).unwrap().is_ok());
}
