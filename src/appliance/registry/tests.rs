use super::*;
use crate::appliance::NewCompany;

#[test]
fn a_round_leaves_open_what_was_open_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let appliance = Appliance::open(folder.path()).unwrap();
    for slug in ["acme", "globex", "initech"] {
        let new = NewCompany { slug, name: slug, person: "Ada", email: "ada@acme.test", password: None };
        appliance.make(&new).unwrap();
        appliance.close(slug);
    }
    drop(appliance.company("globex").unwrap());
    let (mut seen, mut most) = (Vec::new(), 0);
    let round = appliance.each(|slug, company| {
        let _company = company.unwrap();
        seen.push(slug.to_owned());
        most = most.max(appliance.open_companies().len());
        ControlFlow::Continue(())
    });
    round.unwrap();
    assert_eq!(seen, ["acme", "globex", "initech"]);
    let open: Vec<String> = appliance.open_companies().into_iter().map(|(slug, _)| slug).collect();
    assert_eq!((open, most), (vec!["globex".to_owned()], 2));
}

#[test]
fn what_changes_in_a_folder_that_stood_still_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let appliance = Appliance::open(folder.path()).unwrap();
    for slug in ["acme", "globex"] {
        let new = NewCompany { slug, name: slug, person: "Ada", email: "ada@acme.test", password: None };
        appliance.make(&new).unwrap();
    }
    let stands_still = || ["acme", "globex"].iter().all(|slug| standstill(&appliance.folder(slug)).is_some());
    while !stands_still() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let (acme, globex) = (appliance.company("acme").unwrap(), appliance.company("globex").unwrap());
    let same = |slug, company: &Company| std::ptr::eq(appliance.company(slug).unwrap().standing(), company.standing());
    assert!(same("acme", &acme) && same("globex", &globex), "nothing happened");
    // Something it remembers of itself was changed by another process.
    fs::write(appliance.folder("acme").join(crate::company::access::CHANGED), "now").unwrap();
    assert!(!same("acme", &acme), "changed");
    // Another file in its place.
    let (file, aside) = (appliance.folder("globex").join("company.db"), appliance.folder("globex").join("aside"));
    fs::copy(&file, &aside).unwrap();
    fs::rename(&aside, &file).unwrap();
    assert!(!same("globex", &globex), "another file");
    fs::remove_dir_all(appliance.folder("globex")).unwrap();
    assert!(matches!(appliance.company("globex"), Err(Error::NotFound(_))), "gone");
}
