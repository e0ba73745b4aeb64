//! What the operator and the people are told of the built-in worker: at the start, on the operator's page, by `/readyz`,
//! in a task's log.

use super::yard::{Yard, script};
use crate::support::server::{How, PROGRAM, Server};
use std::os::unix::fs::PermissionsExt;

fn operators_page(yard: &Yard) -> String {
    let operator = yard.server.company("operator", "Operator", "otto@ward.test");
    let mut otto = yard.server.browser();
    otto.sign_in("operator", &operator.email, &operator.password).expect(200);
    otto.follow(otto.get("/operator/companies")).text()
}

#[test]
fn the_operator_reads_how_scripts_are_kept_apart_and_what_they_reach() {
    let server =
        Server::on(tempfile::tempdir().unwrap(), How { more: vec!["--worker-network=none".into()], ..How::default() });
    let yard = Yard::on(server, "Untenanted", &[script("Say", "echo said")]);
    let task = yard.deploy("1.0.0");
    assert_eq!(yard.end_of(&task)["State"], "Success", "{}", yard.raw(&task));
    let log = yard.raw(&task);
    assert!(log.contains("This script has no network: the operator has switched it off"), "{log}");
    assert_eq!(yard.server.nobody().get("/readyz").expect(200).text(), "ready\n");
    let page = operators_page(&yard);
    assert!(page.contains("Built-in worker") && page.contains("nothing of the data folder in it"), "{page}");
    assert!(page.contains("worker-network"), "{page}");
    let printed = yard.server.printed();
    assert!(printed.contains("Scripts have no network: the operator has switched it off"), "{printed}");
}

/// A server that is root without the right to make namespaces, as in a container.
#[test]
fn a_sandbox_that_cannot_be_had_is_told_everywhere_with_its_remedy() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let wrapper = folder.path().join("bulkhead");
    let text = format!("#!/bin/sh\nexec setpriv --bounding-set -sys_admin --inh-caps -sys_admin {PROGRAM} \"$@\"\n");
    std::fs::write(&wrapper, text).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::on(folder, How { program: Some(wrapper), ..How::default() });
    let yard = Yard::on(server, "Untenanted", &[script("Say", "echo said")]);
    let remedy = "Give the container CAP_SYS_ADMIN";
    let ready = yard.wait_for("a warning", || {
        let ready = yard.server.nobody().get("/readyz").expect(200).text();
        ready.contains("warning: ").then_some(ready)
    });
    assert!(ready.starts_with("ready\n") && ready.contains(remedy), "{ready}");
    assert!(yard.server.printed().contains(remedy), "{}", yard.server.printed());
    assert!(operators_page(&yard).contains(remedy));
    let task = yard.deploy("1.0.0");
    assert_eq!(yard.end_of(&task)["State"], "Failed");
    let log = yard.raw(&task);
    assert!(
        log.contains("The built-in worker runs nothing here") && log.contains(remedy) && !log.contains("| said"),
        "{log}"
    );
}
