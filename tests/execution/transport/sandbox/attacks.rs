//! What a script tries against the server and other runs: each row of a table is tried from inside of a real run.
//!
//! `layers` runs the same rows with one layer taken away. Findings A1, A2, A5, A6.

use super::*;
use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

/// One try: its name, what Python does, the answers by which it is held, and the layer without which it is not held
/// (none where two hold it).
pub(super) type Row = (&'static str, &'static str, &'static [&'static str], Option<Layer>);

const MOUNT: Option<Layer> = Some(Layer::Mount);
const PID: Option<Layer> = Some(Layer::Pid);
const SECCOMP: Option<Layer> = Some(Layer::Seccomp);
const NOTHING: &[&str] = &["ENOENT", "EROFS"];
const REFUSED: &[&str] = &["EPERM"];
const UNREACHABLE: &[&str] = &["ECONNREFUSED", "ENETUNREACH", "EACCES", "EHOSTUNREACH"];

/// A machine's whole table for x86-64: the numbers of system calls are its own.
pub(super) const ROWS: &[Row] = &[
    // The server's files, and those of others.
    ("lend a server's file its rights", "os.chmod(DATA + '/company.db', 0o4755)", NOTHING, MOUNT),
    ("open a file outside", "os.chmod(OUTSIDE, 0o666)", NOTHING, MOUNT),
    ("open the master key", "os.chmod(DATA + '/master.key', 0o644)", NOTHING, MOUNT),
    ("open the data folder", "os.chmod(DATA, 0o755)", NOTHING, MOUNT),
    ("lock another run's folder", "os.chmod(DATA + '/work/other', 0)", NOTHING, MOUNT),
    ("lock a company", "os.chmod(DATA + '/companies/acme', 0)", NOTHING, MOUNT),
    ("change times", "os.utime(DATA + '/company.db', (1, 1))", NOTHING, MOUNT),
    ("set an attribute", "os.setxattr(DATA + '/company.db', 'user.x', b'y')", NOTHING, MOUNT),
    ("ask for a file", "os.stat(DATA + '/company.db')", NOTHING, MOUNT),
    ("hold a path", "os.open(DATA + '/company.db', os.O_PATH)", NOTHING, MOUNT),
    ("go up", "os.stat('../../../../../../../..' + DATA)", NOTHING, MOUNT),
    ("read the books", "open(DATA + '/company.db').read()", NOTHING, MOUNT),
    (
        "follow a link out",
        "os.path.lexists('l') or os.symlink(DATA + '/company.db', 'l'); os.stat('l')",
        NOTHING,
        MOUNT,
    ),
    ("make a hard link", "os.link(DATA + '/company.db', 'h')", NOTHING, MOUNT),
    ("list the runs", "os.listdir(DATA + '/work')", NOTHING, MOUNT),
    ("list the machine", "os.listdir('/root'); os.listdir('/home'); os.listdir('/var/lib')", NOTHING, MOUNT),
    ("read /sys", "os.listdir('/sys/kernel')", NOTHING, MOUNT),
    ("read /run", "os.stat('/run')", NOTHING, MOUNT),
    ("read shadow", "os.stat('/etc/shadow')", NOTHING, MOUNT),
    ("watch the data folder", "watch(DATA)", NOTHING, MOUNT),
    ("watch companies", "watch(DATA + '/companies')", NOTHING, MOUNT),
    ("watch runs", "watch(DATA + '/work')", NOTHING, MOUNT),
    ("watch keys", "watch(DATA + '/keys')", NOTHING, MOUNT),
    ("tell what is there from what is not", "told_apart()", &["ENOENT"], MOUNT),
    ("a stream socket by path", "socket.socket(socket.AF_UNIX).connect(OUTSIDE + '.stream')", NOTHING, MOUNT),
    (
        "a datagram socket by path",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect(OUTSIDE + '.datagram')",
        NOTHING,
        MOUNT,
    ),
    // The server's processes.
    ("share of the processors", "os.sched_setaffinity(VICTIM, {0})", &["ESRCH"], PID),
    ("niceness", "os.setpriority(os.PRIO_PROCESS, VICTIM, 5)", &["ESRCH"], PID),
    ("a handle on a process", "os.pidfd_open(VICTIM)", &["ESRCH"], PID),
    ("a signal", "os.kill(VICTIM, 0)", &["ESRCH", "EPERM"], None),
    ("limits", "resource.prlimit(VICTIM, resource.RLIMIT_CPU, (9999, 9999))", &["EPERM", "ESRCH"], None),
    // Not a limit that could end init: where a layer is missing, the rows after this one are still to be tried.
    ("limits of init", "resource.prlimit(1, resource.RLIMIT_CPU, (9999, 9999))", REFUSED, None),
    ("environment of the server", "open(f'/proc/{VICTIM}/environ').read()", &["ENOENT"], None),
    // What runs share with each other.
    ("shared memory", "sys(29, SHARED, 4096, 0)", &["ENOENT"], Some(Layer::Ipc)),
    ("put a key down", "sys(248, b'user', b'bulkhead-test', b'x', 1, -5 & MASK)", REFUSED, SECCOMP),
    ("a session of keys", "sys(250, 1, None)", REFUSED, SECCOMP),
    ("ask for a key", "sys(249, b'user', b'bulkhead-test', None, 0)", REFUSED, SECCOMP),
    ("names of keys", "named('/proc/keys')", &["ENOENT"], MOUNT),
    // The network.
    ("the server's loopback", "connect('127.0.0.1')", UNREACHABLE, Some(Layer::Net)),
    ("the machine's address", "connect(HOST)", UNREACHABLE, Some(Layer::Net)),
    ("the provider's inside", "connect('169.254.169.254', 80)", UNREACHABLE, None),
    ("an abstract socket", "socket.socket(socket.AF_UNIX).connect('\\0' + ABSTRACT)", &["ECONNREFUSED", "EPERM"], None),
    // Descriptors.
    ("what the server has open", "os.fstat(OPEN)", &["EBADF"], Some(Layer::Closing)),
    // New namespaces, mounts.
    ("unshare", "sys(272, 0x10000000)", REFUSED, SECCOMP),
    ("clone", "os.waitpid(sys(56, 0x10000000 | 17, None, None, None, None) or os._exit(0), 0)", REFUSED, SECCOMP),
    ("clone3", "sys(435, None, 0)", &["ENOSYS"], SECCOMP),
    ("fsopen", "sys(430, b'tmpfs', 0)", REFUSED, None),
    ("mount", "sys(165, b'x', b'/tmp', b'tmpfs', 0, None)", REFUSED, None),
    ("open_tree", "sys(428, -100 & MASK, b'/', 1)", REFUSED, None),
    ("umount", "sys(166, b'/proc', 2)", REFUSED, None),
    ("chroot", "os.chroot('/tmp')", REFUSED, None),
    ("setns", "sys(308, os.open('/proc/self/ns/user', 0), 0)", REFUSED, SECCOMP),
    // The kernel's wide doors.
    ("io_uring", "sys(425, 1, ctypes.create_string_buffer(120))", REFUSED, SECCOMP),
    ("userfaultfd", "sys(323, 1)", REFUSED, SECCOMP),
    ("bpf", "sys(321, 0, None, 0)", REFUSED, None),
    (
        "perf",
        "sys(298, ctypes.create_string_buffer(b'\\0\\0\\0\\0\\x80', 128), 0, -1 & MASK, -1 & MASK, 0)",
        &["EPERM"],
        None,
    ),
    (
        "a handle on a file",
        "sys(303, -100 & MASK, b'/', ctypes.create_string_buffer(b'\\x80', 200), ctypes.byref(ctypes.c_int()), 0)",
        REFUSED,
        SECCOMP,
    ),
    ("personality", "sys(135, 0x0040000)", REFUSED, SECCOMP),
    ("type into a terminal", "typed()", REFUSED, SECCOMP),
    ("vsock", "socket.socket(40, socket.SOCK_STREAM)", REFUSED, SECCOMP),
    ("the kernel's other messages", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)", REFUSED, SECCOMP),
    ("packets", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", REFUSED, None),
    ("x32", "sys(0x40000000 | 39)", &["ENOSYS"], None),
    ("kernel log", "sys(103, 3, None, 0)", &["EPERM", "EINVAL"], None),
    // Init.
    ("trace init", "sys(101, 16, 1, None, None)", REFUSED, None),
    ("read init's memory", "sys(310, 1, None, 0, None, 0, 0)", REFUSED, SECCOMP),
    ("init's memory", "os.open('/proc/1/mem', os.O_RDWR)", &["EPERM", "EACCES", "EROFS"], None),
    ("init's environment", "open('/proc/1/environ').read()", &["EPERM", "EACCES"], Some(Layer::Dumpable)),
    ("init's root", "os.listdir('/proc/1/root/')", &["EPERM", "EACCES"], Some(Layer::Dumpable)),
    ("init's descriptors", "os.listdir('/proc/1/fd')", &["EPERM", "EACCES"], Some(Layer::Dumpable)),
    ("init's program", "os.readlink('/proc/1/exe')", &["EPERM", "EACCES"], Some(Layer::Dumpable)),
    // What all share, and rights.
    ("write /usr", "open('/usr/x', 'w')", &["EROFS", "EACCES"], None),
    ("write /etc", "open('/etc/passwd', 'a')", &["EROFS", "EACCES"], None),
    ("write /dev", "open('/dev/x', 'w')", &["EROFS", "EACCES"], None),
    ("write /", "open('/x', 'w')", &["EROFS", "EACCES"], None),
    ("a device", "os.mknod('d', 0o60600, os.makedev(8, 0))", &["EPERM", "EACCES"], None),
    ("the kernel's settings", "open('/proc/sys/kernel/domainname', 'w')", &["EROFS", "EACCES", "EPERM"], None),
    ("name the machine", "socket.sethostname('x')", REFUSED, None),
    ("another user", "os.setresuid(65534, 65534, 65534)", &["EPERM", "EINVAL"], None),
    ("rights of a program", "lent()", REFUSED, None),
    ("rights of one's own", "held()", REFUSED, None),
];

const PRELUDE: &str = r#"
import ctypes, errno, fcntl, os, pty, resource, signal, socket, struct, sys as system, tty
libc = ctypes.CDLL(None, use_errno=True)
MASK = (1 << 64) - 1
def sys(number, *arguments):
    ctypes.set_errno(0)
    given = [ctypes.c_long(a if a < 1 << 63 else a - (1 << 64)) if isinstance(a, int) else a for a in arguments]
    done = libc.syscall(ctypes.c_long(number), *given)
    if done == -1: raise OSError(ctypes.get_errno(), 'no')
    return done
def watch(path):
    fd = libc.inotify_init1(0)
    if libc.inotify_add_watch(fd, path.encode(), 0xfff) == -1: raise OSError(ctypes.get_errno(), 'no')
def told_apart():
    answers = []
    for path in [DATA + '/companies/acme', DATA + '/companies/none', DATA + '/keys', DATA + '/none']:
        try: os.open(path, os.O_PATH); answers.append(0)
        except OSError as e: answers.append(e.errno)
    if set(answers) == {errno.ENOENT}: raise OSError(errno.ENOENT, 'all alike')
def named(path):
    if not open(path).read(): raise OSError(errno.ENOENT, 'empty')
def connect(address, port=None):
    socket.create_connection((address, port or PORT), 2)
def typed():
    child, master = pty.fork()
    if child == 0:
        try: fcntl.ioctl(0, 0x5412, b'x'); os._exit(0)
        except OSError as e: os._exit(e.errno)
    answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answer: raise OSError(answer, 'no')
def lent():
    # A program that lends its owner's rights: nowhere on what can be written, and nowhere else by the kernel's word.
    quiet = all(os.statvfs(path).f_flag & os.ST_NOSUID for path in ['/step', '/tmp', '/', '/usr', '/dev/shm'])
    if quiet and 'NoNewPrivs:\t1' in open('/proc/self/status').read(): raise OSError(errno.EPERM, 'none')
def held():
    sets = [line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap')]
    if len(sets) == 5 and not any(int(one, 16) for one in sets) and 0 not in os.getresuid() + os.getresgid():
        raise OSError(errno.EPERM, 'none')
signal.alarm(50)
"#;

/// The server and another run, as a script finds them: files, sockets, a process, memory, an open file.
pub(super) struct World {
    pub(super) bench: Bench,
    outside: PathBuf,
    victim: std::process::Child,
    shared: i32,
    abstract_name: String,
    port: u16,
    open: std::fs::File,
    _listening: (UnixListener, UnixDatagram, UnixListener, std::net::TcpListener),
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
        shared_memory(&format!("libc.shmctl(libc.shmget({}, 0, 0), 0, None)", self.shared));
        use std::os::unix::fs::PermissionsExt;
        for folder in ["", "companies/acme", "work/other"] {
            let _ = std::fs::set_permissions(self.bench.data.join(folder), std::fs::Permissions::from_mode(0o700));
        }
    }
}

fn shared_memory(what: &str) {
    let text = format!("import ctypes\nlibc = ctypes.CDLL(None)\n{what}");
    assert!(std::process::Command::new("/usr/bin/python3").args(["-c", &text]).status().unwrap().success());
}

pub(super) fn world(bench: Bench) -> World {
    use std::os::linux::net::SocketAddrExt;
    let data = &bench.data;
    for folder in ["companies/acme", "keys", "work/other"] {
        std::fs::create_dir_all(data.join(folder)).unwrap();
    }
    std::fs::write(data.join("master.key"), "the key").unwrap();
    let outside = data.parent().unwrap().join("outside");
    std::fs::write(&outside, "a file of somebody").unwrap();
    let abstract_name = format!("bulkhead-test-{:x}", rand::random::<u64>());
    let abstract_address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
    let listening = (
        UnixListener::bind(outside.with_extension("stream")).unwrap(),
        UnixDatagram::bind(outside.with_extension("datagram")).unwrap(),
        UnixListener::bind_addr(&abstract_address).unwrap(),
        std::net::TcpListener::bind("0.0.0.0:0").unwrap(),
    );
    let port = listening.3.local_addr().unwrap().port();
    let shared = (rand::random::<i32>() & 0x7fff_ffff) | 1;
    shared_memory(&format!("assert libc.shmget({shared}, 4096, 0o1666) >= 0"));
    let victim = std::process::Command::new("sleep").arg("600").env("SECRET", "of the server").spawn().unwrap();
    let open = std::fs::File::open(data.join("master.key")).unwrap();
    // As a library would leave it open.
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    World { outside, victim, shared, abstract_name, port, open, _listening: listening, bench }
}

/// An address of this machine that is not its loopback, or loopback where there is no other.
pub(super) fn own_address() -> String {
    // No packet is sent: the kernel only chooses.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    match socket.connect("203.0.113.1:9").and_then(|()| socket.local_addr()) {
        Ok(address) => address.ip().to_string(),
        Err(_) => "127.0.0.1".to_owned(),
    }
}

