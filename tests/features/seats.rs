//! One company's requests take seats that are its own: when all are taken, others are served as ever.

use bulkhead::{
    appliance::{Appliance, NewCompany},
    base::secret::Secret,
    company::access::{Steward, mint_keys},
    execution::issuers::Issuers,
    http::Desk,
};
use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

fn at_once<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn a_company_whose_seats_are_all_taken_keeps_no_request_of_another_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let appliance = Arc::new(Appliance::open(folder.path()).expect("a data folder"));
    let (_, operator) = mint_keys().expect("the keys, once in this process");
    let password = Secret::new("lantern copper seven boats");
    for slug in ["harbour", "meridian"] {
        let new = NewCompany { slug, name: slug, person: "Ada", email: "ada@example.com", password: Some(&password) };
        appliance.create(&Steward::console(&operator, None), &new).expect("a company");
    }
    let desk = Desk {
        appliance,
        public_url: None,
        mail: false,
        proxies: Arc::default(),
        issuers: Arc::new(Issuers::new(Arc::default())),
        streams: Arc::default(),
        kept: Arc::default(),
        worker: Default::default(),
        stopping: tokio_util::sync::CancellationToken::new(),
        closing: tokio_util::sync::CancellationToken::new(),
    };
    let seat = |slug: &str| at_once(desk.seat(slug));
    let mut taken = Vec::new();
    while let Some(seat) = seat("harbour") {
        taken.push(seat.expect("a seat"));
        assert!(taken.len() <= 1000, "there is no end to them");
    }
    assert!(taken.len() > 1, "{}", taken.len());
    for _ in 0..taken.len() {
        taken.push(seat("meridian").flatten().expect("a seat at the other company"));
    }
    assert!(seat("harbour").is_none());
    drop(taken.remove(0));
    assert!(seat("harbour").flatten().is_some(), "one that is given back is the next one's");
    assert!(seat("nowhere").expect("no waiting").is_none());
}
