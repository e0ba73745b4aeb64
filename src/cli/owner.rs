//! As whom a command works. A data folder belongs to one user; what another one writes there the server can neither read
//! nor replace. So a command works as the folder's owner or not at all, and only what begins something makes a folder.

use super::Failure;
use rustix::{
    process::{Gid, Uid, geteuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};
use std::{
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Where the service keeps its data.
pub(super) const SYSTEM: &str = "/var/lib/bulkhead";

/// The data folder where none is named: that of the service when there is one, whoever asks.
pub(super) fn default_folder() -> PathBuf {
    let system = PathBuf::from(SYSTEM);
    // Also one that cannot be looked at: what is there is not passed over in silence.
    let missing = std::fs::metadata(&system).is_err_and(|cause| cause.kind() == ErrorKind::NotFound);
    if missing { PathBuf::from("bulkhead-data") } else { system }
}

/// Goes on as the owner of the data folder. `begins`: this command may make a folder that is not there. Before anything is
/// opened and before there is a second thread.
///
/// # Errors
/// `Refused` with path, user and remedy.
pub(super) fn become_owner(data: &Path, begins: bool) -> Result<(), Failure> {
    let me = geteuid();
    let shown = data.display();
    let about = match std::fs::metadata(data) {
        Ok(about) => about,
        Err(cause) if cause.kind() == ErrorKind::NotFound && begins => return Ok(()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            return Err(Failure::Refused(format!(
                "There is no data folder {shown}. Name the right one with --data DIR. A new one is made by: bulkhead serve, or bulkhead company create."
            )));
        }
        Err(cause) => {
            return Err(Failure::Refused(format!(
                "The data folder {shown} cannot be reached as {}: {cause}. Run this as its owner.",
                name_of(me.as_raw())
            )));
        }
    };
    if !about.is_dir() {
        return Err(Failure::Refused(format!(
            "The data folder {shown} is no folder. Name the right one with --data DIR."
        )));
    }
    if about.uid() != me.as_raw() {
        if !me.is_root() {
            let remedy = match called(about.uid()) {
                Some(owner) => format!("runuser -u {owner} -- bulkhead …"),
                None => format!("setpriv --reuid {} --regid {} --clear-groups bulkhead …", about.uid(), about.gid()),
            };
            return Err(Failure::Refused(format!(
                "The data folder {shown} belongs to {}, and this runs as {}. Nothing was done. As root, run: {remedy}",
                name_of(about.uid()),
                name_of(me.as_raw())
            )));
        }
        switch(about.uid(), about.gid()).map_err(|cause| {
            Failure::Refused(format!(
                "The data folder {shown} belongs to {}, and root cannot go on as that user: {cause}. Nothing was done.",
                name_of(about.uid())
            ))
        })?;
        eprintln!("bulkhead: goes on as {}, who owns {shown}.", name_of(about.uid()));
    }
    if !begins && std::fs::metadata(data.join("master.key")).is_err_and(|cause| cause.kind() == ErrorKind::NotFound) {
        return Err(Failure::Refused(format!(
            "{} is missing, so {shown} holds no companies that can be opened. Put that file back if there were any; otherwise name the right folder with --data DIR.",
            data.join("master.key").display()
        )));
    }
    Ok(())
}

/// Who on this machine gives the command, before it goes on as anybody else: as whom it runs, who came by sudo, and who
/// signed in to the machine, where the system kept it. The middle one is what sudo said; the last one nobody can change.
pub(super) fn who() -> String {
    let me = geteuid().as_raw();
    let mut who = format!("{} (uid {me})", name_of(me));
    if let Some(name) = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty()) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        who.push_str(&format!(", by sudo of {name}"));
    }
    let login = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse::<u32>().ok());
    if let Some(uid) = login.filter(|uid| *uid != u32::MAX && *uid != me) {
        who.push_str(&format!(", signed in as {}", name_of(uid)));
    }
    who
}

/// The whole process goes on as another user: it has one thread as yet.
fn switch(uid: u32, gid: u32) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    set_thread_groups(&[gid])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// What a user is called on this machine.
fn called(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

fn name_of(uid: u32) -> String {
    called(uid).unwrap_or_else(|| format!("user {uid}"))
}