/// What came of each row: `done`, or the name of the error. Each is tried by a process of its own, so that what one
/// gains is not the next one's.
pub(super) fn tried(world: &World) -> BTreeMap<String, String> {
    let mut text = format!(
        "DATA = {:?}\nOUTSIDE = {:?}\nVICTIM = {}\nSHARED = {}\nABSTRACT = {:?}\nPORT = {}\nOPEN = {}\nHOST = {:?}\n{PRELUDE}",
        world.bench.data.to_str().unwrap(),
        world.outside.to_str().unwrap(),
        world.victim.id(),
        world.shared,
        world.abstract_name,
        world.port,
        world.open.as_raw_fd(),
        own_address(),
    );
    for (name, attempt, _, _) in ROWS {
        let (before, last) = attempt.rsplit_once("; ").map_or(("", *attempt), |(before, last)| (before, last));
        let before = if before.is_empty() { String::new() } else { format!("    {before}\n") };
        text.push_str(&format!(
            "if os.fork() == 0:\n    answer = 'done'\n    try:\n    {before}        {last}\n\
             \x20   except OSError as e: answer = errno.errorcode.get(e.errno, str(e))\n\
             \x20   except Exception as e: answer = repr(e)\n\
             \x20   print({name:?} + '=' + answer, flush=True); os._exit(0)\nos.wait()\n"
        ));
    }
    let mut script = bash(&text);
    script.syntax = Syntax::Python;
    let run = block_on(run(&world.bench.place, script));
    assert_eq!(run.exit_code(), 0, "{}\n{}", run.out(), run.err());
    let out = run.out();
    out.lines().filter_map(|line| line.split_once('=')).map(|(name, what)| (name.to_owned(), what.to_owned())).collect()
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the numbers of system calls are those of x86-64")]
fn every_try_of_the_table_is_held() {
    let world = world(bench());
    assert!(world.bench.sandbox().standing().full(), "{:?}", world.bench.sandbox().standing().warning());
    let answers = tried(&world);
    let mut findings = Vec::new();
    for (name, _, held, _) in ROWS {
        let answer = answers.get(*name).map_or("no answer", String::as_str);
        if !held.contains(&answer) {
            findings.push(format!("{name}: {answer}, expected {held:?}"));
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert_eq!(std::fs::read_to_string(world.bench.data.join("company.db")).unwrap(), "the books");
}

/// A neighbour of A1: what a run is given as its output may be a device, and stays its owner's.
#[test]
fn the_machines_devices_keep_their_owner() {
    use std::os::unix::fs::MetadataExt;
    let owner = || std::fs::metadata("/dev/null").map(|facts| (facts.uid(), facts.mode())).unwrap();
    let before = owner();
    assert!(bench().sandbox().standing().full());
    assert_eq!(owner(), before);
}

/// Findings A1.
#[test]
fn no_script_is_the_machines_root() {
    let run = go(&bench(), bash("id -u; cat /proc/self/uid_map; touch mine; sleep 1"));
    let out = run.out();
    let user: u32 = out.lines().next().unwrap().parse().unwrap();
    if is_root() {
        assert!((0x7000_0000..=0x70ff_ffff).contains(&user), "{user}");
    } else {
        let map: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
        let own = rustix::process::geteuid().as_raw().to_string();
        assert_eq!((user, map), (1000, vec!["1000", own.as_str(), "1"]));
    }
}

#[test]
fn a_script_sees_nothing_but_its_own_processes() {
    let run =
        go(&bench(), bash("cd /proc; ls -d [0-9]* | sort -n | head -20 | wc -l; cat /proc/1/cmdline | tr '\\0' ' '"));
    let out = run.out();
    let seen: u32 = out.lines().next().unwrap().trim().parse().unwrap();
    assert!(seen <= 8, "{out}");
    assert!(!out.contains(&std::env::current_exe().unwrap().display().to_string()), "{out}");
}
