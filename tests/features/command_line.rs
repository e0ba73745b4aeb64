//! The command line by itself: what it says of what is missing, whom it works for, and what it asks before it destroys.

use crate::support::server::{Program, Server};
use std::{
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bulkhead");

/// Findings E4, E5 and their kind: what is missing is called what it is, and nothing was done.
#[test]
fn what_is_missing_is_named_as_what_it_is() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let to = tempfile::tempdir().unwrap();
    let to = to.path().to_str().unwrap();
    let company = "There is no company “nope” here.";
    let person = "There is nobody called “zoe@harbour.test” in this company.";
    let cases: &[(&[&str], &str)] = &[
        (&["verify", "nope"], company),
        (&["verify", "nope", "--json"], company),
        (&["verify", "harbour", "nope"], company),
        (&["backup", "nope", "--to", to], company),
        (&["company", "show", "nope"], company),
        (&["company", "suspend", "nope"], company),
        (&["company", "resume", "nope"], company),
        (&["company", "rename", "nope", "haven"], company),
        (&["company", "remove", "nope", "--yes"], company),
        (&["company", "remove", "nope"], company),
        (&["company", "limits", "nope"], company),
        (&["company", "limits", "nope", "--people", "3"], company),
        (&["company", "adopt", "nope"], "There is no folder nope."),
        (&["user", "list", "nope"], company),
        (&["user", "invite", "nope", "ben@harbour.test"], company),
        (&["user", "deactivate", "nope", "ada@harbour.test"], company),
        (&["api-key", "create", "nope", "ada@harbour.test", "--purpose", "x"], company),
        (&["api-key", "create", "harbour", "zoe@harbour.test", "--purpose", "x"], person),
        (&["user", "deactivate", "harbour", "zoe@harbour.test"], person),
        (&["user", "reactivate", "harbour", "zoe@harbour.test"], person),
        (&["user", "reset-password", "harbour", "zoe@harbour.test"], person),
        (&["user", "reset-second-factor", "harbour", "zoe@harbour.test"], person),
        (
            &["user", "invite", "harbour", "ben@harbour.test", "--team", "No such"],
            "There is no team called “No such” in this company.",
        ),
    ];
    for (arguments, said) in cases {
        let told = server.command(arguments).run().expect_code(3);
        assert!(told.stderr.contains(said), "{arguments:?}: {}", told.stderr);
        assert!(!told.stderr.contains("Damaged") && !told.stderr.contains("Restore from a backup"), "{}", told.stderr);
    }
    let told = server.command(&["verify", "harbour", "nope"]).run().expect_code(3);
    assert!(told.stdout.contains("harbour: ok ("), "the others are looked at: {}", told.stdout);
}

