//! The programs that plugins run in.

use rustix::fs::{Access, access};

use super::{Diagnosis, Point};
use crate::config::Config;
use crate::plugins::Programs;

/// Whether the plugin host and the compiler can be started.
pub fn sandbox(config: &Config) -> Point {
    let programs = match &config.sandbox.folder {
        Some(folder) => Ok(Programs::in_folder(folder)),
        None => Programs::of_this(),
    };
    let missing = match programs {
        Ok(programs) => [programs.host, programs.compiler].into_iter().find_map(|program| {
            Some(format!("{}: {}", program.display(), access(&program, Access::EXEC_OK).err()?))
        }),
        Err(error) => Some(error.to_string()),
    };
    let remedy = "Install the package again, or name their folder in the config file, at `sandbox.folder`.";
    let point = match missing {
        None => Diagnosis::Sandbox.ok("the plugin host and the compiler are there"),
        Some(missing) if config.plugins.is_empty() => {
            Diagnosis::Sandbox.warning(format!("no plugin could run: {missing}"), remedy)
        }
        Some(missing) => Diagnosis::Sandbox.bad(format!("no plugin runs: {missing}"), remedy),
    };
    point.on("programs")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::check::Level;

    #[test]
    fn programs_that_are_missing_matter_where_there_are_plugins() {
        let folder = tempfile::tempdir().unwrap();
        let config =
            |plugins| Config::parse(&format!("[sandbox]\nfolder = {:?}\n{plugins}", folder.path())).unwrap();
        let door = "[plugins.door]\ncomponent = \"x\"\n";
        assert_eq!(sandbox(&config("")).level, Level::Warning);
        let point = sandbox(&config(door));
        assert!(point.level == Level::Bad && point.detail.contains("streembit-plugin-host"), "{point:?}");
        for name in ["streembit-plugin-host", "streembit-plugin-compiler"] {
            let file = folder.path().join(name);
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(sandbox(&config(door)).level, Level::Ok);
    }
}
