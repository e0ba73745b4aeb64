//! A feature has one name, and its files stand under it.

use super::{features, none, source::files};
use std::collections::BTreeSet;

/// Files of `api`, `web` and `templates` that belong to no feature but to the frame.
const FRAME: &[(&str, &[&str])] = &[
    ("src/api", &["mod", "caller", "error", "openapi", "resource", "root", "routes", "signin", "unbuilt", "wire"]),
    (
        "src/web",
        &[
            "mod",
            "address",
            "again",
            "answer",
            "caller",
            "error",
            "forgot",
            "form",
            "help",
            "links",
            "list",
            "meanwhile",
            "once",
            "page",
            "passkey",
            "proof",
            "seen",
            "serving",
            "setup",
            "signin",
            "standing",
        ],
    ),
    ("templates", &["README", "_bare", "_form", "_frame", "_parts", "errors", "help", "signin"]),
];

/// Screens and documents that show a part of a feature under a name of its own, or several features; and whose they are.
const VIEWS: &[(&str, &str)] = &[
    ("portal", "tenants"),
    ("selfservice", "tenants"),
    ("why", "access"),
    // The wire has resources of its own for parts of a feature.
    ("accounts", "targets"),
    ("apikeys", "people"),
    ("defects", "releases"),
    ("emergencies", "teams"),
    ("events", "audit"),
    ("letters", "post"),
    ("machines", "targets"),
    ("machinepolicies", "targets"),
    ("workers", "targets"),
    ("me", "people"),
    ("previews", "deployments"),
    ("process", "projects"),
    ("register", "people"),
    ("processes", "projects"),
    ("progression", "deployments"),
    ("roles", "teams"),
    ("projectgroups", "projects"),
    ("projectsettings", "projects"),
    ("scopedroles", "teams"),
    ("secondfactors", "people"),
    ("steps", "projects"),
    ("tagsets", "tenants"),
    ("users", "people"),
    ("userroles", "teams"),
    // Screens that show several.
    ("start", "deployments"),
    ("dashboard", "deployments"),
    ("search", "projects"),
    ("trail", "audit"),
    ("keys", "people"),
    ("identities", "people"),
    ("invitations", "people"),
    ("companies", "standing"),
    ("brand", "settings"),
    // A release is made in a channel; channels have no page of their own yet.
    ("releases", "channels"),
];

/// Features without pages or API of their own: the door, how things are named, and the file as a whole, which is the operator's.
const WITHOUT_FACE: &[&str] = &["access", "naming", "references", "upkeep"];

#[test]
fn each_features_files_stand_in_their_places() {
    let features = features();
    let mut findings = Vec::new();
    for (folder, frame) in FRAME {
        let mut names = BTreeSet::new();
        for path in files(folder) {
            let rest = path.trim_start_matches(folder).trim_start_matches('/');
            let name = rest.split('/').next().unwrap_or_default();
            names.insert(name.split('.').next().unwrap_or_default().to_owned());
        }
        for name in &names {
            let view = VIEWS.iter().any(|(view, of)| view == name && features.iter().any(|f| f == of));
            if !features.contains(name) && !frame.contains(&name.as_str()) && !view {
                findings.push(format!("{folder}/{name} is called after no feature of the company"));
            }
        }
        if *folder == "src/api" || *folder == "src/web" {
            for feature in features.iter().filter(|feature| !WITHOUT_FACE.contains(&feature.as_str())) {
                let shown = VIEWS.iter().any(|(view, of)| of == feature && names.contains(*view));
                if !names.contains(feature) && !shown {
                    findings.push(format!("{folder} shows nothing of {feature}: {folder}/{feature}.rs is missing"));
                }
            }
        }
    }
    none(
        findings,
        "A feature has the same name everywhere; if this is a view of several, tell VIEWS in tests/architecture.rs:",
    );
}
