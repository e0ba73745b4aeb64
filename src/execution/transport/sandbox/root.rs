//! The root folder of a run: a skeleton, made once per start of the server, and what init puts over it.
//!
//! It promises that nothing of the machine is there but its programs, a copy of the settings that programs ask for, a
//! few devices and the run's own folder; that only `/step`, `/tmp` and `/dev/shm` can be written; and that nothing in it
//! lends rights.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind,
    mount_bind_recursive, mount_change, mount_remount, move_mount, open_tree, unmount,
};
use rustix::process::{chdir, pivot_root};

use super::plan::{Bound, Identity, Layer, Obstacle, Plan, Step};

/// Folders every script may read and run programs from.
pub(super) const READABLE: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What programs need of `/etc`: the loader, names, name resolution, certificates, time zone, and the settings of a few
/// tools that hold no secrets.
pub(super) const SETTINGS: &[&str] = &[
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ld.so.preload",
    "passwd",
    "group",
    "hosts",
    "hostname",
    "host.conf",
    "gai.conf",
    "resolv.conf",
    "nsswitch.conf",
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/tls/certs",
    "pki/ca-trust",
    "crypto-policies",
    "ca-certificates",
    "ca-certificates.conf",
    "alternatives",
    "localtime",
    "timezone",
    "protocols",
    "services",
    "mime.types",
    "os-release",
    "debian_version",
    "gitconfig",
    "dotnet",
];

/// Of those, folders that are shown as they are: large, or changed by updates.
const SHOWN: &[&str] =
    &["ssl/certs", "pki/tls/certs", "pki/ca-trust", "crypto-policies", "ca-certificates", "alternatives"];

/// Devices a script may use.
pub(super) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Files of `/proc` that tell of the machine or of others: names of keys, the kernel's own.
const HIDDEN: [&str; 6] = ["keys", "key-users", "kallsyms", "kcore", "timer_list", "sysrq-trigger"];

/// What a script may put into `/tmp`. It is memory.
const TEMPORARY: &str = "size=268435456,nr_inodes=65536,mode=1777";
/// The same of `/dev/shm`.
const SHARED: &str = "size=67108864,nr_inodes=16384,mode=1777";

/// The number of a script inside of a user namespace.
pub(super) const NUMBER_INSIDE: u32 = 1000;

// ---- the server makes the skeleton ----------------------------------------------------------------------------------

