//! Each attempt runs in a process of its own, because a refused one does not survive it: this test program calls itself.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::*;

const ATTEMPT: &str = "STREEMBIT_TEST_ATTEMPT";

/// What native code in the host's place would try. Each must end the process.
const FORBIDDEN: [(&str, fn()); 13] = [
    ("open", || drop(std::fs::File::open("/etc/passwd"))),
    ("create", || drop(std::fs::File::create("/tmp/streembit-escape"))),
    ("stat", || drop(std::fs::metadata("/etc/passwd"))),
    ("unix socket", || drop(std::os::unix::net::UnixDatagram::unbound())),
    ("tcp socket", || drop(std::net::TcpStream::connect("127.0.0.1:1"))),
    ("exec", || drop(Command::new("/bin/true").status())),
    ("thread", || drop(std::thread::spawn(|| ()).join())),
    ("kill", || raw(libc::SYS_kill, [0, 0, 0, 0])),
    ("ptrace", || raw(libc::SYS_ptrace, [0; 4])),
    ("io_uring", || raw(libc::SYS_io_uring_setup, [1, 0, 0, 0])),
    ("memory file", || raw(libc::SYS_memfd_create, [c"x".as_ptr() as usize, 0, 0, 0])),
    ("own memory of others", || raw(libc::SYS_process_vm_readv, [1, 0, 0, 0])),
    ("writable code", || {
        raw(libc::SYS_mmap, [0, 4096, 7, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize])
    }),
];

/// What the host does all day. Each must work.
const NEEDED: [(&str, fn()); 4] = [
    ("memory", || drop(vec![1u8; 8 << 20])),
    ("time", || std::thread::sleep(std::time::Duration::from_millis(1))),
    ("random", || getrandom::fill(&mut [0; 8]).unwrap()),
    ("standard error", || eprintln!("still here")),
];

#[allow(unsafe_code)]
fn raw(call: libc::c_long, a: [usize; 4]) {
    // SAFETY: the filter ends the process before the kernel looks at an argument; none of the calls would touch memory
    // of this process if it did not.
    unsafe { libc::syscall(call, a[0], a[1], a[2], a[3], -1, 0) };
}

/// Runs one attempt in a child and returns the signal that ended it.
fn signal_of(attempt: &str) -> Option<i32> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "lockdown::tests::an_attempt", "--nocapture"]).env(ATTEMPT, attempt);
    let output = child.output().unwrap();
    let ran = String::from_utf8_lossy(&output.stdout);
    assert!(ran.contains("running 1 test"), "{ran}");
    if output.status.signal().is_none() {
        assert!(output.status.success(), "{attempt}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.signal()
}

#[test]
fn an_attempt() {
    let Ok(attempt) = std::env::var(ATTEMPT) else { return };
    let (_, run) = FORBIDDEN.iter().chain(&NEEDED).find(|(name, _)| *name == attempt).unwrap();
    apply().unwrap();
    run();
}

#[test]
fn what_an_escape_would_try_ends_the_process() {
    for (attempt, _) in FORBIDDEN {
        assert_eq!(signal_of(attempt), Some(libc::SIGSYS), "{attempt}");
    }
    assert!(!std::path::Path::new("/tmp/streembit-escape").exists());
}

#[test]
fn what_the_host_needs_still_works() {
    for (attempt, _) in NEEDED {
        assert_eq!(signal_of(attempt), None, "{attempt}");
    }
}
