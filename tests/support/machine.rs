//! A real machine to deploy to: an OpenSSH server on a free port of 127.0.0.1, in a temporary folder of its own.
//!
//! Anybody who signs in finds `home()` as home folder, so that nothing is written to the real one. Several may run at
//! once. When it is dropped, its server ends; connections end with their clients.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SSHD: &str = "/usr/sbin/sshd";

/// A running SSH server.
pub struct Machine {
    folder: tempfile::TempDir,
    port: u16,
    user: String,
    server: Child,
    throw_away: Option<String>,
}

impl Machine {
    /// Starts one with an Ed25519 host key.
    pub fn start() -> Self {
        Self::start_with(&["ed25519"], "")
    }

    /// Starts one with these kinds of host keys and lines of configuration that go before its own (the first wins).
    pub fn start_with(host_keys: &[&str], settings: &str) -> Self {
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing; install the package openssh-server");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        // Throw-away users must be able to pass through, too.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        if is_root() {
            // The server wants this folder; Debian makes it only at boot.
            let _ = std::fs::create_dir_all("/run/sshd");
        }
        let home = path.join("home");
        std::fs::create_dir(&home).unwrap();
        for kind in host_keys {
            key(path, &format!("host_{kind}"), kind, "");
        }
        std::fs::write(path.join("authorized_keys"), key(path, "user_ed25519", "ed25519", "")).unwrap();
        let mut config = format!(
            "{settings}\nAuthorizedKeysFile {0}/authorized_keys\nPidFile none\nSetEnv HOME={0}/home\nListenAddress 127.0.0.1\n\
             PermitRootLogin yes\nStrictModes no\nUsePAM no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n\
             MaxStartups 100\nLogLevel VERBOSE\n",
            path.display()
        );
        for kind in host_keys {
            config.push_str(&format!("HostKey {}/host_{kind}\n", path.display()));
        }
        std::fs::write(path.join("config"), config).unwrap();
        // Another process may take the port between asking for it and using it; then another one is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(server) = serve(path, port) {
                return Self { port, user: current_user(), server, throw_away: None, folder };
            }
        }
        panic!("the SSH server does not start: {}", std::fs::read_to_string(path.join("log")).unwrap());
    }

    /// The address.
    pub fn host(&self) -> &str {
        "127.0.0.1"
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user who may sign in with [`Machine::private_key`]: whoever runs the tests.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The fingerprint of the Ed25519 host key, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_of("ed25519")
    }

    /// The fingerprint of a host key.
    pub fn fingerprint_of(&self, kind: &str) -> String {
        let file = self.folder.path().join(format!("host_{kind}.pub"));
        let said = Command::new("ssh-keygen").args(["-l", "-E", "sha256", "-f"]).arg(file).output().unwrap();
        String::from_utf8(said.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    /// An Ed25519 key that may sign in.
    pub fn private_key(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("user_ed25519")).unwrap()
    }

    /// Another key that may sign in, of kind `rsa`, `ecdsa` or `ed25519`, locked with the passphrase if it is not empty.
    pub fn another_key(&self, kind: &str, passphrase: &str) -> String {
        let path = self.folder.path();
        let name = format!("more_{kind}_{}", passphrase.len());
        let mut known = std::fs::read_to_string(path.join("authorized_keys")).unwrap();
        known.push_str(&key(path, &name, kind, passphrase));
        std::fs::write(path.join("authorized_keys"), known).unwrap();
        std::fs::read_to_string(path.join(name)).unwrap()
    }

    /// Makes a user who signs in with a password, and answers both. Only root can; otherwise `None`, with a message.
    pub fn password_user(&mut self) -> Option<(String, String)> {
        use std::io::Write as _;
        if !is_root() {
            eprintln!("skipped: only root can make a user with a password");
            return None;
        }
        let user = format!("bulkhead{}", self.port);
        let password = format!("pa$$ 'wörd' {}", self.port);
        // The system's list of users is locked while another test writes to it.
        let made = (0..50).any(|_| {
            let made = Command::new("/usr/sbin/useradd").args(["-M", "-N", "-s", "/bin/bash", &user]).output().unwrap();
            made.status.success() || {
                std::thread::sleep(Duration::from_millis(100));
                false
            }
        });
        assert!(made, "useradd failed");
        self.throw_away = Some(user.clone());
        let mut chpasswd =
            Command::new("/usr/sbin/chpasswd").args(["-c", "SHA256"]).stdin(Stdio::piped()).spawn().unwrap();
        chpasswd.stdin.take().unwrap().write_all(format!("{user}:{password}").as_bytes()).unwrap();
        assert!(chpasswd.wait().unwrap().success(), "chpasswd failed");
        std::fs::set_permissions(self.home(), std::fs::Permissions::from_mode(0o777)).unwrap();
        Some((user, password))
    }

    /// The home folder of whoever signs in.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What the server has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Kills the processes that serve the open connections, as when the machine is switched off.
    pub fn cut_connections(&self) {
        for child in children(self.server.id()) {
            kill(child);
        }
    }

    /// Ends the server; open connections stay.
    pub fn stop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
        if let Some(user) = &self.throw_away {
            for _ in 0..50 {
                // Fails while its last process ends or the list is locked.
                let gone = Command::new("/usr/sbin/userdel").arg(user).output();
                if gone.is_ok_and(|gone| gone.status.success()) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Starts the server and waits until it answers.
fn serve(path: &Path, port: u16) -> Option<Child> {
    let log = std::fs::File::create(path.join("log")).unwrap();
    let mut server = Command::new(SSHD)
        .args(["-D", "-e", "-p", &port.to_string(), "-f"])
        .arg(path.join("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if server.try_wait().unwrap().is_some() {
            return None;
        }
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let mut banner = [0; 4];
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            if stream.read_exact(&mut banner).is_ok() && &banner == b"SSH-" {
                return Some(server);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = server.kill();
    let _ = server.wait();
    None
}

/// Makes a key pair; answers the public line.
fn key(folder: &Path, name: &str, kind: &str, passphrase: &str) -> String {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(&file).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::read_to_string(file.with_extension("pub")).unwrap()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn current_user() -> String {
    let said = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn children(parent: u32) -> Vec<u32> {
    let facts = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            facts(*pid).is_some_and(|facts| {
                facts.rsplit(')').next().unwrap().split_whitespace().nth(1) == Some(&parent.to_string())
            })
        })
        .collect()
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}
