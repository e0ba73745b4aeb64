use super::{brand::testing as picture, *};
use crate::{
    base::clock,
    company::{
        access::Visitor,
        testing::{Harbour, harbour},
    },
};

fn may(ada: &Visitor) -> Granted<'_, ConfigureServer> {
    ada.ask(ConfigureServer {}).unwrap()
}
fn last_event(harbour: &Harbour) -> String {
    harbour.sql(|c| {
        c.query_row("SELECT message || ' ' || details FROM events ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
    })
}
fn wrong(error: Error) -> String {
    match error {
        Error::Invalid(fields) => fields.iter().map(|(field, _)| field).collect::<Vec<_>>().join(" "),
        other => panic!("{other}"),
    }
}

#[test]
fn a_new_company_begins_with_the_usual_rules() {
    let harbour = harbour();
    assert_eq!(show(&may(&harbour.ada())).unwrap().rules, Rules::default());
    let ada = harbour.ada();
    let shown = show(&may(&ada)).unwrap();
    assert_eq!((shown.name.as_str(), shown.slug.as_str()), ("Harbour", "harbour"));
    assert!(harbour.person("Ben", &[]).ask(ConfigureServer {}).is_err());
}

#[test]
fn general_settings_are_checked_and_told_with_before_and_after() {
    let harbour = harbour();
    let ada = harbour.ada();
    let bad = General {
        name: " ".into(),
        time_zone: "Mars/Olympus".into(),
        from_address: Some("nobody".into()),
        customers_in_everyone: false,
    };
    assert_eq!(wrong(change_general(&may(&ada), None, &bad).unwrap_err()), "Name TimeZone FromAddress");
    let good = General {
        name: "Harbour & Sons".into(),
        time_zone: "europe/berlin".into(),
        from_address: Some(" deploy@harbour.example ".into()),
        customers_in_everyone: false,
    };
    let done = change_general(&may(&ada), None, &good).unwrap();
    assert_eq!(
        (done.time_zone.as_str(), done.from_address.as_deref()),
        ("Europe/Berlin", Some("deploy@harbour.example"))
    );
    let told = last_event(&harbour);
    assert!(told.contains(r#""Name":{"from":"Harbour","to":"Harbour & Sons"}"#), "{told}");
    assert_eq!(show(&may(&harbour.ada())).unwrap().general(), done);
    let events = harbour.sql(|c| c.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)));
    change_general(&may(&ada), None, &done).unwrap();
    let after = harbour.sql(|c| c.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)));
    assert_eq!(events, after, "what is the same is not told");
    assert!(time_zones().contains(&"Europe/Berlin".to_owned()));
}

