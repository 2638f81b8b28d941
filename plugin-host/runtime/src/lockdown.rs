//! The system calls that are left when plugins run. Any other one kills the process.
//!
//! What is missing is the point: no open, no socket, no clone or exec, no kill, no ptrace, no ioctl, no memory file,
//! no io_uring, and no sending of descriptors. Memory can be mapped only without a file, and never writable and
//! executable at once. The one channel is the agent's socket, which was there before.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Allowed with any arguments.
const ALLOWED: &[i64] = &[
    // The socket, the run time's waker, standard error, and reading a memory file.
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_close,
    // Waiting.
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    // Memory; mmap and mprotect are below.
    libc::SYS_brk,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    // Traps arrive as signals, and the engine makes a stack for them on its first call.
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    // New code is made visible to every processor.
    libc::SYS_membarrier,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

pub(crate) fn apply() -> anyhow::Result<()> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_mmap, protections(Some((3, libc::MAP_ANONYMOUS)))?);
    rules.insert(libc::SYS_mprotect, protections(None)?);
    // The standard library writes to a socket with `send`, which is `sendto` without an address.
    rules.insert(
        libc::SYS_sendto,
        vec![SeccompRule::new(vec![SeccompCondition::new(4, Len::Qword, Op::Eq, 0)?])?],
    );
    // A build with debug assertions looks whether a descriptor is open before it closes it.
    rules.insert(
        libc::SYS_fcntl,
        vec![SeccompRule::new(vec![SeccompCondition::new(1, Len::Dword, Op::Eq, libc::F_GETFD as u64)?])?],
    );
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)?;
    Ok(())
}

/// One rule for each protection that is allowed: neither, writable, or executable. `flag` must be set beside it.
fn protections(flag: Option<(u8, libc::c_int)>) -> anyhow::Result<Vec<SeccompRule>> {
    let both = (libc::PROT_WRITE | libc::PROT_EXEC) as u64;
    [0, libc::PROT_WRITE as u64, libc::PROT_EXEC as u64]
        .into_iter()
        .map(|allowed| {
            let mut conditions = vec![SeccompCondition::new(2, Len::Dword, Op::MaskedEq(both), allowed)?];
            if let Some((argument, flag)) = flag {
                let op = Op::MaskedEq(flag as u64);
                conditions.push(SeccompCondition::new(argument, Len::Dword, op, flag as u64)?);
            }
            Ok(SeccompRule::new(conditions)?)
        })
        .collect()
}

#[cfg(test)]
mod tests;