/// Makes the skeleton anew. `resolver` is the address names are asked at, if it is not as on the machine; `beyond` is one
/// more folder that every script may read.
pub(super) fn make_skeleton(skeleton: &Path, resolver: Resolver, beyond: Option<&Path>) -> io::Result<Vec<Bound>> {
    if skeleton.symlink_metadata().is_ok() {
        fs::remove_dir_all(skeleton)?;
    }
    // Seen by scripts under another number, whatever mask the server has.
    let folder = |path: &str| -> io::Result<()> {
        let path = skeleton.join(path);
        fs::DirBuilder::new().mode(0o755).recursive(true).create(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
    };
    let file = |path: &str, text: &[u8]| -> io::Result<()> {
        let path = skeleton.join(path);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
    };
    for name in ["", "dev", "dev/pts", "dev/shm", "etc", "proc", "step", "tmp", "var"] {
        folder(name)?;
    }
    symlink("/tmp", skeleton.join("var/tmp"))?;
    for name in DEVICES {
        file(&format!("dev/{name}"), b"")?;
    }
    for (name, to) in [
        ("dev/fd", "/proc/self/fd"),
        ("dev/stdin", "/proc/self/fd/0"),
        ("dev/stdout", "/proc/self/fd/1"),
        ("dev/stderr", "/proc/self/fd/2"),
        ("dev/ptmx", "pts/ptmx"),
    ] {
        symlink(to, skeleton.join(name))?;
    }
    let mut bound = Vec::new();
    for path in READABLE {
        let Ok(facts) = fs::symlink_metadata(path) else { continue };
        if facts.is_symlink() {
            symlink(fs::read_link(path)?, skeleton.join(path.trim_start_matches('/')))?;
        } else if facts.is_dir() {
            folder(path.trim_start_matches('/'))?;
            bound.push(PathBuf::from(path));
        }
    }
    if let Some(path) = beyond {
        // Each on the way, whatever mask the server has.
        let mut way: Vec<&Path> = path.ancestors().filter(|part| part.parent().is_some()).collect();
        way.reverse();
        for part in way {
            folder(&part.to_string_lossy()[1..])?;
        }
        bound.push(path.to_owned());
    }
    let python = fs::read_dir("/etc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let python: Vec<String> = python.filter(|name| name.starts_with("python3")).collect();
    for name in SETTINGS.iter().copied().chain(python.iter().map(String::as_str)) {
        let from = Path::new("/etc").join(name);
        let Ok(facts) = fs::metadata(&from) else { continue };
        let to = format!("etc/{name}");
        if let Some((parents, _)) = to.rsplit_once('/') {
            folder(parents)?;
        }
        if SHOWN.contains(&name) && facts.is_dir() {
            folder(&to)?;
            bound.push(from);
        } else {
            copy(&from, &skeleton.join(&to), 0)?;
        }
    }
    file("etc/passwd", people(NUMBER_INSIDE).0.as_bytes())?;
    file("etc/group", people(NUMBER_INSIDE).1.as_bytes())?;
    file("etc/hostname", b"worker\n")?;
    match resolver {
        Resolver::AsOutside => {}
        Resolver::At(address) => file("etc/resolv.conf", format!("nameserver {address}\n").as_bytes())?,
        Resolver::None => file("etc/resolv.conf", b"")?,
    }
    let mounted = mounted();
    let bound = bound.into_iter().map(|from| {
        let inner = mounted.iter().filter(|path| **path != from && path.starts_with(&from)).cloned().collect();
        Bound { from, inner }
    });
    Ok(bound.collect())
}

/// Whom a script asks for the addresses of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolver {
    AsOutside,
    At(std::net::Ipv4Addr),
    None,
}

/// Files that everybody may read, and links, as what they lead to; other things are left out.
fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let Ok(facts) = fs::metadata(from) else { return Ok(()) };
    if facts.is_dir() && depth < 8 {
        fs::DirBuilder::new().mode(0o755).recursive(true).create(to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name), depth + 1)?;
        }
    } else if facts.is_file() && facts.permissions().mode() & 0o004 != 0 && facts.len() < 16 << 20 {
        fs::write(to, fs::read(from)?)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// `passwd` and `group` with the one user there is.
fn people(number: u32) -> (String, String) {
    (
        format!(
            "root:x:0:0:root:/:/usr/sbin/nologin\nscript:x:{number}:{number}:script:/step:/bin/sh\n\
             nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
        ),
        format!("root:x:0:\nscript:x:{number}:\nnogroup:x:65534:\n"),
    )
}

/// Where something is mounted on this machine.
fn mounted() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| Some(PathBuf::from(line.split(' ').nth(4)?.replace("\\040", " ")))).collect()
}

// ---- init puts it together ------------------------------------------------------------------------------------------

