//! A real mail server on this machine (`mail.py`, Debian's aiosmtpd), and what it was handed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(40);
/// Who may send, where that is asked.
pub const USER: &str = "bulkhead";
pub const PASSWORD: &str = "the password of the mail server";

pub struct MailServer {
    running: Child,
    port: String,
    letters: mpsc::Receiver<Value>,
    pub folder: tempfile::TempDir,
    way: &'static str,
}

impl MailServer {
    /// One that takes letters from anybody on an open line.
    pub fn open() -> MailServer {
        MailServer::start("none")
    }
    /// One that wants STARTTLS, and a user with a password.
    pub fn encrypted() -> MailServer {
        MailServer::start("starttls")
    }
    /// One whose line is encrypted from its first byte on, and that wants a user with a password.
    pub fn wrapped() -> MailServer {
        MailServer::start("tls")
    }

    fn start(way: &'static str) -> MailServer {
        let folder = tempfile::Builder::new().prefix("bulkhead-mail-").tempdir().expect("a temporary folder");
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        // Debian's own Python: another one does not have Debian's packages.
        let python =
            ["/usr/bin/python3", "python3"].into_iter().find(|path| *path == "python3" || Path::new(path).exists());
        let mut command = Command::new(python.expect("a Python"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mail.py"));
        if way != "none" {
            make_certificate(&certificate, &key);
            command.arg(way).arg(&certificate).arg(&key).args([USER, PASSWORD]);
        } else {
            command.arg("none");
        }
        let mut running = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("Python");
        let mut lines = BufReader::new(running.stdout.take().expect("its output")).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let port = first.strip_prefix("listening: ");
        let port = port.expect("a mail server: is aiosmtpd there? Remedy: tests/run need").trim().to_owned();
        let (send, letters) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).expect("a letter as JSON"));
            }
        });
        MailServer { running, port, letters, folder, way }
    }

    /// A configuration file that names this mail server.
    pub fn config(&self, password: &str) -> PathBuf {
        let path = |name: &str| self.folder.path().join(name);
        let mut text =
            format!("[mail]\nhost = \"127.0.0.1\"\nport = {}\nfrom = \"bulkhead@example.test\"\n", self.port);
        if self.way != "none" {
            std::fs::write(path("password"), format!("{password}\n")).expect("a file");
            text += &format!(
                "tls = \"{}\"\nuser = \"{USER}\"\npassword-file = \"{}\"\nca-file = \"{}\"\n",
                self.way,
                path("password").display(),
                path("certificate.pem").display()
            );
        } else {
            text += "tls = \"none\"\n";
        }
        std::fs::write(path("bulkhead.toml"), text).expect("a file");
        path("bulkhead.toml")
    }

    /// The next letter that comes.
    #[track_caller]
    pub fn letter(&self) -> Letter {
        Letter(self.letters.recv_timeout(PATIENCE).expect("a letter"))
    }

    /// Whether no letter is there that was not looked at.
    pub fn is_empty(&self) -> bool {
        self.letters.try_recv().is_err()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

pub struct Letter(pub Value);

impl Letter {
    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap_or_default()
    }
    /// Head and body, with the soft line breaks of mail taken out.
    pub fn text(&self) -> String {
        let text = self.0["text"].as_str().unwrap_or_default().replace("\r\n", "\n");
        text.replace("=\n", "").replace("=3D", "=")
    }
    /// The first link in it.
    #[track_caller]
    pub fn link(&self) -> String {
        let text = self.text();
        let at = text.find("http://").unwrap_or_else(|| panic!("no link in {text}"));
        text[at..].split_whitespace().next().unwrap_or_default().to_owned()
    }
}

fn make_certificate(certificate: &Path, key: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl; remedy: tests/run need").success(), "no certificate");
}
