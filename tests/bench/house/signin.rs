//! Sign-ins a second, beside the bare hash of a password at the same cost: what the house adds to the work that cannot
//! be spared. As many callers as the machine has cores, each a person of their own.

use super::{
    figures::{Table, median, rounds},
    writes::{Outcome, found, run},
};
use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use bulkhead::{
    appliance::Appliance,
    base::secret::Secret,
    company::access::{From, admit},
};

const HASHES: &str = "bare argon2id hashes (19 MiB, 2 passes)";
const SIGN_INS: &str = "sign-ins by password, up to the second factor";

pub fn measure(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let appliance = Appliance::open(&folder.path().join("data")).expect("a data folder");
    let (company, _) = found(&appliance, "harbour");
    let password = Secret::new("the password of the figures");
    let callers = std::thread::available_parallelism().map_or(2, usize::from).min(5);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None).expect("a cost"));
    let mut many: [(&str, Vec<Outcome>); 2] = [(HASHES, Vec::new()), (SIGN_INS, Vec::new())];
    eprintln!("signin: {callers} callers, {} rounds", rounds());
    for _ in 0..rounds() {
        many[0].1.push(run(callers, |_| {
            let hash = argon2.hash_password(b"the password of the figures").expect("a hash");
            std::hint::black_box(hash);
        }));
        many[1].1.push(run(callers, |_| {
            let signed_in = admit::sign_in(&company, "ada@harbour.test", &password, &From::default());
            assert!(signed_in.expect("an answer").is_some(), "the password is right");
        }));
    }
    for (name, outcomes) in &many {
        let of = |read: fn(&Outcome) -> f64| median(&outcomes.iter().map(read).collect::<Vec<_>>());
        let more = format!("99 % within {:.1} ms, worst {:.0} ms", of(|o| o.slow), of(|o| o.worst));
        table.figure(name, of(|o| o.rate), "a second", &more);
    }
    table.against(SIGN_INS, HASHES, "≥ 80 %");
}
