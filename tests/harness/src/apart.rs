//! Processes in namespaces of their own.

use std::process::Command;

/// Lines for a shell that is root in a network namespace: the network of a home, a loopback and a LAN, with a route for
/// multicast and nothing behind it.
pub const LAN: &str = "set -e
ip link set lo up
ip link add lan0 type veth peer name lan1
ip address add 10.77.0.1/24 dev lan0
ip link set lan0 up
ip link set lan1 up
ip route add default dev lan0";

/// What runs the words that follow it as root of these namespaces, as `unshare(1)` names them.
pub fn apart(namespaces: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    // A person's PATH often lacks the folders of root's programs.
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
    command.args(namespaces);
    command
}
