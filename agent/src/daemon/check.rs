//! Whether all is well, point by point, and what to do where it is not.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use streembit_peer::network::Address;

use super::Core;
use crate::check::{self, Diagnosis, Point};
use crate::clock::Witness;
use crate::config::Config;
use crate::control::answer::Owners;
use crate::device::Checker;
use crate::journal::MAX_BEGINNING;
use crate::liveness::stuck;
use crate::plugins::Status;
use crate::things::Health;
use crate::words::{CONFIRM, bytes, suspended};

/// How long a part may take to come round before it counts as stuck: a write to a slow card takes a second or two.
const PATIENCE: Duration = Duration::from_secs(5);

/// An end of a plugin longer ago than this worries nobody any more.
const OF_LATE: Duration = Duration::from_secs(3600);

/// Where whoever looks after a service reads on.
const LOG: &str = "Look at the log: `streembit-agent logs`.";

impl Checker for Core {
    fn look(&self) -> Pin<Box<dyn Future<Output = Vec<Point>> + Send + '_>> {
        Box::pin(self.check())
    }
}

impl Core {
    /// Everything that the running agent can look at, by number.
    pub(super) async fn check(&self) -> Vec<Point> {
        let mut points = self.check_itself().await;
        let config = self.config();
        points.extend(self.check_config());
        points.extend(check::kernel());
        points.push(check::sandbox(&config));
        let hosts = self.plugins.processes();
        if !hosts.is_empty() {
            points.push(check::confined(&hosts));
        }
        points.extend(check::hardware(&config));
        points.push(self.check_metrics(&config));
        points.sort_by_key(|point| point.code);
        points
    }

    /// What decides whether the device does its work: few points, and cheap to look at.
    pub(super) async fn check_itself(&self) -> Vec<Point> {
        let mut points = vec![
            self.check_parts().await,
            self.check_clock(),
            self.check_owner(),
            self.check_journal(),
            check::storage(&self.folder),
            self.check_network(),
        ];
        points.extend(self.check_plugins());
        points
    }

    async fn check_parts(&self) -> Point {
        let parts = self.parts();
        let count = parts.len();
        let stuck = stuck(parts, PATIENCE).await;
        if stuck.is_empty() {
            return Diagnosis::Agent.ok(format!("it runs, and its {count} parts make progress"));
        }
        Diagnosis::Agent.bad(
            format!("no progress: {}", stuck.join(", ")),
            "Restart the agent, `systemctl restart streembit-agent`, and keep what `streembit-agent support-bundle` writes.",
        )
    }

    fn check_config(&self) -> Vec<Point> {
        let state = self.config_state();
        let problem = state.problem.map(|problem| {
            Diagnosis::Config
                .warning(
                    format!("the settings from before: {problem}"),
                    "Mend the config file; it is taken up by itself.",
                )
                .on("in force")
        });
        let next_start = (!state.next_start.is_empty()).then(|| {
            Diagnosis::Config
                .warning(
                    format!("changed in the file, not in force yet: {}", state.next_start.join(", ")),
                    "Restart the agent: `systemctl restart streembit-agent`.",
                )
                .on("in force")
        });
        problem.into_iter().chain(next_start).collect()
    }

    fn check_owner(&self) -> Point {
        match self.owners() {
            Owners::NotYet => Diagnosis::Owner
                .warning("nobody has taken this device yet", "Take it: `streembit-agent pair`."),
            // How many, and not who: whoever was granted `health` need not know that.
            Owners::Some => match self.device.rights().suspended() {
                0 => Diagnosis::Owner.ok(format!("{} contacts", self.device.rights().contacts().count())),
                waiting => Diagnosis::Owner.warning(suspended(waiting), CONFIRM),
            },
            Owners::NoMore => Diagnosis::Owner.bad("the last owner was revoked", Owners::WAYS_OUT),
        }
    }

    fn check_network(&self) -> Point {
        let addresses = self.network.addresses();
        let own = self.config().network;
        if addresses.is_empty() {
            return Diagnosis::Network.bad(
                "the device listens nowhere",
                "Name addresses in the config file, at `network.listen`, and restart the agent.",
            );
        }
        // The peer is the same in all of them, and `status` shows them whole.
        let short =
            |address: &Address| address.to_string().split("/p2p/").next().unwrap_or_default().to_owned();
        let shown: Vec<String> = addresses.iter().map(short).collect();
        let found = if own.mdns { "found on the local network by mDNS" } else { "mDNS is off" };
        Diagnosis::Network.ok(format!("{}; {found}", shown.join(", ")))
    }

    fn check_clock(&self) -> Point {
        match self.device.clock().witness() {
            Witness::Ntp => Diagnosis::Clock.ok("synchronised"),
            Witness::Owner => Diagnosis::Clock.ok("as an owner told it"),
            Witness::Nobody => Diagnosis::Clock.warning(
                "nobody vouches for the time: invitations and time-limited rights do not count",
                "Switch NTP on (`timedatectl set-ntp true`), or open a session as the owner.",
            ),
            Witness::BehindFloor => Diagnosis::Clock.bad(
                "the clock lies before a time that was trusted already: one of the two was wrong",
                "Set the clock right; if it was ahead before, start the agent with `--forget-time` once. A factory reset \
                 takes that option, too.",
            ),
        }
    }

