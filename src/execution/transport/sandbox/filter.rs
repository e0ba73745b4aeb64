//! Which system calls a script may make: one program for the kernel, made from the tables below.
//!
//! What is named in neither table does not exist (ENOSYS), as calls of the x32 kind and of 32-bit programs; so libraries
//! fall back to older calls. What a script must not do is refused (EPERM). The program is a tree of ranges, since the
//! kernel walks it for every number when it takes it.

use nix::libc;
use seccompiler::sock_filter;

use super::plan::{Obstacle, Step};

/// What is answered to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Allow,
    Refuse,
    Missing,
    /// Refused with a flag of these in the argument.
    RefuseBits(u8, u32),
    /// Allowed only with one of these values in the argument.
    Only(u8, &'static [u32]),
    /// Refused with one of these values in the argument.
    Except(u8, &'static [u32]),
    /// `socket`: local and internet ones, and the kernel's routing messages, by which libc asks for addresses.
    Socket,
}

macro_rules! numbers {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// What the service manager's group `@system-service` allows, less what is refused below.
#[rustfmt::skip]
const ALLOWED: &[libc::c_long] = numbers!(
    SYS_accept SYS_accept4 SYS_bind SYS_brk SYS_capget SYS_capset SYS_chdir SYS_clock_getres SYS_clock_gettime
    SYS_clock_nanosleep SYS_close SYS_close_range SYS_connect SYS_copy_file_range SYS_dup SYS_dup3
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_execve SYS_execveat SYS_exit
    SYS_exit_group SYS_faccessat SYS_faccessat2 SYS_fadvise64 SYS_fallocate SYS_fchdir SYS_fchmod SYS_fchmodat
    SYS_fchown SYS_fchownat SYS_fcntl SYS_fdatasync SYS_fgetxattr SYS_flistxattr SYS_flock SYS_fremovexattr
    SYS_fsetxattr SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_futex SYS_futex_waitv SYS_get_mempolicy
    SYS_get_robust_list SYS_getcpu SYS_getcwd SYS_getdents64 SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups
    SYS_getitimer SYS_getpeername SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority SYS_getrandom SYS_getresgid
    SYS_getresuid SYS_getrusage SYS_getsid SYS_getsockname SYS_getsockopt SYS_gettid SYS_gettimeofday SYS_getuid
    SYS_getxattr SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch SYS_io_cancel SYS_io_destroy
    SYS_io_getevents SYS_io_setup SYS_io_submit SYS_ioprio_get SYS_ioprio_set SYS_kill SYS_landlock_add_rule
    SYS_landlock_create_ruleset SYS_landlock_restrict_self SYS_lgetxattr SYS_linkat SYS_listen SYS_listxattr
    SYS_llistxattr SYS_lremovexattr SYS_lseek SYS_lsetxattr SYS_madvise SYS_membarrier SYS_memfd_create SYS_mincore
    SYS_mkdirat SYS_mknodat SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap SYS_mprotect SYS_mq_getsetattr SYS_mq_notify
    SYS_mq_open SYS_mq_timedreceive SYS_mq_timedsend SYS_mq_unlink SYS_mremap SYS_msgctl SYS_msgget SYS_msgrcv
    SYS_msgsnd SYS_msync SYS_munlock SYS_munlockall SYS_munmap SYS_nanosleep SYS_newfstatat SYS_openat SYS_openat2
    SYS_pidfd_open SYS_pidfd_send_signal SYS_pipe2 SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_ppoll
    SYS_prctl SYS_pread64 SYS_preadv SYS_preadv2 SYS_pselect6 SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_read
    SYS_readahead SYS_readlinkat SYS_readv SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_removexattr SYS_renameat2
    SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending SYS_rt_sigprocmask SYS_rt_sigqueueinfo
    SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max
    SYS_sched_get_priority_min SYS_sched_getaffinity SYS_sched_getattr SYS_sched_getparam SYS_sched_getscheduler
    SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_setattr SYS_sched_setparam SYS_sched_setscheduler
    SYS_sched_yield SYS_seccomp SYS_semctl SYS_semget SYS_semop SYS_semtimedop SYS_sendfile SYS_sendmmsg SYS_sendmsg
    SYS_sendto SYS_set_robust_list SYS_set_tid_address SYS_setfsgid SYS_setfsuid SYS_setgid SYS_setgroups
    SYS_setitimer SYS_setpgid SYS_setpriority SYS_setregid SYS_setresgid SYS_setresuid SYS_setreuid SYS_setsid
    SYS_setsockopt SYS_setuid SYS_setxattr SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget SYS_shutdown SYS_sigaltstack
    SYS_signalfd4 SYS_socketpair SYS_splice SYS_statfs SYS_statx SYS_symlinkat SYS_sync SYS_syncfs SYS_sysinfo
    SYS_tee SYS_tgkill SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime SYS_times SYS_tkill SYS_truncate SYS_umask SYS_uname
    SYS_unlinkat SYS_utimensat SYS_wait4 SYS_waitid SYS_write SYS_writev
);

/// The same, where the older calls still have numbers.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[libc::c_long] = numbers!(
    SYS_access SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_wait
    SYS_eventfd SYS_fork SYS_futimesat SYS_getdents SYS_getpgrp SYS_getrlimit SYS_inotify_init SYS_lchown SYS_link
    SYS_lstat SYS_mkdir SYS_mknod SYS_open SYS_pause SYS_pipe SYS_poll SYS_readlink SYS_rename SYS_renameat SYS_rmdir
    SYS_select SYS_setrlimit SYS_signalfd SYS_stat SYS_symlink SYS_sync_file_range SYS_time SYS_unlink SYS_utime
    SYS_utimes SYS_vfork
);
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[libc::c_long] = numbers!(SYS_getrlimit SYS_setrlimit SYS_sync_file_range);

/// What no script has business with.
#[rustfmt::skip]
const REFUSED: &[libc::c_long] = numbers!(
    SYS_acct SYS_add_key SYS_adjtimex SYS_bpf SYS_chroot SYS_clock_adjtime SYS_clock_settime SYS_delete_module
    SYS_fanotify_init SYS_fanotify_mark SYS_finit_module SYS_fsconfig SYS_fsmount SYS_fsopen SYS_fspick
    SYS_init_module SYS_io_uring_enter SYS_io_uring_register SYS_io_uring_setup SYS_kcmp SYS_kexec_load SYS_keyctl
    SYS_mbind SYS_memfd_secret SYS_migrate_pages SYS_mount SYS_mount_setattr SYS_move_mount SYS_move_pages
    SYS_name_to_handle_at SYS_open_by_handle_at SYS_open_tree SYS_perf_event_open SYS_pidfd_getfd SYS_pivot_root
    SYS_process_madvise SYS_process_vm_readv SYS_process_vm_writev SYS_ptrace SYS_quotactl SYS_quotactl_fd SYS_reboot
    SYS_remap_file_pages SYS_request_key SYS_set_mempolicy SYS_set_mempolicy_home_node SYS_setdomainname
    SYS_sethostname SYS_setns SYS_settimeofday SYS_swapoff SYS_swapon SYS_syslog SYS_umount2 SYS_unshare
    SYS_userfaultfd SYS_vhangup SYS_vmsplice
);
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = numbers!(SYS_ioperm SYS_iopl SYS_kexec_file_load SYS_modify_ldt);
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// What depends on an argument.
const CONDITIONAL: &[(libc::c_long, Answer)] = &[
    // Every kind of new namespace: time, mount, cgroup, uts, ipc, user, pid, net. `clone3` is not there: its flags lie in memory.
    (libc::SYS_clone, Answer::RefuseBits(0, 0x7e02_0080)),
    (libc::SYS_prlimit64, Answer::Only(0, &[0])),
    // TIOCSTI types into a terminal, TIOCLINUX pastes into one.
    (libc::SYS_ioctl, Answer::Except(1, &[0x5412, 0x541c])),
    (libc::SYS_personality, Answer::Only(0, &[0, 0xffff_ffff])),
    (libc::SYS_socket, Answer::Socket),
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xc000_00f3;

const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const RETURN_ALLOW: u32 = 0x7fff_0000;
const RETURN_ERRNO: u32 = 0x0005_0000;

/// Locks this thread, and all that it starts. After this only what the tables allow is left.
pub(super) fn apply() -> Result<(), Obstacle> {
    seccompiler::apply_filter(&program()).map_err(|fault| match fault {
        seccompiler::Error::Prctl(cause) | seccompiler::Error::Seccomp(cause) => {
            Obstacle::new(Step::Filter, "the filter of system calls was not taken", cause)
        }
        other => Obstacle::plain(Step::Filter, format!("the filter of system calls was not taken: {other:?}")),
    })
}

fn op(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}
fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
fn errno(number: i32) -> sock_filter {
    op(RETURN, RETURN_ERRNO | number.unsigned_abs())
}
/// The lower half of an argument: the kernel looks at no more of those that are asked about here.
fn argument(which: u8) -> sock_filter {
    op(LOAD, 16 + 8 * u32::from(which))
}

/// The program: the processor's kind, then the number, then a tree of ranges.
fn program() -> Vec<sock_filter> {
    let mut program = vec![op(LOAD, 4), jump(EQUAL, ARCHITECTURE, 1, 0), errno(libc::ENOSYS), op(LOAD, 0)];
    program.extend(tree(&ranges()));
    program
}

/// Each number at which another answer begins.
fn ranges() -> Vec<(u32, Answer)> {
    let mut known: Vec<(u32, Answer)> = Vec::new();
    let number = |number: &libc::c_long| u32::try_from(*number).unwrap_or(u32::MAX);
    known.extend(ALLOWED.iter().chain(ALLOWED_HERE).map(|n| (number(n), Answer::Allow)));
    known.extend(REFUSED.iter().chain(REFUSED_HERE).map(|n| (number(n), Answer::Refuse)));
    known.extend(CONDITIONAL.iter().map(|(n, answer)| (number(n), *answer)));
    known.sort_by_key(|(number, _)| *number);
    let mut ranges = vec![(0, Answer::Missing)];
    let mut next = 0;
    for (number, answer) in known {
        if number > next {
            ranges.push((next, Answer::Missing));
        }
        ranges.push((number, answer));
        next = number.saturating_add(1);
    }
    ranges.push((next, Answer::Missing));
    // Of two that begin at one number the later is meant; of two with one answer the first is enough.
    ranges.dedup_by(|later, earlier| {
        later.0 == earlier.0 && {
            *earlier = *later;
            true
        }
    });
    ranges.dedup_by(|later, earlier| later.1 == earlier.1);
    ranges
}

fn tree(ranges: &[(u32, Answer)]) -> Vec<sock_filter> {
    let (below, above) = match ranges {
        [] => return vec![errno(libc::ENOSYS)],
        [(_, answer)] => return leaf(*answer),
        _ => ranges.split_at(ranges.len() / 2),
    };
    let from = above.first().map_or(0, |(from, _)| *from);
    let (below, above) = (tree(below), tree(above));
    let mut program = match u8::try_from(below.len()) {
        Ok(length) => vec![jump(AT_LEAST, from, length, 0)],
        // Too far for a conditional jump.
        Err(_) => vec![jump(AT_LEAST, from, 0, 1), op(JUMP, u32::try_from(below.len()).unwrap_or(u32::MAX))],
    };
    program.extend(below);
    program.extend(above);
    program
}

fn leaf(answer: Answer) -> Vec<sock_filter> {
    let (allow, refuse) = (op(RETURN, RETURN_ALLOW), errno(libc::EPERM));
    // One comparison after the other; each that is met jumps to the last instruction.
    let compared = |which: u8, values: &[u32], otherwise: sock_filter, met: sock_filter| {
        let mut program = vec![argument(which)];
        for (at, value) in values.iter().enumerate() {
            program.push(jump(EQUAL, *value, u8::try_from(values.len() - at).unwrap_or(u8::MAX), 0));
        }
        program.extend([otherwise, met]);
        program
    };
    match answer {
        Answer::Allow => vec![allow],
        Answer::Refuse => vec![refuse],
        Answer::Missing => vec![errno(libc::ENOSYS)],
        Answer::RefuseBits(which, bits) => vec![argument(which), jump(ANY_BIT, bits, 1, 0), allow, refuse],
        Answer::Only(which, values) => compared(which, values, refuse, allow),
        Answer::Except(which, values) => compared(which, values, allow, refuse),
        Answer::Socket => vec![
            argument(0),
            jump(EQUAL, libc::AF_UNIX.unsigned_abs(), 5, 0),
            jump(EQUAL, libc::AF_INET.unsigned_abs(), 4, 0),
            jump(EQUAL, libc::AF_INET6.unsigned_abs(), 3, 0),
            jump(EQUAL, libc::AF_NETLINK.unsigned_abs(), 0, 3),
            argument(2),
            jump(EQUAL, 0, 0, 1),
            allow,
            refuse,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with the program.
    fn answer(program: &[sock_filter], architecture: u32, number: u32, arguments: [u32; 3]) -> u32 {
        let (mut at, mut held) = (0usize, 0u32);
        loop {
            let step = &program[at];
            at += 1;
            let choose = |met: bool| usize::from(if met { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    held = match step.k {
                        0 => number,
                        4 => architecture,
                        other => arguments[(other as usize - 16) / 8],
                    }
                }
                JUMP => at += step.k as usize,
                EQUAL => at += choose(held == step.k),
                AT_LEAST => at += choose(held >= step.k),
                ANY_BIT => at += choose(held & step.k != 0),
                RETURN => return step.k,
                code => panic!("an unknown instruction {code:#x}"),
            }
        }
    }

    const ALLOW: u32 = RETURN_ALLOW;
    const EPERM: u32 = RETURN_ERRNO | libc::EPERM as u32;
    const ENOSYS: u32 = RETURN_ERRNO | libc::ENOSYS as u32;

    #[test]
    fn the_tree_answers_as_the_tables_do_for_every_number() {
        let program = program();
        assert!(program.len() < 600, "{} instructions", program.len());
        let is = |table: &[libc::c_long], number: u32| table.contains(&libc::c_long::from(number));
        for number in 0..2000u32 {
            if CONDITIONAL.iter().any(|(known, _)| *known == libc::c_long::from(number)) {
                continue;
            }
            let expected = if is(ALLOWED, number) || is(ALLOWED_HERE, number) {
                ALLOW
            } else if is(REFUSED, number) || is(REFUSED_HERE, number) {
                EPERM
            } else {
                ENOSYS
            };
            assert_eq!(answer(&program, ARCHITECTURE, number, [0; 3]), expected, "{number}");
            // The same numbers of the x32 kind, and of 32-bit programs.
            assert_eq!(answer(&program, ARCHITECTURE, number | 0x4000_0000, [0; 3]), ENOSYS, "x32 {number}");
            assert_eq!(answer(&program, 0x4000_0003, number, [0; 3]), ENOSYS, "32 bit {number}");
        }
        assert_eq!(answer(&program, ARCHITECTURE, u32::MAX, [0; 3]), ENOSYS);
        assert_eq!(answer(&program, ARCHITECTURE, libc::SYS_clone3 as u32, [0; 3]), ENOSYS);
    }

    #[test]
    fn no_call_is_in_two_tables() {
        let mut all: Vec<libc::c_long> = [ALLOWED, ALLOWED_HERE, REFUSED, REFUSED_HERE]
            .concat()
            .into_iter()
            .chain(CONDITIONAL.iter().map(|c| c.0))
            .collect();
        all.sort_unstable();
        let twice: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn arguments_are_looked_at() {
        let program = program();
        let ask = |number: libc::c_long, arguments| answer(&program, ARCHITECTURE, number as u32, arguments);
        for flag in [
            libc::CLONE_NEWNS,
            libc::CLONE_NEWUTS,
            libc::CLONE_NEWIPC,
            libc::CLONE_NEWUSER,
            libc::CLONE_NEWPID,
            libc::CLONE_NEWNET,
            libc::CLONE_NEWCGROUP,
        ] {
            assert_eq!(ask(libc::SYS_clone, [flag as u32 | 17, 0, 0]), EPERM, "{flag:#x}");
        }
        assert_eq!(ask(libc::SYS_clone, [0x003d_0f00, 0, 0]), ALLOW, "a thread");
        assert_eq!(ask(libc::SYS_clone, [0x4111, 0, 0]), ALLOW, "vfork");
        assert_eq!(ask(libc::SYS_prlimit64, [0; 3]), ALLOW);
        assert_eq!(ask(libc::SYS_prlimit64, [1, 0, 0]), EPERM);
        assert_eq!(ask(libc::SYS_ioctl, [0, 0x5401, 0]), ALLOW);
        assert_eq!(ask(libc::SYS_ioctl, [0, 0x5412, 0]), EPERM);
        assert_eq!(ask(libc::SYS_ioctl, [0, 0x541c, 0]), EPERM);
        assert_eq!(ask(libc::SYS_personality, [0; 3]), ALLOW);
        assert_eq!(ask(libc::SYS_personality, [u32::MAX, 0, 0]), ALLOW);
        assert_eq!(ask(libc::SYS_personality, [0x0040_0000, 0, 0]), EPERM);
        for (family, protocol, expected) in [
            (libc::AF_UNIX, 0, ALLOW),
            (libc::AF_INET, 6, ALLOW),
            (libc::AF_INET6, 17, ALLOW),
            (libc::AF_NETLINK, 0, ALLOW),
            (libc::AF_NETLINK, 12, EPERM),
            (libc::AF_PACKET, 0, EPERM),
            (libc::AF_VSOCK, 0, EPERM),
            (libc::AF_ALG, 0, EPERM),
        ] {
            assert_eq!(ask(libc::SYS_socket, [family as u32, 1, protocol]), expected, "{family} {protocol}");
        }
    }
}