#[test]
fn rules_of_sign_in_are_bounded_and_their_grace_begins_when_they_become_stricter() {
    let harbour = harbour();
    let ada = harbour.by_session(1, Some(1));
    let usual = show(&may(&ada)).unwrap().sign_in();
    let bad = SignIn {
        second_factor: SecondFactor::Holders,
        second_factor_permissions: vec!["NoSuchThing".into()],
        grace_days: 91,
        password_min: 11,
        session_idle_minutes: 4,
        session_absolute_minutes: 14,
        key_days_max: 0,
        key_days_usual: 1,
        ..usual.clone()
    };
    let fields = wrong(change_sign_in(&may(&ada), None, &bad).unwrap_err());
    for field in
        ["SecondFactorPermissions", "GraceDays", "PasswordMin", "SessionIdleMinutes", "KeyDaysMax", "KeyDaysUsual"]
    {
        assert!(fields.contains(field), "{field} in {fields}");
    }
    let since = |harbour: &Harbour| show(&may(&harbour.ada())).unwrap().rules.second_factor_since.0;
    let nobody = SignIn { second_factor: SecondFactor::Nobody, ..usual.clone() };
    change_sign_in(&may(&ada), None, &nobody).unwrap();
    assert_eq!(since(&harbour), 0, "less strict");
    let holders = SignIn {
        second_factor: SecondFactor::Holders,
        second_factor_permissions: vec!["useredit".into(), "UserEdit".into()],
        ..usual.clone()
    };
    let before = clock::now().0;
    let done = change_sign_in(&may(&ada), None, &holders).unwrap();
    assert_eq!(done.second_factor_permissions, ["UserEdit"]);
    let first = since(&harbour);
    assert!(first >= before);
    let longer = SignIn { password_min: 20, ..done };
    change_sign_in(&may(&ada), None, &longer).unwrap();
    assert_eq!(since(&harbour), first, "no stricter about second factors");
    let told = last_event(&harbour);
    assert!(told.contains(r#""PasswordMin":{"from":12,"to":20}"#), "{told}");
}

#[test]
fn where_the_trail_goes_is_an_address_without_secrets() {
    let harbour = harbour();
    let ada = harbour.ada();
    let trail = |webhook: &str, days| Trail {
        checkpoint_syslog: true,
        checkpoint_webhook: Some(webhook.into()),
        retention_days: days,
    };
    for bad in ["http://a.example/", "https://user:secret@a.example/", "a.example", "javascript:alert(1)"] {
        assert_eq!(wrong(change_trail(&may(&ada), None, &trail(bad, 90)).unwrap_err()), "CheckpointWebhook", "{bad}");
    }
    assert_eq!(wrong(change_trail(&may(&ada), None, &trail("", 0)).unwrap_err()), "RetentionDays");
    let done = change_trail(&may(&ada), None, &trail(" https://a.example/hook ", 365)).unwrap();
    assert_eq!(done.checkpoint_webhook.as_deref(), Some("https://a.example/hook"));
    assert_eq!(show(&may(&harbour.ada())).unwrap().trail(), done);
}

#[test]
fn a_logo_is_drawn_anew_and_carries_nothing_else() {
    let file = picture::drawn(64, 32, true);
    assert!(file.windows(7).any(|part| part == b"<script"));
    let clean = picture::redrawn_of(&file).unwrap();
    assert!(!clean.windows(7).any(|part| part == b"<script") && clean.starts_with(b"\x89PNG"));
    // Whatever stands behind the picture is left behind.
    let mut tail = file.clone();
    tail.extend(b"<html>");
    assert_eq!(picture::redrawn_of(&tail).unwrap(), clean);
    let mut large = file.clone();
    large.resize(LARGEST_LOGO + 1, 0);
    for bad in [&b""[..], b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", &file[..40], &large] {
        assert!(picture::redrawn_of(bad).is_err());
    }
    for (width, height) in [(8, 64), (2000, 20)] {
        assert!(picture::redrawn_of(&picture::drawn(width, height, false)).unwrap_err().contains("dots"));
    }
    let harbour = harbour();
    let ada = harbour.ada();
    set_logo(&may(&ada), &file).unwrap();
    assert_eq!(crate::company::access::admit::logo(&harbour.company).unwrap(), Some(clean));
    assert!(show(&may(&harbour.ada())).unwrap().rules.brand_logo.is_some());
    remove_logo(&may(&ada)).unwrap();
    assert_eq!(crate::company::access::admit::logo(&harbour.company).unwrap(), None);
}

#[test]
fn any_colour_is_made_readable() {
    for accent in ["#ffff00", "#000000", "#ffffff", "#0b6478", "#ff0000", "#00ff7f", "#123456", "#808080"] {
        let (light, dark) = picture::contrasts(accent);
        assert!(light >= 4.5 && dark >= 4.5, "{accent}: {light} {dark}");
    }
    assert_eq!(Shades::of("#0b6478").unwrap().light, "#0b6478", "what can be read is left as it is");
    let harbour = harbour();
    let ada = harbour.ada();
    for bad in ["red", "#12345", "#gggggg", "url(x)", "#fff;}"] {
        let brand = Brand { name: None, accent: Some(bad.into()), names_product: false };
        assert_eq!(wrong(change_brand(&may(&ada), None, &brand).unwrap_err()), "Accent", "{bad}");
        assert_eq!(Shades::of(bad), None);
    }
    let brand = Brand { name: Some(" Harbour Deploys ".into()), accent: Some("#AABBCC".into()), names_product: true };
    let done = change_brand(&may(&ada), None, &brand).unwrap();
    assert_eq!((done.name.as_deref(), done.accent.as_deref()), (Some("Harbour Deploys"), Some("#aabbcc")));
}