    fn check_journal(&self) -> Point {
        let journal = self.device.journal();
        if let Some(trouble) = journal.trouble() {
            return Diagnosis::Journal.bad(
                format!("nothing can be recorded, so nothing moves: {trouble}"),
                "Make room on the disk, or mend it; the journal goes on by itself.",
            );
        }
        if let Some(point) = check_rights(journal.rights_bytes()) {
            return point;
        }
        let (size, most) = (journal.size(), journal.settings().max_bytes);
        Diagnosis::Journal.ok(format!(
            "{} entries, {} of at most {}",
            journal.head().seq,
            bytes(size),
            bytes(most)
        ))
    }

    fn check_metrics(&self, config: &Config) -> Point {
        match (&self.no_port, config.metrics.listen) {
            (Some(why), _) => Diagnosis::Metrics.bad(
                why.clone(),
                "Free the port, or name another one in the config file, at `metrics.listen`, and restart the agent.",
            ),
            (None, Some(port)) => Diagnosis::Metrics.ok(format!("on their socket, and on {port}")),
            (None, None) => Diagnosis::Metrics.ok("on their socket"),
        }
    }

    fn check_plugins(&self) -> Vec<Point> {
        let refused = self.plugins.refused().into_iter().map(|(name, why)| {
            Diagnosis::Plugin
                .bad(why, "Mend its table in the config file; it is taken up by itself.")
                .on(&name)
        });
        let started = self.plugins.list();
        let others = self.device.things().all().into_iter().filter(|(name, _)| {
            let is_plugin = |status: &Status| status.instance.as_str() == name;
            !started.iter().any(is_plugin)
        });
        let others = others.map(|(name, thing)| match thing.health() {
            Health::Running => Diagnosis::Thing.ok("running").on(&name),
            Health::Down(why) => Diagnosis::Thing.bad(why, LOG).on(&name),
        });
        let mut points: Vec<Point> = refused.chain(others).collect();
        points.extend(started.iter().map(check_plugin));
        points
    }
}

/// All changes of rights must fit into a backup. It is said from half of that on, while there is time.
fn check_rights(taken: u64) -> Option<Point> {
    (taken > MAX_BEGINNING / 2).then(|| {
        Diagnosis::Journal.warning(
            format!(
                "all changes of rights so far take {}, and a backup holds {}",
                bytes(taken),
                bytes(MAX_BEGINNING)
            ),
            "Change rights less often: a grant with hours in place of one that is given and taken each day. Beyond that \
             size, no backup can be made; a factory reset begins anew.",
        )
    })
}

fn check_plugin(status: &Status) -> Point {
    let times: u64 = status.ends.values().sum();
    let point = match (&status.health, &status.last_end) {
        (Health::Down(why), _) => Diagnosis::Plugin.bad(format!("{}: {why}", status.plugin), LOG),
        (Health::Running, Some(last)) if last.ago < OF_LATE => Diagnosis::Plugin.warning(
            format!("running ({}), started again {times} times, last because {}", status.plugin, last.why),
            LOG,
        ),
        (Health::Running, _) if times > 0 => {
            Diagnosis::Plugin.ok(format!("running ({}), started again {times} times", status.plugin))
        }
        (Health::Running, _) => Diagnosis::Plugin.ok(format!("running ({})", status.plugin)),
    };
    point.on(status.instance.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;
    use crate::plugins::LastEnd;

    #[test]
    fn a_device_that_comes_near_the_size_of_a_backup_says_so_in_time() {
        assert!(check_rights(MAX_BEGINNING / 2).is_none());
        let point = check_rights(MAX_BEGINNING / 2 + 1).unwrap();
        assert_eq!(point.level, Level::Warning);
        assert!(point.detail.contains("16.0 MiB") && point.detail.contains("32.0 MiB"), "{point:?}");
    }

    #[test]
    fn a_plugin_that_ended_of_late_is_a_warning_and_one_that_is_down_is_worse() {
        let well = Status {
            instance: "door".parse().unwrap(),
            plugin: "gpio-switch 0.1.0".to_owned(),
            health: Health::Running,
            ends: [].into(),
            last_end: None,
        };
        let ended = |ago| Status {
            ends: [("trapped", 2), ("deadline", 1)].into(),
            last_end: Some(LastEnd { why: "it trapped".to_owned(), ago }),
            ..well.clone()
        };
        let down = Status { health: Health::Down("no such line".to_owned()), ..well.clone() };
        for (status, level, word) in [
            (&well, Level::Ok, "gpio-switch"),
            (&ended(Duration::from_secs(60)), Level::Warning, "3 times, last because it trapped"),
            (&ended(OF_LATE * 2), Level::Ok, "3 times"),
            (&down, Level::Bad, "no such line"),
        ] {
            let point = check_plugin(status);
            assert_eq!(point.level, level, "{point:?}");
            assert!(point.detail.contains(word), "{point:?}");
            assert_eq!(point.title(), "10 plugin door");
        }
    }
}
