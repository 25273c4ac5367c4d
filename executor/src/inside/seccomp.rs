//! The system calls that nothing inside a sandbox may make.
//!
//! Namespaces and dropped capabilities already refuse most of these. The filter takes them away all the same: kernel code
//! that cannot be reached cannot be broken. The list follows what container engines deny by default; what is denied beyond
//! that, or not denied, has its reason beside it.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

/// Denied whatever their arguments are.
const DENIED: &[c_long] = &[
    // Mounts, roots and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Files by handle, past every folder's permissions.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Keys of the host's kernel: not every kind of keyring belongs to a namespace.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The kernel as a machine to program, or to watch others with.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    // A large and young part of the kernel by which other calls can be made past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes: init runs as the same user. Debuggers do not work inside; that is the price.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_nfsservctl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // Where memory lies on the host.
    libc::SYS_mbind,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_set_mempolicy,
];

#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[c_long] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[c_long] = &[libc::SYS_kexec_file_load];

/// Flags of `clone(2)` that make a namespace. (A time namespace is made by `unshare` and `clone3` alone.)
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];
/// Kinds of sockets that may be made. All others go: `AF_VSOCK` reaches the host of a virtual machine past the network
/// namespace, and the rest is kernel code that no web app needs.
const SOCKETS: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Where a filter reads the number of the call (`struct seccomp_data`).
const NUMBER: u32 = 0;
/// From here on numbers are of the x32 interface, which would pass by a list of numbers.
const X32: u32 = 0x4000_0000;

/// The filters, to be loaded in this order.
pub(crate) fn filters() -> Result<[BpfProgram; 2], Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(Error::Backend)?;
    let denied = SeccompFilter::new(
        rules().map_err(Error::Backend)?,
        SeccompAction::Allow,
        SeccompAction::Errno(errno(libc::EPERM)),
        architecture,
    );
    Ok([absent(), denied.and_then(TryInto::try_into).map_err(Error::Backend)?])
}

fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().chain(DENIED_HERE).map(|number| (*number, Vec::new())).collect();
    let mut namespaces = Vec::new();
    for flag in NAMESPACES {
        namespaces.push(SeccompRule::new(vec![has(0, u64::from(flag.unsigned_abs()))?])?);
    }
    rules.insert(libc::SYS_clone, namespaces);

    let other = SOCKETS.iter().map(|kind| differs(0, *kind)).collect::<Result<_, _>>()?;
    // Of netlink only what names interfaces and addresses: `getaddrinfo` and Node ask it.
    let netlink = vec![is(0, libc::AF_NETLINK)?, differs(2, libc::NETLINK_ROUTE)?];
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(other)?, SeccompRule::new(netlink)?]);
    rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(vec![differs(0, libc::AF_UNIX)?])?]);

    // Typing into a terminal on another's behalf, and the console's menu.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX]
        .into_iter()
        .map(|request| SeccompRule::new(vec![condition(1, SeccompCmpOp::Eq, u64::from(request as u32))?]))
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_ioctl, typing);
    Ok(rules)
}

/// Calls that are to look as if this kernel did not have them: programs then take an older way that can be looked at.
/// `clone3` keeps its flags in memory, where no filter sees them.
fn absent() -> BpfProgram {
    let load = |k| sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k };
    let jump =
        |kind: u32, k, jt, jf| sock_filter { code: (libc::BPF_JMP | kind | libc::BPF_K) as u16, jt, jf, k };
    let answer = |k| sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k };
    vec![
        load(NUMBER),
        jump(libc::BPF_JGE, X32, 1, 0),
        jump(libc::BPF_JEQ, libc::SYS_clone3 as u32, 0, 1),
        answer(libc::SECCOMP_RET_ERRNO | errno(libc::ENOSYS)),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    // These arguments are C's `int`: what stands in the register's upper half does not count.
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

fn has(argument: u8, flag: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::MaskedEq(flag), flag)
}

fn is(argument: u8, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Eq, u64::from(value.unsigned_abs()))
}

fn differs(argument: u8, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Ne, u64::from(value.unsigned_abs()))
}

const fn errno(value: i32) -> u32 {
    value.unsigned_abs()
}