/// Makes the skeleton, with all that belongs over it, the root folder of this process. Works in a mount namespace of
/// its own, with all rights there.
pub(super) fn enter(plan: &Plan) -> Result<(), Obstacle> {
    let failed = |what: &'static str| move |errno: rustix::io::Errno| Obstacle::new(Step::Root, what, errno);
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(failed("mounts could not be made its own"))?;
    // Held before anything covers it.
    let step = open_tree(CWD, &plan.folder, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)
        .map_err(failed("its folder could not be held"))?;
    mount_bind(&plan.skeleton, &plan.skeleton).map_err(failed("its root folder could not be mounted"))?;
    chdir(&plan.skeleton).map_err(failed("its root folder could not be entered"))?;
    for bound in &plan.bound {
        show(bound)?;
    }
    for name in DEVICES {
        let device = Path::new("/dev").join(name);
        match mount_bind(&device, Path::new("dev").join(name)) {
            Err(rustix::io::Errno::NOENT) => {}
            done => done.map_err(failed("a device could not be shown"))?,
        }
    }
    // A terminal of its own; a script that asks for none does without.
    let _ = mount("devpts", "dev/pts", "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, c"newinstance,ptmxmode=0666");
    if plan.has(Layer::Pid) {
        // Always read-only: where the service manager covers parts of `/proc`, no other is allowed.
        mount("proc", "proc", "proc", quiet | MountFlags::NOEXEC | MountFlags::RDONLY, None)
            .map_err(|errno| Obstacle::new(Step::Proc, "a new /proc was refused", errno))?;
    } else {
        mount_bind_recursive("/proc", "proc").map_err(failed("/proc could not be shown"))?;
    }
    for name in HIDDEN {
        match mount_bind("/dev/null", Path::new("proc").join(name)) {
            Err(rustix::io::Errno::NOENT) => {}
            done => done.map_err(failed("a file of /proc could not be hidden"))?,
        }
    }
    for (path, bounds) in [("tmp", TEMPORARY), ("dev/shm", SHARED)] {
        let bounds = CString::new(bounds).map_err(|fault| Obstacle::plain(Step::Root, fault.to_string()))?;
        mount("tmpfs", path, "tmpfs", quiet, bounds.as_c_str())
            .map_err(failed("a temporary folder could not be mounted"))?;
    }
    if let Identity::Number(number) = plan.identity {
        name(number).map_err(|cause| Obstacle::new(Step::Root, "its user could not be named", cause))?;
    }
    move_mount(&step, "", CWD, "step", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(failed("its folder could not be mounted"))?;
    remount(Path::new("step"), quiet)?;
    remount(Path::new("."), quiet | MountFlags::RDONLY)?;
    pivot_root(".", ".").map_err(failed("its root folder could not be taken"))?;
    unmount(".", UnmountFlags::DETACH).map_err(failed("the machine's root folder could not be left"))?;
    chdir("/step").map_err(failed("its folder could not be entered"))
}

/// Shows a folder of the machine, with all that is mounted inside of it, to be read.
fn show(bound: &Bound) -> Result<(), Obstacle> {
    let inside = |path: &Path| path.strip_prefix("/").map(Path::to_owned).unwrap_or_default();
    let at = inside(&bound.from);
    mount_bind_recursive(&bound.from, &at)
        .map_err(|errno| Obstacle::new(Step::Root, &format!("{} could not be shown", bound.from.display()), errno))?;
    for path in std::iter::once(&bound.from).chain(&bound.inner) {
        remount(&inside(path), MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY)?;
    }
    Ok(())
}

/// Changes the flags of a mount; those that it has already are kept, as the kernel wants it.
fn remount(path: &Path, flags: MountFlags) -> Result<(), Obstacle> {
    let failed =
        |errno: rustix::io::Errno| Obstacle::new(Step::Root, &format!("{} could not be closed", path.display()), errno);
    let has = statvfs(path).map_err(failed)?.f_flag;
    let mut all = MountFlags::BIND | flags;
    for (seen, kept) in [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if has.contains(seen) {
            all |= kept;
        }
    }
    mount_remount(path, all, "").map_err(failed)
}

/// Gives the number a name: ssh, git and python ask for one. Two files of its own `/tmp`, shown in `/etc`.
fn name(number: u32) -> io::Result<()> {
    let (users, groups) = people(number);
    for (file, text) in [("passwd", users), ("group", groups)] {
        let aside = Path::new("tmp").join(file);
        fs::write(&aside, text)?;
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o444))?;
        mount_bind(&aside, Path::new("etc").join(file))?;
        // What is shown stays.
        fs::remove_file(&aside)?;
    }
    Ok(())
}
