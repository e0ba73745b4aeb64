//! What init gives up before the interpreter begins: rights, bounds, files.
//!
//! It promises that no right is left or comes back, that the bounds hold for every process of the script, and that
//! files outside of what a script needs are closed also where the root folder is the machine's own.

use std::fs::read_dir;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use rustix::fs::FileType;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::plan::{Identity, Layer, Obstacle, Plan, Step};
use super::root::{DEVICES, READABLE, SETTINGS};

/// The newest Landlock this code knows.
const NEWEST: ABI = ABI::V9;

/// Bounds that hold for every process of the script. Processes and threads are counted for this run alone: by its own
/// user number or its own user namespace.
pub(super) fn limit(processor_seconds: u64) -> Result<(), Obstacle> {
    const GIB: u64 = 1 << 30;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Nofile, 1024),
        (Resource::Nproc, 512),
        (Resource::Fsize, 2 * GIB),
        // Data and not address space: runtimes reserve far more addresses than they use.
        (Resource::Data, 4 * GIB),
        (Resource::Cpu, processor_seconds),
        (Resource::Memlock, 64 << 10),
        (Resource::Msgqueue, 0),
    ] {
        // Only downwards: a service's own narrower bound stays.
        let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
        // A second between the two for the processor: first a signal that can be reported, then the kill.
        let hard = if resource == Resource::Cpu { most.saturating_add(1) } else { most };
        let hard = getrlimit(resource).maximum.map_or(hard, |now| now.min(hard));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(hard) })
            .map_err(|errno| Obstacle::new(Step::Limits, "its limits could not be set", errno))?;
    }
    Ok(())
}

/// No capability is left, and none comes back with the next program; with a number of its own also another user.
pub(super) fn give_up_rights(identity: Identity) -> Result<(), Obstacle> {
    let failed = |what: &'static str| move |errno: rustix::io::Errno| Obstacle::new(Step::Rights, what, errno);
    let held = rustix::thread::capabilities(None).map_err(failed("its rights cannot be seen"))?;
    if held.permitted.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            // Fails for those this kernel does not know.
            let _ = rustix::thread::remove_capability_from_bounding_set(capability);
        }
    }
    let _ = rustix::thread::clear_ambient_capability_set();
    if let Identity::Number(number) = identity {
        let (user, group) = (rustix::process::Uid::from_raw(number), rustix::process::Gid::from_raw(number));
        // The pipes of the output become the user's own, or `> /dev/stderr` would be refused.
        // Pipes only: a device given away would be everybody's.
        for output in [io::stdout().as_fd(), io::stderr().as_fd()] {
            if rustix::fs::fstat(output).is_ok_and(|facts| FileType::from_raw_mode(facts.st_mode) == FileType::Fifo) {
                let _ = rustix::fs::fchown(output, Some(user), Some(group));
            }
        }
        let failed = failed("it could not become a user of its own");
        rustix::thread::set_thread_groups(&[]).map_err(failed)?;
        rustix::thread::set_thread_res_gid(group, group, group).map_err(failed)?;
        rustix::thread::set_thread_res_uid(user, user, user).map_err(failed)?;
    }
    let failed = failed("its rights could not be taken");
    let held = rustix::thread::capabilities(None).map_err(failed)?;
    if !(held.permitted | held.inheritable).is_empty() {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_capabilities(None, sets).map_err(failed)?;
    }
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        return Err(Obstacle::plain(Step::Rights, "it would run as the machine's root"));
    }
    rustix::thread::set_no_new_privs(true).map_err(failed)
}

/// Read and run the system, read some settings, use harmless devices, do all in its own folders; nothing else.
pub(super) fn close_files(plan: &Plan) -> Result<(), Obstacle> {
    let failed = |fault: landlock::RulesetError| {
        Obstacle::plain(Step::Landlock, format!("the kernel did not take the file rules: {fault}"))
    };
    let restricted = ruleset(plan)?.restrict_self().map_err(failed)?;
    if restricted.ruleset == RulesetStatus::NotEnforced && plan.landlock_needed {
        return Err(Obstacle::plain(Step::Landlock, "this kernel has no Landlock"));
    }
    Ok(())
}

fn ruleset(plan: &Plan) -> Result<landlock::RulesetCreated, Obstacle> {
    let failed = |fault: landlock::RulesetError| {
        Obstacle::plain(Step::Landlock, format!("the kernel did not take the file rules: {fault}"))
    };
    let all = AccessFs::from_all(NEWEST);
    let reading = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|rules| {
            let running = make_bitflags!(AccessFs::{Execute | ReadFile | ReadDir});
            let programs = plan.programs.iter().map(|path| path.as_path());
            rules.add_rules(path_beneath_rules(READABLE.iter().map(Path::new).chain(programs), running))
        })
        .and_then(|rules| {
            let devices = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | IoctlDev});
            rules.add_rules(path_beneath_rules(DEVICES.map(|name| format!("/dev/{name}")), devices))
        })
        .map_err(failed)?;
    let own = |path: &Path| {
        PathFd::new(path)
            .map(|open| PathBeneath::new(open, all))
            .map_err(|fault| Obstacle::plain(Step::Landlock, format!("{} cannot be opened: {fault}", path.display())))
    };
    rules = rules.add_rule(own(&plan.home())?).map_err(failed)?;
    if plan.has(Layer::Mount) {
        for path in ["/tmp", "/dev/shm", "/dev/pts"] {
            rules = rules.add_rule(own(Path::new(path))?).map_err(failed)?;
        }
        // The root folder itself, and with it only what lies in it: nothing of the machine is there.
        let listed = PathFd::new("/").map(|open| PathBeneath::new(open, make_bitflags!(AccessFs::{ReadDir})));
        let listed = listed.map_err(|fault| Obstacle::plain(Step::Landlock, fault.to_string()))?;
        rules = rules.add_rule(listed).map_err(failed)?;
        return rules.add_rules(path_beneath_rules(["/etc", "/proc"], reading)).map_err(failed);
    }
    let python = read_dir("/etc").into_iter().flatten().filter_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str()?.starts_with("python3").then_some(path)
    });
    rules
        .add_rules(path_beneath_rules(SETTINGS.iter().map(|name| format!("/etc/{name}")), reading))
        .and_then(|rules| rules.add_rules(path_beneath_rules(python, reading)))
        .map_err(failed)
}

/// The newest Landlock the running kernel can hold of which this code makes use; 0 for none. Asking restricts nothing.
pub(super) fn landlock_level() -> u8 {
    let holds = |abi: ABI| -> Result<landlock::RulesetCreated, landlock::RulesetError> {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(abi))?;
        let ruleset = if abi >= ABI::V4 { ruleset.handle_access(AccessNet::from_all(abi))? } else { ruleset };
        let ruleset = if abi >= ABI::V6 { ruleset.scope(Scope::from_all(abi))? } else { ruleset };
        ruleset.create()
    };
    // 7 and 8 change how rules are logged and given to threads, not what they can hold.
    [(9, ABI::V9), (6, ABI::V6), (5, ABI::V5), (4, ABI::V4), (3, ABI::V3), (2, ABI::V2), (1, ABI::V1)]
        .into_iter()
        .find_map(|(level, abi)| holds(abi).is_ok().then_some(level))
        .unwrap_or(0)
}
