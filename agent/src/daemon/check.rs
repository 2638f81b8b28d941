//! Whether all is well, point by point, and what to do where it is not.

use super::Core;
use crate::clock::Witness;
use crate::control::answer::Point;
use crate::things::Health;

impl Core {
    pub(super) fn check(&self) -> Vec<Point> {
        let mut points =
            vec![self.check_owner(), self.check_network(), self.check_clock(), self.check_journal()];
        let state = self.config_state();
        if let Some(problem) = state.problem {
            points.push(Point::warning(
                "settings in force",
                format!("those from before: {problem}"),
                "Mend the config file; it is taken up by itself.",
            ));
        }
        if !state.next_start.is_empty() {
            points.push(Point::warning(
                "settings in force",
                format!("changed in the file, not in force yet: {}", state.next_start.join(", ")),
                "Restart the agent: `systemctl restart streembit-agent`.",
            ));
        }
        for (name, why) in self.plugins.refused() {
            points.push(Point::bad(
                &format!("plugin {name}"),
                why,
                "Mend its table in the config file; it is taken up by itself.",
            ));
        }
        for (name, thing) in self.device.things().all() {
            let what = format!("thing {name}");
            points.push(match thing.health() {
                Health::Running => Point::ok(&what, "running"),
                Health::Down(why) => {
                    Point::bad(&what, why, "Look at the log: `journalctl -u streembit-agent`.")
                }
            });
        }
        points
    }

    fn check_owner(&self) -> Point {
        let rights = self.device.rights();
        if rights.is_claimed() {
            Point::ok("owner", format!("{} contacts", rights.contacts().count()))
        } else {
            Point::warning("owner", "nobody has taken this device yet", "Take it: `streembit-agent pair`.")
        }
    }

    fn check_network(&self) -> Point {
        let addresses = self.network.addresses();
        match addresses.len() {
            0 => Point::bad(
                "network",
                "the device listens nowhere",
                "Name addresses in the config file, at `network.listen`.",
            ),
            n => Point::ok("network", format!("{n} addresses")),
        }
    }

    fn check_clock(&self) -> Point {
        match self.device.clock().witness() {
            Witness::Ntp => Point::ok("clock", "synchronised"),
            Witness::Owner => Point::ok("clock", "as an owner told it"),
            Witness::Nobody => Point::warning(
                "clock",
                "nobody vouches for the time: invitations and time-limited rights do not count",
                "Switch NTP on (`timedatectl set-ntp true`), or open a session as the owner.",
            ),
            Witness::BehindFloor => Point::bad(
                "clock",
                "the clock lies before a time that was trusted already: one of the two was wrong",
                "Set the clock right; if it was ahead before, start the agent with `--forget-time` once.",
            ),
        }
    }

    fn check_journal(&self) -> Point {
        match self.device.journal().trouble() {
            None => Point::ok("journal", format!("{} entries", self.device.journal().head().seq)),
            Some(trouble) => Point::bad(
                "journal",
                format!("nothing can be recorded, so nothing moves: {trouble}"),
                "Make room on the disk, or mend it; the journal goes on by itself.",
            ),
        }
    }
}