/// Findings D15 and issue 11, kind 9: whoever reads may go away.
#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let data = server.data();
    for arguments in [
        &["openapi"][..],
        &["--help"],
        &["company", "list"],
        &["company", "show", "harbour"],
        &["user", "list", "harbour", "--json"],
        &["verify"],
        &["verify", "nope"],
    ] {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .env("BULKHEAD_DATA", &data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Gone before anything is written.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let code = child.wait().unwrap().code();
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        let meant = if arguments.contains(&"nope") { Some(3) } else { Some(0) };
        assert_eq!(code, meant, "{arguments:?}: {said}");
    }
    // Both at once, as `2>&1 | head -1` has it.
    let mut child = Command::new(PROGRAM)
        .args(["verify", "nope"])
        .env("BULKHEAD_DATA", &data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

/// A result that cannot be written is no success, whatever was done; and nothing panics.
#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let data = server.data();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let globex =
        ["company", "create", "globex", "--name", "G", "--admin-name", "Eve", "--admin-email", "eve@globex.test"];
    for (arguments, both, meant) in [
        (&globex[..], false, 1),
        (&["api-key", "create", "harbour", "ada@harbour.test", "--purpose", "x"], false, 1),
        (&["company", "list"], true, 1),
        (&["openapi"], true, 1),
        (&["verify", "nope"], true, 3),
        (&["company", "suspend", "harbour"], false, 1),
    ] {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("BULKHEAD_DATA", &data).stdin(Stdio::null()).stdout(full());
        if both {
            command.stderr(full());
        }
        let told = command.output().unwrap();
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!(told.status.code(), Some(meant), "{arguments:?}: {said}");
        assert!(both || said.contains("bulkhead: It was done, but the result could not be written: "), "{said}");
    }
    // It was done nevertheless.
    let list = server.command(&["company", "list"]).run().expect_success().stdout;
    assert!(list.contains("globex") && list.contains("suspended"), "{list}");
}

/// Findings I8.
#[test]
fn consent_is_typed() {
    let server = Server::start();
    let harbour = server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let make = [
        "company",
        "create",
        "operator",
        "--name",
        "Operator",
        "--admin-name",
        "Olga",
        "--admin-email",
        "olga@ops.test",
    ];
    server.command(&make).run().expect_success();
    let with = |name: &str, value: &str, arguments: &[&str]| {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .env("BULKHEAD_DATA", server.data())
            .env(name, value)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, _, said) = with("BULKHEAD_YES", "true", &["company", "remove", "harbour"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("Nothing was done.") && said.contains("--yes"), "{said}");
    let to = tempfile::tempdir().unwrap();
    let folder = to.path().to_str().unwrap();
    let (code, _, said) = with("BULKHEAD_ALL", "true", &["backup", "--to", folder]);
    assert_eq!(code, Some(2), "{said}");
    let file = server.command(&["backup", "harbour", "--to", folder]).run().expect_success().stdout;
    let (code, _, said) = with("BULKHEAD_REPLACE", "true", &["restore", file.trim()]);
    assert_eq!(code, Some(3), "{said}");
    for (word, json) in [("1", true), ("true", true), ("yes", true), ("0", false), ("false", false)] {
        let (code, told, said) = with("BULKHEAD_JSON", word, &["company", "list"]);
        assert_eq!((code, told.starts_with('[')), (Some(0), json), "{word}: {told}{said}");
    }

    let told = server.command(&["company", "remove", "operator", "--yes"]).run().expect_code(3);
    assert!(
        told.stderr.contains("--operator") && told.stderr.contains("operator's own compartment"),
        "{}",
        told.stderr
    );
    server.command(&["company", "show", "operator"]).run().expect_success();
    server.command(&["company", "remove", "operator", "--operator"]).run().expect_code(3);
    server.command(&["company", "remove", "operator", "--operator", "--yes"]).run().expect_success();
    harbour.caller().get("/api/environments").expect(200);
}

/// Findings I6: no command but those that begin something makes a folder or a key.
#[test]
fn no_command_makes_a_data_folder_by_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let (none, empty) = (folder.path().join("none"), folder.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let to = folder.path().to_str().unwrap();
    for arguments in [
        &["company", "list"][..],
        &["company", "show", "acme"],
        &["verify"],
        &["verify", "--all"],
        &["user", "list", "acme"],
        &["backup", "--all", "--to", to],
        &["restore", "/no/such/file"],
        &["api-key", "create", "acme", "ada", "--purpose", "x"],
    ] {
        let told = Program::on(&none, arguments).run().expect_code(3);
        assert!(told.stderr.contains("There is no data folder") && told.stderr.contains("none"), "{}", told.stderr);
        assert!(!none.exists(), "{arguments:?} made a folder");
        let told = Program::on(&empty, arguments).run().expect_code(3);
        assert!(told.stderr.contains("master.key is missing"), "{}", told.stderr);
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "{arguments:?} made something");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let told = Program::on(&file, &["company", "list"]).run().expect_code(3);
    assert!(told.stderr.contains("is no folder"), "{}", told.stderr);
    let make = ["company", "create", "acme", "--name", "Acme", "--admin-name", "Ada", "--admin-email", "ada@acme.test"];
    Program::on(&none, &make).run().expect_success();
}

/// A run of the program as another user; only root can do that.
fn run_as(uid: u32, data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("BULKHEAD_DATA", data).current_dir("/").stdin(Stdio::null());
    if uid != 0 {
        command.uid(uid).gid(uid);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Everything below a folder with its owner.
fn owners(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        found.push((entry.path().display().to_string(), std::os::unix::fs::MetadataExt::uid(&about)));
        if about.is_dir() {
            owners(&entry.path(), found);
        }
    }
}

/// Findings I6.
#[test]
fn a_command_works_as_the_owner_of_the_data_folder_or_refuses() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can be two users");
        return;
    }
    const SERVICE: u32 = 54_321;
    const SOMEBODY: u32 = 54_322;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(SERVICE), Some(SERVICE)).unwrap();
    let make = |slug: &'static str| {
        ["company", "create", slug, "--name", "Acme", "--admin-name", "Ada", "--admin-email", "ada@acme.test"]
    };
    let (code, _, said) = run_as(SERVICE, &data, &make("acme"));
    assert_eq!(code, Some(0), "{said}");
    // Root beside the service: everything it makes is the service's.
    let (code, _, said) = run_as(0, &data, &make("globex"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("goes on as user 54321"), "{said}");
    let (code, told, said) = run_as(0, &data, &["user", "invite", "acme", "ben@acme.test", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(told.starts_with('{'), "{told}");
    let mut all = Vec::new();
    owners(&data, &mut all);
    assert!(all.len() > 10);
    let foreign: Vec<_> = all.iter().filter(|(_, uid)| *uid != SERVICE).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let (code, told, said) = run_as(SERVICE, &data, &["company", "list"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(told.contains("acme") && told.contains("globex"), "{told}");

    // Somebody else is refused, with path, owner and remedy; also where the folder cannot even be reached.
    for mode in [0o700, 0o755, 0o777] {
        fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
        for arguments in [&["company", "list"][..], &make("initech"), &["verify"]] {
            let (code, _, said) = run_as(SOMEBODY, &data, arguments);
            assert_eq!(code, Some(3), "{said}");
            assert!(said.contains(data.to_str().unwrap()) && said.contains("runs as user 54322"), "{said}");
            // A user without a name on this machine.
            assert!(said.contains("setpriv --reuid 54321 --regid 54321 --clear-groups bulkhead"), "{said}");
        }
    }
    let hidden = folder.path().join("hidden");
    fs::create_dir(&hidden).unwrap();
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o700)).unwrap();
    let (code, _, said) = run_as(SOMEBODY, &hidden.join("data"), &["company", "list"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("cannot be reached as user 54322") && said.contains("hidden/data"), "{said}");
}

/// The program where the machine has this as the service's configuration.
fn where_the_service_is_set_up(config: &str) -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--tmpfs", "/etc"]);
    command.args(["--ro-bind", "/etc/passwd", "/etc/passwd", "--bind", config, "/etc/bulkhead", PROGRAM]);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// Findings I7: the configuration of the service is read where it is, and links are whole.
#[test]
fn the_service_is_configured_once_for_server_and_command_line() {
    let server = Server::start();
    server.company("harbour", "Harbour Ltd", "ada@harbour.test");
    let data = server.data();
    let etc = tempfile::tempdir().unwrap();
    let settle = |text: &str| fs::write(etc.path().join("bulkhead.toml"), text).unwrap();
    let run = |arguments: &[&str]| {
        let told = where_the_service_is_set_up(etc.path().to_str().unwrap()).args(arguments).output().expect("bwrap");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (told.status.code(), text(&told.stdout), text(&told.stderr))
    };
    settle(&format!("data = \"{}\"\npublic-url = \"HTTPS://Deploy.Example.com/\"\n", data.display()));
    let (code, out, err) = run(&["company", "list"]);
    assert!(code == Some(0) && out.contains("harbour"), "{code:?} {out} {err}");
    let (_, out, err) = run(&["user", "invite", "harbour", "ben@harbour.test"]);
    assert!(out.starts_with("invitation: https://deploy.example.com/harbour/invitation/"), "{out} {err}");
    let (_, out, _) = run(&["--json", "user", "invite-again", "harbour", "ben@harbour.test"]);
    let made: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let path = made["invitation"].as_str().expect("a path");
    assert_eq!(made["link"], format!("https://deploy.example.com{path}"));
    let (_, out, _) = run(&["user", "reset-password", "harbour", "ada@harbour.test"]);
    assert!(out.starts_with("reset: https://deploy.example.com/harbour/reset?token="), "{out}");
    let new = ["--name", "M", "--admin-name", "Dora", "--admin-email", "dora@meridian.test"];
    let (_, out, _) = run(&[&["company", "create", "meridian"][..], &new].concat());
    assert!(out.contains("invitation: https://deploy.example.com/meridian/invitation/"), "{out}");
    // It is that of its own data folder, and says nothing of another.
    let other = tempfile::tempdir().unwrap();
    let elsewhere = ["--data", other.path().to_str().unwrap()];
    let (_, out, err) = run(&[&elsewhere[..], &["company", "create", "apex"], &new].concat());
    assert!(out.contains("invitation: /apex/invitation/"), "{out} {err}");
    let same = ["--data", data.to_str().unwrap()];
    let (_, out, _) = run(&[&same[..], &["user", "invite-again", "harbour", "ben@harbour.test"]].concat());
    assert!(out.starts_with("invitation: https://deploy.example.com/"), "{out}");
    // What is wrong in it is said, and nothing is done.
    settle(&format!("data = \"{}\"\npublic-url = \"ftp://x\"\n", data.display()));
    let (code, _, err) = run(&["company", "list"]);
    assert!(code == Some(2) && err.contains("public-url"), "{code:?} {err}");
}

/// Findings F7, its neighbours: what is set is understood at the start, or it does not start.
#[test]
fn what_is_set_is_understood_at_the_start_or_nothing_starts() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("settings.toml");
    let mail = "[mail]\nhost = \"mail.example.com\"\nfrom = \"bulkhead@example.com\"\n";
    for (text, said) in [
        ("public-url = \"not a url\"".to_owned(), "public-url"),
        ("listen = \"nowhere\"".into(), "listen"),
        ("no-such-setting = 1".into(), "no-such-setting"),
        ("trusted-proxies = [\"10.0.0.0/99\"]".into(), "trusted-proxies"),
        ("allow-internal = [\"x\"]".into(), "allow-internal"),
        ("syslog = \"carrier pigeon\"".into(), "syslog"),
        ("reserve = \"much\"".into(), "reserve"),
        ("log = \"bulkhead=loud\"".into(), "log"),
        ("worker-sandbox = \"sand\"".into(), "worker-sandbox"),
        ("worker-network = \"net\"".into(), "worker-network"),
        (mail.replace("bulkhead@example.com", "nobody"), "nobody"),
        (mail.replace("mail.example.com", " "), "host"),
        (format!("{mail}port = 0\n"), "port"),
        (format!("{mail}timeout = 0\n"), "timeout"),
        (format!("{mail}timeout = 601\n"), "timeout"),
        (format!("{mail}tls = \"maybe\"\n"), "tls"),
        (format!("{mail}user = \"bulkhead\"\n"), "password-file"),
        (format!("{mail}ca-file = \"/no/such/file\"\n"), "/no/such/file"),
    ] {
        fs::write(&file, &text).unwrap();
        let told = Program::on(data.path(), &["serve", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()]);
        let told = told.run().expect_code(2);
        assert!(told.stderr.contains(said), "{text}: {}", told.stderr);
    }
    for arguments in [
        &["--public-url", "ftp://x"][..],
        &["--public-url", "https://x/y"],
        &["--listen", "8080"],
        &["--grace", "-1"],
        &["--reserve", "much"],
        &["--worker-sandbox", "sand"],
    ] {
        Program::on(data.path(), &[&["serve"][..], arguments].concat()).run().expect_code(2);
    }
}
