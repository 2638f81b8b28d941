//! The lines that plugins were granted.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::groups::name_of;
use super::{Diagnosis, Point};
use crate::config::Config;
use crate::hardware::{Binding, CONSUMER, HardwareError, Use, look};

/// One point for each granted line: whether its chip is there, may be used by whoever asks, and has the line to give.
///
/// It opens chips and takes no line, so it can be asked at any time.
pub fn hardware(config: &Config) -> Vec<Point> {
    let granted = config.plugins.iter().flat_map(|(plugin, instance)| {
        instance.grants.iter().map(move |(name, binding)| (format!("{plugin}.{name}"), binding))
    });
    match &config.hardware.simulated {
        Some(folder) => granted.map(|(name, binding)| simulated(folder, binding).on(&name)).collect(),
        None => granted.map(|(name, binding)| line(Path::new("/dev"), binding).on(&name)).collect(),
    }
}

/// Simulated lines are made when they are asked for: only their folder must be there.
fn simulated(folder: &Path, binding: &Binding) -> Point {
    match accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => Diagnosis::Hardware.ok(format!("{}, played in {}", binding.line, folder.display())),
        Err(error) => Diagnosis::Hardware.bad(
            format!("{}, played in {}: {error}", binding.line, folder.display()),
            "Make the folder, or take `hardware.simulated` out of the config file.",
        ),
    }
}

fn line(devices: &Path, binding: &Binding) -> Point {
    let chip = devices.join(&binding.line.chip);
    match accessat(CWD, &chip, Access::READ_OK | Access::WRITE_OK, AtFlags::EACCESS) {
        Ok(()) => {}
        Err(Errno::NOENT) => {
            return Diagnosis::Hardware.bad(
                format!("{}: there is no {}", binding.line, chip.display()),
                "`gpiodetect` lists the chips of this machine; on a Pi 5 the header may be another one after an update.",
            );
        }
        Err(error) => return no_access(&chip, binding, error.into()),
    }
    match look(binding) {
        Ok(Use::Free) => Diagnosis::Hardware.ok(format!("{}, nobody holds it", binding.line)),
        Ok(Use::By(who)) if who == CONSUMER => {
            Diagnosis::Hardware.ok(format!("{}, held by the agent", binding.line))
        }
        Ok(Use::By(who)) => Diagnosis::Hardware.bad(
            format!("{} is held by `{who}`", binding.line),
            "Stop whatever holds it, or grant another line. `gpioinfo` shows who holds which.",
        ),
        Err(HardwareError::NoSuchLine { line, reason }) => Diagnosis::Hardware.bad(
            format!("{line}: {reason}"),
            "`gpioinfo` lists the lines of each chip. Name one of them in the config file.",
        ),
        Err(error) => Diagnosis::Hardware
            .bad(error.to_string(), "Look at `dmesg` for what the kernel says of this chip."),
    }
}

/// The remedy names the group that could use the chip, and the way in which the package sets that up.
fn no_access(chip: &Path, binding: &Binding, error: io::Error) -> Point {
    let group = std::fs::metadata(chip).map(|chip| name_of(chip.gid()));
    let remedy = match group {
        Ok(group) => format!(
            "Put the agent's user into the group `{group}`, `sudo usermod -aG {group} streembit` (or run \
             `sudo /usr/lib/streembit/setup`), and restart the agent."
        ),
        Err(_) => {
            "Restart the agent, and look at the unit's `DeviceAllow=` where somebody changed it.".to_owned()
        }
    };
    Diagnosis::Hardware.bad(format!("{}: {} may not be used: {error}", binding.line, chip.display()), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    fn binding() -> Binding {
        "gpiochip0 line 4, output".parse().unwrap()
    }

    #[test]
    fn a_chip_that_is_missing_or_none_is_named() {
        let devices = tempfile::tempdir().unwrap();
        let missing = line(devices.path(), &binding());
        assert_eq!(missing.level, Level::Bad);
        assert!(
            missing.detail.contains("there is no") && missing.detail.contains("gpiochip0"),
            "{missing:?}"
        );
    }

    #[test]
    fn a_refusal_names_the_group_that_owns_the_chip() {
        let devices = tempfile::tempdir().unwrap();
        let chip = devices.path().join("gpiochip0");
        std::fs::write(&chip, "").unwrap();
        let group = name_of(std::fs::metadata(&chip).unwrap().gid());
        let refused = no_access(&chip, &binding(), Errno::ACCESS.into());
        assert!(refused.remedy.as_ref().unwrap().contains(&format!("-aG {group} ")), "{refused:?}");
    }

    #[test]
    fn simulated_lines_need_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let config = |folder: &Path| {
            Config::parse(&format!(
                "[hardware]\nsimulated = {folder:?}\n[plugins.door]\ncomponent = \"x\"\n[plugins.door.grants]\n\
                 open = \"gpiochip0 line 4, output\"\n"
            ))
            .unwrap()
        };
        let points = hardware(&config(folder.path()));
        assert_eq!(points.len(), 1);
        assert!(
            points[0].level == Level::Ok && points[0].subject.as_deref() == Some("door.open"),
            "{points:?}"
        );
        assert_eq!(hardware(&config(Path::new("/no/such/folder")))[0].level, Level::Bad);
        assert!(hardware(&Config::default()).is_empty());
    }
}
